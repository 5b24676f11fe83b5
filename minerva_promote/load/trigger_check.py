"""Hashes of new rows as they were sent, to be compared with the rows of the target in the end.

Triggers may change a row when it is written, or later: with another row, another table, or as a deferred constraint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from minerva_promote.config.snapshot import Table
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.load.row_diff import joined, shown_value

Wire = bytes | None


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A row that was sent: its key, its offset in the file, and a short hash of every column."""

    key: tuple[Wire, ...]
    offset: int
    marks: bytes


class NewRowHashes:
    """The rows that were sent, by layout."""

    def __init__(self) -> None:
        self._rows: dict[ColumnLayout, list[WrittenRow]] = {}

    def add(self, layout: ColumnLayout, key_positions: Sequence[int], rows: Iterable[Row]) -> None:
        """Remember rows."""
        kept = self._rows.setdefault(layout, [])
        for row in rows:
            key = tuple(row.values[position] for position in key_positions)
            kept.append(WrittenRow(key, row.offset, _column_hashes(row.values)))

    def batches(self, size: int) -> Iterator[tuple[ColumnLayout, list[WrittenRow]]]:
        """All of them, a few of one layout at a time."""
        for layout, rows in self._rows.items():
            for begin in range(0, len(rows), size):
                yield layout, rows[begin : begin + size]


def rows_changed_by_triggers(
    rows: Sequence[WrittenRow],
    stored_rows: Iterable[Sequence[Wire]],
    layout: ColumnLayout,
    table: Table,
    key_positions: Sequence[int],
) -> Iterator[tuple[WrittenRow, str]]:
    """The rows that the target does not have as they were sent, with a description of the change."""
    by_key = {tuple(values[position] for position in key_positions): values for values in stored_rows}
    for row in rows:
        values = by_key.get(row.key)
        if values is None:
            yield row, "was written, and a trigger took it away again"
            continue
        marks = _column_hashes(values)
        if marks != row.marks:
            changed = [
                f"{name} is {shown_value(value, table.columns[name].value_type)}"
                for position, (name, value) in enumerate(zip(layout.columns, values, strict=True))
                if marks[position * _MARK : (position + 1) * _MARK]
                != row.marks[position * _MARK : (position + 1) * _MARK]
            ]
            yield row, f"a trigger changed what was written: {joined(changed)}"


_MARK = 8  # bytes


def _column_hashes(values: Iterable[Wire]) -> bytes:
    return b"".join(
        bytes(_MARK) if value is None else hashlib.blake2b(value, digest_size=_MARK).digest() for value in values
    )
