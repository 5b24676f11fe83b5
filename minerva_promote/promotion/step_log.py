"""What a run has to tell: its steps so far, and whether one of them closed the gate."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.errors import TargetError
from minerva_promote.progress import ProgressListener
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted


class GateClosed(Exception):
    """The gate is closed; the steps say why."""


class StepLog:
    """Keeps the steps in order, and tells each to whoever watches."""

    def __init__(self, watch: ProgressListener) -> None:
        self.watch = watch
        self.steps: list[StepResult] = []

    def record(self, step: StepResult) -> None:
        """A step has ended."""
        self.steps.append(step)
        self.watch.step(step)

    def record_all(self, steps: Iterable[StepResult]) -> None:
        """Each as it ends."""
        for step in steps:
            self.record(step)

    def stop_if_closed(self) -> None:
        """Raise Closed when a step failed."""
        if any(step.outcome.closes_gate for step in self.steps):
            raise GateClosed

    def preflight_step(self, findings: tuple[Finding, ...]) -> None:
        """What was found before the first row; raises Closed when it is more than a warning."""
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        outcome = Outcome.FAIL if errors else Outcome.WARN if findings else Outcome.OK
        detail = counted(errors, "findings") if errors else ""
        self.record(StepResult("preflight", "schema, privileges, settings", outcome, detail, findings=findings))
        self.stop_if_closed()

    def refused(self, name: str, detail: str, error: TargetError) -> None:
        """The target does not take the data."""
        finding = Finding("refused", error.message, hint=error.hint or "correct the data, or the target")
        self.record(StepResult("import", name, Outcome.FAIL, detail, findings=(finding,)))
