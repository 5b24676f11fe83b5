"""The report of a run in progress: lines on stdout as steps end, a progress bar on stderr of a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from minerva_promote import commit_log
from minerva_promote.cli.common import with_unconfirmed_commits
from minerva_promote.cli.printing import print_err, print_out
from minerva_promote.report import text
from minerva_promote.results import RunResult, StepResult
from minerva_promote.signals import current
from minerva_promote.text_format import size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_TICK = 0.1  # seconds between two updates of the bar


class LiveReport:
    """A ProgressListener that prints the lines of the finished report as they become known.

    Steps that end before the heading is known are held back until then.
    """

    def __init__(self, *, on: bool, redact: Callable[[str], str]) -> None:
        self.on = on
        self.redact = redact
        self.begun = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._activity = ""
        self._next = 0.0
        self._has_heading = False
        self._held: list[StepResult] = []

    def __enter__(self) -> LiveReport:
        commit_log.listen(self._announce)
        return self

    def _announce(self, line: str) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            self._end_bar()
            print_err(line)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._end_bar()
        if error is not None:  # steps before the error, such as those of a setup, are still reported
            for step in self._held:
                self._print(text.step_lines(step))

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """Print the first line, then the steps that were held back."""
        self._has_heading = True
        self._print([text.heading(environment, run_id, title)])
        for step in self._held:
            self._print(text.step_lines(step))
        self._held = []

    def step(self, step: StepResult) -> None:
        """Print the lines of a step, or hold them back while there is no heading."""
        if self._has_heading:
            self._print(text.step_lines(step))
        else:
            self._held.append(step)

    def progress(self, doing: str, done: int, total: int) -> None:
        """Move the bar, on a terminal."""
        now = time.monotonic()
        if not self.on or now < self._next or sys.stderr is None or not sys.stderr.isatty():
            return
        self._next = now + _TICK
        if self._bar is None or self._activity != doing:
            self._end_bar()
            with current().deferred():  # a bar that self._bar does not hold could not be removed
                self._bar, self._task = _new_bar(doing, total)
            self._activity = doing
        assert self._task is not None
        self._bar.update(self._task, completed=done)

    def verdict(self, result: RunResult) -> RunResult:
        """Print the last line; returns the result as it is reported, see `with_unconfirmed_commits`."""
        if not self._has_heading:
            self.heading(result.environment, result.run_id, result.title)
        reported = with_unconfirmed_commits(result)
        for step in reported.steps[len(result.steps) :]:
            self.step(step)
        self._print([text.escape_breaks(reported.verdict)])
        return reported

    def _print(self, lines: list[str]) -> None:
        self._end_bar()
        for line in lines:
            self.on = self.on and print_out(self.redact(line))

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
