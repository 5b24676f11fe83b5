"""Removing the rows of a run in the open transaction: stored first, children first, the writes checked at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from psycopg import sql

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection, raw_cursor
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.quote import split
from minerva_promote.database.server_errors import execute, target_errors
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import REMOVED_TABLE, altered_row_error
from minerva_promote.text_format import counted
from minerva_promote.undo.findings import row_count_mismatch
from minerva_promote.undo.plan import UndoPlan
from minerva_promote.undo.removed_rows import encode_copy
from minerva_promote.undo.rows_to_remove import TableRows
from minerva_promote.undo.table_catalog import (
    Batches,
    Key,
    Table,
    column_list,
    key_arrays,
    statement_bytes,
    table_name,
)
from minerva_promote.undo.table_checksums import (
    WriteDelta,
    affected_tables,
    read_write_counters,
    server_counts_writes,
    write_deltas,
)

_HINT = "find out what a trigger or a rule of the target does; nothing was removed"
_STORE = b"""
insert into promote.removed_rows (run_id, table_name, part, columns, rows, content)
values ($1::uuid, $2::text, $3::int, $4::text[], $5::int, $6::bytea)
returning run_id::text,
    encode(sha256(convert_to(jsonb_build_array(table_name, part, columns, rows)::text, 'UTF8') || content), 'hex')
"""


def store_removed_rows(conn: Connection, undo_id: str, plan: UndoPlan) -> str | None:
    """Store every column of the rows in the ledger, so that they can be restored; the digest that the event must get.

    The rows must be locked. Raises TargetError when the ledger does not take them as they were sent.
    """
    digests: dict[tuple[bytes, int], bytes] = {}
    pipe = Pipelined(conn, "keeping rows")
    for table_plan in plan.removals:
        table = _table(table_plan.rows)
        pipe.doing = f"keeping rows of {table.name}"
        keys = table_plan.rows.keys
        batches = Batches(len(keys))
        for part, batch in enumerate(batches, 1):
            rows = _read_rows(pipe, table_plan.rows, keys[batch])
            batches.adapt(rows)
            name = ".".join(split(table_plan.name))
            head = [name, part, list(table.stored), len(rows)]
            content = encode_copy(rows)
            digest = hashlib.sha256(json.dumps(head, ensure_ascii=False).encode() + content).digest()
            digests[name.encode(), part] = digest
            with target_errors(pipe.doing), raw_cursor(conn) as cursor:
                stored = cursor.execute(_STORE, [undo_id, *head, content], binary=True).fetchall()
            if stored != [(undo_id, digest.hex())]:
                raise altered_row_error(REMOVED_TABLE)
    return hashlib.sha256(b"".join(digests[key] for key in sorted(digests))).hexdigest() if digests else None


def remove_rows(conn: Connection, plan: UndoPlan) -> dict[str, WriteDelta]:
    """Remove the rows; returns what triggers wrote to tables that no foreign key connects with them, by table.

    Raises TargetError when other rows than these were removed, or any of the others was changed.
    """
    before = read_write_counters(conn)
    counts = {} if server_counts_writes(conn) else _count_rows(conn, plan)
    execute(conn, b"set constraints all deferred", "deferring constraints")
    pipe = Pipelined(conn, "removing rows")
    for table_plan in plan.removals:
        _remove(pipe, table_plan.rows)
    execute(conn, b"set constraints all immediate", "checking deferred constraints")
    for table_plan in plan.removals:
        left = _count_present(pipe, table_plan.rows)
        if left:
            message = f"{counted(left, 'rows')} of {table_plan.name} came again after the removal"
            raise TargetError(message, hint=_HINT)
    if counts:
        _compare_counts(counts, _count_rows(conn, plan), plan)
    return _check_writes(conn, plan, write_deltas(before, read_write_counters(conn)))


def _remove(pipe: Pipelined, rows: TableRows) -> None:
    table, keys = _table(rows), rows.keys
    wanted = key_arrays(table, rows.key, keys)
    pipe.doing = f"removing rows of {table.name}"
    statement = sql.SQL("delete from {} t using {} where {} returning {}").format(
        table.source, wanted.source, wanted.equal("t"), column_list(rows.key, "t")
    )
    removed = set(pipe.ask(statement_bytes(statement), wanted.types, wanted.values))
    if removed != set(keys):
        raise TargetError(row_count_mismatch(table.name, "removed", len(removed), len(keys)), hint=_HINT)


def _check_writes(conn: Connection, plan: UndoPlan, deltas: Mapping[int, WriteDelta]) -> dict[str, WriteDelta]:
    """Compare what was written with the plan; returns the writes to tables that the removal does not concern."""
    expected = {_table(table_plan.rows).oid: table_plan.removed for table_plan in plan.removals}
    affected = {table.oid: table.name for table in affected_tables(conn, expected)}
    others = {}
    for oid, delta in deltas.items():
        name = affected.get(oid) or table_name(conn, oid)
        if delta.truncated:
            raise TargetError(f"{name} was emptied or rewritten by what ran with the removal", hint=_HINT)
        if delta.deleted != expected.get(oid, 0):
            raise TargetError(row_count_mismatch(name, "removed", delta.deleted, expected.get(oid, 0)), hint=_HINT)
        if oid not in affected:
            others[name] = delta
        elif delta.updated:
            raise TargetError(row_count_mismatch(name, "changed by the removal", delta.updated, 0), hint=_HINT)
        elif delta.inserted:
            raise TargetError(row_count_mismatch(name, "added by the removal", delta.inserted, 0), hint=_HINT)
    return others


def _count_rows(conn: Connection, plan: UndoPlan) -> dict[str, int]:
    """Rows of every table that could be affected, for a server that does not count what is written."""
    tables = affected_tables(conn, [_table(table_plan.rows).oid for table_plan in plan.removals])
    statement = sql.SQL("select count(*) as rows from {}")
    return {table.name: fetch(conn, statement.format(table.source))[0]["rows"] for table in tables}


def _compare_counts(before: Mapping[str, int], after: Mapping[str, int], plan: UndoPlan) -> None:
    expected = {table_plan.name: table_plan.removed for table_plan in plan.removals}
    for name, rows in before.items():
        removed = rows - after[name]
        if removed != expected.get(name, 0):
            raise TargetError(row_count_mismatch(name, "removed", removed, expected.get(name, 0)), hint=_HINT)


def _read_rows(pipe: Pipelined, rows: TableRows, keys: Sequence[Key]) -> list[Key]:
    """The stored columns of the rows with these keys, which must all exist."""
    table = _table(rows)
    wanted = key_arrays(table, rows.key, keys)
    statement = sql.SQL("select {} from {} t join {} on {}").format(
        column_list(table.stored, "t"), table.source, wanted.source, wanted.equal("t")
    )
    values = pipe.ask(statement_bytes(statement), wanted.types, wanted.values)
    if len(values) != len(keys):
        message = row_count_mismatch(table.name, "there", len(values), len(keys))
        raise TargetError(message, hint="run the command again")
    return values


def _count_present(pipe: Pipelined, rows: TableRows) -> int:
    """The number of rows that exist after the removal."""
    table = _table(rows)
    wanted = key_arrays(table, rows.key, rows.keys)
    statement = sql.SQL("select t.ctid from {} t join {} on {}").format(table.source, wanted.source, wanted.equal("t"))
    return len(pipe.ask(statement_bytes(statement), wanted.types, wanted.values))


def _table(rows: TableRows) -> Table:
    """The table, which exists wherever rows are removed."""
    assert rows.table is not None
    return rows.table
