"""Two rows with one key: identical, or different in which columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minerva_promote.config.snapshot import Column
from minerva_promote.exportfile.display import display
from minerva_promote.exportfile.faults import ValueFault
from minerva_promote.exportfile.jsontext import parse_json

Wire = bytes | None


def differences(columns: Sequence[Column], ours: Sequence[Wire], theirs: Sequence[Wire]) -> list[str]:
    """What differs, as "title is 'a', the file has 'b'"; values are compared by type, vectors bit by bit."""
    return [
        f"{column.name} is {_shown(mine=False, column=column, value=there)}, "
        f"the file has {_shown(mine=True, column=column, value=here)}"
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


def _shown(*, mine: bool, column: Column, value: Wire) -> str:
    text = display(value, column.type)
    if column.type.startswith("vector"):
        return "another vector" if mine else text
    return text


def joined(parts: Iterable[str], most: int = 3) -> str:
    """The first of these, and how many more there are."""
    listed = list(parts)
    more = f"; and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(listed[:most]) + more
