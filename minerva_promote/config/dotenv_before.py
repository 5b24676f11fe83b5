"""How values of .env were read before python-dotenv's rules were, to tell where the difference matters."""

from __future__ import annotations

import re

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*", re.ASCII)
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def values_before(data: bytes) -> dict[str, tuple[str, int]]:
    """The values that the former rules found, line by line, with their lines; of two the last one."""
    values: dict[str, tuple[str, int]] = {}
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        if (pair := _pair(line.removesuffix("\r"))) is not None:
            values[pair[0]] = pair[1], number
    return values


def _pair(line: str) -> tuple[str, str] | None:
    name = _NAME.match(line)
    if name is None:
        return None
    rest = line[name.end() :]
    if rest[:1] not in ("'", '"'):
        return name[1], re.split(r"(?:^|[ \t]+)#", rest, maxsplit=1)[0].rstrip(" \t")
    quoted = (_SINGLE if rest[0] == "'" else _DOUBLE).match(rest)
    after = rest[quoted.end() :].strip(" \t") if quoted else ""
    if quoted is None or (after and not after.startswith("#")):
        return None
    if rest[0] == "'":
        return name[1], quoted[1]
    return name[1], re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1])
