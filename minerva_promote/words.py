"""Numbers in words, and text that is safe to show, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence


def seconds(value: float) -> str:
    """A duration: "0.1 s", "2 min 5 s"."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def size(count: int) -> str:
    """A number of bytes: "23.8 MB"."""
    number = float(count)
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def counted(count: int, plural: str) -> str:
    """A number and its noun: "1 book", "1,000 chunks"; nouns come as their regular plural, as tables do."""
    if count != 1 or not plural.endswith("s"):
        return f"{count:,} {plural}"
    return f"1 {plural[: -2 if plural.endswith(('rches', 'dexes')) else -1]}"


def one_line(text: str) -> str:
    """The text on one line, without anything that could steer a terminal or end a comment."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def printable(text: str) -> str:
    """The same of each of its lines; line breaks stay."""
    return "\n".join(map(one_line, text.split("\n")))


def aligned(rows: Sequence[Sequence[str]], gap: str = "   ") -> tuple[str, ...]:
    """The rows as lines whose columns begin at one place each; a column that is empty everywhere is left out."""
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(len(rows[0]))] if rows else []
    shown = [place for place, width in enumerate(widths) if width]
    return tuple(gap.join(f"{one_line(row[place]):<{widths[place]}}" for place in shown).rstrip() for row in rows)
