"""What prevents an undo or a restore, as findings: each names the rows and what helps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.ledger.runs import SHORT
from minerva_promote.results import Finding, Severity
from minerva_promote.text_format import counted
from minerva_promote.undo.dependent_rows import DependentRows
from minerva_promote.undo.required_parents import RequiredParent
from minerva_promote.undo.row_references import RowReference
from minerva_promote.undo.row_status import RowStatus
from minerva_promote.undo.rows_to_remove import TableRows
from minerva_promote.undo.table_catalog import Key, Table

MAX_NAMED = 5  # keys of one finding


def first_of(texts: Sequence[str], count: int | None = None, limit: int = MAX_NAMED) -> str:
    """The first of some texts, and how many more there are; ``count`` of all, where ``texts`` are not all."""
    total = len(texts) if count is None else count
    first = texts[:limit]
    return "; ".join(first) + (f"; and {total - len(first):,} more" if total > len(first) else "")


def first_keys(table: Table, keys: Sequence[Key], columns: Sequence[str], limit: int = MAX_NAMED) -> str:
    """The first of some keys of a table, and how many more there are."""
    return first_of([table.format_key(key, columns) for key in keys[:limit]], len(keys), limit)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the list of a run's rows comes from, for rows that nothing else proves to be the run's."""

    distrust: str = ""  # why the run's own transaction proves nothing any more
    writer: str = ""  # the role that wrote the list
    writers: tuple[str, ...] = ()  # the roles that may write such a list


def changed_rows(
    rows: TableRows, table: Table, status: RowStatus, accept: Collection[str], environment: str, origin: Origin
) -> Iterator[Finding]:
    """Rows that are not as they were imported, or of which that is not proved."""
    if status.changed and rows.retyped:
        yield changed_type(table, rows.retyped)
    elif status.changed:
        message = f"{_rows_were(table, status.changed)} changed since the import: "
        hint = f"promote run --env {environment} --dry-run with the run's file names the values: put them back as the"
        yield Finding(
            "changed",
            message + first_keys(table, status.changed, rows.key),
            hint=f"{hint} file has them, or keep the run",
        )
    yield from _listed_elsewhere(rows, table, status, environment)
    if status.unproved:
        yield _unproved(rows, table, status, accept, origin)
    if status.gone:
        message = f"{_rows_were(table, status.gone)} removed by somebody else: "
        message += first_keys(table, status.gone, rows.key)
        yield _accepted(Finding("gone", message, hint="to remove the others: --accept gone"), accept)


def _listed_elsewhere(rows: TableRows, table: Table, status: RowStatus, environment: str) -> Iterator[Finding]:
    """Rows of another transaction that another run lists, a later or an earlier one."""
    for later in (True, False):
        keys = [key for key, other in status.listed.items() if other.later == later]
        if not keys:
            continue
        run, names = status.listed[keys[0]].run_id[:SHORT], first_keys(table, keys, rows.key)
        if later:
            message = f"{_rows_were(table, keys)} removed by somebody else and added again by run {run}: {names}"
            hint = f"they are that run's now: promote undo --env {environment} {run}"
            yield Finding("added-again", message, hint=hint)
        else:
            message = f"{_rows_were(table, keys)} inserted by another transaction, and run {run} lists them: {names}"
            hint = f"they are that run's: promote show --env {environment} {run}; nothing accepts them here"
            yield Finding("of-another-run", message, hint=hint)


def _unproved(rows: TableRows, table: Table, status: RowStatus, accept: Collection[str], origin: Origin) -> Finding:
    """Rows that another transaction than the run's wrote, or whose transaction proves nothing any more."""
    reason = origin.distrust or (
        "another transaction wrote them: an application that updates rows, or a migration that rewrites the table, does"
        " that as well"
    )
    count = counted(len(status.unproved), "rows")
    message = f"{count} of {table.name} cannot be proved to be this run's: {reason}"
    if status.uncompared:
        message += f"; {', '.join(status.uncompared)} cannot be compared with the file"
    who = f"the list of rows was written by {origin.writer}; roles that may write one: {first_of(origin.writers)}"
    if "unproved" in accept:
        keys = "; ".join(table.format_key(key, rows.key) for key in status.unproved)  # all: none of them goes unseen
        hint = f"accepted: --accept unproved; {who}"
        return Finding("unproved", f"{message}: {keys}", hint=hint, severity=Severity.WARN)
    old = "--accept updated does not cover them; " if "updated" in accept else ""
    hint = f"{who}; {old}if all of them are this run's: --accept unproved"
    return Finding("unproved", f"{message}: {first_keys(table, status.unproved, rows.key)}", hint=hint)


def _accepted(finding: Finding, accept: Collection[str]) -> Finding:
    if finding.code not in accept:
        return finding
    return Finding(finding.code, finding.message, hint=f"accepted: --accept {finding.code}", severity=Severity.WARN)


def _rows_were(table: Table, keys: Sequence[Key]) -> str:
    return f"{counted(len(keys), 'rows')} of {table.name} {'was' if len(keys) == 1 else 'were'}"


def dependent_rows(dependents: DependentRows, *, shared: bool, environment: str) -> Finding:
    """Rows of others that depend on rows which the undo would remove."""
    reference = dependents.reference
    names = first_of([f"{row.key} on {row.on}" for row in dependents.first], dependents.count)
    verb = "depends" if dependents.count == 1 else "depend"
    others = f"{counted(dependents.count, 'rows')} of {reference.child.name} that this run did not add"
    message = f"{others} {verb} on {reference.parent.name}: {names} ({reference.description})"
    runs = list(dict.fromkeys(row.run for row in dependents.first if row.run))
    if runs:
        hint = f"undo what was added later first: promote undo --env {environment} {runs[0][:SHORT]}"
    else:
        hint = "remove them first, or keep the run"
    if shared:
        return Finding("in-use", message, hint=f"leave it there: --keep-shared; or {hint}")
    return Finding("depends", message, hint=hint)


def unreadable_table(reference: RowReference) -> Finding:
    """A table in which rows may depend on those of the run, and the current role may not read all of them."""
    child, parent = reference.child.name, reference.parent.name
    message = f"rows of {child} may depend on {parent}, and this role may not see them ({reference.description})"
    return Finding("hidden", message, hint=f"GRANT SELECT ON {child} TO the role of admin_url")


def malformed_row_list(name: str, reason: str) -> Finding:
    """A list of rows that no release of promote wrote."""
    message = f"the ledger's list of rows of {name} is none that promote writes: {reason}"
    return Finding("row-list", message, hint="promote show tells who recorded the run; delete by hand what should go")


def missing_table(name: str, count: int) -> Finding:
    """A table that does not exist any more."""
    message = f"there is no table {name} any more: {counted(count, 'rows')} of it cannot be found"
    return Finding("table", message, hint="take back the migration that removed it, or keep the run")


def missing_column(table: Table, missing: Sequence[str]) -> Finding:
    """Columns that the run wrote and that do not exist any more."""
    message = f"{table.name} has no column {', '.join(missing)} any more: whether its rows were changed cannot be told"
    return Finding("column", message, hint="take back the migration that removed it, or keep the run")


def changed_type(table: Table, types: Mapping[str, str]) -> Finding:
    """Columns that had another type when they were written."""
    columns = ", ".join(f"{name} was {old}, is {table.columns[name].type}" for name, old in types.items())
    message = f"{table.name}: {columns}: whether its rows were changed cannot be told"
    return Finding("column-type", message, hint="take back the migration that changed it, or keep the run")


def row_security(table: Table) -> Finding:
    """Policies that could hide rows from the current role."""
    message = f"row security is active on {table.name}: rows could be hidden"
    return Finding("row-security", message, hint="give the role of admin_url BYPASSRLS, or let it own the table")


def missing_privileges(table: Table) -> Finding:
    """Privileges that the role of admin_url lacks."""
    message = f"the role of admin_url lacks {', '.join(table.missing_privileges)} on {table.name}"
    return Finding("privilege", message, hint="let it own the table, or grant it what it lacks")


def only_shared_rows() -> Finding:
    """A run that added only rows of shared tables, which are kept."""
    return Finding("nothing", "all rows of this run are shared, and kept", hint="--no-keep-shared removes them")


def rule(table: str, name: str) -> Finding:
    """A rule that rewrites the statements of the undo."""
    message = f"rule {name} on {table} rewrites what is removed"
    return Finding("rule", message, hint=f"DROP RULE {name} ON {table}; a trigger can do the same")


def trigger(table: str, name: str, action: str = "removal") -> Finding:
    """A trigger that fires for the rows; a warning, as its writes are counted afterwards."""
    message = f"trigger {name} on {table} runs with the {action}"
    return Finding("trigger", message, hint="what it does is counted afterwards", severity=Severity.WARN)


def restore_missing_column(table: Table, missing: Sequence[str]) -> Finding:
    """Columns without which the restored rows would not be as they were."""
    message = f"{table.name} has no column {', '.join(missing)} any more: its rows cannot come again as they were"
    return Finding("column", message, hint="take back the migration that removed it")


def restore_changed_type(table: Table, changed: Sequence[str], types: Mapping[str, str]) -> Finding:
    """Columns that have another type than the removed values."""
    columns = ", ".join(f"{name} was {types.get(name, 'unknown')}, is {table.columns[name].type}" for name in changed)
    message = f"{table.name}: {columns}: its rows cannot come again as they were"
    return Finding("column-type", message, hint="take back the migration that changed it")


def restore_added_column(table: Table, added: Sequence[str]) -> Finding:
    """Columns that the removed rows did not have."""
    message = f"{table.name} has gained {', '.join(added)} since: the rows that come again get the default there"
    return Finding("column", message, severity=Severity.WARN)


def key_conflict(table: Table, columns: Sequence[str], values: Sequence[Key]) -> Finding:
    """Keys, or values of a unique set, that other rows have now."""
    verb = "is" if len(values) == 1 else "are"
    message = f"{', '.join(columns)} of {counted(len(values), 'rows')} of {table.name} {verb} taken: "
    message += first_keys(table, values, columns)
    return Finding("taken", message, hint="undo the run that added it since, or leave the rows away")


def missing_parents(required: RequiredParent, missing: Sequence[Key]) -> Finding:
    """Rows of another table that the removed rows refer to and that do not exist any more."""
    parent, verb = required.parent, "is" if len(missing) == 1 else "are"
    message = f"rows of {required.child} need {counted(len(missing), 'rows')} of {parent.name} that {verb} gone: "
    message += f"{first_keys(parent, missing, required.parent_columns)} ({required.description})"
    return Finding("parent", message, hint=f"put the rows of {parent.name} back first")


def row_count_mismatch(table: str, action: str, count: int, expected: int) -> str:
    """The message for another number of rows than expected: "2 rows of books were removed, 1 was to be"."""
    first, second = ("was" if number == 1 else "were" for number in (count, expected))
    return f"{counted(count, 'rows')} of {table} {first} {action}, {expected:,} {second} to be"
