"""Removed rows as the ledger keeps them: each piece is a whole stream of COPY (FORMAT binary)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from minerva_promote.undo.table_catalog import Key, Wire

BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
END = b"\xff\xff"


def encode_copy(rows: Sequence[Sequence[Wire]]) -> bytes:
    """The stream that holds these rows."""
    parts = [BEGIN]
    for row in rows:
        parts.append(struct.pack(">h", len(row)))
        for value in row:
            parts.append(b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value)
    parts.append(END)
    return b"".join(parts)


def decode_copy(piece: bytes) -> Iterator[Key]:
    """The rows of a stream. Raises ValueError when it is none."""
    if not piece.startswith(BEGIN) or not piece.endswith(END):
        raise ValueError("no stream of binary COPY")
    place, end = len(BEGIN), len(piece) - len(END)
    while place < end:
        (count,) = struct.unpack_from(">h", piece, place)
        place += 2
        values: list[Wire] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", piece, place)
            place += 4
            values.append(None if length < 0 else piece[place : place + length])
            place += max(length, 0)
        if place > end:
            raise ValueError("the stream ends in the middle of a row")
        yield tuple(values)
