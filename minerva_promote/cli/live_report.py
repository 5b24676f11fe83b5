"""The report of a run while it goes on: lines on stdout as steps end, progress on stderr on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from minerva_promote import commit_log
from minerva_promote.cli.common import confirmed
from minerva_promote.cli.printing import complain, say
from minerva_promote.report import text
from minerva_promote.results import RunResult, StepResult
from minerva_promote.signals import current
from minerva_promote.text_format import size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_TICK = 0.1  # seconds between two looks at the bar


class LiveReport:
    """Prints what a run tells it; the same lines as the finished report."""

    def __init__(self, *, on: bool, redact: Callable[[str], str]) -> None:
        self.on = on
        self.redact = redact
        self.begun = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._doing = ""
        self._next = 0.0
        self._headed = False
        self._held: list[StepResult] = []

    def __enter__(self) -> LiveReport:
        commit_log.listen(self._announce)
        return self

    def _announce(self, line: str) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            self._end_bar()
            complain(line)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._end_bar()
        if error is not None:  # what was done before it, a setup for one, is told all the same
            for step in self._held:
                self._say(text.step_lines(step))

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """The first line; steps that ended before it was known follow it."""
        self._headed = True
        self._say([text.heading(environment, run_id, title)])
        for step in self._held:
            self._say(text.step_lines(step))
        self._held = []

    def step(self, step: StepResult) -> None:
        """A line, and what belongs to it."""
        if self._headed:
            self._say(text.step_lines(step))
        else:
            self._held.append(step)

    def progress(self, doing: str, done: int, total: int) -> None:
        """Move the bar, on a terminal."""
        now = time.monotonic()
        if not self.on or now < self._next or sys.stderr is None or not sys.stderr.isatty():
            return
        self._next = now + _TICK
        if self._bar is None or self._doing != doing:
            self._end_bar()
            with current().deferred():  # a bar that nobody knows of would stay on the terminal
                self._bar, self._task = _new_bar(doing, total)
            self._doing = doing
        assert self._task is not None
        self._bar.update(self._task, completed=done)

    def verdict(self, result: RunResult) -> RunResult:
        """The last line; the result as it is told."""
        if not self._headed:
            self.heading(result.environment, result.run_id, result.title)
        told = confirmed(result)
        for step in told.steps[len(result.steps) :]:
            self.step(step)
        self._say([text.whole(told.verdict)])
        return told

    def _say(self, lines: list[str]) -> None:
        self._end_bar()
        for line in lines:
            self.on = self.on and say(self.redact(line))

    def _end_bar(self) -> None:
        if self._bar is not None:
            with current().deferred(), suppress(OSError):  # the terminal may be gone
                self._bar.stop()
            self._bar = None


def _new_bar(doing: str, total: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bar = Progress(
        TextColumn(f"  {doing:<11}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar, bar.add_task(f"{doing} {size(total)}", total=total)
