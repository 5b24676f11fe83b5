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


def reader_of(name: str, modifiers: tuple[int, ...] = ()) -> TypeReader | None:
    """The reader of a type; None where there is none."""
    make = _READERS.get(name)
    return None if make is None else make(modifiers)


def _plain(read: Reader, cast_name: str, schema: str = "pg_catalog") -> Callable[[tuple[int, ...]], TypeReader]:
    """A type whose modifiers change nothing in how its values are read."""
    reader = TypeReader(read, (cast_name,), schema=schema)
    return lambda modifiers: reader


def _decimal(read: Reader, cast_name: str) -> Callable[[tuple[int, ...]], TypeReader]:
    return lambda modifiers: TypeReader(read, (cast_name,), True, wants=_NUMBER)


def _numeric(modifiers: tuple[int, ...]) -> TypeReader:
    return TypeReader(numbers.numeric(*modifiers[:2]), ("numeric",), True, wants=_NUMBER)


def _sized(
    read: Callable[[int | None], Reader], cast_name: str, schema: str = "pg_catalog", wants: str = _TEXT
) -> Callable[[tuple[int, ...]], TypeReader]:
    """A type whose one modifier bounds its values; ``read`` is given None where the column has none."""
    return lambda modifiers: TypeReader(
        read(modifiers[0] if modifiers else None), (cast_name,), schema=schema, wants=wants
    )


def _digits(modifier: int | None) -> int:
    return 6 if modifier is None else modifier


_READERS: Mapping[str, Callable[[tuple[int, ...]], TypeReader]] = {
    "real": _decimal(numbers.single, "float4"),
    "double precision": _decimal(numbers.double, "float8"),
    "numeric": _numeric,
    "date": _plain(datetimes.date, "date"),
    "time without time zone": _sized(lambda digits: datetimes.time(_digits(digits)), "time"),
    "time with time zone": _sized(lambda digits: datetimes.time_with_zone(_digits(digits)), "timetz"),
    "timestamp without time zone": _sized(lambda digits: datetimes.timestamp(_digits(digits), zone=False), "timestamp"),
    "timestamp with time zone": _sized(lambda digits: datetimes.timestamp(_digits(digits), zone=True), "timestamptz"),
    "character": _sized(lambda length: strings.character(length or 1), "bpchar"),
    "bpchar": _plain(strings.blank_padded, "bpchar"),
    "name": _plain(strings.name, "name"),
    "bytea": _plain(strings.bytea, "bytea"),
    "bit": _sized(lambda length: strings.bits(length or 1, varying=False), "bit"),
    "bit varying": _sized(lambda length: strings.bits(length, varying=True), "varbit"),
    "inet": _plain(strings.address(network=False), "inet"),
    "cidr": _plain(strings.address(network=True), "cidr"),
    "macaddr": _plain(strings.mac_address, "macaddr"),
    "citext": _plain(strings.blank_padded, "citext", "public"),
    "halfvec": _sized(vectors.half_vector, "halfvec", "public", "a string '[n,n,…]'"),
    "sparsevec": _sized(vectors.sparse_vector, "sparsevec", "public", "a string '{index:value,…}/length'"),
}


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
    "tsrange": _range(datetimes.unrepaired(datetimes.timestamp(zone=False))),
    "tstzrange": _range(datetimes.timestamp(zone=True)),
    "tsvector": _ANYTHING,
    "tsquery": _ANYTHING,
    **dict.fromkeys(("point", "line", "lseg", "box", "path", "polygon", "circle"), _GEOMETRY),
    "macaddr8": _matching(rb"(?:[0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2}", "08:00:2b:01:02:03:04:05"),
    "hstore": _ANYTHING,
    "ltree": _ANYTHING,
}
