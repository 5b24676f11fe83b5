"""Numbers in words, and text that is safe to show, the same everywhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

# What the logs of GitHub Actions and Azure Pipelines take for a command of their own.
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
    """The text as it may be printed: each of its lines safe for a terminal and for the log of a CI service.

    Line breaks stay. Applying it again changes nothing.
    """
    return without_log_commands("\n".join(map(one_line, text.split("\n"))))


def without_log_commands(text: str) -> str:
    """The text with ``::`` at the beginning of a line, and ``##[`` and ``##vso[`` anywhere, broken up."""
    if "::" in text:
        text = _COMMAND_LINE.sub(r"\1\\x3a", text)
    return _COMMAND_MARK.sub(r"#\\x23", text) if "##" in text else text


def has_log_commands(text: str) -> bool:
    """Whether a CI service could take a line of this text for a command."""
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
    """The rows as lines whose columns begin at one place each; a column that is empty everywhere is left out."""
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(len(rows[0]))] if rows else []
    shown = [place for place, width in enumerate(widths) if width]
    return tuple(gap.join(f"{one_line(row[place]):<{widths[place]}}" for place in shown).rstrip() for row in rows)
