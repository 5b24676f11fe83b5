"""Arrays (arrayfuncs.c): the text ``{a,"b c",NULL}``, nested or not, of any element type with a reader."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence

from minerva_promote.exportfile.value_faults import ValueFault, excerpt

_BLANKS = b" \t\n\r\f\v"
_ELEMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^",{}\\ \t\n\r\f\v](?:[^",{}\\]|\\.)*)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_HELP = 'write {a,b}, with quotes where an element holds blanks, commas or braces: {"a b"}'
MOST_DIMENSIONS = 6
ELEMENT_OIDS = {
    "boolean": 16, "bytea": 17, "name": 19, "bigint": 20, "smallint": 21, "integer": 23, "text": 25, "json": 114,
    "cidr": 650, "real": 700, "double precision": 701, "macaddr": 829, "inet": 869, "character": 1042, "bpchar": 1042,
    "character varying": 1043, "date": 1082, "time without time zone": 1083, "timestamp without time zone": 1114,
    "timestamp with time zone": 1184, "time with time zone": 1266, "bit": 1560, "bit varying": 1562, "numeric": 1700,
    "uuid": 2950,
}  # fmt: skip


def array(element: Callable[[bytes], bytes], oid: int) -> Callable[[bytes], bytes]:
    """A reader of arrays: number of dimensions, whether a NULL is in it, ``oid``, the dimensions, the elements."""

    def read(text: bytes) -> bytes:
        dimensions, items = _parse(text)
        values = [None if item is None else element(item) for item in items]
        return array_wire(values, oid, dimensions)

    return read


def array_wire(values: Sequence[bytes | None], oid: int, dimensions: Sequence[int] | None = None) -> bytes:
    """The wire form of an array of these elements; of one dimension unless told otherwise."""
    if not values:
        return struct.pack(">iii", 0, 0, oid)
    sizes = list(dimensions) if dimensions else [len(values)]
    parts = [struct.pack(">iii", len(sizes), int(None in values), oid)]
    parts += [struct.pack(">ii", size, 1) for size in sizes]
    for value in values:
        parts.append(b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value)
    return b"".join(parts)


def _parse(text: bytes) -> tuple[list[int], list[bytes | None]]:
    """The sizes of the dimensions, and the elements in row-major order."""
    items: list[bytes | None] = []
    counts: list[int | None] = []  # of each depth, once it is known
    open_counts: list[int] = []  # elements so far of the arrays that are open
    place, expects, end = _skip(text, 0), True, len(text)
    if text[place : place + 1] != b"{":
        raise _fault(text)
    while True:
        place = _skip(text, place)
        mark = text[place : place + 1]
        if mark == b"{":
            if not expects or len(open_counts) >= MOST_DIMENSIONS or (items and len(open_counts) >= len(counts)):
                raise _fault(text)
            open_counts.append(0)
            if len(counts) < len(open_counts):
                counts.append(None)
            place += 1
        elif mark == b"}":
            if expects and open_counts[-1]:
                raise _fault(text)  # a comma before it
            place, expects = _close(text, place, open_counts, counts), False
            if not open_counts:
                break
        elif mark == b",":
            if expects:
                raise _fault(text)
            place, expects = place + 1, True
        else:
            match = _ELEMENT.match(text, place)
            if match is None or not expects or len(open_counts) < len(counts):
                raise _fault(text)
            items.append(_item(match))
            open_counts[-1] += 1
            place, expects = match.end(), False
    if _skip(text, place) != end:
        raise _fault(text)
    if not items:
        return [], []
    return [count or 0 for count in counts], items


def _close(text: bytes, place: int, open_counts: list[int], counts: list[int | None]) -> int:
    """End the innermost array: all arrays of one depth have the same size."""
    depth, size = len(open_counts) - 1, open_counts.pop()
    if counts[depth] is None:
        counts[depth] = size
    elif counts[depth] != size:
        raise ValueFault("array", f"{excerpt(text)} has parts of different sizes", _HELP)
    if open_counts:
        if not size:
            raise _fault(text)
        open_counts[-1] += 1
    return place + 1


def _item(match: re.Match[bytes]) -> bytes | None:
    if match[1] is not None:
        return _ESCAPE.sub(rb"\1", match[1])
    unquoted = match[2]
    stripped = unquoted.rstrip(_BLANKS)
    if stripped.endswith(b"\\"):  # an escaped blank at its end
        stripped = unquoted
    return None if stripped.lower() == b"null" else _ESCAPE.sub(rb"\1", stripped)


def _skip(text: bytes, place: int) -> int:
    while place < len(text) and text[place] in _BLANKS:
        place += 1
    return place


def _fault(text: bytes) -> ValueFault:
    return ValueFault("array", f"{excerpt(text)} is not an array", _HELP)
