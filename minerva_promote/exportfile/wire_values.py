"""Constants become typed values: the bytes that PostgreSQL's binary protocol carries for the column's type.

One canonical form per value, so that two rows are equal when their bytes are, and what is sent is what was compared.
Forms after the send functions of PostgreSQL 18 (src/backend/utils/adt) and pgvector.
"""

from __future__ import annotations

import re
import struct
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from minerva_promote.config.models.project import ColumnRule
from minerva_promote.config.snapshot import Column
from minerva_promote.exportfile.json_parser import check_json
from minerva_promote.exportfile.value_faults import ValueFault, excerpt

Convert = Callable[[bytes], bytes]

UUID_OID = 2950

_UUID = re.compile(rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_INTEGER = re.compile(rb"-?[0-9]{1,40}")
_TIMESTAMP = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_OFFSET = re.compile(rb".*:[0-9]{2}(?:\.[0-9]+)? *(?:[Zz]|[+-][0-9]{1,2}(?::?[0-9]{2})?|UTC|GMT)", re.DOTALL)
_EPOCH = datetime(2000, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_ELEMENT = re.compile(rb'[ \t\n\r\f]*(?:"([^"\\]*)"|([^",{}\\ \t\n\r\f]+))[ \t\n\r\f]*')
_MODIFIERS = re.compile(r"^(.*?)\((\d+)(?:,(-?\d+))?\)(.*)$")
_CATALOG_NAMES = {
    "integer": "int4", "smallint": "int2", "bigint": "int8", "boolean": "bool", "character varying": "varchar",
    "timestamp without time zone": "timestamp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How the values of one column are written in a file and sent to a server."""

    name: str  # canonical, without modifiers: "uuid", "character varying", "vector", "source_type"
    modifiers: tuple[int, ...]  # (255,) of varchar(255), (3,) of vector(3), (12, 2) of numeric(12,2)
    array: bool
    schema: str  # where a cast may say it lives: "pg_catalog" or "public"
    convert: Convert
    numbers: bool = False  # takes bare numbers
    booleans: bool = False  # takes TRUE and FALSE
    wants: str = "a string"  # for messages
    decimals: bool = False  # takes numbers with a fraction or an exponent
    element: Convert | None = None  # of an array: the reader of one element
    join: Callable[[list[bytes]], bytes] | None = None  # of an array: its wire form from those of its elements
    cast_names: tuple[str, ...] = ()  # what a cast may call it; empty: its name

    def is_named(self, names: tuple[str, ...], array: bool) -> bool:
        """True when a cast to this type name is a cast to the column's own type."""
        if array != self.array or len(names) > 2 or (len(names) == 2 and names[0] != self.schema):
            return False
        if self.cast_names:
            return names[-1] in self.cast_names
        return names[-1] == (_CATALOG_NAMES.get(self.name, self.name) if self.schema == "pg_catalog" else self.name)


def column_type(column: Column, rule: ColumnRule, *, repeats: bool = False) -> ColumnType | None:
    """The type of a column; None when an export may not hold it. ``repeats``: few values, from row to row."""
    written = column.base or column.type
    element = _scalar_type(written.removesuffix("[]"), column, rule, repeats=repeats)
    if element is None or not written.endswith("[]"):
        return _as_domain(element, column) if column.base and element else element
    if element.name == "uuid":
        target_type = replace(
            element, array=True, convert=uuid_array_text, wants="an array", element=uuid, join=uuid_array
        )
        return _as_domain(target_type, column) if column.base else target_type
    from minerva_promote.exportfile.types.arrays import ELEMENT_OIDS, array, array_wire  # few tables have such columns

    if element.name == "timestamp without time zone":
        from minerva_promote.exportfile.types.datetimes import unrepaired

        element = replace(element, convert=unrepaired(element.convert))
    oid = ELEMENT_OIDS.get(element.name)
    if oid is None:  # an enum, or what only the server can read: the text goes there as it is
        target_type = replace(element, array=True, convert=_identity, numbers=False, booleans=False, wants="an array")
        return _as_domain(target_type, column) if column.base else target_type
    reader, join = array(element.convert, oid), partial(array_wire, oid=oid)
    target_type = replace(element, array=True, convert=reader, numbers=False, booleans=False, decimals=False)
    target_type = replace(target_type, wants="an array", element=element.convert, join=join)
    return _as_domain(target_type, column) if column.base else target_type


def is_read_here(column: Column) -> bool:
    """Whether the type is one of the frequent ones, which this module reads; of the others, the server reads some."""
    name = _MODIFIERS.sub(r"\1\4", column.value_type)
    if name.endswith("[]"):
        return name == "uuid[]"
    return bool(column.labels) or name in _PLAIN or name in _INTEGERS or name in ("boolean", "vector")


def _schema_of(name: str) -> str:
    return "public" if name in ("hstore", "ltree") else "pg_catalog"


def _as_domain(base: ColumnType, column: Column) -> ColumnType:
    """A domain is read as its base type; a cast may name either."""
    own = base.cast_names or (_CATALOG_NAMES.get(base.name, base.name),)
    return replace(base, cast_names=(*own, column.type.rpartition(".")[2].strip('"')))


def _scalar_type(written: str, column: Column, rule: ColumnRule, *, repeats: bool) -> ColumnType | None:
    """The type that format_type() spells like this, which is no array."""
    name: str = written
    modifiers: tuple[int, ...] = ()
    if match := _MODIFIERS.match(name):
        name = match[1] + match[4]
        modifiers = tuple(int(number) for number in match.group(2, 3) if number is not None)
    first = modifiers[0] if modifiers else None
    if name == "vector":
        from minerva_promote.exportfile.vector_literals import vector_reader

        length = rule.dimensions or first
        return ColumnType(name, modifiers, False, "public", vector_reader(length), wants="a string '[n,n,…]'")
    if column.labels:
        return ColumnType(name, (), False, "public", _label(column.labels))
    if name in _INTEGERS:
        return ColumnType(name, (), False, "pg_catalog", _integer(*_INTEGERS[name]), numbers=True, wants="a number")
    if name == "boolean":
        return ColumnType(name, (), False, "pg_catalog", boolean, booleans=True, wants="TRUE or FALSE")
    if name == "character varying" and first is not None:
        return ColumnType(name, modifiers, False, "pg_catalog", _varchar(first))
    if not modifiers and name in _PLAIN:
        convert = _PLAIN[name]
        repeats = repeats or name == "timestamp without time zone"
        return ColumnType(name, (), False, "pg_catalog", memoized(convert) if repeats else convert)
    from minerva_promote.exportfile.types.by_name import reader_of, server_reader

    if name in ("halfvec", "sparsevec") and rule.dimensions:
        modifiers = (rule.dimensions,)
    reader = reader_of(name, modifiers)
    if reader is None:
        checked = server_reader(name)
        return ColumnType(name, modifiers, False, _schema_of(name), checked) if checked else None
    return ColumnType(
        name,
        modifiers,
        False,
        reader.schema,
        reader.read,
        numbers=reader.decimals,
        wants=reader.wants,
        decimals=reader.decimals,
        cast_names=reader.cast_names,
    )


def memoized(convert: Convert, most: int = 4096) -> Convert:
    """The same function, remembering its last answers: keys of parents and times repeat from row to row."""
    known: dict[bytes, bytes] = {}

    def remember(text: bytes) -> bytes:
        value = known.get(text)
        if value is None:
            if len(known) >= most:
                known.clear()
            value = known[text] = convert(text)
        return value

    return remember


def uuid(text: bytes) -> bytes:
    """16 bytes."""
    if not _UUID.fullmatch(text):
        raise ValueFault("uuid", f"{excerpt(text)} is not a uuid", "write 8-4-4-4-12 hexadecimal digits")
    return unhexlify(text.replace(b"-", b""))


def timestamp(text: bytes) -> bytes:
    """Microseconds since 2000-01-01, 64 bits."""
    if not _TIMESTAMP.fullmatch(text):
        if _OFFSET.fullmatch(text):
            from minerva_promote.exportfile.types.datetimes import refuse_offset  # few files have such a time

            raise refuse_offset(text)
        raise ValueFault(
            "timestamp", f"{excerpt(text)} is not an ISO 8601 date and time", "write 2026-01-31T12:34:56.789012"
        )
    try:
        moment = datetime.fromisoformat(text.decode())
    except ValueError as error:
        raise ValueFault("timestamp", f"{excerpt(text)} does not exist: {error}", "correct the date or time") from None
    return struct.pack(">q", (moment - _EPOCH) // _MICROSECOND)


def boolean(text: bytes) -> bytes:
    """One byte."""
    if text in (b"true", b"t"):
        return b"\1"
    if text in (b"false", b"f"):
        return b"\0"
    raise ValueFault("boolean", f"{excerpt(text)} is not a boolean", "write TRUE or FALSE")


def json_text(text: bytes) -> bytes:
    """The text itself, once it is known to be JSON."""
    check_json(text)
    return text


def uuid_array(elements: list[bytes]) -> bytes:
    """The wire form of a one-dimensional uuid[] of these uuids of 16 bytes."""
    if not elements:
        return struct.pack(">iii", 0, 0, UUID_OID)
    head = struct.pack(">iiiii", 1, 0, UUID_OID, len(elements), 1)
    return head + b"".join(b"\0\0\0\x10" + element for element in elements)


def uuid_array_elements(wire: bytes) -> list[bytes]:
    """The uuids, 16 bytes each, of the wire form of a uuid[]."""
    return [wire[offset + 4 : offset + 20] for offset in range(20, len(wire), 20)]


def uuid_array_text(text: bytes) -> bytes:
    """The wire form of '{…}'."""
    inner = text.strip(b" \t\n\r\f")
    if inner[:1] != b"{" or inner[-1:] != b"}" or len(inner) < 2:
        raise ValueFault("array", f"{excerpt(text)} is not an array of one dimension", "write {uuid,uuid} or ARRAY[…]")
    body = inner[1:-1]
    if not body.strip(b" \t\n\r\f"):
        return uuid_array([])
    elements = []
    for part in body.split(b","):
        match = _ELEMENT.fullmatch(part)
        if not match:
            raise ValueFault(
                "array", f"{excerpt(part) or 'nothing'} is not an element", "write {uuid,uuid} or ARRAY[…]"
            )
        elements.append(uuid(match[1] if match[1] is not None else match[2]))
    return uuid_array(elements)


def _identity(text: bytes) -> bytes:
    return text


def _label(labels: tuple[str, ...]) -> Convert:
    labels_ = {label.encode() for label in labels}

    def convert(text: bytes) -> bytes:
        if text not in labels_:
            raise ValueFault("enum", f"{excerpt(text)} is not one of {', '.join(labels)}", "write one of these labels")
        return text

    return convert


def _varchar(most: int) -> Convert:
    def convert(text: bytes) -> bytes:
        if len(text) > most and len(text.decode()) > most:
            raise ValueFault("too-long-text", f"{len(text.decode()):,} characters, at most {most:,}", "shorten it")
        return text

    return convert


def _integer(form: str, bits: int) -> Convert:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(text: bytes) -> bytes:
        if not _INTEGER.fullmatch(text):
            raise ValueFault("integer", f"{excerpt(text)} is not a decimal integer", "write digits only")
        number = int(text)
        if not low <= number <= high:
            raise ValueFault("integer-range", f"{number} is out of range ({low} to {high})", "correct the number")
        return struct.pack(form, number)

    return convert


_INTEGERS = {"smallint": (">h", 16), "integer": (">i", 32), "bigint": (">q", 64)}
_PLAIN: dict[str, Convert] = {
    "uuid": uuid,
    "text": _identity,
    "character varying": _identity,
    "timestamp without time zone": timestamp,
    "json": json_text,
}
