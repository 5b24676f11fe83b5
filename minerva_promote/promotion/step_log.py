"""The steps of a promotion so far, and whether one of them closed the gate."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.progress import ProgressListener
from minerva_promote.results import StepResult


class GateClosed(Exception):
    """The gate is closed; the steps say why."""


class StepLog:
    """Keeps the steps in order and passes each one to the listener."""

    def __init__(self, listener: ProgressListener) -> None:
        self.listener = listener
        self.steps: list[StepResult] = []

    def record(self, step: StepResult) -> None:
        """Add a step that has ended."""
        self.steps.append(step)
        self.listener.step(step)

    def record_all(self, steps: Iterable[StepResult]) -> None:
        """Add each step as it ends."""
        for step in steps:
            self.record(step)

    @property
    def failed(self) -> int:
        """How many steps close the gate."""
        return sum(step.outcome.closes_gate for step in self.steps)

    def stop_if_closed(self) -> None:
        """Raise GateClosed when a step failed."""
        if self.failed:
            raise GateClosed


class QuietProgress:
    """Passes on the bytes that were read, under another name; steps and headings are dropped."""

    def __init__(self, listener: ProgressListener, activity: str) -> None:
        self._listener = listener
        self._activity = activity

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """Dropped."""

    def step(self, step: StepResult) -> None:
        """Dropped."""

    def progress(self, doing: str, done: int, total: int) -> None:
        """Passed on."""
        self._listener.progress(self._activity, done, total)
