"""The rows that an undo removed, as the ledger keeps them: in parts, each a whole stream of COPY (FORMAT binary)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of, split
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import expression
from minerva_promote.ledger.run_rows import read_key_columns
from minerva_promote.ledger.runs import Run
from minerva_promote.undo.find_run import event_of
from minerva_promote.undo.table_catalog import Key, Wire, encode_value

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
COPY_TRAILER = b"\xff\xff"

_PARTS = b"""
select table_name, part, columns, rows from promote.removed_rows where run_id = %(undo)s
order by table_name collate "C", part
"""
_CONTENT = b"""
select content from promote.removed_rows where run_id = %(undo)s and table_name = %(table)s and part = %(part)s
"""
_DIGESTS = f"""
select e.rows_digest as recorded, ({expression("removed_rows")}) as computed
from promote.events as e where e.run_id = %(undo)s and e.kind = 'undone'
""".encode()


@dataclass(frozen=True, slots=True)
class RemovedRows:
    """The removed rows of one table."""

    undo_id: str
    table: str  # as the contract calls it
    stored_as: str  # the table's name in promote.removed_rows
    key: tuple[str, ...]  # as the run had it: the table may have another one by now, or none
    columns: tuple[str, ...]
    types: Mapping[str, str]  # of these columns, as they were
    parts: tuple[int, ...]  # the numbers of the streams
    count: int  # of rows

    def streams(self, conn: Connection) -> Iterator[bytes]:
        """The streams, read one at a time."""
        for part in self.parts:
            rows = fetch(conn, _CONTENT, {"undo": self.undo_id, "table": self.stored_as, "part": part})
            yield bytes(rows[0]["content"])

    def rows(self, conn: Connection) -> Iterator[list[Key]]:
        """The rows, those of one stream at a time."""
        for stream in self.streams(conn):
            yield list(decode_copy(stream))


def read_removed_rows(conn: Connection, undo: Run) -> tuple[RemovedRows, ...]:
    """What an undo removed, by table. Raises TargetError when the rows are not those that the undo recorded."""
    digests = fetch(conn, _DIGESTS, {"undo": undo.run_id})
    if not digests or digests[0]["recorded"] != digests[0]["computed"]:
        raise TargetError(
            f"the rows that the ledger keeps of undo {undo.short} are not those that it recorded",
            hint="promote history --verify tells what else was changed; restore them from a backup",
        )
    undone = event_of(undo, "undone")
    types = undone.details.get("types", {})
    keys = read_key_columns(conn, undone.subject or "")
    parts_of: dict[str, list[tuple[int, tuple[str, ...], int]]] = {}
    for row in fetch(conn, _PARTS, {"undo": undo.run_id}):
        parts_of.setdefault(row["table_name"], []).append((row["part"], tuple(row["columns"]), row["rows"]))
    removed = []
    for stored_as, parts in parts_of.items():
        table = name_of(*split(stored_as))
        removed.append(
            RemovedRows(
                undo_id=undo.run_id,
                table=table,
                stored_as=stored_as,
                key=keys[table],
                columns=parts[0][1],
                types=types.get(table, {}),
                parts=tuple(number for number, _, _ in parts),
                count=sum(rows for _, _, rows in parts),
            )
        )
    return tuple(removed)


def encode_copy(rows: Sequence[Sequence[Wire]]) -> bytes:
    """The stream of COPY that holds these rows."""
    body = (struct.pack(">h", len(row)) + b"".join(map(encode_value, row)) for row in rows)
    return b"".join((COPY_HEADER, *body, COPY_TRAILER))


def decode_copy(stream: bytes) -> Iterator[Key]:
    """The rows of a stream of COPY. Raises ValueError when it is not one."""
    if not stream.startswith(COPY_HEADER) or not stream.endswith(COPY_TRAILER):
        raise ValueError("no stream of binary COPY")
    position, end = len(COPY_HEADER), len(stream) - len(COPY_TRAILER)
    while position < end:
        (count,) = struct.unpack_from(">h", stream, position)
        position += 2
        values: list[Wire] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", stream, position)
            position += 4
            values.append(None if length < 0 else stream[position : position + length])
            position += max(length, 0)
        if position > end:
            raise ValueError("the stream ends in the middle of a row")
        yield tuple(values)
