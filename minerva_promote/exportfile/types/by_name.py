"""Which reader reads the values of a type, by the name and the modifiers that format_type() prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from minerva_promote.exportfile.json_parser import check_json
from minerva_promote.exportfile.types import arrays, datetimes, numbers, strings, vectors
from minerva_promote.exportfile.value_faults import ValueFault, excerpt

Reader = Callable[[bytes], bytes]
_NUMBER, _TEXT = "a number", "a string"

# Types that no export holds, and why.
REFUSED: Mapping[str, str] = {
    "oid": "its values mean another object in every database",
    "money": "what its text means depends on lc_monetary of the database",
    "xml": "it has no equality, so that rows cannot be compared",
    '"char"': "it is an internal type of one byte",
}


class TypeReader(NamedTuple):
    """How the values of one type are read."""

    read: Reader
    cast_names: tuple[str, ...]  # what a cast to it may be called in a parse tree
    decimals: bool = False  # takes bare numbers, with a fraction
    schema: str = "pg_catalog"
    wants: str = _TEXT  # for messages


def reader_of(name: str, modifiers: tuple[int, ...] = ()) -> TypeReader | None:  # noqa: C901  # one case a type
    """The reader of a type; None where there is none."""
    first = modifiers[0] if modifiers else None
    digits = 6 if first is None else first
    match name:
        case "real":
            return TypeReader(numbers.single, ("float4",), True, wants=_NUMBER)
        case "double precision":
            return TypeReader(numbers.double, ("float8",), True, wants=_NUMBER)
        case "numeric":
            return TypeReader(numbers.numeric(first, *modifiers[1:2]), ("numeric",), True, wants=_NUMBER)
        case "date":
            return TypeReader(datetimes.date, ("date",))
        case "time without time zone":
            return TypeReader(datetimes.time(digits), ("time",))
        case "time with time zone":
            return TypeReader(datetimes.time_with_zone(digits), ("timetz",))
        case "timestamp without time zone":
            return TypeReader(datetimes.timestamp(digits, zone=False), ("timestamp",))
        case "timestamp with time zone":
            return TypeReader(datetimes.timestamp(digits, zone=True), ("timestamptz",))
        case "character":
            return TypeReader(strings.character(first or 1), ("bpchar",))
        case "bpchar":
            return TypeReader(strings.blank_padded, ("bpchar",))
        case "name":
            return TypeReader(strings.name, ("name",))
        case "bytea":
            return TypeReader(strings.bytea, ("bytea",))
        case "bit":
            return TypeReader(strings.bits(first or 1, varying=False), ("bit",))
        case "bit varying":
            return TypeReader(strings.bits(first, varying=True), ("varbit",))
        case "inet" | "cidr":
            return TypeReader(strings.address(network=name == "cidr"), (name,))
        case "macaddr":
            return TypeReader(strings.mac_address, ("macaddr",))
        case "citext":
            return TypeReader(strings.blank_padded, ("citext",), schema="public")
        case "halfvec":
            return TypeReader(vectors.half_vector(first), ("halfvec",), schema="public", wants="a string '[n,n,…]'")
        case "sparsevec":
            wants = "a string '{index:value,…}/length'"
            return TypeReader(vectors.sparse_vector(first), ("sparsevec",), schema="public", wants=wants)
    return None


def array_reader(element: Reader, name: str) -> Reader | None:
    """The reader of arrays of a type with this reader; None for elements that only the server can read."""
    oid = arrays.ELEMENT_OIDS.get(name)
    return None if oid is None else arrays.array(element, oid)


def server_reader(name: str) -> Reader | None:
    """What is checked of a value that only the server can read; None for other types.

    Its text goes to the server as a parameter of the column's type, and what the server makes of it is what counts.
    """
    reader = _SERVER_READ.get(name)
    if reader is None and name.removesuffix("[]") in _SERVER_READ:
        return strings.blank_padded
    return reader


def is_server_read(type_name: str, labels: tuple[str, ...] = ()) -> bool:
    """Whether values of a type, as format_type() prints it, travel as text."""
    name = re.sub(r"\(.*?\)", "", type_name)
    return server_reader(name) is not None or (bool(labels) and name.endswith("[]"))


def _matching(pattern: bytes, example: str) -> Reader:
    compiled = re.compile(pattern)

    def read(text: bytes) -> bytes:
        if not compiled.fullmatch(text):
            raise ValueFault(
                "value-form", f"{excerpt(text)} is not written as PostgreSQL prints it", f"write {example}"
            )
        return text

    return read


def _range(element: Reader) -> Reader:
    """A range whose bounds its element's reader accepts."""

    def read(text: bytes) -> bytes:
        if text.strip(_BLANKS).lower() == b"empty":
            return text
        match = _RANGE.fullmatch(text)
        if match is None:
            raise ValueFault(
                "value-form", f"{excerpt(text)} is not a range", "write [lower,upper), with bounds or without"
            )
        for bound in match.groups():
            if bound:
                element(bound.strip(b'"'))
        return text

    return read


def _json(text: bytes) -> bytes:
    check_json(text)
    return text


_BLANKS = b" \t\n\r\f\v"
_BOUND = rb'("[^"\\]*"|[^",()\[\]\\]*)'
_RANGE = re.compile(rb"\s*[\[(]" + _BOUND + rb"," + _BOUND + rb"[\])]\s*")
_INTERVAL = (
    rb"-?[0-9]+:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?|"
    rb"(?i:[-+]?[0-9]+(?:\.[0-9]+)? *"
    rb"(?:years?|mons?|months?|weeks?|days?|hours?|mins?|minutes?|secs?|seconds?|y|d|h|m|s)\s*)*"
    rb"(?:[-+]?[0-9]+:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?|P[-+0-9.YMWDTHS]+|-?infinity"
)
_NUMBERS = rb"[-+0-9.eE,()\[\]<>{}\s]*(?:Infinity|NaN)?[-+0-9.eE,()\[\]<>{}\s]*"
_GEOMETRY = _matching(_NUMBERS, "it as the database prints it")
_ANYTHING = strings.blank_padded
_SERVER_READ: Mapping[str, Reader] = {
    "jsonb": _json,
    "interval": _matching(_INTERVAL, "1 year 2 mons 3 days 04:05:06"),
    "int4range": _range(_matching(rb"[-+]?[0-9]+", "digits")),
    "int8range": _range(_matching(rb"[-+]?[0-9]+", "digits")),
    "numrange": _range(numbers.numeric()),
    "daterange": _range(datetimes.date),
    "tsrange": _range(datetimes.timestamp(zone=False)),
    "tstzrange": _range(datetimes.timestamp(zone=True)),
    "tsvector": _ANYTHING,
    "tsquery": _ANYTHING,
    **dict.fromkeys(("point", "line", "lseg", "box", "path", "polygon", "circle"), _GEOMETRY),
    "macaddr8": _matching(rb"(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2}", "08:00:2b:01:02:03:04:05"),
    "hstore": _ANYTHING,
    "ltree": _ANYTHING,
}
