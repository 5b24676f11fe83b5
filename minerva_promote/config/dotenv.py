"""The .env file of the project root, read by the rules of python-dotenv, without interpolation.

A value may stand in quotes and have several lines; of a name that is set twice the last value counts. Only the names
that are asked for are checked, as the file may hold others for other programs.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from minerva_promote.config.files import UnreadableError, read_bounded
from minerva_promote.errors import ConfigError, Location

MOST = 64 << 10  # bytes
_LINE_END = re.compile(r"\r\n|\n|\r")
_MANY_BLANKS = re.compile(r"[^\S\r\n]{1000}")  # python-dotenv takes the square of their number
_NAME = re.compile(r"\s*(?:export\s+)?'?([A-Za-z_][A-Za-z0-9_]*)'?[ \t]*=", re.ASCII)
_NAME_INSIDE = re.compile(r"[\r\n][ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=", re.ASCII)  # of a later line

# Releases before python-dotenv read one line at a time by these rules; a warning says where a value differs now.
_FORMER_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*", re.ASCII)
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment of a name: its value, or why it cannot be read."""

    line: int
    value: str = field(repr=False)
    fault: str = ""


class Dotenv(Mapping[str, str]):
    """The variables of the file. Looking up one that cannot be read raises ConfigError; no message shows a value."""

    def __init__(
        self,
        file: str,
        entries: Mapping[str, list[Entry]],
        before: Mapping[str, tuple[str, int]],  # values by the former rules, with their lines
        notes: Iterable[str] = (),
    ) -> None:
        self._file = file
        self._entries = entries
        self._before = before
        self._notes = tuple(notes)

    def __getitem__(self, name: str) -> str:
        entry = self._entries[name][-1]
        if entry.fault:
            hint = "write NAME='value'; inside '…' write a quote as \\' and a backslash as \\\\"
            raise ConfigError(f"{name}: {entry.fault}", at=Location(self._file, entry.line), hint=hint)
        return entry.value

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def faults(self, names: Iterable[str]) -> list[ConfigError]:
        """A fault for each of these names whose value cannot be read."""
        faults: list[ConfigError] = []
        for name in sorted(set(names) & set(self._entries)):
            try:
                self[name]
            except ConfigError as error:
                faults.append(error)
        return faults

    def warnings(self, names: Iterable[str]) -> list[str]:
        """Warnings about the file, and about these names: set twice, or read otherwise by other programs."""
        warnings = list(self._notes)
        for name in sorted(set(names) & set(self._entries)):
            entries = self._entries[name]
            last = entries[-1]
            at = Location(self._file, last.line)
            if len(entries) > 1:
                lines = ", ".join(str(entry.line) for entry in entries[:-1])
                warnings.append(f"{at}: {name} is set more than once, also in line {lines}; the last value is used")
            if not last.fault and _is_interpolated(last.value):
                start = f"{at}: {name} holds a ${{ that promote keeps as it is"
                warnings.append(f"{start}; programs that interpolate read another value")
            if not last.fault and name in self._before and self._before[name][0] != last.value:
                start = f"{at}: {name} is read by python-dotenv's rules, and otherwise than by promote before"
                warnings.append(f"{start}: check its backslashes and #, or put it in single quotes")
        for name in sorted(set(names) & set(self._before) - set(self._entries)):
            at = Location(self._file, self._before[name][1])
            warnings.append(f"{at}: {name} stands inside a quoted value of several lines, and is not set by it")
        return warnings


def read_dotenv(path: Path, file: str = ".env") -> Dotenv:
    """The variables of the file, none when it does not exist. Raises ConfigError when it cannot be read."""
    try:
        data = read_bounded(path, MOST)
    except FileNotFoundError:
        return Dotenv(file, {}, {})
    except UnreadableError as error:
        raise ConfigError(error.message, at=Location(file)) from None
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if blanks := _MANY_BLANKS.search(text):  # before anything else reads it: expressions take their square in time
        line = 1 + len(_LINE_END.findall(text[: blanks.start()]))
        raise ConfigError("more than 1,000 blanks in a row", at=Location(file, line))
    entries: dict[str, list[Entry]] = {}
    for name, entry in _entries(text):
        entries.setdefault(name, []).append(entry)
    return Dotenv(file, entries, _values_by_former_rules(text), _notes(path, file))


def _entries(text: str) -> Iterator[tuple[str, Entry]]:
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(text, newline="")):
        written = binding.original.string
        leading = written[: len(written) - len(written.lstrip())]
        line = binding.original.line + len(_LINE_END.findall(leading))
        if binding.error:
            match = _NAME.match(written)
            if match:
                yield match[1], Entry(line, "", "a quote that is not closed, or text after the closing quote")
            for inner in list(_NAME_INSIDE.finditer(written, len(leading))):
                within = line + len(_LINE_END.findall(written[len(leading) : inner.end()]))
                yield inner[1], Entry(within, "", f"stands inside the quote of line {line}, which is not closed before")
        elif binding.key and binding.value is not None:
            fault = ""
            if any("\udc80" <= char <= "\udcff" for char in binding.value):
                fault = "not UTF-8"
            elif "\0" in binding.value:
                fault = "a NUL character"
            yield binding.key, Entry(line, binding.value, fault)


def _is_interpolated(value: str) -> bool:
    from dotenv.variables import Variable, parse_variables

    return "${" in value and any(isinstance(atom, Variable) for atom in parse_variables(value))


def _notes(path: Path, file: str) -> Iterator[str]:
    """A warning when everybody may write to the file."""
    if os.name == "posix" and path.stat().st_mode & stat.S_IWOTH:
        yield f"{file}: everybody on this machine may write to it: chmod 600 {file}"


def _values_by_former_rules(text: str) -> dict[str, tuple[str, int]]:
    """The values as releases before python-dotenv read them, each with its line; of a repeated name the last."""
    values: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if (pair := _former_pair(line.removesuffix("\r"))) is not None:
            values[pair[0]] = pair[1], number
    return values


def _former_pair(line: str) -> tuple[str, str] | None:
    name = _FORMER_NAME.match(line)
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
