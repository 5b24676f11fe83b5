"""Where a string ends: up to its closing quote, doubled quotes made single."""

from __future__ import annotations

from minerva_promote.exportfile.fragments import NeedMore
from minerva_promote.exportfile.token_patterns import ESCAPED_TO_QUOTE, TO_QUOTE


def to_quote(window: bytes, begin: int, at_end: bool) -> tuple[bytes, int] | None:
    """What stands before the closing quote, and where it ends; None when the file ends before it."""
    quote = window.find(b"'", begin)  # most strings hold no other quote
    if quote < 0 or window[quote + 1 : quote + 2] in (b"'", b""):
        match = TO_QUOTE.match(window, begin)
        quote = match.end() - 1 if match else -1
    if not _is_closed(window, quote, at_end):
        return None
    return window[begin:quote].replace(b"''", b"'"), quote + 1


def to_quote_escaped(window: bytes, begin: int, at_end: bool) -> tuple[bytes, int] | None:
    """The same for E'…', where a backslash hides a quote; a doubled quote stays doubled."""
    match = ESCAPED_TO_QUOTE.match(window, begin)
    quote = match.end() - 1 if match else -1
    return (window[begin:quote], quote + 1) if _is_closed(window, quote, at_end) else None


def _is_closed(window: bytes, quote: int, at_end: bool) -> bool:
    """Whether the string ends at this quote; raises NeedMore where the next byte decides and is not read yet."""
    if not at_end and (quote < 0 or quote + 1 == len(window)):
        raise NeedMore
    return quote >= 0
