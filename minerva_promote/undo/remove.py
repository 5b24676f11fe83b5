"""Removing rows in the open transaction: kept first, children first, and counted afterwards in every table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from psycopg import sql

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import raw_cursor
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.quote import split
from minerva_promote.database.server_errors import execute, target_errors
from minerva_promote.database.session import Connection
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import REMOVED_TABLE
from minerva_promote.ledger.roots import altered_row_error
from minerva_promote.text_format import counted
from minerva_promote.undo import findings as told
from minerva_promote.undo.pieces import encode_copy
from minerva_promote.undo.plan import UndoPlan
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
_KEEP = b"""
insert into promote.removed_rows (run_id, table_name, part, columns, rows, content)
values ($1::uuid, $2::text, $3::int, $4::text[], $5::int, $6::bytea)
returning run_id::text,
    encode(sha256(convert_to(jsonb_build_array(table_name, part, columns, rows)::text, 'UTF8') || content), 'hex')
"""


def keep_rows(conn: Connection, undo_id: str, plan: UndoPlan) -> str | None:
    """Write down all that the rows hold, so that the undo can be taken back; the digest that its event must get.

    The rows have to be locked. Raises TargetError when the ledger does not take them as they were sent.
    """
    digests: dict[tuple[bytes, int], bytes] = {}
    pipe = Pipelined(conn, "keeping rows")
    for each in plan.going:
        table = _table(each.going)
        pipe.doing = f"keeping rows of {table.name}"
        keys = each.going.keys
        batches = Batches(len(keys))
        for part, batch in enumerate(batches, 1):
            rows = _rows(pipe, each.going, keys[batch])
            batches.adapt(rows)
            name = ".".join(split(each.name))
            head = [name, part, list(table.stored), len(rows)]
            content = encode_copy(rows)
            digest = hashlib.sha256(json.dumps(head, ensure_ascii=False).encode() + content).digest()
            digests[name.encode(), part] = digest
            with target_errors(pipe.doing), raw_cursor(conn) as cursor:
                stored = cursor.execute(_KEEP, [undo_id, *head, content], binary=True).fetchall()
            if stored != [(undo_id, digest.hex())]:
                raise altered_row_error(REMOVED_TABLE)
    return hashlib.sha256(b"".join(digests[key] for key in sorted(digests))).hexdigest() if digests else None


def remove_rows(conn: Connection, plan: UndoPlan) -> dict[str, WriteDelta]:
    """Remove the rows; what triggers wrote to other tables meanwhile, by table.

    Raises TargetError when other rows than these were removed, or any of the others was changed.
    """
    before = read_write_counters(conn)
    counts = {} if server_counts_writes(conn) else _counts(conn, plan)
    execute(conn, b"set constraints all deferred", "deferring constraints")
    pipe = Pipelined(conn, "removing rows")
    for each in plan.going:
        _remove(pipe, each.going)
    execute(conn, b"set constraints all immediate", "checking deferred constraints")
    for each in plan.going:
        left = _there(pipe, each.going)
        if left:
            fact = f"{counted(left, 'rows')} of {each.name} came again after the removal"
            raise TargetError(fact, hint=_HINT)
    if counts:
        _compare_counts(counts, _counts(conn, plan), plan)
    return _judge(conn, plan, write_deltas(before, read_write_counters(conn)))


def _remove(pipe: Pipelined, going: TableRows) -> None:
    table = _table(going)
    keys = going.keys
    wanted = key_arrays(table, going.key, keys)
    pipe.doing = f"removing rows of {table.name}"
    statement = sql.SQL("delete from {} t using {} where {} returning {}").format(
        table.source, wanted.source, wanted.equal("t"), column_list(going.key, "t")
    )
    removed = set(pipe.ask(statement_bytes(statement), wanted.types, wanted.values))
    if removed != set(keys):
        fact = told.row_count_mismatch(table.name, "removed", len(removed), len(keys))
        raise TargetError(fact, hint=_HINT)


def _judge(conn: Connection, plan: UndoPlan, written: dict[int, WriteDelta]) -> dict[str, WriteDelta]:
    """Hold what was written against what was meant. Returns what is neither forbidden nor meant, by table."""
    names = {each.oid: each.name for each in affected_tables(conn, [_table(one.going).oid for one in plan.going])}
    meant = {_table(each.going).oid: each.removed for each in plan.going}
    others = {}
    for oid, since in written.items():
        name = names.get(oid) or table_name(conn, oid)
        expected = meant.get(oid, 0)
        if since.truncated:
            raise TargetError(f"{name} was emptied or rewritten by what ran with the removal", hint=_HINT)
        if since.deleted != expected:
            fact = told.row_count_mismatch(name, "removed", since.deleted, expected)
            raise TargetError(fact, hint=_HINT)
        if oid in names and since.updated:
            raise TargetError(told.row_count_mismatch(name, "changed by the removal", since.updated, 0), hint=_HINT)
        if oid in names and since.inserted:
            raise TargetError(told.row_count_mismatch(name, "added by the removal", since.inserted, 0), hint=_HINT)
        if oid not in names:
            others[name] = since
    return others


def _counts(conn: Connection, plan: UndoPlan) -> dict[str, int]:
    """Rows per table that could be touched, where the server does not count what is written."""
    tables = affected_tables(conn, [_table(each.going).oid for each in plan.going])
    statement = "select count(*) as rows from {}"
    return {each.name: fetch(conn, sql.SQL(statement).format(each.source))[0]["rows"] for each in tables}


def _compare_counts(before: dict[str, int], after: dict[str, int], plan: UndoPlan) -> None:
    meant = {each.name: each.removed for each in plan.going}
    for name, rows in before.items():
        if rows - after[name] != meant.get(name, 0):
            fact = told.row_count_mismatch(name, "removed", rows - after[name], meant.get(name, 0))
            raise TargetError(fact, hint=_HINT)


def _rows(pipe: Pipelined, going: TableRows, keys: Sequence[Key]) -> list[Key]:
    table = _table(going)
    wanted = key_arrays(table, going.key, keys)
    statement = sql.SQL("select {} from {} t join {} on {}").format(
        column_list(table.stored, "t"), table.source, wanted.source, wanted.equal("t")
    )
    found = pipe.ask(statement_bytes(statement), wanted.types, wanted.values)
    if len(found) != len(keys):
        fact = told.row_count_mismatch(table.name, "there", len(found), len(keys))
        raise TargetError(fact, hint="run the command again")
    return found


def _there(pipe: Pipelined, going: TableRows) -> int:
    """How many of the rows are there."""
    table = _table(going)
    wanted = key_arrays(table, going.key, going.keys)
    statement = sql.SQL("select t.ctid from {} t join {} on {}").format(table.source, wanted.source, wanted.equal("t"))
    return len(pipe.ask(statement_bytes(statement), wanted.types, wanted.values))


def _table(going: TableRows) -> Table:
    assert going.table is not None
    return going.table
