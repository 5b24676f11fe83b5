"""What stands against taking something back, in words: the rows, and the way out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.ledger.runs import SHORT
from minerva_promote.results import Finding, Severity
from minerva_promote.text_format import counted
from minerva_promote.undo.dependent_rows import DependentRows
from minerva_promote.undo.row_references import RowReference
from minerva_promote.undo.row_status import RowStatus
from minerva_promote.undo.rows_to_remove import TableRows
from minerva_promote.undo.table_catalog import Key, Table

SHOWN = 5  # keys of one finding


def first_of(texts: Sequence[str], count: int | None = None) -> str:
    """The first of some keys, and how many more there are."""
    total = len(texts) if count is None else count
    shown = "; ".join(texts[:SHOWN])
    return f"{shown}; and {total - min(SHOWN, len(texts)):,} more" if total > len(texts[:SHOWN]) else shown


def first_keys(table: Table, keys: Sequence[Key], columns: Sequence[str]) -> str:
    """The first of some keys of a table."""
    return first_of([table.shown(key, columns) for key in keys[:SHOWN]], len(keys))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the list of a run's rows comes from, for rows that nothing else proves to be the run's."""

    why_not: str = ""  # why the run's own transaction proves nothing any more
    writer: str = ""  # the role that wrote the list
    writers: tuple[str, ...] = ()  # the roles that may write such a list


def changed_rows(
    going: TableRows, table: Table, found: RowStatus, accept: Collection[str], environment: str, origin: Origin
) -> Iterator[Finding]:
    """Rows that are not as they were imported, or of which that is not proved."""
    what = table.name

    def shown(keys: Sequence[Key]) -> str:
        return first_keys(table, keys, going.key)

    if found.changed and going.retyped:
        yield changed_type(table, going.retyped)
    elif found.changed:
        fact = f"{_rows(what, found.changed)} changed since the import: {shown(found.changed)}"
        help_ = f"promote run --env {environment} --dry-run with the run's file names the values: put them back as the"
        yield Finding("changed", fact, hint=f"{help_} file has them, or keep the run")
    for later in (True, False):
        keys = [key for key, claim in found.claimed.items() if claim.later == later]
        if keys:
            run = found.claimed[keys[0]].run_id[:SHORT]
            if later:
                fact = f"{_rows(what, keys)} removed by somebody else and added again by run {run}: {shown(keys)}"
                help_ = f"they are that run's now: promote undo --env {environment} {run}"
                yield Finding("added-again", fact, hint=help_)
            else:
                fact = f"{_rows(what, keys)} inserted by another transaction, and run {run} lists them: {shown(keys)}"
                help_ = f"they are that run's: promote show --env {environment} {run}; nothing accepts them here"
                yield Finding("of-another-run", fact, hint=help_)
    if found.unproved:
        yield _unproved(going, table, found, accept, origin)
    if found.gone:
        fact = f"{_rows(what, found.gone)} removed by somebody else: {shown(found.gone)}"
        yield _accepted(Finding("gone", fact, hint="to remove the others: --accept gone"), accept)


def _unproved(going: TableRows, table: Table, found: RowStatus, accept: Collection[str], origin: Origin) -> Finding:
    """Rows that another transaction wrote than the run's, or of which that cannot be told any more."""
    count = counted(len(found.unproved), "rows")
    why = origin.why_not or (
        "another transaction wrote them: an application that updates rows, or a migration that rewrites the table, does"
        " that as well"
    )
    fact = f"{count} of {table.name} cannot be proved to be this run's: {why}"
    if found.columns:
        fact += f"; {', '.join(found.columns)} cannot be compared with the file"
    writers = first_of(list(origin.writers))
    who = f"the list of rows was written by {origin.writer}; roles that may write one: {writers}"
    if "unproved" in accept:
        keys = "; ".join(table.shown(key, going.key) for key in found.unproved)  # all: none of them goes unseen
        help_ = f"accepted: --accept unproved; {who}"
        return Finding("unproved", f"{fact}: {keys}", hint=help_, severity=Severity.WARN)
    old = "--accept updated does not cover them; " if "updated" in accept else ""
    help_ = f"{who}; {old}if all of them are this run's: --accept unproved"
    return Finding("unproved", f"{fact}: {first_keys(table, found.unproved, going.key)}", hint=help_)


def _accepted(finding: Finding, accept: Collection[str]) -> Finding:
    if finding.code not in accept:
        return finding
    return Finding(finding.code, finding.message, hint=f"accepted: --accept {finding.code}", severity=Severity.WARN)


def _rows(table: str, keys: Sequence[Key]) -> str:
    return f"{counted(len(keys), 'rows')} of {table} {'was' if len(keys) == 1 else 'were'}"


def dependent_rows(found: DependentRows, *, shared: bool, environment: str) -> Finding:
    """Rows of others that depend on rows which would go."""
    link = found.link
    named = first_of([f"{each.key} on {each.on}" for each in found.first], found.count)
    verb = "depends" if found.count == 1 else "depend"
    others = f"{counted(found.count, 'rows')} of {link.child.name} that this run did not add"
    fact = f"{others} {verb} on {link.parent.name}: {named} ({link.what})"
    runs = list(dict.fromkeys(each.run for each in found.first if each.run))
    if runs:
        way = f"undo what was added later first: promote undo --env {environment} {runs[0][:SHORT]}"
    else:
        way = "remove them first, or keep the run"
    if shared:
        return Finding("in-use", fact, hint=f"leave it there: --keep-shared; or {way}")
    return Finding("depends", fact, hint=way)


def unreadable_table(link: RowReference) -> Finding:
    """A table whose rows cannot be seen."""
    fact = f"rows of {link.child.name} may depend on {link.parent.name}, and this role may not see them ({link.what})"
    return Finding("hidden", fact, hint=f"GRANT SELECT ON {link.child.name} TO the role of admin_url")


def malformed_row_list(name: str, why: str) -> Finding:
    """A list of rows that somebody wrote by hand."""
    fact = f"the ledger's list of rows of {name} is none that promote writes: {why}"
    return Finding("row-list", fact, hint="promote show tells who recorded the run; delete by hand what should go")


def missing_table(name: str, count: int) -> Finding:
    """A table that is not there any more."""
    fact = f"there is no table {name} any more: {counted(count, 'rows')} of it cannot be found"
    return Finding("table", fact, hint="take back the migration that removed it, or keep the run")


def missing_column(table: Table, missing: Sequence[str]) -> Finding:
    """Columns that were written and are not there any more."""
    fact = f"{table.name} has no column {', '.join(missing)} any more: whether its rows were changed cannot be told"
    return Finding("column", fact, hint="take back the migration that removed it, or keep the run")


def changed_type(table: Table, types: Mapping[str, str]) -> Finding:
    """Columns that had another type when they were written."""
    named = ", ".join(f"{name} was {was}, is {table.columns[name].type}" for name, was in types.items())
    fact = f"{table.name}: {named}: whether its rows were changed cannot be told"
    return Finding("column-type", fact, hint="take back the migration that changed it, or keep the run")


def row_security(table: Table) -> Finding:
    """Policies that could hide rows."""
    fact = f"row security is active on {table.name}: rows could be hidden"
    return Finding("row-security", fact, hint="give the role of admin_url BYPASSRLS, or let it own the table")


def missing_privileges(table: Table) -> Finding:
    """Privileges that the admin identity has not."""
    fact = f"the role of admin_url lacks {', '.join(table.lacking)} on {table.name}"
    return Finding("privilege", fact, hint="let it own the table, or grant it what it lacks")


def only_shared_rows() -> Finding:
    """A run that added only shared rows."""
    return Finding("nothing", "all rows of this run are shared, and kept", hint="--no-keep-shared removes them")


def rule(table: str, name: str) -> Finding:
    """A rule that rewrites what is asked for."""
    fact = f"rule {name} on {table} rewrites what is removed"
    return Finding("rule", fact, hint=f"DROP RULE {name} ON {table}; a trigger can do the same")


def trigger(table: str, name: str, doing: str = "removal") -> Finding:
    """A trigger that runs along."""
    fact = f"trigger {name} on {table} runs with the {doing}"
    return Finding("trigger", fact, hint="what it does is counted afterwards", severity=Severity.WARN)


def restore_missing_column(table: Table, lost: Sequence[str]) -> Finding:
    """Columns without which the rows would not be as they were."""
    fact = f"{table.name} has no column {', '.join(lost)} any more: its rows cannot come again as they were"
    return Finding("column", fact, hint="take back the migration that removed it")


def restore_changed_type(table: Table, other: Sequence[str], types: Mapping[str, str]) -> Finding:
    """Columns whose kept values are of another type."""
    named = ", ".join(f"{name} was {types.get(name, 'unknown')}, is {table.columns[name].type}" for name in other)
    fact = f"{table.name}: {named}: its rows cannot come again as they were"
    return Finding("column-type", fact, hint="take back the migration that changed it")


def restore_added_column(table: Table, gained: Sequence[str]) -> Finding:
    """Columns that the rows did not have."""
    fact = f"{table.name} has gained {', '.join(gained)} since: the rows that come again get the default there"
    return Finding("column", fact, severity=Severity.WARN)


def key_conflict(table: Table, columns: Sequence[str], values: Sequence[Key]) -> Finding:
    """Keys, or values of a unique set, that other rows have now."""
    shown = first_of([table.shown(value, columns) for value in values[:SHOWN]], len(values))
    fact = f"{', '.join(columns)} of {counted(len(values), 'rows')} of {table.name} {_is(values)} taken: {shown}"
    return Finding("taken", fact, hint="undo the run that added it since, or leave the rows away")


def missing_parents(child: str, parent: str, shown: Sequence[str], count: int, what: str) -> Finding:
    """Rows that are needed and are not there."""
    fact = f"rows of {child} need {counted(count, 'rows')} of {parent} that {'is' if count == 1 else 'are'} gone: "
    fact += f"{first_of(shown, count)} ({what})"
    return Finding("parent", fact, hint=f"put the rows of {parent} back first")


def _is(values: Sequence[Key]) -> str:
    return "is" if len(values) == 1 else "are"


def row_count_mismatch(table: str, done: str, count: int, meant: int) -> str:
    """Rows that something was done to, and how many were meant: "2 rows of books were removed, 1 was to be"."""
    first, second = ("was" if number == 1 else "were" for number in (count, meant))
    return f"{counted(count, 'rows')} of {table} {first} {done}, {meant:,} {second} to be"
