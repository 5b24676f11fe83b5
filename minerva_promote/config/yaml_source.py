"""YAML text to plain values with locations: only mappings with text keys, lists, text, numbers and booleans."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from minerva_promote.config.files import UnreadableError, read_bounded
from minerva_promote.errors import ConfigError, Location

Keys = tuple[str | int, ...]  # the path to a value: ("checks", 0, "expect")

MAX_DEPTH = 50  # the C composer of pyyaml recurses without a bound and crashes the process
MAX_NODES = 200_000  # after aliases are expanded

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_LONG_INTEGER = re.compile(r"[-+]?[1-9][0-9]{18,39}", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]{1,3}", re.ASCII)  # text to YAML 1.1, a number to all else
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class KeyPosition:
    """The locations of a key and of its value; the key of a list entry is the entry itself."""

    key: Location
    value: Location


@dataclass(frozen=True, slots=True)
class Source:
    """One configuration file: its values (lists as tuples), their positions, and the faults of its YAML.

    ``values`` is None when the text could not be read at all; the faults say why.
    """

    file: str
    values: Any = field(repr=False)
    positions: Mapping[Keys, KeyPosition] = field(repr=False)
    faults: tuple[ConfigError, ...] = ()

    def at(self, path: Keys) -> Location:
        """The location of the value at ``path``, or of its nearest parent in the file."""
        return self._position(path).value

    def key_at(self, path: Keys) -> Location:
        """The location of the key at ``path``, or of its nearest parent in the file."""
        return self._position(path).key

    def value(self, path: Keys) -> Any:
        """The value at ``path``; None when there is none."""
        value = self.values
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def with_values(self, values: Any) -> Source:
        """A copy with other values and the same positions."""
        return replace(self, values=values)

    def _position(self, path: Keys) -> KeyPosition:
        while path and path not in self.positions:
            path = path[:-1]
        here = Location(self.file, 1, 1)
        return self.positions.get(path) or KeyPosition(here, here)


def path_text(path: Keys) -> str:
    """The path to a value in messages: ``checks[0].expect``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]+", step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def fault(source_at: Location, path: Keys, message: str, hint: str = "") -> ConfigError:
    """A fault of the value at ``path``, not raised: ``promote.yaml:6:13: contract.roots: …``."""
    return ConfigError(f"{path_text(path)}: {message}" if path else message, at=source_at, hint=hint)


def read_source(path: Path, file: str) -> Source:
    """The configuration file at ``path``, called ``file`` in messages; a missing or unreadable one is a fault."""
    try:
        data = read_bounded(path)
    except UnreadableError as error:
        return _unreadable(file, Location(file), error.message)
    except FileNotFoundError as error:
        return _unreadable(file, Location(file), f"cannot be read: {(error.strerror or '').lower()}")
    return parse_source(data, file)


def parse_source(data: bytes, file: str) -> Source:
    """The values of one YAML document; its faults are in ``Source.faults``."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return _unreadable(file, Location(file, before.count(b"\n") + 1, column), "not UTF-8", "save the file as UTF-8")
    if control := _UNPRINTABLE.search(text):
        before_it = text[: control.start()]
        at = Location(file, before_it.count("\n") + 1, len(before_it.rpartition("\n")[2]) + 1)
        return _unreadable(file, at, f"a character that no YAML file may hold: U+{ord(control[0]):04X}")
    try:
        problem = _scan(text, file)
        if problem:
            return Source(file, None, {}, (problem,))
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        return _syntax(error, text, file)
    if root is None:
        return _unreadable(file, Location(file, 1, 1), "the file is empty")
    builder = _Builder(file)
    try:
        values = builder.build(root, (), 0)
    except _StopError as stop:
        return Source(file, None, {}, (stop.args[0],))
    return Source(file, values, builder.positions, tuple(builder.faults))


def _unreadable(file: str, at: Location, message: str, hint: str = "") -> Source:
    return Source(file, None, {}, (ConfigError(message, at=at, hint=hint),))


def _location(file: str, mark: Any) -> Location:
    return Location(file, mark.line + 1, mark.column + 1)


def _scan(text: str, file: str) -> ConfigError | None:
    """A fault for a second document or deep nesting, found before pyyaml recurses into the text."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return ConfigError(f"nested more than {MAX_DEPTH} deep", at=_location(file, event.start_mark))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                hint = "one file holds one document: take the `---` away, or split the file"
                return ConfigError("a second document", at=_location(file, event.start_mark), hint=hint)
    return None


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Source:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return _unreadable(file, Location(file), "not YAML")
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    problem = error.problem or "not YAML"
    hint = ""
    if line[: mark.column + 1].strip(" ").startswith("\t"):
        message, hint = "a tab in the indentation", "indent with blanks"
    elif "undefined alias" in problem:  # the message leaves out the name: it may be a password that starts with *
        message, hint = "an alias (*) without its anchor", "put text that starts with * in quotes"
    elif "undefined tag" in problem:
        message, hint = "an unknown tag (!)", "put text that starts with ! in quotes"
    else:
        message = f"not YAML: {problem}"
        if "${" in line and ("{" in line.replace("${", "") or "[" in line):
            hint = 'inside { } and [ ] a variable stands in quotes: "${NAME}"'
    return _unreadable(file, _location(file, mark), message, hint)


class _StopError(Exception):
    """Carries the fault that ends the reading of a file."""


@dataclass(slots=True)
class _Builder:
    """Builds values from nodes; collects positions and faults."""

    file: str
    positions: dict[Keys, KeyPosition] = field(default_factory=dict)
    faults: list[ConfigError] = field(default_factory=list)
    nodes: int = 0
    open: set[int] = field(default_factory=set)  # collections being built: an alias to one of them never ends

    def build(self, node: yaml.Node, path: Keys, depth: int, key: Location | None = None) -> Any:
        """The value of ``node``; records its position under ``path``."""
        at = _location(self.file, node.start_mark)
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            hint = "write the values out instead of repeating them by aliases"
            raise _StopError(ConfigError(f"more than {MAX_NODES} values after aliases are expanded", at=at, hint=hint))
        if id(node) in self.open:
            raise _StopError(fault(at, path, "an alias inside its own anchor"))
        self.positions[path] = KeyPosition(key or at, at)
        if isinstance(node, yaml.ScalarNode):
            value = self._scalar(node, path, at)
            if value is None and key is not None:
                self.positions[path] = KeyPosition(key, key)  # there is no value
            return value
        if node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
            self._fault(at, path, "an unknown tag (!)", "values are text, numbers, true, false, lists and mappings")
        self.open.add(id(node))
        build = self._mapping if isinstance(node, yaml.MappingNode) else self._list
        value = build(node, path, depth)
        self.open.discard(id(node))
        return value

    def _list(self, node: yaml.Node, path: Keys, depth: int) -> tuple[Any, ...]:
        return tuple(self.build(child, (*path, i), depth + 1) for i, child in enumerate(node.value))

    def _mapping(self, node: yaml.Node, path: Keys, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, key_at, child in self._keys(node, path):
            if name in values:
                first = self.positions[*path, name].key.line
                self._fault(key_at, path, f'key "{name}" stands twice; first in line {first}')
            else:
                values[name] = self.build(child, (*path, name), depth + 1, key_at)
        return values

    def _keys(self, node: yaml.Node, path: Keys) -> Iterator[tuple[str, Location, yaml.Node]]:
        for key, child in node.value:
            at = _location(self.file, key.start_mark)
            tag = key.tag.removeprefix(_TAG)
            if tag == "merge":
                self._fault(at, path, "merge keys (<<) are not read", "write the keys out")
            elif not isinstance(key, yaml.ScalarNode):
                self._fault(at, path, "a key that is not text", "a key is one word; put it in quotes if need be")
            elif tag not in ("str", "value", "timestamp"):
                self._fault(at, path, f"key {key.value or 'null'} is not text", f'put it in quotes: "{key.value}"')
            else:
                yield key.value, at, child

    def _scalar(self, node: yaml.ScalarNode, path: Keys, at: Location) -> Any:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "str" | "value" | "timestamp":  # a date stays the text it is
                return float(text) if not node.style and _EXPONENT.fullmatch(text) else text
            case "null":
                return None
            case "bool":
                if text.lower() not in ("true", "false"):
                    self._fault(at, path, "a bare yes, no, on or off", "write true or false, or put the word in quotes")
                return text.lower() in ("true", "yes", "on")
            case "int":
                if _INTEGER.fullmatch(text):
                    return int(text)
            case "float":
                if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
                    return float(text)
            case _:
                self._fault(at, path, "an unknown tag (!)", "put text that starts with ! in quotes")
                return text
        if _LONG_INTEGER.fullmatch(text):
            self._fault(at, path, "a number of more than 18 digits", f'if it is text, put it in quotes: "{text}"')
            return 0
        message = "not a plain decimal number (a leading zero, an underscore, a colon, hexadecimal, infinity)"
        self._fault(at, path, message, "write decimal digits, or put text in quotes")
        return 0

    def _fault(self, at: Location, path: Keys, message: str, hint: str = "") -> None:
        self.faults.append(fault(at, path, message, hint))
