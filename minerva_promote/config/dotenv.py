"""The .env file of the project root: KEY=VALUE lines into variables."""

from __future__ import annotations

import re
from pathlib import Path

from minerva_promote.errors import ConfigError, ConfigErrors, Location

_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*", re.ASCII)
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_dotenv(path: Path, file: str = ".env") -> dict[str, str]:
    """The variables of the file, none when it does not exist; all faults at once, never showing a value."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot be read: {(error.strerror or '').lower()}", at=Location(file)) from None
    variables: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[ConfigError] = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            pair = _pair(raw.removesuffix(b"\r"))
        except _LineError as fault:
            faults.append(ConfigError(fault.fact, at=Location(file, number, fault.column), hint=fault.hint))
            continue
        if pair is None:
            continue
        name, value = pair
        if name in lines:
            fact = f"{name} is set twice; first in line {lines[name]}"
            faults.append(ConfigError(fact, at=Location(file, number, 1)))
        else:
            variables[name] = value
            lines[name] = number
    if faults:
        raise ConfigErrors(faults)
    return variables


class _LineError(Exception):
    def __init__(self, fact: str, column: int, hint: str = "") -> None:
        super().__init__(fact)
        self.fact, self.column, self.hint = fact, column, hint


def _pair(raw: bytes) -> tuple[str, str] | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _LineError("not UTF-8", error.start + 1, "save the file as UTF-8") from None
    if "\0" in text:
        raise _LineError("a NUL character", text.index("\0") + 1)
    line = text.strip(" \t")
    start = len(text) - len(text.lstrip(" \t"))
    if not line or line.startswith("#"):
        return None
    name = _NAME.match(line)
    if name is None:
        raise _LineError("not KEY=VALUE", start + 1, "a name of letters, digits and _, then =, then the value")
    rest = line[name.end() :]
    column = start + name.end() + 1
    if rest[:1] not in ("'", '"'):
        return name[1], re.split(r"(?:^|[ \t]+)#", rest, maxsplit=1)[0].rstrip(" \t")
    quoted = (_SINGLE if rest[0] == "'" else _DOUBLE).match(rest)
    if quoted is None:
        raise _LineError("a quote that is not closed on its line", column)
    after = rest[quoted.end() :].strip(" \t")
    if after and not after.startswith("#"):
        raise _LineError("text after the closing quote", column + quoted.end(), "a comment after a value starts with #")
    if rest[0] == "'":
        return name[1], quoted[1]
    return name[1], re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1])
