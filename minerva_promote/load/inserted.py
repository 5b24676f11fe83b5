"""Which rows were written, for the ledger: some forty bytes each, however wide they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.ledger.run_rows import PART_ROWS, RowBatch, pack_values, row_hash


class Inserted:
    """Grows with the rows that the target took."""

    def __init__(self) -> None:
        self._pieces: list[RowBatch] = []
        self._open: dict[ColumnLayout, RowBatch] = {}  # the last piece of each layout

    def add(
        self, layout: ColumnLayout, key_columns: tuple[str, ...], key_places: Sequence[int], rows: Iterable[Row]
    ) -> None:
        """Remember rows that are new."""
        for row in rows:
            piece = self._open.get(layout)
            if piece is None or piece.rows >= PART_ROWS:
                piece = RowBatch(layout.table, key_columns, layout.columns, 0, bytearray(), bytearray())
                self._open[layout] = piece
                self._pieces.append(piece)
            values = row.values
            piece.rows += 1
            piece.keys += pack_values([values[place] for place in key_places])
            piece.marks += row_hash(values)

    def pieces(self) -> tuple[RowBatch, ...]:
        """All of them, in the order in which they were begun."""
        return tuple(self._pieces)
