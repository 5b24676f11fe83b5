"""`promote index`: measure every vector index, and apply the recommended fixes."""

from __future__ import annotations

import math
import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import (
    confirm,
    env_argument,
    env_option,
    environment_of,
    format_option,
    load_project,
    output,
    yes_option,
)
from minerva_promote.errors import UsageError
from minerva_promote.signals import current

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_TICK = 0.2  # seconds between two updates of the bar


@click.command()
@env_argument
@env_option
@click.option("--apply", is_flag=True, help="Apply the recommended fixes, as the owner; then measure again.")
@click.option(
    "--recall", type=click.FloatRange(0, 1), help="The recall@10 to reach; else as the checks demand, or 0.95."
)
@click.option(
    "--latency", type=click.FloatRange(min=0), metavar="MS", help="The p95 to keep; else of the checks, or 200."
)
@click.option("--timeout", default="2min", show_default=True, help="How long measuring one index may take.")
@yes_option
@format_option
def index(
    environment: str | None,
    option: str | None,
    apply: bool,
    recall: float | None,
    latency: float | None,
    timeout: str,
    yes: str | None,
    form: str,
) -> None:
    """Measure the recall and latency of every vector index, and recommend the cheapest fix.

    Works as the import role, read-only: recall@10 and latency of searches for stored vectors at several settings,
    against exact search of the same snapshot. Exit code 0 when every index is healthy or exact search suffices.
    --apply builds CONCURRENTLY: searches and imports go on meanwhile.

    \b
    Examples:
      promote index --env test-prod
      promote index --env test-prod --recall 0.99 --latency 50
      promote index --env prod --apply --yes prod
    """
    from minerva_promote.config.durations import DURATION, DURATION_HINT
    from minerva_promote.index_health import command as looking

    if not DURATION.fullmatch(timeout):
        raise UsageError(f'--timeout "{timeout}" is no duration', hint=DURATION_HINT)
    for name, value in (("--recall", recall), ("--latency", latency)):
        if value is not None and not math.isfinite(value):
            raise UsageError(
                f"{name} {value} is no number that a search could reach", hint="--recall 0.95 --latency 200"
            )
    project = load_project()
    target = environment_of(project, environment, option)
    if not apply:
        output(looking.health_of(project, target, recall=recall, latency=latency, timeout=timeout), form)
    confirm(target, yes)
    with BuildBar() as bar:
        listener = bar if sys.stderr is not None and sys.stderr.isatty() else None
        result = looking.repair_indexes(
            project, target, recall=recall, latency=latency, timeout=timeout, progress=listener
        )
    output(result, form)


class BuildBar:
    """A progress bar for index builds on stderr of a terminal: the phase, and how much of it is done."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._next = 0.0
        self._ended = False

    def __enter__(self) -> BuildBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended = True
        if self._bar is not None:
            with current().deferred(), suppress(OSError):  # the terminal may be gone
                self._bar.stop()

    def progress(self, doing: str, done: int, total: int) -> None:
        """Update the phase, and the bar where ``total`` is known."""
        now = time.monotonic()
        if now < self._next or self._ended:
            return
        self._next = now + _TICK
        if self._bar is None:
            self._start()
        assert self._bar is not None
        assert self._task is not None
        self._bar.update(self._task, description=f"  {doing}", completed=done, total=total or None)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=None)
