"""What is wrong with one value or one piece of a file, before it has a place."""

from __future__ import annotations

from minerva_promote.text_format import one_line


class ValueFault(Exception):
    """A value that its column does not take."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def excerpt(text: bytes, most: int = 40) -> str:
    """A piece of the file for a message: printable, and not long."""
    decoded = text[: most * 4].decode("utf-8", "replace")
    return one_line(decoded[:most]) + ("…" if len(decoded) > most or len(text) > most * 4 else "")


def shorten(text: str, most: int = 500) -> str:
    """The text on one line, and not long."""
    safe = one_line(text[: most + 1])
    return safe if len(safe) <= most else f"{safe[:most]}…"
