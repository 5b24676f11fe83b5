"""Where a string ends: up to its closing quote, doubled quotes made single."""

from __future__ import annotations

from minerva_promote.exportfile.tokens import ESCAPED_TO_QUOTE
from minerva_promote.exportfile.units import NeedMore


def to_quote(window: bytes, begin: int, at_end: bool) -> tuple[bytes, int] | None:
    """What stands before the closing quote, and where it ends; None when the file ends before it."""
    place, doubled = begin, False
    while True:
        quote = window.find(b"'", place)
        if quote < 0:
            _need_the_end(at_end)
            return None
        if quote + 1 == len(window) and not at_end:
            raise NeedMore
        if window[quote + 1 : quote + 2] != b"'":
            break
        doubled, place = True, quote + 2
    raw = window[begin:quote]
    return (raw.replace(b"''", b"'") if doubled else raw), quote + 1


def to_quote_escaped(window: bytes, begin: int, at_end: bool) -> tuple[bytes, int] | None:
    """The same for E'…', where a backslash hides a quote; a doubled quote comes back as an escaped one."""
    pieces, place = [], begin
    while True:
        match = ESCAPED_TO_QUOTE.match(window, place)
        if match is None:
            _need_the_end(at_end)
            return None
        if match.end() == len(window) and not at_end:
            raise NeedMore
        pieces.append(window[place : match.end() - 1])
        if window[match.end() : match.end() + 1] != b"'":
            return b"\\'".join(pieces), match.end()
        place = match.end() + 1


def _need_the_end(at_end: bool) -> None:
    if not at_end:
        raise NeedMore
