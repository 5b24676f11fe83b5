"""The protocol by which a running command reports its progress."""

from __future__ import annotations

from typing import Protocol

from minerva_promote.results import StepResult


class ProgressListener(Protocol):
    """Receives the heading once it is known, every step as it ends, and the progress of a long one."""

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """The first line of the report."""

    def step(self, step: StepResult) -> None:
        """A step has ended."""

    def progress(self, doing: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of the file were processed."""
