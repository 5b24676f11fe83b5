"""Putting back what an undo removed, bit by bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.server_errors import execute, target_errors
from minerva_promote.database.session import Connection
from minerva_promote.errors import TargetError
from minerva_promote.results import Finding, Severity
from minerva_promote.text_format import counted
from minerva_promote.undo import findings as told
from minerva_promote.undo.pieces import BEGIN, END
from minerva_promote.undo.removed_rows import RemovedRows
from minerva_promote.undo.required_parents import find_missing_parents, required_parents
from minerva_promote.undo.row_references import children_first, read_references
from minerva_promote.undo.table_catalog import (
    Key,
    Table,
    column_list,
    key_arrays,
    query_text,
    read_tables,
    statement_bytes,
    table_name,
)
from minerva_promote.undo.table_checksums import WriteDelta, affected_tables, read_write_counters, write_deltas

_HINT = "find out what a trigger of the target does; nothing was put back"


@dataclass(slots=True)
class RestoreTable:
    """The rows of one table that are to come again."""

    kept: RemovedRows
    table: Table | None
    circular: bool = False  # its rows refer to each other: they come in one statement
    keys: list[Key] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As the contract calls it."""
        return self.kept.table


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """All of it."""

    tables: tuple[RestoreTable, ...]  # parents first

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all tables."""
        return tuple(finding for table in self.tables for finding in table.findings)

    @property
    def possible(self) -> bool:
        """Whether nothing stands against it."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def rows(self) -> int:
        """How many rows come again."""
        return sum(table.kept.count for table in self.tables)


def plan_restore(
    conn: Connection, contract: Contract, kept: Sequence[RemovedRows], *, lock: bool = False
) -> RestorePlan:
    """Look whether every row can come again as it was; changes nothing. ``lock``: nobody else writes these tables."""
    tables = read_tables(conn, [each.table for each in kept])
    coming = {each.table: RestoreTable(each, tables.get(each.table)) for each in kept}
    fit = {name: each.table for name, each in coming.items() if _fit(each) and each.table is not None}
    if lock:
        for name in sorted(fit):
            statement = sql.SQL("lock table {} in share row exclusive mode").format(fit[name].source)
            execute(conn, statement, f"locking {name}")
    _look(conn, contract, coming, fit)
    by_oid = {table.oid: name for name, table in fit.items()}
    for row in fetch(conn, query_text("effects"), {"tables": sorted(by_oid)}):
        if row["on_insert"] and row["kind"] == "trigger":
            name = by_oid[row["table"]]
            coming[name].findings.append(told.trigger(name, row["name"], "rows that come again"))
    order = children_first(coming, read_references(conn, contract, tables))
    return RestorePlan(tuple(coming[name] for name in reversed(order)))


def _fit(coming: RestoreTable) -> bool:
    """Whether the table can take the rows as they were; tells why not."""
    table, kept = coming.table, coming.kept
    if table is None:
        coming.findings.append(told.missing_table(kept.table, kept.count))
        return False
    lost = [name for name in kept.columns if name not in table.stored]
    if lost:
        coming.findings.append(told.restore_missing_column(table, lost))
    other = [name for name in kept.columns if name not in lost and table.columns[name].type != kept.types.get(name)]
    if other:
        coming.findings.append(told.restore_changed_type(table, other, kept.types))
    gained = [name for name in table.stored if name not in kept.columns]
    if gained:
        coming.findings.append(told.restore_added_column(table, gained))
    if table.row_security:
        coming.findings.append(told.row_security(table))
    return not (lost or other or table.row_security)


def _look(conn: Connection, contract: Contract, coming: dict[str, RestoreTable], fit: dict[str, Table]) -> None:
    """Read every kept row once: keys and unique sets that are taken, parents that are gone."""
    pipe = Pipelined(conn, "reading kept rows")
    unfit = coming.keys() - fit.keys()  # their rows do not come, which is told
    needs = [need for need in required_parents(conn, contract, fit) if need.parent.name not in unfit]
    for need in needs:
        coming[need.child].circular |= need.parent.name == need.child
    sets = _unique_sets(conn, fit, coming)
    held: dict[tuple[str, tuple[str, ...]], set[Key]] = {(n.parent.name, n.parent_columns): set() for n in needs}
    for name, table in fit.items():
        kept = coming[name].kept
        taken: dict[tuple[str, ...], list[Key]] = {}
        for rows in kept.rows(conn):
            coming[name].keys += _values(kept.columns, kept.key, rows)
            for need in needs:
                if need.child == name:
                    need.note(kept.columns, rows)
            for (parent, columns), values in held.items():
                if parent == name and set(columns) <= set(kept.columns):
                    values.update(_values(kept.columns, columns, rows))
            for columns in dict.fromkeys((kept.key, *sets[name])):
                found = _taken(pipe, table, columns, _values(kept.columns, columns, rows))
                if found:
                    taken.setdefault(columns, []).extend(found)
        for columns, values_taken in taken.items():
            coming[name].findings.append(told.key_conflict(table, columns, values_taken))
    for need in needs:
        gone = find_missing_parents(pipe, need, held[need.parent.name, need.parent_columns])
        if gone:
            shown = [need.parent.shown(value, need.parent_columns) for value in gone[: told.SHOWN]]
            finding = told.missing_parents(need.child, need.parent.name, shown, len(gone), need.what)
            coming[need.child].findings.append(finding)


def _values(columns: Sequence[str], wanted: Sequence[str], rows: Sequence[Key]) -> list[Key]:
    places = [columns.index(name) for name in wanted]
    return [tuple(row[place] for place in places) for row in rows]


def _unique_sets(
    conn: Connection, tables: Mapping[str, Table], coming: Mapping[str, RestoreTable]
) -> dict[str, list[tuple[str, ...]]]:
    """The unique sets of each table whose values are kept; for a set that is not, the server has the word."""
    by_oid = {table.oid: name for name, table in tables.items()}
    found: dict[str, list[tuple[str, ...]]] = {name: [] for name in tables}
    for row in fetch(conn, query_text("unique_sets"), {"tables": sorted(by_oid)}):
        name = by_oid[row["table"]]
        if set(row["columns"]) <= set(coming[name].kept.columns):
            found[name].append(tuple(row["columns"]))
    return found


def _taken(pipe: Pipelined, table: Table, columns: Sequence[str], values: Sequence[Key]) -> list[Key]:
    keys = key_arrays(table, columns, values)
    statement = sql.SQL("select {} from {} t join {} on {}").format(
        column_list(columns, "t"), table.source, keys.source, keys.equal("t")
    )
    pipe.doing = f"looking for keys of {table.name} that are taken"
    return pipe.ask(statement_bytes(statement), keys.types, keys.values)


def restore_rows(conn: Connection, plan: RestorePlan) -> dict[str, WriteDelta]:
    """Put the rows back; what triggers wrote to other tables meanwhile, by table.

    Raises TargetError when the target refuses one, or when one does not stand there as it was.
    """
    before = read_write_counters(conn)
    execute(conn, b"set constraints all deferred", "deferring constraints")
    for coming in plan.tables:
        _copy(conn, coming)
    execute(conn, b"set constraints all immediate", "checking deferred constraints")
    for coming in plan.tables:
        _verify(conn, coming)
    return _judge(conn, plan, write_deltas(before, read_write_counters(conn)))


def _copy(conn: Connection, coming: RestoreTable) -> None:
    table, kept = coming.table, coming.kept
    assert table is not None
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(table.schema, table.relation), column_list(kept.columns)
    )
    pieces = kept.pieces(conn)
    groups = [list(pieces)] if coming.circular else ([piece] for piece in pieces)
    for group in groups:
        with target_errors(f"putting back rows of {kept.table}"), conn.cursor().copy(statement) as copy:
            copy.write(BEGIN)
            for piece in group:
                copy.write(piece[len(BEGIN) : -len(END)])
            copy.write(END)


def _verify(conn: Connection, coming: RestoreTable) -> None:
    """Every row stands there as it was kept."""
    table, kept = coming.table, coming.kept
    assert table is not None
    pipe = Pipelined(conn, f"reading rows of {kept.table}")
    for rows in kept.rows(conn):
        keys = key_arrays(table, kept.key, _values(kept.columns, kept.key, rows))
        statement = sql.SQL("select {} from {} t join {} on {}").format(
            column_list(kept.columns, "t"), table.source, keys.source, keys.equal("t")
        )
        there = set(pipe.ask(statement_bytes(statement), keys.types, keys.values))
        unlike = [row for row in rows if row not in there]
        if unlike:
            shown = told.first_keys(table, _values(kept.columns, kept.key, unlike), kept.key)
            fact = f"{counted(len(unlike), 'rows')} of {kept.table} did not come again as before: {shown}"
            raise TargetError(fact, hint=_HINT)


def _judge(conn: Connection, plan: RestorePlan, written: dict[int, WriteDelta]) -> dict[str, WriteDelta]:
    meant = {each.table.oid: each for each in plan.tables if each.table is not None}
    names = {each.oid: each.name for each in affected_tables(conn, meant)}
    others = {}
    for oid, since in written.items():
        each = meant.get(oid)
        name = names.get(oid) or table_name(conn, oid)
        inserted = each.kept.count if each else 0
        if oid in names and (since.inserted != inserted or since.updated or since.deleted or since.truncated):
            fact = told.row_count_mismatch(name, "added", since.inserted, inserted)
            if since.updated or since.deleted:
                fact += f"; {since.updated:,} were changed, {since.deleted:,} removed"
            raise TargetError(fact, hint=_HINT)
        if oid not in names:
            others[name] = since
    return others
