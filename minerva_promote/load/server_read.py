"""Columns whose values only the server can read: their text is sent, and what it makes of it is taken from there on.

Until then a row holds the text of the file; afterwards the binary form, as of every other column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.config.snapshot import Table
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.exportfile.wire_values import is_read_here
from minerva_promote.load.insert_statements import values

TEXT, BINARY = 0, 1  # formats of a value in the protocol


@dataclass(frozen=True, slots=True)
class ServerRead:
    """Those columns of one layout; mostly there are none."""

    positions: tuple[int, ...]  # in the layout
    names: tuple[str, ...]
    types: tuple[int, ...]  # oids
    casts: tuple[str, ...]  # the type, where it has a modifier; else ""
    formats: tuple[int, ...]  # of all columns of the layout

    def take_returned(
        self, rows: Sequence[Row], key_positions: Sequence[int], returned: Sequence[Sequence[bytes | None]]
    ) -> None:
        """Take what an INSERT returned: the key of each row that was written, and these columns."""
        width = len(key_positions)
        by_key = {tuple(values[:width]): values[width:] for values in returned}
        for row in rows:
            canonical = by_key.get(tuple(row.values[position] for position in key_positions))
            if canonical is not None:
                self._take(row, canonical)

    def ask(self, pipe: Pipelined, rows: Sequence[Row]) -> None:
        """Have the server read the values of rows that it does not write, in one statement."""
        parameters = [row.values[position] for row in rows for position in self.positions]
        statement = values(self.casts, len(rows))
        canonical = pipe.ask(statement, self.types * len(rows), parameters, [TEXT] * len(parameters))
        for row, canonical_row in zip(rows, canonical, strict=True):
            self._take(row, canonical_row)

    def _take(self, row: Row, canonical: Sequence[bytes | None]) -> None:
        for position, value in zip(self.positions, canonical, strict=True):
            row.values[position] = value


def server_read(layout: ColumnLayout, table: Table, types: Mapping[str, int]) -> ServerRead | None:
    """The columns of a layout that only the server can read; None when there is none."""
    columns = [table.columns[name] for name in layout.columns]
    others = [column for column in columns if not is_read_here(column)]
    if not others:
        return None
    from minerva_promote.exportfile.types.by_name import is_server_read

    positions = tuple(
        position for position, column in enumerate(columns) if is_server_read(column.value_type, column.labels)
    )
    if not positions:
        return None
    return ServerRead(
        positions,
        tuple(layout.columns[position] for position in positions),
        tuple(types[layout.columns[position]] for position in positions),
        tuple(columns[position].type if "(" in columns[position].type else "" for position in positions),
        tuple(TEXT if position in positions else BINARY for position in range(len(columns))),
    )
