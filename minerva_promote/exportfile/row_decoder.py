"""Rows of a file: typed values in wire form, and the decoder that reads them from the literals of one shape."""

from __future__ import annotations

from dataclasses import dataclass, field

from minerva_promote.exportfile.value_faults import ValueFault
from minerva_promote.exportfile.wire_values import ColumnType, Convert

Value = bytes | None  # wire form; None is NULL


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """The columns that rows of one shape carry, in the table's order; the others take their defaults.

    There is one object for each set of columns: every row looks its layout up, by identity.
    """

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: typed values in wire form, aligned with the layout's columns."""

    layout: ColumnLayout
    values: list[Value]
    offset: int  # of its first byte in the file
    size: int  # bytes of its text


@dataclass(slots=True)
class RowCount:
    """A number of rows that have something in common."""

    rows: int = 0


@dataclass(slots=True)
class RowDecoder:
    """The values of rows of one shape from their literals; literals and columns are counted from 0."""

    layout: ColumnLayout
    constants: list[Value]  # values that are the same in every row
    literals: list[tuple[int, Convert, int, bytes]] = field(default_factory=list)  # column, converter, literal, sign
    arrays: list[tuple[int, ColumnType, list[int]]] = field(default_factory=list)  # column, its type, literals
    copies: list[tuple[int, int]] = field(default_factory=list)  # column, the column it copies
    typmods: list[tuple[int, int]] = field(default_factory=list)  # literal, the number it must be
    repaired: tuple[str, ...] = ()  # what --repair changed in each of these rows
    not_given: RowCount | None = None  # rows that leave out the same columns; None where none is left out

    def literal_of(self, column: str) -> int | None:
        """The literal that a column is read from, the first one of an array; None when it has none."""
        if column not in self.layout.columns:
            return None
        column_index = self.layout.columns.index(column)
        literals = [literal for index, _, literal, _ in self.literals if index == column_index]
        literals += [elements[0] for index, _, elements in self.arrays if index == column_index and elements]
        return literals[0] if literals else None

    def read(self, texts: list[bytes]) -> tuple[list[Value], list[tuple[ValueFault, int, str]]]:
        """The values of a row, and its faults, each with the literal and the column."""
        values = self.constants[:]
        faults: list[tuple[ValueFault, int, str]] = []
        for column, convert, index, sign in self.literals:
            try:
                values[column] = convert(sign + texts[index] if sign else texts[index])
            except ValueFault as fault:
                faults.append((fault, index, self.layout.columns[column]))
        for column, kind, indexes in self.arrays:
            elements: list[bytes] = []
            assert kind.element is not None
            assert kind.join is not None
            for index in indexes:
                try:
                    elements.append(kind.element(texts[index]))
                except ValueFault as fault:
                    faults.append((fault, index, self.layout.columns[column]))
            values[column] = kind.join(elements)
        for index, expected in self.typmods:
            if (texts[index].lstrip(b"0") or b"0") != b"%d" % expected:
                text = texts[index].decode()
                message = f"cast to length {text}, the column has {expected}"
                faults.append((ValueFault("cast-typmod", message, "leave the cast out"), index, ""))
        for column, source in self.copies:
            values[column] = values[source]
        return values, faults
