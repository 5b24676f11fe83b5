r"""SQL scripts that are safe to print: the same statements without characters that a terminal or CI log interprets.

Names and constants come from a database and may hold anything. Control and bidirectional characters, and what a CI
service takes for a command (``::`` at the beginning of a line, ``##[``, ``##vso[``), become escapes of SQL itself:
``E'\u202E'``, ``U&"\202E"``. Tokens after PostgreSQL's lexer (scan.l, release 18) with standard_conforming_strings on,
which is its default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minerva_promote.text_format import has_log_commands, printable

_TOKEN = re.compile(
    r"""(?P<line>--[^\n\r]*)
      | (?P<block>/\*)
      | (?P<escape>[eE]'(?:[^'\\]|\\.|'')*'(?:[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'(?:[^'\\]|\\.|'')*')*)
      | (?P<unicode>[uU]&(?:'(?:[^']|'')*'|"(?:[^"]|"")*"))
      | (?P<text>'(?:[^']|'')*'(?:[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'(?:[^']|'')*')*)
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<dollar>(?P<tag>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$).*?(?P=tag))
      | (?P<name>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
      | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(r"'((?:[^']|'')*)'")
_ESCAPE_PIECE = re.compile(r"'((?:[^'\\]|\\.|'')*)'", re.DOTALL)
_IN_STRING = (r"\u{:04X}", r"\U{:08X}")  # up to U+FFFF, and beyond
_IN_NAME = (r"\{:04X}", r"\+{:06X}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_EDGE = re.compile(r"/\*|\*/")
_MARK = re.compile(r"#(?=#(?:\[|vso\[))", re.IGNORECASE)
_LINE = re.compile(r"(?m)^( *):(?=:)")


def render_sql(text: str) -> str:
    """The script with every unsafe character escaped; a script without any is returned unchanged."""
    if text.replace("\n", "").isprintable() and not has_log_commands(text):
        return text
    pieces: list[str] = []
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        kind = match.lastgroup if match.lastgroup != "tag" else "dollar"
        token = match.group()
        if kind == "block":
            position = _block_end(text, position)
            token = text[match.start() : position]
        pieces.append(_escaped(str(kind), token))
    return _without_log_commands("".join(pieces))


def _escaped(kind: str, token: str) -> str:
    """One token in printable characters and line breaks; an escaped constant or name gets a blank before it."""
    if token.replace("\n", "").isprintable() and not has_log_commands(token):
        return token
    if kind in ("line", "block"):
        return printable(token)
    if kind == "escape":
        return _constant(_ESCAPED.sub(_without_needless_backslash, "".join(_pieces(token[1:], escapes=True))))
    if kind == "unicode":
        return f" {token[:3]}{_characters(token[3:-1], _IN_NAME)}{token[-1]}"
    if kind == "text":
        return _constant("".join(_pieces(token, escapes=False)).replace("\\", r"\\"))
    if kind == "dollar":
        size = token.index("$", 1) + 1
        return _constant(token[size:-size].replace("\\", r"\\").replace("'", "''"))
    if kind == "quoted":
        return _name(token[1:-1])
    if kind == "name":  # the server folds unquoted names to lower case
        return _name("".join(char.lower() if char.isascii() else char for char in token))
    return token if token == "\n" else "\n" if token == "\r" else " " if token in "\t\f\v" else printable(token)


def _pieces(token: str, *, escapes: bool) -> Iterator[str]:
    """The texts between the quotes of a string constant, which may continue on later lines."""
    return (match[1] for match in (_ESCAPE_PIECE if escapes else _PIECE).finditer(token))


def _without_needless_backslash(match: re.Match[str]) -> str:
    """An escape of E'…', without its backslash where that stands before a character that means itself."""
    char = match[1]
    return match[0] if char in "\\'" or (char.isascii() and char.isalnum()) else char


def _constant(inner: str) -> str:
    return f" E'{_characters(inner, _IN_STRING)}'"


def _name(inner: str) -> str:
    return f' U&"{_characters(inner.replace(chr(92), chr(92) * 2), _IN_NAME)}"'


def _characters(text: str, forms: tuple[str, str]) -> str:
    """The inside of a constant or a name with its unsafe characters as escapes."""

    def escape(char: str) -> str:
        return forms[ord(char) > 0xFFFF].format(ord(char))

    text = "".join(char if char.isprintable() or char == "\n" else escape(char) for char in text)
    text = _MARK.sub(lambda _: escape("#"), text)
    return _LINE.sub(lambda match: match[1] + escape(":"), text)


def _block_end(text: str, position: int) -> int:
    depth = 1
    while depth:
        edge = _EDGE.search(text, position)
        if edge is None:
            return len(text)
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position


def _without_log_commands(text: str) -> str:
    """Break up log commands outside constants and comments: a cast that begins a line, ``##`` before a bracket."""
    text = re.sub(r"(?m)^( *)(?=::)", r"\1/**/", text)
    return re.sub(r"(?i)##(?=\[|vso\[)", "## ", text)
