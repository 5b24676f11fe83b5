"""The rows that a run inserted: their keys and a digest of each ("mark"), thousands of them packed into one row.

A mark is blake2b over the values of the columns that the file gave, in wire format: compared with that of the present
values, it tells whether the row is still as it was promoted.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from minerva_promote.database.catalog import Row, fetch
from minerva_promote.database.connection import Connection, raw_cursor
from minerva_promote.database.quote import name_of, split
from minerva_promote.database.server_errors import target_errors
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import ROWS_TABLE, altered_row_error, expression

Wire = bytes | None

MARK_BYTES = 16
PART_ROWS = 4_000  # about 150 kB where the key is one uuid

_INSERT = b"""
insert into promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks)
values ($1::uuid, $2, $3::int, $4::text[], $5::text[], $6::int, $7::bytea, $8::bytea)
returning encode(sha256(convert_to(jsonb_build_array(table_name, part, key_columns, columns, rows)::text, 'UTF8')
    || keys || marks), 'hex'), run_id::text
"""
# Of the transaction of the event. Before format 3 the digest is over all rows, and what another transaction wrote in
# between is left out here, as long as the event itself is where it was written.
_OF_RUN = """
from promote.events as e join promote.run_rows as r on r.run_id = e.run_id
where e.run_id = %(run_id)s and e.kind = 'committed'
    and (r.xact = e.xact or e.format < 3 and e.xact & 4294967295 is distinct from e.xmin::text::bigint)
"""
_SELECT = f"""
select r.table_name, r.key_columns, r.columns, r.rows, r.keys, r.marks {_OF_RUN}
order by r.table_name collate "C", r.part
""".encode()
_KEY_COLUMNS = f"select distinct r.table_name, r.key_columns {_OF_RUN}".encode()
_DIGESTS = f"""
select e.rows_digest as recorded, ({expression("run_rows")}) as computed
from promote.events as e where e.run_id = %(run_id)s and e.kind = 'committed'
""".encode()


@dataclass(frozen=True, slots=True)
class RunRows:
    """Rows of one table that a run inserted, all with the same columns in the file."""

    table: str
    key_columns: tuple[str, ...]
    columns: tuple[str, ...]  # in the file's order; a mark is over these
    keys: list[tuple[Wire, ...]]
    marks: list[bytes]


@dataclass(slots=True)
class RowBatch:
    """The same packed, as the ledger stores it; while a file is loaded it grows by about forty bytes a row."""

    table: str
    key_columns: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    keys: bytes | bytearray
    marks: bytes | bytearray


def pack_values(values: Sequence[Wire]) -> bytes:
    """Values packed into one: their number (int16), the length of each (int32, -1 for NULL), and their bytes."""
    lengths = [-1 if value is None else len(value) for value in values]
    head = struct.pack(f">h{len(lengths)}i", len(lengths), *lengths)
    return head + b"".join([value for value in values if value is not None])


def row_hash(values: Sequence[Wire]) -> bytes:
    """The mark of a row: equal for equal values, which cannot be read from it."""
    return hashlib.blake2b(pack_values(values), digest_size=MARK_BYTES).digest()


def pack(rows: RunRows) -> RowBatch:
    """The rows as the ledger stores them."""
    keys, marks = b"".join(map(pack_values, rows.keys)), b"".join(rows.marks)
    return RowBatch(rows.table, rows.key_columns, rows.columns, len(rows.keys), keys, marks)


def unpack(stored: RowBatch) -> RunRows:
    """The rows as values. Raises ValueError when the bytes are not those of ``stored.rows`` rows."""
    keys = list(_keys(bytes(stored.keys)))
    begins = range(0, len(stored.marks), MARK_BYTES)
    marks = [bytes(stored.marks[begin : begin + MARK_BYTES]) for begin in begins]
    if not len(keys) == len(marks) == stored.rows or len(stored.marks) % MARK_BYTES:
        raise ValueError(f"{len(keys):,} keys, {len(marks):,} marks, {stored.rows:,} rows")
    return RunRows(stored.table, stored.key_columns, stored.columns, keys, marks)


def stored_names(table: str) -> list[str]:
    """The names that a table may have in run_rows and removed_rows: with the schema, or as version 2 wrote it."""
    return list(dict.fromkeys((".".join(split(table)), table, name_of(*split(table)))))


def store_run_rows(conn: Connection, run_id: str, batches: Iterable[RowBatch]) -> str | None:
    """Store the rows of a run in the open transaction, before its event; returns the digest that the event must get.

    Raises TargetError when the ledger does not take them as they were sent.
    """
    numbers: dict[str, int] = {}
    digests: dict[tuple[bytes, int], bytes] = {}
    with target_errors("writing the ledger"), raw_cursor(conn) as cursor:
        for batch in batches:
            name = ".".join(split(batch.table))
            for part in _parts(batch):
                number = numbers[name] = numbers.get(name, 0) + 1
                head = [name, number, list(part.key_columns), list(part.columns), part.rows]
                keys, marks = bytes(part.keys), bytes(part.marks)
                text = json.dumps(head, ensure_ascii=False).encode()
                digest = digests[name.encode(), number] = hashlib.sha256(text + keys + marks).digest()
                stored = cursor.execute(_INSERT, [run_id, *head, keys, marks], binary=True).fetchall()
                if stored != [(digest.hex(), run_id)]:
                    raise altered_row_error(ROWS_TABLE)
    return hashlib.sha256(b"".join(digests[key] for key in sorted(digests))).hexdigest() if digests else None


def load_run_rows(conn: Connection, run_id: str) -> tuple[RunRows, ...]:
    """The rows that a committed run inserted, the parts of a table in order; none for a run of a version 1 ledger.

    Raises TargetError when they are not those that were stored with the run.
    """
    digests = fetch(conn, _DIGESTS, {"run_id": run_id})
    if not digests:
        return ()
    if digests[0]["recorded"] != digests[0]["computed"]:
        raise TargetError(
            f"the rows that the ledger keeps of run {run_id[:8]} are not those that it recorded",
            hint="promote history --verify tells what else was changed; nobody can say what the run inserted",
        )
    try:
        return tuple(_stored(row) for row in fetch(conn, _SELECT, {"run_id": run_id}))
    except (ValueError, struct.error):
        raise TargetError(
            f"the list of rows of run {run_id[:8]} cannot be read: no release of promote wrote it",
            hint=f"promote show {run_id[:8]} tells which role recorded the run",
        ) from None


def load_unverified_rows(conn: Connection, run_id: str) -> Iterator[RunRows]:
    """The same without verification, and without the parts that cannot be read: what a run claims to have inserted."""
    for row in fetch(conn, _SELECT, {"run_id": run_id}):
        with suppress(ValueError, struct.error):
            yield _stored(row)


def read_key_columns(conn: Connection, run_id: str) -> dict[str, tuple[str, ...]]:
    """The key columns of the rows that a committed run inserted, by table."""
    rows = fetch(conn, _KEY_COLUMNS, {"run_id": run_id})
    return {name_of(*split(row["table_name"])): tuple(row["key_columns"]) for row in rows}


def _stored(row: Row) -> RunRows:
    """A row of run_rows as values. Raises ValueError or struct.error where it cannot be read."""
    names = (*row["key_columns"], *row["columns"])
    if not all(isinstance(name, str) for name in names):  # the server's arrays may be nested, and hold NULL
        raise ValueError("no names of columns")
    key_columns, columns = tuple(row["key_columns"]), tuple(row["columns"])
    table = name_of(*split(row["table_name"]))
    return unpack(RowBatch(table, key_columns, columns, row["rows"], row["keys"], row["marks"]))


def _parts(batch: RowBatch) -> Iterator[RowBatch]:
    """The batch in parts of PART_ROWS rows at most."""
    if batch.rows <= PART_ROWS:
        if batch.rows:
            yield batch
        return
    rows = unpack(batch)
    for begin in range(0, batch.rows, PART_ROWS):
        keys, marks = rows.keys[begin : begin + PART_ROWS], rows.marks[begin : begin + PART_ROWS]
        yield pack(RunRows(rows.table, rows.key_columns, rows.columns, keys, marks))


def _keys(content: bytes) -> Iterator[tuple[Wire, ...]]:
    """The packed values. Raises ValueError or struct.error where they end early."""
    position = 0
    while position < len(content):
        (count,) = struct.unpack_from(">h", content, position)
        lengths = struct.unpack_from(f">{count}i", content, position + 2)
        position += 2 + 4 * count
        values: list[Wire] = []
        for length in lengths:
            if length < 0:
                values.append(None)
                continue
            if position + length > len(content):
                raise ValueError("the keys end in the middle of one")
            values.append(content[position : position + length])
            position += length
        yield tuple(values)
