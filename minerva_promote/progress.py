"""Who is told while a run goes on."""

from __future__ import annotations

from typing import Protocol

from minerva_promote.results import StepResult


class ProgressListener(Protocol):
    """Told of the heading once it is known, of each step as it ends, and of progress inside a long one."""

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """The first line of the report."""

    def step(self, step: StepResult) -> None:
        """A step has ended."""

    def progress(self, doing: str, done: int, total: int) -> None:
        """Bytes of the file that have passed."""
