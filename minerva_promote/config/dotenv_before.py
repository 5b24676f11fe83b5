"""How values of .env were read before python-dotenv's rules were, to tell where the difference matters."""

from __future__ import annotations

import re

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*", re.ASCII)
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def value_before(written: str) -> str | None:
    """The value that the former rules found in one line; None where they found a fault."""
    line = written.strip("\r\n")
    name = _NAME.match(line)
    if name is None or "\n" in line:
        return None
    rest = line[name.end() :].rstrip("\r")
    if rest[:1] not in ("'", '"'):
        return re.split(r"(?:^|[ \t]+)#", rest, maxsplit=1)[0].rstrip(" \t")
    quoted = (_SINGLE if rest[0] == "'" else _DOUBLE).match(rest)
    after = rest[quoted.end() :].strip(" \t") if quoted else ""
    if quoted is None or (after and not after.startswith("#")):
        return None
    if rest[0] == "'":
        return quoted[1]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1])
