"""Two rows with one key: identical, or different in which columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minerva_promote.config.snapshot import Column
from minerva_promote.exportfile.json_parser import parse_json
from minerva_promote.exportfile.value_display import display
from minerva_promote.exportfile.value_faults import ValueFault, excerpt

Wire = bytes | None

_SHOWN = 40  # characters of a text
_BEFORE = 10  # of them, before the first that differs
_TEXTS = ("character varying", "text", "json", "jsonb", "citext", "character")
_JSONB_VERSION = b"\x01"  # the first byte of its binary form


def differences(columns: Sequence[Column], ours: Sequence[Wire], theirs: Sequence[Wire]) -> list[str]:
    """What differs, as 'title is "a", the file has "b"'; values are compared by type, vectors bit by bit."""
    return [
        "{} is {}, the file has {}".format(column.name, *_value_pair(column.value_type, there, here))
        for column, here, there in zip(columns, ours, theirs, strict=True)
        if here != there and not _same_json(column, here, there)
    ]


def _same_json(column: Column, here: Wire, there: Wire) -> bool:
    if column.type != "json" or here is None or there is None:
        return False
    try:
        return bool(parse_json(here) == parse_json(there))
    except ValueFault:
        return False


def _value_pair(type_name: str, there: Wire, here: Wire) -> tuple[str, str]:
    """Two unequal values as a person sees that they differ."""
    if type_name == "jsonb":
        there, here = (value and value.removeprefix(_JSONB_VERSION) for value in (there, here))
    if type_name.partition("(")[0] in _TEXTS:
        texts = [value.decode("utf-8", "replace") for value in (there, here) if value is not None]
        begin = max(0, _common_prefix(*texts) - _BEFORE) if len(texts) == 2 else 0
        return _piece(there, begin), _piece(here, begin)
    first, second = display(there, type_name), display(here, type_name)
    return first, "another" if first == second else second


def _common_prefix(first: str, second: str) -> int:
    """How many characters two unequal texts begin with in common."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((position for position, (one, other) in pairs if one != other), min(len(first), len(second)))


def shown_value(value: Wire, type_name: str) -> str:
    """One value, for a message."""
    is_text = type_name.partition("(")[0] in _TEXTS
    return _piece(value, 0) if is_text else display(value, type_name)


def _piece(value: Wire, begin: int) -> str:
    if value is None:
        return "NULL"
    piece = value.decode("utf-8", "replace")[begin:]
    return f'"{"…" if begin else ""}{excerpt(piece.encode(), _SHOWN)}"'


def joined(parts: Iterable[str], most: int = 3) -> str:
    """The first of these, and how many more there are."""
    items = list(parts)
    more = f"; and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
