"""Restoring the rows that an undo removed, bit for bit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.server_errors import execute, target_errors
from minerva_promote.errors import TargetError
from minerva_promote.results import Finding, Severity
from minerva_promote.text_format import counted
from minerva_promote.undo import findings
from minerva_promote.undo.removed_rows import COPY_HEADER, COPY_TRAILER, RemovedRows
from minerva_promote.undo.required_parents import RequiredParent, find_missing_parents, required_parents
from minerva_promote.undo.row_references import children_first, read_references
from minerva_promote.undo.table_catalog import (
    Key,
    Table,
    column_list,
    key_arrays,
    lock_tables,
    query_text,
    read_tables,
    statement_bytes,
    table_name,
)
from minerva_promote.undo.table_checksums import WriteDelta, affected_tables, read_write_counters, write_deltas

_HINT = "find out what a trigger of the target does; nothing was put back"


@dataclass(frozen=True, slots=True)
class RestoreTable:
    """The rows of one table that are to be restored."""

    removed: RemovedRows
    table: Table | None  # None: there is no such table any more
    circular: bool  # its rows refer to each other: they are restored in one statement
    keys: tuple[Key, ...]  # empty where the table cannot take the rows
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """As the contract calls it."""
        return self.removed.table


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """All tables of an undo."""

    tables: tuple[RestoreTable, ...]  # parents first

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of all tables."""
        return tuple(finding for table in self.tables for finding in table.findings)

    @property
    def possible(self) -> bool:
        """Whether nothing prevents the restore."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def rows(self) -> int:
        """The number of rows that are restored."""
        return sum(table.removed.count for table in self.tables)


@dataclass(frozen=True, slots=True)
class _Values:
    """What the removed rows of one table hold, read once."""

    keys: list[Key]
    conflicts: dict[tuple[str, ...], list[Key]]  # columns of a unique set -> values that other rows have now
    referred: dict[tuple[str, ...], set[Key]]  # columns that rows refer to -> values of the removed rows


def plan_restore(
    conn: Connection, contract: Contract, removed: Sequence[RemovedRows], *, lock: bool = False
) -> RestorePlan:
    """Find out whether every row can be restored as it was; changes nothing.

    ``lock``: nobody else writes these tables until the transaction ends.
    """
    by_name = {rows.table: rows for rows in removed}
    tables = read_tables(conn, by_name)
    blockers = {name: list(_differences(rows, tables.get(name))) for name, rows in by_name.items()}
    ready = {name: tables[name] for name in by_name if not any(f.severity is Severity.ERROR for f in blockers[name])}
    if lock:
        lock_tables(conn, ready.values())
    missing = by_name.keys() - ready.keys()  # their rows are not restored, which has a finding of its own
    required = [item for item in required_parents(conn, contract, ready) if item.parent.name not in missing]
    values = _read_values(conn, by_name, ready, required)
    for name, finding in _conflicts(conn, ready, values, required):
        blockers[name].append(finding)
    for name, finding in _insert_triggers(conn, ready):
        blockers[name].append(finding)
    circular = {item.child for item in required if item.parent.name == item.child}
    order = children_first(by_name, read_references(conn, contract, tables))
    return RestorePlan(
        tuple(
            RestoreTable(
                by_name[name],
                tables.get(name),
                name in circular,
                tuple(values[name].keys) if name in values else (),
                tuple(blockers[name]),
            )
            for name in reversed(order)
        )
    )


def _differences(removed: RemovedRows, table: Table | None) -> Iterator[Finding]:
    """Where the table is not as it was; errors, where it cannot take the rows as they were."""
    if table is None:
        yield findings.missing_table(removed.table, removed.count)
        return
    missing = [name for name in removed.columns if name not in table.stored]
    if missing:
        yield findings.restore_missing_column(table, missing)
    changed = [
        name for name in removed.columns if name not in missing and table.columns[name].type != removed.types.get(name)
    ]
    if changed:
        yield findings.restore_changed_type(table, changed, removed.types)
    added = [name for name in table.stored if name not in removed.columns]
    if added:
        yield findings.restore_added_column(table, added)
    if table.row_security:
        yield findings.row_security(table)


def _read_values(
    conn: Connection,
    removed: Mapping[str, RemovedRows],
    tables: Mapping[str, Table],
    required: Iterable[RequiredParent],
) -> dict[str, _Values]:
    """Read every removed row of some tables once; adds the values that they need to ``required``."""
    pipe = Pipelined(conn, "reading kept rows")
    unique_sets = _unique_sets(conn, tables, removed)
    values = {}
    for name, table in tables.items():
        columns = removed[name].columns
        parents = [item for item in required if item.child == name]
        referred = {item.parent_columns for item in required if item.parent.name == name}
        table_values = _Values([], {}, {names: set() for names in referred if set(names) <= set(columns)})
        for rows in removed[name].rows(conn):
            table_values.keys.extend(_columns_of(rows, columns, removed[name].key))
            for parent in parents:
                parent.add_rows(columns, rows)
            for names, present in table_values.referred.items():
                present.update(_columns_of(rows, columns, names))
            for names in dict.fromkeys((removed[name].key, *unique_sets[name])):
                taken = _taken(pipe, table, names, _columns_of(rows, columns, names))
                if taken:
                    table_values.conflicts.setdefault(names, []).extend(taken)
        values[name] = table_values
    return values


def _conflicts(
    conn: Connection, tables: Mapping[str, Table], values: Mapping[str, _Values], required: Iterable[RequiredParent]
) -> Iterator[tuple[str, Finding]]:
    """Keys that other rows have now, and parents that do not exist; with the table that each concerns."""
    for name, table in tables.items():
        for columns, taken in values[name].conflicts.items():
            yield name, findings.key_conflict(table, columns, taken)
    pipe = Pipelined(conn, "reading kept rows")
    for item in required:
        restored: Collection[Key] = ()
        if item.parent.name in values:
            restored = values[item.parent.name].referred.get(item.parent_columns, ())
        missing = find_missing_parents(pipe, item, restored)
        if missing:
            yield item.child, findings.missing_parents(item, missing)


def _insert_triggers(conn: Connection, tables: Mapping[str, Table]) -> Iterator[tuple[str, Finding]]:
    """Triggers that fire when the rows are restored. COPY follows no rules."""
    by_oid = {table.oid: name for name, table in tables.items()}
    for row in fetch(conn, query_text("effects"), {"tables": sorted(by_oid)}):
        if row["on_insert"] and row["kind"] == "trigger":
            name = by_oid[row["table"]]
            yield name, findings.trigger(name, row["name"], "rows that come again")


def _columns_of(rows: Sequence[Key], columns: Sequence[str], wanted: Sequence[str]) -> list[Key]:
    """The values of the wanted columns; ``columns`` are those of the rows, in order."""
    indexes = [columns.index(name) for name in wanted]
    return [tuple(row[index] for index in indexes) for row in rows]


def _unique_sets(
    conn: Connection, tables: Mapping[str, Table], removed: Mapping[str, RemovedRows]
) -> dict[str, list[tuple[str, ...]]]:
    """The unique sets of each table whose columns were all removed; the server checks the others."""
    by_oid = {table.oid: name for name, table in tables.items()}
    unique_sets: dict[str, list[tuple[str, ...]]] = {name: [] for name in tables}
    for row in fetch(conn, query_text("unique_sets"), {"tables": sorted(by_oid)}):
        name = by_oid[row["table"]]
        if set(row["columns"]) <= set(removed[name].columns):
            unique_sets[name].append(tuple(row["columns"]))
    return unique_sets


def _taken(pipe: Pipelined, table: Table, columns: Sequence[str], values: Sequence[Key]) -> list[Key]:
    """The values that rows of the table have now."""
    keys = key_arrays(table, columns, values)
    statement = sql.SQL("select {} from {} t join {} on {}").format(
        column_list(columns, "t"), table.source, keys.source, keys.equal("t")
    )
    pipe.doing = f"looking for keys of {table.name} that are taken"
    return pipe.ask(statement_bytes(statement), keys.types, keys.values)


def restore_rows(conn: Connection, plan: RestorePlan) -> dict[str, WriteDelta]:
    """Restore the rows; returns what triggers wrote to tables that no foreign key connects with them, by table.

    Raises TargetError when the target refuses a row, and when one is not in its table as it was.
    """
    before = read_write_counters(conn)
    execute(conn, b"set constraints all deferred", "deferring constraints")
    for table in plan.tables:
        _copy_rows(conn, table)
    execute(conn, b"set constraints all immediate", "checking deferred constraints")
    for table in plan.tables:
        _compare_rows(conn, table)
    return _check_writes(conn, plan, write_deltas(before, read_write_counters(conn)))


def _copy_rows(conn: Connection, restored: RestoreTable) -> None:
    table, removed = restored.table, restored.removed
    assert table is not None
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(table.schema, table.relation), column_list(removed.columns)
    )
    streams = removed.streams(conn)
    groups = [list(streams)] if restored.circular else ([stream] for stream in streams)
    for group in groups:
        with target_errors(f"putting back rows of {removed.table}"), conn.cursor().copy(statement) as copy:
            copy.write(COPY_HEADER)
            for stream in group:
                copy.write(stream[len(COPY_HEADER) : -len(COPY_TRAILER)])
            copy.write(COPY_TRAILER)


def _compare_rows(conn: Connection, restored: RestoreTable) -> None:
    """Raise TargetError unless every row is in its table as it was removed."""
    table, removed = restored.table, restored.removed
    assert table is not None
    pipe = Pipelined(conn, f"reading rows of {removed.table}")
    for rows in removed.rows(conn):
        keys = key_arrays(table, removed.key, _columns_of(rows, removed.columns, removed.key))
        statement = sql.SQL("select {} from {} t join {} on {}").format(
            column_list(removed.columns, "t"), table.source, keys.source, keys.equal("t")
        )
        present = set(pipe.ask(statement_bytes(statement), keys.types, keys.values))
        different = [row for row in rows if row not in present]
        if different:
            key_text = findings.first_keys(table, _columns_of(different, removed.columns, removed.key), removed.key)
            message = f"{counted(len(different), 'rows')} of {removed.table} did not come again as before: {key_text}"
            raise TargetError(message, hint=_HINT)


def _check_writes(conn: Connection, plan: RestorePlan, deltas: Mapping[int, WriteDelta]) -> dict[str, WriteDelta]:
    """Compare what was written with the plan; returns the writes to tables that the restore does not concern."""
    expected = {item.table.oid: item.removed.count for item in plan.tables if item.table is not None}
    affected = {table.oid: table.name for table in affected_tables(conn, expected)}
    others = {}
    for oid, delta in deltas.items():
        name = affected.get(oid) or table_name(conn, oid)
        if oid not in affected:
            others[name] = delta
        elif delta != WriteDelta(expected.get(oid, 0), 0, 0, truncated=False):
            message = findings.row_count_mismatch(name, "added", delta.inserted, expected.get(oid, 0))
            if delta.updated or delta.deleted:
                message += f"; {delta.updated:,} were changed, {delta.deleted:,} removed"
            raise TargetError(message, hint=_HINT)
    return others
