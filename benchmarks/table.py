"""Aligned text tables: the first column to the left, figures to the right."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their head, two blanks between columns."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *figures = cells
        return "  ".join([first.ljust(widths[0]), *map(str.rjust, figures, widths[1:])]).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
