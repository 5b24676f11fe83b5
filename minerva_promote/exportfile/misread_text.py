"""UTF-8 that was read as Latin-1 or Windows-1252 and written as UTF-8 again: GrÃ¼n for Grün.

Each byte of a character has become a character of its own: one of À to ô, and for every further byte one of the
64 characters that stand at 0x80 to 0xBF. Such pairs are rare in real text. Those that occur in it, a letter before a
closing quotation mark or a dash, count only where no word can end.
"""

from __future__ import annotations

import re

_CONTEXT = 24  # characters around an example at most
_CLOSING = "\u00a0\u00ad\u00bb\u2018\u2019\u201a\u201c\u201d\u2026\u2013\u2014\u203a\u2022\u2122"  # may follow a word


def _byte_as_text(byte: int) -> str:
    """What a byte is in Windows-1252, and in Latin-1 where that is something else."""
    return bytes([byte]).decode("latin-1") + bytes([byte]).decode("cp1252", "ignore")


_FURTHER = "".join(map(_byte_as_text, range(0x80, 0xC0)))
_INSIDE = "".join(sorted({*_FURTHER} - {*_CLOSING}))  # in no text behind a letter such as Ã
_PATTERN = re.compile(
    f"[\u00c2\u00c3][{_INSIDE}]"  # two bytes: the accented letters and signs of Latin-1
    f"|(?<![^\\W\\d_])[\u00c2\u00c3][{_CLOSING}](?=[^\\W\\d_])"
    f"|\u00e2[\u20ac\u0080][{_FURTHER}]"  # three bytes: quotation marks and dashes
    f"|\u00f0[\u0178\u009f][{_FURTHER}]"  # four: emoji
    f"|(?:[\u00c4-\u00df][{_FURTHER}]){{3}}"  # words in Greek, Cyrillic, Hebrew and Arabic letters
    f"|(?:[\u00e0-\u00ef][{_FURTHER}]{{2}}){{2}}"  # and in those of Asia
)
# A cheap look at the bytes first: the leading character, and the first bytes of a character that may follow.
_CANDIDATE = re.compile(rb"\xc3[\x80-\xb4](?:\xc2|\xc5|\xc6\x92|\xcb|\xe2[\x80\x82\x84])")


def misread_word(text: bytes) -> tuple[str, str] | None:
    """A word of the text that was misread, and what it was before ("" if that is unknown); None without one."""
    if not _CANDIDATE.search(text):
        return None
    decoded = text.decode("utf-8", "replace")
    match = _PATTERN.search(decoded)
    if match is None:
        return None
    begin, end = match.span()
    while begin > 0 and not decoded[begin - 1].isspace() and match.start() - begin < _CONTEXT:
        begin -= 1
    while end < len(decoded) and not decoded[end].isspace() and end - match.end() < _CONTEXT:
        end += 1
    word = decoded[begin:end]
    return word, _original(word)


def _original(word: str) -> str:
    """The word as it was before it was misread; "" where its characters are not those of whole UTF-8."""
    try:
        return b"".join(map(_as_byte, word)).decode("utf-8")
    except UnicodeError:
        return ""


def _as_byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")
