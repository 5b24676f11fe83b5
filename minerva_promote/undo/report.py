"""The result of `promote undo`: a step for each table with the keys of its first rows, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minerva_promote.ledger.runs import SHORT, Run
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted
from minerva_promote.undo.find_run import UndoSubject, event_of, format_time
from minerva_promote.undo.findings import first_keys
from minerva_promote.undo.plan import TablePlan, UndoPlan
from minerva_promote.undo.restore import RestorePlan, RestoreTable
from minerva_promote.undo.row_status import RowStatus
from minerva_promote.undo.table_catalog import Key, Table
from minerva_promote.undo.table_checksums import WriteDelta

NOTHING = "nothing was changed"
KEYS_IN_LINE = 2  # keys in a line


def subject_title(subject: UndoSubject) -> str:
    """The heading of a report."""
    run, undo = subject.run, subject.undo
    description = f"run {run.short} of {run.file or 'a file'}, {format_time(event_of(run, 'committed'))}"
    if undo is None:
        return f"undo of {description}"
    return f"taking back undo {undo.short}, {format_time(event_of(undo, 'undone'))}, of {description}"


def removal_steps(plan: UndoPlan, *, done: bool) -> tuple[StepResult, ...]:
    """What is removed, what is kept, and what prevents the undo; ``done``: the rows are removed now."""
    return tuple(_removal_step(table, done) for table in plan.tables)


def _removal_step(plan: TablePlan, done: bool) -> StepResult:
    rows, status, findings = plan.rows, plan.status, plan.findings
    data: dict[str, object] = {"rows": plan.removed, "kept": plan.rows_kept, "gone": len(rows.gone)}
    if plan.kept:
        detail = f"{counted(rows.count, 'rows')} kept, shared" + ("" if done else " (--no-keep-shared removes it too)")
        outcome = _outcome(findings) if findings else Outcome.SKIP
        return StepResult("undo", plan.name, outcome, detail, findings=findings, data=data)
    keys = rows.keys
    detail = f"{counted(len(keys), 'rows')} {'removed' if done else 'would go'}"
    if rows.table is not None and rows.identifiable:
        detail += _first(rows.table, keys, rows.key)
        data["keys"] = _format_keys(rows.table, keys, rows.key)
        for name, some_keys in _keys_by_status(status):
            if some_keys:
                data[f"{name}_keys"] = _format_keys(rows.table, some_keys, rows.key)
    data["unproved"] = {"rows": len(status.unproved), "columns": list(status.uncompared)}
    return StepResult("undo", plan.name, _outcome(findings), detail, findings=findings, data=data)


def _keys_by_status(status: RowStatus) -> tuple[tuple[str, Sequence[Key]], ...]:
    """The keys of rows that are not as the run left them, by their name in the step's data."""
    return (
        ("changed", status.changed),
        ("added_again", list(status.listed)),
        ("unproved", status.unproved),
        ("gone", status.gone),
    )


def restore_steps(plan: RestorePlan, *, done: bool) -> tuple[StepResult, ...]:
    """What is restored, and what prevents the restore; ``done``: the rows are restored now."""
    return tuple(_restore_step(table, done) for table in plan.tables)


def _restore_step(plan: RestoreTable, done: bool) -> StepResult:
    removed = plan.removed
    detail = f"{counted(removed.count, 'rows')} {'put back' if done else 'would come again'}"
    data: dict[str, object] = {"rows": removed.count}
    if plan.table is not None:
        detail += _first(plan.table, plan.keys, removed.key)
        data["keys"] = _format_keys(plan.table, plan.keys, removed.key)
    return StepResult("restore", plan.name, _outcome(plan.findings), detail, findings=plan.findings, data=data)


def trigger_write_step(others: Mapping[str, WriteDelta]) -> tuple[StepResult, ...]:
    """What triggers wrote to tables that no foreign key connects with the rows; no step where they wrote nothing."""
    if not others:
        return ()
    tables = describe_writes(others)
    detail = f"triggers wrote to other tables: {'; '.join(tables)}"
    return (StepResult("undo", "other tables", Outcome.WARN, detail, data={"tables": tables}),)


def describe_writes(deltas: Mapping[str, WriteDelta]) -> list[str]:
    """ "audit: 3 added" for each table."""
    words = (("added", "inserted"), ("changed", "updated"), ("removed", "deleted"))
    return [
        f"{name}: {', '.join(f'{getattr(delta, key):,} {word}' for word, key in words if getattr(delta, key))}"
        for name, delta in sorted(deltas.items())
    ]


def unrecorded_step(kind: str, reason: str) -> StepResult:
    """An attempt that the ledger does not have."""
    return StepResult("ledger", kind, Outcome.WARN, f"could not be recorded: {reason}")


def refused_verdict(*, applied: bool) -> str:
    """The verdict when something prevents the undo or the restore."""
    return f"gate closed: {unchanged(applied=applied)}"


def unchanged(*, applied: bool) -> str:
    """That nothing was changed; ``applied``: there was a transaction that would have changed something."""
    return f"{NOTHING} (rolled back)" if applied else NOTHING


def removal_preview(plan: UndoPlan) -> str:
    """The verdict without --apply."""
    return f"{counted(plan.removed, 'rows')} would go; {NOTHING}: --apply removes them"


def removed_verdict(plan: UndoPlan, undo_id: str, environment: str, proof: str) -> str:
    """The verdict of an undo; ``proof``: how its COMMIT is known, where the server did not answer."""
    undo = undo_id[:SHORT]
    how = f"promote undo --env {environment} {undo} brings them back"
    return f"undone as {undo}{proof}: {counted(plan.removed, 'rows')} removed; {how}"


def restore_preview(plan: RestorePlan) -> str:
    """The verdict without --apply."""
    return f"{counted(plan.rows, 'rows')} would come again; {NOTHING}: --apply puts them back"


def restored_verdict(plan: RestorePlan, run: Run, restore_id: str, proof: str) -> str:
    """The verdict of a restore; ``proof``: how its COMMIT is known, where the server did not answer."""
    rows = counted(plan.rows, "rows")
    return f"taken back as {restore_id[:SHORT]}{proof}: {rows} put back; run {run.short} stands again"


def _first(table: Table, keys: Sequence[Key], columns: Sequence[str]) -> str:
    """ ": a; b; and 7 more"."""
    return f": {first_keys(table, keys, columns, KEYS_IN_LINE)}" if keys else ""


def _format_keys(table: Table, keys: Sequence[Key], columns: Sequence[str]) -> list[str]:
    return [table.format_key(key, columns) for key in keys]


def _outcome(findings: Sequence[Finding]) -> Outcome:
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Outcome.FAIL
    return Outcome.WARN if findings else Outcome.OK
