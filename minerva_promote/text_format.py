"""Durations, sizes and counts as text, aligned columns, and escaping for terminals and CI logs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

# What GitHub Actions and Azure Pipelines interpret as commands in their logs.
_COMMAND_LINE = re.compile(r"(?m)^( *):(?=:)")
_COMMAND_MARK = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


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
    """A number and its noun: "1 book", "1,000 chunks". ``plural`` is a regular plural, such as the name of a table."""
    if count != 1 or not plural.endswith("s"):
        return f"{count:,} {plural}"
    return f"1 {plural[: -2 if plural.endswith(('rches', 'dexes')) else -1]}"


def one_line(text: str) -> str:
    """The text on one line of printable characters; all others, line breaks too, are escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def printable(text: str) -> str:
    """The text with control characters and log commands escaped, safe for a terminal and the log of a CI service.

    Line breaks stay. The function is idempotent.
    """
    return without_log_commands("\n".join(map(one_line, text.split("\n"))))


def without_log_commands(text: str) -> str:
    """The text with ``::`` at the beginning of a line, and ``##[`` and ``##vso[`` anywhere, escaped."""
    if "::" in text:
        text = _COMMAND_LINE.sub(r"\1\\x3a", text)
    return _COMMAND_MARK.sub(r"#\\x23", text) if "##" in text else text


def has_log_commands(text: str) -> bool:
    """Whether the text has something that a CI service would interpret as a command."""
    return without_log_commands(text) != text


def shell_word(text: str) -> str:
    """The text as one word of a shell's command line, in printable characters."""
    if printable(text) == text and "\n" not in text:
        return shlex.quote(text)
    octets = "".join(
        chr(byte) if 32 < byte < 127 and byte not in b"'\\:#" else f"\\x{byte:02x}"
        for byte in text.encode("utf-8", "surrogateescape")
    )
    return f"$'{octets}'"


def aligned(rows: Sequence[Sequence[str]], gap: str = "   ") -> tuple[str, ...]:
    """The rows as lines with aligned columns; a column that is empty in every row is left out."""
    widths = [max((len(row[index]) for row in rows), default=0) for index in range(len(rows[0]))] if rows else []
    visible = [index for index, width in enumerate(widths) if width]
    return tuple(gap.join(f"{one_line(row[index]):<{widths[index]}}" for index in visible).rstrip() for row in rows)
