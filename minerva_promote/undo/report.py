"""An undo as steps of a report: one a table, with the keys of the first rows; all of them in its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted
from minerva_promote.undo.plan import TablePlan, UndoPlan
from minerva_promote.undo.restore import RestorePlan, RestoreTable
from minerva_promote.undo.row_status import RowStatus
from minerva_promote.undo.table_catalog import Key, Table
from minerva_promote.undo.table_checksums import WriteDelta

NOTHING = "nothing was changed"
SHOWN = 2  # keys in a line


def removal_steps(plan: UndoPlan, *, done: bool) -> tuple[StepResult, ...]:
    """What goes, what is kept, and what stands against it."""
    return tuple(_going(each, done) for each in plan.tables)


def _going(each: TablePlan, done: bool) -> StepResult:
    going, standing = each.going, each.standing
    data: dict[str, object] = {"rows": each.removed, "kept": each.rows_kept, "gone": len(going.gone)}
    if each.kept:
        detail = f"{counted(going.count, 'rows')} kept, shared" + ("" if done else " (--no-keep-shared removes it too)")
        outcome = Outcome.SKIP if not each.findings else _outcome(each.findings)
        return StepResult("undo", each.name, outcome, detail, findings=tuple(each.findings), data=data)
    keys: Sequence[Key] = going.keys
    detail = f"{counted(len(keys), 'rows')} {'removed' if done else 'would go'}"
    if going.table is not None and going.found:
        detail += _first(going.table, keys, going.key)
        data["keys"] = [going.table.shown(key, going.key) for key in keys]
        for name, some in _named(standing):
            if some:
                data[f"{name}_keys"] = [going.table.shown(key, going.key) for key in some]
    data["unproved"] = {"rows": len(standing.unproved), "columns": list(standing.columns)}
    findings = tuple(each.findings)
    return StepResult("undo", each.name, _outcome(findings), detail, findings=findings, data=data)


def _named(found: RowStatus) -> tuple[tuple[str, Sequence[Key]], ...]:
    return (
        ("changed", found.changed),
        ("added_again", list(found.claimed)),
        ("unproved", found.unproved),
        ("gone", found.gone),
    )


def restore_steps(plan: RestorePlan, *, done: bool) -> tuple[StepResult, ...]:
    """What comes again, and what stands against it."""
    return tuple(_coming(each, done) for each in plan.tables)


def _coming(each: RestoreTable, done: bool) -> StepResult:
    detail = f"{counted(each.kept.count, 'rows')} {'put back' if done else 'would come again'}"
    data: dict[str, object] = {"rows": each.kept.count}
    if each.table is not None:
        detail += _first(each.table, each.keys, each.kept.key)
        data["keys"] = [each.table.shown(key, each.kept.key) for key in each.keys]
    findings = tuple(each.findings)
    return StepResult("restore", each.name, _outcome(findings), detail, findings=findings, data=data)


def trigger_write_step(others: Mapping[str, WriteDelta]) -> tuple[StepResult, ...]:
    """What triggers wrote to tables that the rows have nothing to do with."""
    if not others:
        return ()
    told = describe_writes(others)
    detail = f"triggers wrote to other tables: {'; '.join(told)}"
    return (StepResult("undo", "other tables", Outcome.WARN, detail, data={"tables": told}),)


def describe_writes(others: Mapping[str, WriteDelta]) -> list[str]:
    """ "audit: 3 added", a table each."""
    words = (("added", "inserted"), ("changed", "updated"), ("removed", "deleted"))
    return [
        f"{name}: {', '.join(f'{getattr(since, key):,} {word}' for word, key in words if getattr(since, key))}"
        for name, since in sorted(others.items())
    ]


def _first(table: Table, keys: Sequence[Key], columns: Sequence[str]) -> str:
    """ ": a; b; c; and 7 more"."""
    if not keys:
        return ""
    shown = "; ".join(table.shown(key, columns) for key in keys[:SHOWN])
    return f": {shown}" + (f"; and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else "")


def _outcome(findings: Sequence[Finding]) -> Outcome:
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Outcome.FAIL
    return Outcome.WARN if findings else Outcome.OK
