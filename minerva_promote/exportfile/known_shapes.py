"""Statements put together from parts that PostgreSQL's parser has accepted before, so that it need not see them again.

A value of a row is delimited by commas outside of brackets: what it means does not depend on its neighbours. Nor do
the names in the list of columns depend on each other, or ON CONFLICT on what stands before it. So a file in which rows
differ in which of their values are NULL, or statements in the order of their columns, has few parts and many shapes.
"""

from __future__ import annotations

import re
from typing import TypeVar

from minerva_promote.exportfile.effort import PARSE, Effort
from minerva_promote.exportfile.insert_model import Conflict, Insert, Refused, Slot, TypeName
from minerva_promote.exportfile.insert_parser import ANY_CONFLICT, read_insert

MAX_PARTS = 4096  # parts of each kind that are kept
MAX_STATEMENTS = 512  # statements that are kept
MAX_PART_BYTES = 2048  # bytes of a part that is not kept
MAX_STATEMENT_BYTES = 8192  # and of a statement

K = TypeVar("K")
V = TypeVar("V")

_BLANK = rb"[ \t\n\r\f]"
_NAME = rb"[a-z_][a-z0-9_]*"
_HEAD = re.compile(
    rb"%(b)s*(?i:insert)%(b)s+(?i:into)%(b)s+(%(n)s(?:\.%(n)s)?)%(b)s*"
    rb"\(%(b)s*(%(n)s(?:%(b)s*,%(b)s*%(n)s)*+)%(b)s*\)%(b)s*(?i:values)%(b)s*" % {b"b": _BLANK, b"n": _NAME}
)
_NAMES = re.compile(_NAME)
_EDGE = re.compile(rb"[(),\[\]\"]")


class KnownShapes:
    """The statements of one file: each shape is parsed once, and one whose parts are all known not at all."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._whole: dict[tuple[bytes, bytes, bytes], Insert | Refused] = {}
        self._tables: dict[bytes, tuple[str, str]] = {}  # as written -> schema, name
        self._columns: set[bytes] = set()
        self._slots: dict[bytes, Slot] = {}  # text -> the value, its holes counted from where the text begins
        self._tails: dict[bytes, Conflict] = {}

    def row(self, head: bytes, row: bytes) -> Insert | Refused:
        """The head and one row, whatever the tail will say."""
        return self._insert(head, row, ANY_CONFLICT)

    def whole(self, head: bytes, row: bytes, tail: bytes) -> Insert | Refused:
        """The head, the first row and the tail of a statement."""
        return self._insert(head, row, b" " + tail)

    def _insert(self, head: bytes, row: bytes, tail: bytes) -> Insert | Refused:
        key = (head, row, tail)
        insert = self._whole.get(key)
        if insert is None:
            insert = self._assemble(*key)
            if insert is None:
                size = len(head) + len(row) + len(tail)
                self._effort.spend(PARSE + size // 16)
                insert = read_insert(*key)
                if isinstance(insert, Insert):
                    self._learn(*key, insert)
            if sum(map(len, key)) < MAX_STATEMENT_BYTES:
                _bounded(self._whole, MAX_STATEMENTS)[key] = insert
        return insert

    def _assemble(self, head: bytes, row: bytes, tail: bytes) -> Insert | None:
        conflict = self._tails.get(tail)
        names = self._head(head) if conflict is not None else None
        if names is None or conflict is None:
            return None
        slots: list[Slot] = []
        for begin, text in _pieces(row) or ():
            slot = self._slots.get(text)
            if slot is None:
                return None
            slots.append(_moved(slot, begin))
        return Insert(*names, tuple(slots), conflict) if slots else None

    def _learn(self, head: bytes, row: bytes, tail: bytes, insert: Insert) -> None:
        match = _HEAD.fullmatch(head)
        if match and len(head) < MAX_PART_BYTES:
            written = tuple(name.group() for name in _NAMES.finditer(match[2]))
            if tuple(name.decode() for name in written) == insert.columns:
                _bounded(self._tables)[match[1]] = (insert.schema, insert.table)
                if len(self._columns) < MAX_PARTS:
                    self._columns.update(written)
        if len(tail) < MAX_PART_BYTES:
            _bounded(self._tails)[tail] = insert.conflict
        pieces = _pieces(row)
        if pieces is not None and len(pieces) == len(insert.slots):
            for (begin, text), slot in zip(pieces, insert.slots, strict=True):
                if len(text) < MAX_PART_BYTES:
                    _bounded(self._slots)[text] = _moved(slot, -begin)

    def _head(self, head: bytes) -> tuple[str, str, tuple[str, ...], tuple[int, ...]] | None:
        match = _HEAD.fullmatch(head)
        table = self._tables.get(match[1]) if match else None
        if match is None or table is None:
            return None
        names = list(_NAMES.finditer(head, *match.span(2)))
        if not all(name.group() in self._columns for name in names):
            return None
        return (*table, tuple(name.group().decode() for name in names), tuple(name.start() for name in names))


def _bounded(part: dict[K, V], most: int = MAX_PARTS) -> dict[K, V]:
    if len(part) >= most:
        part.clear()
    return part


def _moved(slot: Slot, distance: int) -> Slot:
    """The same value at another place."""
    cast = slot.cast
    if cast is not None:
        cast = TypeName(
            cast.names, tuple(offset + distance for offset in cast.typmods), cast.array, cast.offset + distance
        )
    return Slot(
        slot.kind,
        tuple(offset + distance for offset in slot.placeholder_offsets),
        slot.offset + distance,
        slot.negative,
        cast,
    )


def _pieces(row: bytes) -> list[tuple[int, bytes]] | None:
    """The values between the outer parentheses of a row, each with its place; None where that is not plain."""
    pieces: list[tuple[int, bytes]] = []
    depth = begin = 0
    for match in _EDGE.finditer(row):
        edge = match.group()
        if edge == b'"':
            return None
        if edge in b"([":
            depth += 1
            begin = match.end() if depth == 1 else begin
            continue
        if edge == b"," and depth > 1:
            continue
        if depth == 1:
            text = row[begin : match.start()]
            stripped = text.lstrip(b" \t\n\r\f")
            pieces.append((begin + len(text) - len(stripped), stripped.rstrip(b" \t\n\r\f")))
            begin = match.end()
        if edge != b",":
            depth -= 1
            if depth == 0 and match.end() != len(row):
                return None
    return pieces if depth == 0 and row[:1] == b"(" else None
