"""Warnings about a file as a whole, as findings: columns that it does not give, and texts that look wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from minerva_promote.config.snapshot import Snapshot
from minerva_promote.exportfile.row_decoder import RowCount
from minerva_promote.exportfile.text_statistics import ColumnTexts, TextStatistics
from minerva_promote.exportfile.value_faults import shorten
from minerva_promote.text_format import counted


class FileWarning(NamedTuple):
    """A warning about a file."""

    code: str
    message: str
    hint: str
    affected: int  # rows or values


def not_given_warnings(
    counts: Mapping[tuple[str, tuple[str, ...]], RowCount], snapshot: Snapshot
) -> Iterator[FileWarning]:
    """One warning for each column that rows leave out, in the order of the tables' columns.

    ``counts``: the rows by their table and the columns that they leave out.
    """
    rows: Counter[tuple[str, str]] = Counter()
    for (table, columns), count in counts.items():
        for column in columns:
            rows[table, column] += count.rows
    for table in dict.fromkeys(table for table, _ in counts):
        for name, described in snapshot.tables[table].columns.items():
            if affected := rows[table, name]:
                value = f"its default {described.default}" if described.default else "NULL"
                message = f"{table}.{name} is not given: {value} is stored ({counted(affected, 'rows')})"
                hint = f"export it, or name it in promote.yaml: contract.tables.{table}.optional: [{name}]"
                yield FileWarning("not-given", shorten(message), hint, affected)


def text_warnings(texts: TextStatistics) -> Iterator[FileWarning]:
    """One warning for each column and kind of fault, and one about the line ends of all texts."""
    for column in texts.columns.values():
        yield from _column_warnings(column)
    if texts.windows_lines and not texts.plain_lines:
        message = f"every line of the texts ends in CRLF ({counted(texts.windows_lines, 'values')} of several lines)"
        hint = "if they had plain line feeds, write the file without converting line ends, and export again"
        yield FileWarning("line-ends", message, hint, texts.windows_lines)


def _column_warnings(column: ColumnTexts) -> Iterator[FileWarning]:
    for word, count in sorted(column.null_words.items()):
        message = f"{column.name} is the text '{word}' in {counted(count, 'rows')}"
        yield FileWarning("null-text", message, "if no value is meant, write NULL without quotes", count)
    if column.misread:
        wrong, right = column.example
        example = f"{wrong} for {right}" if right else wrong
        message = f"{column.name} holds UTF-8 that was read as Latin-1 ({counted(column.misread, 'rows')}): {example}"
        hint = "read the source as UTF-8, and export again"
        yield FileWarning("misread-text", shorten(message), hint, column.misread)
