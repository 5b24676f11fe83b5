"""Wire forms as a person reads them, for messages."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence

from minerva_promote.exportfile.value_faults import excerpt

_NUMBERS = ("smallint", "integer", "bigint")
_QUOTED_FIELD = re.compile(r"[\"\\(), \t\n\r\f\v]")
_MODIFIER = re.compile(r"\(.*?\)")
_TEXTS: Mapping[str, Callable[[bytes], str]] = {
    "uuid": lambda value: str(uuid.UUID(bytes=value)),
    **dict.fromkeys(_NUMBERS, lambda value: str(int.from_bytes(value, "big", signed=True))),
    "boolean": lambda value: "true" if value == b"\1" else "false",
    "jsonb": lambda value: excerpt(value.removeprefix(b"\x01"), 40),
    "real": lambda value: _shortest_single(value),
    "double precision": lambda value: repr(struct.unpack(">d", value)[0]),
    "bytea": lambda value: f"\\x{value[:20].hex()}{'…' if len(value) > 20 else ''}",
}
_DATES = ("date", "time without time zone", "timestamp without time zone", "timestamp with time zone")
_VECTORS = {"vector": ">h", "halfvec": ">h", "sparsevec": ">i"}


def display(value: bytes | None, type_name: str, most: int = 40) -> str:
    """A value of this type (as format_type() prints it) in a few characters; a domain is shown as text."""
    if value is None:
        return "NULL"
    name = _MODIFIER.sub("", type_name)
    if name.endswith("[]"):
        return _array(value, name)
    if name in _VECTORS:
        return f"a vector of {struct.unpack_from(_VECTORS[name], value)[0]:,}"
    try:
        return _text(value, name) if _has_text(name) else excerpt(value, most)
    except (struct.error, ValueError):  # of another width: a value that no release of PostgreSQL sends
        return excerpt(value, most)


def _has_text(name: str) -> bool:
    return name in _TEXTS or name in _DATES or name == "numeric"


def _text(value: bytes, name: str) -> str:
    """A value as PostgreSQL prints it; what reads dates and decimals is imported for the first of them."""
    if name in _TEXTS:
        return _TEXTS[name](value)
    if name == "numeric":
        from minerva_promote.exportfile.types.numbers import numeric_text

        return numeric_text(value)
    from minerva_promote.exportfile.types.datetimes import date_text, time_text, timestamp_text

    if name == "date":
        return date_text(value)
    return time_text(value) if name == "time without time zone" else timestamp_text(value, zone="with time" in name)


def _array(value: bytes, name: str) -> str:
    dimensions = struct.unpack_from(">i", value)[0] if len(value) >= 4 else 0
    count = 1 if dimensions else 0
    for dimension in range(dimensions):
        count *= int(struct.unpack_from(">i", value, 12 + 8 * dimension)[0])
    return f"{{{count:,} uuids}}" if name == "uuid[]" else f"{{{count:,} of {name[:-2]}}}"


def _shortest_single(value: bytes) -> str:
    """The shortest decimal that is this float32."""
    number = float(struct.unpack(">f", value)[0])
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        if struct.pack(">f", float(text)) == value:
            return text
    return repr(number)


def value_text(value: bytes, type_name: str) -> str:
    """The whole value as PostgreSQL prints it, for types that a key may have; a time with time zone in UTC.

    Of a type that has no reader of its own here, the text of the file. Floating-point numbers and bytea are no keys.
    """
    name = _MODIFIER.sub("", type_name)
    if _has_text(name) and name not in ("bytea", "jsonb"):
        return _text(value, name)
    text = value.decode("utf-8", "replace")
    return text.rstrip(" ") if name == "character" else text  # as a cast to text has it


def row_text(texts: Sequence[str]) -> str:
    """A key as one text: of one column its value, of several what PostgreSQL prints for a row: ``(a,"b c")``."""
    return texts[0] if len(texts) == 1 else "(" + ",".join(_row_field(text) for text in texts) + ")"


def _row_field(text: str) -> str:
    """One field of record_out() (src/backend/utils/adt/rowtypes.c)."""
    if text and not _QUOTED_FIELD.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
