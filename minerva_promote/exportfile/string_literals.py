"""String constants of PostgreSQL: where they end, and their values as bytes of UTF-8.

After the PostgreSQL documentation, 4.1.2 "Constants"; NUL and lone surrogates are refused as the server refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from minerva_promote.exportfile.fragments import NeedMore
from minerva_promote.exportfile.token_patterns import ESCAPED_TO_QUOTE, TO_QUOTE


class BadEscape(ValueError):
    """An escape that stands for nothing."""


_HIGH, _LOW = rb"[dD][89abAB][0-9A-Fa-f]{2}", rb"[dD][c-fC-F][0-9A-Fa-f]{2}"
_ESCAPE = re.compile(
    rb"\\(?:(?:u|U0000)(%(high)s)\\(?:u|U0000)(%(low)s)|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))"
    % {b"high": _HIGH, b"low": _LOW},
    re.DOTALL,
)
_UNICODE = re.compile(
    rb"\\(?:(?:\+00)?(%(high)s)\\(?:\+00)?(%(low)s)|([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|(\\)|(.?))"
    % {b"high": _HIGH, b"low": _LOW},
    re.DOTALL,
)
_SIMPLE = ((b"''", b"'"), (b"\\'", b"'"), (b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\r", b"\r"), (b'\\"', b'"'))
_NAMED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_BACKSLASH = b"\0"  # stands for one that is decoded, meanwhile: a file holds no NUL


class _Decoded(dict[bytes, bytes]):
    """What each escape of one string stands for, worked out once."""

    def __init__(self, pattern: re.Pattern[bytes], decode: Callable[[re.Match[bytes]], bytes]) -> None:
        super().__init__()
        self._pattern, self._decode = pattern, decode

    def __missing__(self, escape: bytes) -> bytes:
        match = self._pattern.match(escape)
        assert match
        decoded = self._decode(match)
        if b"\0" in decoded:
            raise BadEscape("stands for a NUL character")
        self[escape] = decoded
        return decoded

    def sub(self, text: bytes) -> bytes:
        """The text with its escapes decoded; doubled backslashes in it are already replaced."""
        return self._pattern.sub(lambda match: self[match[0]], text) if b"\\" in text else text


def read_plain_string(window: bytes, begin: int, at_end: bool) -> tuple[bytes, int] | None:
    """The value of the string whose content begins at this offset, and the offset after its closing quote.

    None when the file ends before the quote. Raises NeedMore.
    """
    quote = window.find(b"'", begin)  # most strings hold no other quote
    if quote < 0 or window[quote + 1 : quote + 2] in (b"'", b""):
        match = TO_QUOTE.match(window, begin)
        quote = match.end() - 1 if match else -1
    if not _is_closed(window, quote, at_end):
        return None
    return window[begin:quote].replace(b"''", b"'"), quote + 1


def read_escape_string(window: bytes, begin: int, at_end: bool) -> tuple[bytes, int] | None:
    """The same for E'…', still with its escapes: a backslash may precede a quote, and doubled quotes stay doubled."""
    match = ESCAPED_TO_QUOTE.match(window, begin)
    quote = match.end() - 1 if match else -1
    return (window[begin:quote], quote + 1) if _is_closed(window, quote, at_end) else None


def _is_closed(window: bytes, quote: int, at_end: bool) -> bool:
    """Whether the string ends at this quote. Raises NeedMore where the byte after it decides and is not read yet."""
    if not at_end and (quote < 0 or quote + 1 == len(window)):
        raise NeedMore
    return quote >= 0


def escape_string(*pieces: bytes) -> bytes:
    """What stands between the quotes of E'…', decoded; an escape does not go on behind a line break between pieces."""

    def decode(match: re.Match[bytes]) -> bytes:
        high, low, short, long, byte, octal, other = match.groups()
        if byte or octal:
            return bytes([int(byte, 16) if byte else int(octal, 8) & 0xFF])
        if other is None:
            return _character(high, low, short or long)
        if other in (b"u", b"U"):
            raise BadEscape(f"\\{other.decode()} needs {4 if other == b'u' else 8} hexadecimal digits")
        return _NAMED.get(other, other)

    table = _Decoded(_ESCAPE, decode)
    decoded = []
    for piece in pieces:
        text = piece.replace(b"\\\\", _BACKSLASH)  # from the left, so never the second half of an escape
        for written, meant in _SIMPLE:
            text = text.replace(written, meant)
        decoded.append(table.sub(text).replace(_BACKSLASH, b"\\"))
    return _utf8(b"".join(decoded))


def unicode_string(raw: bytes) -> bytes:
    """What stands between the quotes of U&'…', decoded; quotes are already single."""

    def decode(match: re.Match[bytes]) -> bytes:
        high, low, short, long, backslash, other = match.groups()
        if backslash:
            return b"\\"
        if other is not None:
            raise BadEscape("a backslash in U&'…' needs four hexadecimal digits, or + and six")
        return _character(high, low, short or long)

    text = _Decoded(_UNICODE, decode).sub(raw.replace(b"\\\\", _BACKSLASH))
    return _utf8(text.replace(_BACKSLASH, b"\\"))


def _character(high: bytes | None, low: bytes | None, code: bytes | None) -> bytes:
    value = int(code or b"0", 16)
    if high and low:
        value = 0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)
    if 0xD800 <= value <= 0xDFFF:
        raise BadEscape("stands for a lone surrogate")
    if value > 0x10FFFF:
        raise BadEscape(f"U+{value:X} is beyond Unicode")
    return chr(value).encode()


def _utf8(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadEscape("stands for bytes that are not UTF-8") from None
    return data
