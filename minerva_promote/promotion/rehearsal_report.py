"""The step of the rehearsal of an undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minerva_promote.errors import TargetError
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted
from minerva_promote.undo.report import describe_writes
from minerva_promote.undo.table_checksums import TableChecksum, WriteDelta

_HINT = "a run could not be undone without a trace: find out what triggers and constraints of the target do"


def skipped_step(reason: str) -> StepResult:
    """There is nothing to rehearse."""
    return _step(Outcome.SKIP, reason)


def error_step(error: TargetError) -> StepResult:
    """The rehearsal could not be carried out."""
    return _step(Outcome.ERROR, f"could not be rehearsed: {error.message}", hint=error.hint)


def refused_step(findings: Iterable[Finding]) -> StepResult:
    """The rows could not be removed again."""
    return _step(Outcome.FAIL, "the run could not be undone", findings)


def content_differs_step(rows: int, findings: Iterable[Finding]) -> StepResult:
    """The rows were removed again, and a table does not hold what it held."""
    return _step(Outcome.FAIL, f"{_summary(rows)}, and something is left", findings)


def content_restored_step(rows: int, tables: int, findings: tuple[Finding, ...]) -> StepResult:
    """The rows were removed again, and all tables hold what they held; a warning when there are findings."""
    detail = f"{_summary(rows)}: {counted(tables, 'tables')} hold what they held"
    return _step(Outcome.WARN if findings else Outcome.OK, detail, findings)


def failed_undo_finding(error: TargetError) -> Finding:
    """The target refused to remove a row."""
    return Finding("undo", error.message, hint=_HINT)


def other_writes_finding(writes: Mapping[str, WriteDelta]) -> Finding:
    """Tables outside the comparison were written, by their names."""
    message = f"triggers wrote to tables that are not compared: {'; '.join(describe_writes(writes))}"
    return Finding("trigger", message, hint="look whether that matters", severity=Severity.WARN)


def content_finding(table: str, before: TableChecksum, after: TableChecksum) -> Finding:
    """A table that does not hold what it held."""
    message = f"{table} held {counted(before.rows, 'rows')} before, {after.rows:,} afterwards"
    if before.rows == after.rows:
        message = f"{table} holds {counted(before.rows, 'rows')} as before, with other values"
    return Finding("content", message, hint=_HINT)


def _summary(rows: int) -> str:
    return f"{counted(rows, 'rows')} in and out again"


def _step(outcome: Outcome, detail: str, findings: Iterable[Finding] = (), hint: str = "") -> StepResult:
    return StepResult("rehearsal", "undo", outcome, detail, findings=tuple(findings), hint=hint)
