"""Keys of rows as bytes that are equal when their values are: integers of any width, numerics of any scale meet."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from minerva_promote.config.models.contract import Reference
from minerva_promote.config.snapshot import Column
from minerva_promote.exportfile.row_decoder import Value
from minerva_promote.exportfile.rule_model import key_of, key_of_one
from minerva_promote.exportfile.types.numbers import numeric_text
from minerva_promote.exportfile.value_display import display

KeyReader = Callable[[Sequence[Value]], bytes | None]  # from the values of a row; None where one of them is NULL


def _wide(value: bytes) -> bytes:
    return value if len(value) == 8 else int.from_bytes(value, "big", signed=True).to_bytes(8, "big", signed=True)


def _number(value: bytes) -> bytes:
    text = numeric_text(value)
    return (text.rstrip("0").rstrip(".") if "." in text else text).encode()


_WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}
_BY_TYPE: Mapping[str, Callable[[bytes], bytes]] = {
    **dict.fromkeys(_WIDTHS, _wide),
    "numeric": _number,
    "character": lambda value: value.rstrip(b" "),
}


def by_value(type_name: str) -> Callable[[bytes], bytes] | None:
    """What makes equal values of this type equal bytes; None where they are already."""
    return _BY_TYPE.get(type_name.partition("(")[0])


def as_width_of(value: Value, type_name: str) -> Value:
    """An integer of any width as a column of this type has it; any other value as it is."""
    width = _WIDTHS.get(type_name)
    if value is None or width is None or len(value) == width:
        return value
    number = int.from_bytes(value, "big", signed=True)
    return number.to_bytes(width, "big", signed=True) if -(1 << 8 * width - 1) <= number < 1 << 8 * width - 1 else value


def key_reader(places: Sequence[int], types: Sequence[str]) -> KeyReader:
    """What stands for the values in these places, as rows of this layout have them."""
    convert = [by_value(name) for name in types]
    if len(places) == 1:
        place, single = places[0], convert[0]
        if single is None:

            def plain(values: Sequence[Value]) -> bytes | None:
                value = values[place]
                return key_of_one(value) if value is not None else None

            return plain

        def converted(values: Sequence[Value]) -> bytes | None:
            value = values[place]
            return key_of_one(single(value)) if value is not None else None

        return converted

    pairs = list(zip(places, convert, strict=True))

    def several(values: Sequence[Value]) -> bytes | None:
        parts: list[Value] = []
        for place, change in pairs:
            value = values[place]
            if value is None:
                return None
            parts.append(value if change is None else change(value))
        return key_of(parts)

    return several


def reference_name(table: str, reference: Reference) -> str:
    """``orders.customer_id``; of several columns ``lines.(tenant_id, order_id)``."""
    names = ", ".join(reference.columns)
    return f"{table}.{names}" if len(reference.columns) == 1 else f"{table}.({names})"


def display_key(values: Sequence[Value], types: Sequence[str]) -> str:
    """The values of a key for messages; of several columns in parentheses."""
    key_text = ", ".join(display(value, name) for value, name in zip(values, types, strict=True))
    return key_text if len(values) == 1 else f"({key_text})"


def is_array_reference(reference: Reference, columns: Mapping[str, Column]) -> bool:
    """Whether the column holds an array of keys."""
    return len(reference.columns) == 1 and columns[reference.columns[0]].value_type.endswith("[]")


def array_elements(wire: Value) -> Iterator[Value]:
    """The elements of an array in wire form, whatever its dimensions."""
    if wire is None:
        return
    dimensions, _, _ = struct.unpack_from(">iii", wire)
    position = 12 + 8 * dimensions
    while dimensions and position < len(wire):
        (length,) = struct.unpack_from(">i", wire, position)
        position += 4
        yield None if length < 0 else wire[position : position + length]
        position += max(length, 0)
