"""Where blanks, comments, strings and numbers begin and end, after PostgreSQL's own lexer (scan.l, release 18)."""

from __future__ import annotations

import re

from minerva_promote.exportfile.fragments import DECIMAL, INTEGER, Fault

# No possessive repetition holds a negative lookahead: where that stops it, Python's re before 3.11.5 goes on behind
# what the lookahead saw (gh-106052), so that "=-- x" began with an operator of three characters.
_WORD = rb"A-Za-z0-9_$\x80-\xff"
SPECIAL = re.compile(
    rb"""[()\[\];]
      | (?<![%(w)s]) (?: [eEnNbBxX]' | [uU]&['"] | \$ (?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)? \$ )
      | ['"]
      | (?<![%(w)s]) (?: [0-9]++ (?: \.[0-9]*+ )? | \.[0-9]++ ) (?: [eE][+-]?[0-9]++ )? [%(w)s.]*+
      | --[^\n\r]*+ | /\* | \*/
      | \xef\xbb\xbf | [\\:`\x00-\x08\x0b\x0e-\x1f\x7f] | (?<![%(w)s]) \$[0-9]*+
      | (?: [+<>=~!@\#%%^&|?] | / (?!\*) | \* (?!/) )
        (?: [+<>=~!@\#%%^&|?] | (?= /[^*] | \*[^/] | -[^-] | [/*-]\Z ) [/*-] )*+
    """
    % {b"w": _WORD},
    re.VERBOSE,
)
NOTHING = re.compile(  # what holds no special: whole words above all, at whose every letter one would be looked for
    rb"""(?>
        [ \t\n\r\f,{}]++
      | (?> [ACDF-MO-TVWYZacdf-mo-tvwyz_\x80-\xee\xf0-\xff] | [BENUXbenux] (?= [^'&] ) )
        [A-Za-z0-9_$\x80-\xee\xf0-\xff]*+
      | (?<= [%(w)s] ) [A-Za-z0-9_$\x80-\xee\xf0-\xff]++  # the rest of a word
      | \. (?= [^0-9] )
    )*+"""
    % {b"w": _WORD},
    re.VERBOSE,
)
BLANK = re.compile(rb"(?>[ \t\n\r\f]++|--[^\n\r]*+|/\*[^*/-]*+\*/)*+")  # of block comments only the simplest
WHOLE_COMMENTS = re.compile(rb"(?>[ \t\n\r\f]++|--[^\n\r]*+[\n\r]|/\*[^*/-]*+\*/)*+")
EMPTY = re.compile(rb"[ \t\n\r\f]*+;[ \t\n\r\f;]*+")
CONTINUED = re.compile(rb"(?>[ \t\f]++|--[^\n\r]*+)*+[\n\r](?>[ \t\n\r\f]++|--[^\n\r]*+[\n\r])*+'")
TO_QUOTE = re.compile(rb"(?>[^']++|'')*+'")
ESCAPED_TO_QUOTE = re.compile(rb"(?>[^'\\]++|\\.|'')*+'", re.DOTALL)
TO_DOUBLE_QUOTE = re.compile(rb'(?>[^"]++|"")*+"')
TAG_BEGUN = re.compile(rb"\$[A-Za-z0-9_\x80-\xff]*+")
VALUES_BEFORE = re.compile(rb"(?i)(?:.*[^%s.])?values" % _WORD, re.DOTALL)
LINE_END = re.compile(rb"[\n\r]")
COMMAND = re.compile(rb"\\(?:[A-Za-z_]+|[^\n\r])?")
DECIMAL_INTEGER = re.compile(rb"[0-9]++")
DECIMAL_NUMBER = re.compile(rb"(?:[0-9]++\.[0-9]*+|\.[0-9]++|[0-9]++)(?:[eE][+-]?[0-9]++)?")
PLACEHOLDERS = {INTEGER: b"1", DECIMAL: b"1.5"}  # of numbers; strings have 's'
FEFF = b"\xef\xbb\xbf"
BLANKS = b" \t\n\r\f"


def byte_order_mark(offset: int) -> Fault:
    """The fault of a byte-order mark at this offset."""
    return Fault("bom", "U+FEFF (a byte-order mark) outside a literal", offset, "save the file as UTF-8 without it")
