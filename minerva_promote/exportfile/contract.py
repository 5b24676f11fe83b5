"""The contract over rows: what must hold between the rows of one file.

Keys are kept as 16 bytes (a uuid, or a hash of anything else), so that memory is a small share of the file.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from minerva_promote.config.models import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.exportfile.binding import Layout, Value
from minerva_promote.exportfile.display import display
from minerva_promote.exportfile.jsontext import parse_json, strings
from minerva_promote.exportfile.values import uuid_array_elements

_LOCAL_PATH = re.compile(
    rb"(?: (?<![\w./~-]) (?:/home/|/Users/|~/) | (?<![A-Za-z0-9]) [A-Za-z]:\\ | (?i:file://) ) \S", re.VERBOSE
)


class RuleFault(NamedTuple):
    """A row, or the whole file, against the contract."""

    code: str
    fact: str
    help: str
    column: str = ""  # where in the row; empty: the row itself


Row = list[Value]
Check = Callable[[Row], Iterable[RuleFault]]


@dataclass(slots=True)
class Sequence:
    """Numbers seen of one contiguous column for one owner: all below ``next``, and some beyond."""

    next: int
    beyond: set[int] = field(default_factory=set)

    def add(self, number: int) -> None:
        """Note a number; one that was there already changes nothing."""
        if number != self.next:
            if number > self.next:
                self.beyond.add(number)
            return
        self.next += 1
        while self.beyond and self.next in self.beyond:
            self.beyond.discard(self.next)
            self.next += 1


def key_of(values: Iterable[Value]) -> bytes:
    """16 bytes that stand for these values."""
    parts = [b"\xff" if value is None else value for value in values]
    if len(parts) == 1 and len(parts[0]) == 16:
        return parts[0]
    sizes = struct.pack(f">{len(parts)}q", *map(len, parts))
    return hashlib.blake2b(sizes + b"".join(parts), digest_size=16).digest()


class Rules:
    """Takes every row of a file in order; tells what is wrong with each, and at the end with the file.

    ``deferred`` collects references to shared rows that the file does not hold: they may stand in the target.
    """

    def __init__(self, contract: Contract, snapshot: Snapshot, *, connected: bool) -> None:
        self.contract = contract
        self.snapshot = snapshot
        self.connected = connected
        self.rows: dict[str, int] = dict.fromkeys(contract.tables, 0)
        self.keys: dict[str, dict[bytes, bytes | None]] = {name: {} for name in contract.tables}  # key -> its root
        self.root_keys: list[bytes] = []
        self.dimensions: dict[bytes, int] = {}  # key of a shared row -> its column "dimensions"
        self.deferred: dict[tuple[str, bytes], set[int]] = {}  # shared row -> lengths of the vectors that name it
        self.incomplete = False  # rows were unreadable: what follows from their absence is not said
        self._checks: dict[Layout, list[Check]] = {}
        self._unique: dict[tuple[str, tuple[str, ...]], set[bytes]] = {}
        self._sequences: dict[tuple[str, str], dict[bytes, Sequence]] = {}
        self._shared_choice: dict[tuple[str, str, bytes | None], bytes] = {}

    def row(self, layout: Layout, values: Row, *, readable: bool = True) -> list[RuleFault]:
        """What is wrong with this row; an unreadable one is only counted, and its key remembered."""
        self.rows[layout.table] += 1
        checks = self._checks.get(layout)
        if checks is None:
            checks = self._checks[layout] = list(_Compiler(self, layout).checks())
        if not readable:
            self.incomplete = True
            checks = checks[:1]
        return [fault for check in checks for fault in check(values)]

    def finish(self, counts: dict[str, int]) -> list[RuleFault]:
        """What is wrong with the file as a whole; ``counts`` are those of its header, by table."""
        if self.incomplete:
            return []
        return [*self._required(), *self._roots(), *self._counts(counts), *self._gaps()]

    def _required(self) -> Iterable[RuleFault]:
        for name, rule in self.contract.tables.items():
            if rule.required and not self.rows[name]:
                yield RuleFault("table-empty", f"no row of {name}, which every export has", "export the book again")

    def _roots(self) -> Iterable[RuleFault]:
        roots = self.contract.roots
        if self.rows[roots.table] > roots.max:
            fact = f"{self.rows[roots.table]:,} {roots.table}, at most {roots.max:,} in one file"
            yield RuleFault("too-many-roots", fact, "export each into a file of its own")

    def _counts(self, counts: dict[str, int]) -> Iterable[RuleFault]:
        for table, said in counts.items():
            if self.rows[table] != said:
                fact = f"the header says {said:,} {table}, the file holds {self.rows[table]:,}"
                yield RuleFault("header-count", fact, "export the book again: rows are missing or were added")

    def _gaps(self) -> Iterable[RuleFault]:
        for (table, column), owners in self._sequences.items():
            for sequence in owners.values():
                if sequence.beyond:
                    fact = f"{table}.{column} has a gap: {sequence.next} is missing before {min(sequence.beyond)}"
                    yield RuleFault("gap", fact, "export the book again: a row is missing")


class _Compiler:
    """Turns the rules of one table into checks over rows of one layout; the first remembers the key."""

    def __init__(self, rules: Rules, layout: Layout) -> None:
        self.rules = rules
        self.table = layout.table
        self.rule = rules.contract.tables[layout.table]
        self.columns = rules.snapshot.tables[layout.table].columns
        self.place = {name: number for number, name in enumerate(layout.columns)}

    def checks(self) -> Iterable[Check]:
        yield self.key()
        yield self.nulls()
        for columns in self.rule.unique:
            if all(column in self.place for column in columns):
                yield self.unique(columns)
        for column, rule in self.rule.columns.items():
            if rule.one_of and column in self.place:
                yield self.one_of(column, rule.one_of)
        for column, table in self.rule.belongs_to.items():
            yield self.belongs_to(column, table)
        for column, table in self.rule.references.items():
            if column in self.place:
                yield self.references(column, table)
        for column, contiguous in self.rule.contiguous.items():
            yield self.contiguous(column, contiguous.per, contiguous.start)
        if self.rules.contract.local_paths.forbid:
            yield from self.local_paths()

    def owner_place(self) -> int | None:
        return next((self.place[column] for column in self.rule.belongs_to), None)

    def named(self, column: str, value: Value) -> str:
        return display(value, self.columns[column].type)

    def key(self) -> Check:
        keys = self.rules.keys[self.table]
        places = [self.place[column] for column in self.rule.key]
        owner = self.owner_place()
        is_root = self.table == self.rules.contract.roots.table
        dimensions = self.place.get("dimensions") if self.rule.shared else None

        def check(values: Row) -> Iterable[RuleFault]:
            key = key_of(values[place] for place in places)
            if key in keys:
                shown = ", ".join(self.named(name, values[self.place[name]]) for name in self.rule.key)
                fact = f"{self.table} {shown} stands in the file before"
                yield RuleFault("duplicate-key", fact, "keep one row for each key", self.rule.key[0])
                return
            keys[key] = key if is_root else values[owner] if owner is not None else None
            if is_root:
                self.rules.root_keys.append(key)
            if dimensions is not None and (wire := values[dimensions]):
                self.rules.dimensions[key] = int.from_bytes(wire, "big", signed=True)

        return check

    def nulls(self) -> Check:
        required, empty = [], []
        for name, place in self.place.items():
            rule = self.rule.columns.get(name)
            if self.columns[name].not_null or (rule and rule.required) or name in self.rule.key:
                required.append((place, name))
            if rule and rule.must_be == "null":
                empty.append((place, name))

        def check(values: Row) -> Iterable[RuleFault]:
            for place, name in required:
                if values[place] is None:
                    yield RuleFault("null", f"{self.table}.{name} is NULL", "give its value", name)
            for place, name in empty:
                if values[place] is not None:
                    fact = f"{self.table}.{name} is {self.named(name, values[place])}, must be NULL"
                    yield RuleFault("not-null", fact, "export without it", name)

        return check

    def unique(self, columns: tuple[str, ...]) -> Check:
        seen = self.rules._unique.setdefault((self.table, columns), set())
        places = [self.place[column] for column in columns]

        def check(values: Row) -> Iterable[RuleFault]:
            if any(values[place] is None for place in places):
                return
            key = key_of(values[place] for place in places)
            if key in seen:
                shown = ", ".join(f"{name} {self.named(name, values[self.place[name]])}" for name in columns)
                yield RuleFault("duplicate", f"{self.table} with {shown} stands in the file before", "keep one", columns[-1])
            seen.add(key)

        return check

    def one_of(self, column: str, allowed: tuple[str, ...]) -> Check:
        place, known = self.place[column], {item.encode() for item in allowed}

        def check(values: Row) -> Iterable[RuleFault]:
            if values[place] is not None and values[place] not in known:
                fact = f"{self.table}.{column} is {self.named(column, values[place])}, must be {' or '.join(allowed)}"
                yield RuleFault("one-of", fact, "promote a book when it is completed", column)

        return check

    def belongs_to(self, column: str, table: str) -> Check:
        place, roots = self.place[column], self.rules.keys[table]

        def check(values: Row) -> Iterable[RuleFault]:
            owner = values[place]
            if owner is not None and owner not in roots and not self.rules.incomplete:
                fact = f"{self.table}.{column} {self.named(column, owner)} is no row of {table} before this one"
                yield RuleFault("parent-missing", fact, f"put the row of {table} first, and only rows that belong to it", column)

        return check

    def references(self, column: str, table: str) -> Check:
        rules, place, owner_place = self.rules, self.place[column], self.owner_place()
        keys, shared = rules.keys[table], rules.contract.tables[table].shared
        array = self.columns[column].type.endswith("[]")
        vectors = [self.place[name] for name in self.place if self.columns[name].type.startswith("vector")]

        def check(values: Row) -> Iterable[RuleFault]:
            wire = values[place]
            if wire is None:
                return
            owner = values[owner_place] if owner_place is not None else None
            for key in uuid_array_elements(wire) if array else (key_of((wire,)),):
                if key not in keys:
                    yield from missing(key, values)
                elif owner is not None and keys[key] not in (None, owner):
                    fact = f"{self.table}.{column} names a row of {table} that belongs to another {rules.contract.roots.table}"
                    yield RuleFault("reference", fact, "name rows of the same root", column)
            if shared and not array:
                yield from same_choice(wire, owner, values)

        def missing(key: bytes, values: Row) -> Iterable[RuleFault]:
            if rules.incomplete:
                return
            if shared and rules.connected:
                lengths = {_length(values[vector]) for vector in vectors}
                rules.deferred.setdefault((table, key), set()).update(lengths - {0})
                return
            fact = f"{self.table}.{column} {display(key, 'uuid')} is no row of {table} before this one"
            yield RuleFault("reference", fact, f"put the row of {table} first", column)

        def same_choice(key: bytes, owner: Value, values: Row) -> Iterable[RuleFault]:
            first = rules._shared_choice.setdefault((self.table, column, owner), key)
            if first != key:
                fact = f"{self.table}.{column} is {self.named(column, key)}, rows before have {self.named(column, first)}"
                yield RuleFault("mixed-reference", fact, f"one root uses one row of {table}", column)
            wanted = rules.dimensions.get(key)
            for vector in vectors:
                length = _length(values[vector])
                if wanted is not None and length and length != wanted:
                    fact = f"a vector of {length:,}, its row of {table} says {wanted:,}"
                    yield RuleFault("vector-length", fact, "embed the text with that model", column)

        return check

    def contiguous(self, column: str, per: str, start: int) -> Check:
        place, owner_place = self.place[column], self.place[per]
        owners = self.rules._sequences.setdefault((self.table, column), {})

        def check(values: Row) -> Iterable[RuleFault]:
            wire, owner = values[place], values[owner_place]
            if wire is None or owner is None:
                return
            number = int.from_bytes(wire, "big", signed=True)
            if number < start:
                fact = f"{self.table}.{column} is {number}, must start at {start}"
                yield RuleFault("gap", fact, "export the book again", column)
                return
            sequence = owners.get(owner)
            if sequence is None:
                sequence = owners[owner] = Sequence(start)
            sequence.add(number)

        return check

    def local_paths(self) -> Iterable[Check]:
        excepted = self.rules.contract.local_paths.except_
        for column, place in self.place.items():
            name = self.columns[column].type.partition("(")[0]
            if f"{self.table}.{column}" not in excepted and name in ("character varying", "text", "json"):
                yield self.local_path(column, place, name == "json")

    def local_path(self, column: str, place: int, is_json: bool) -> Check:
        def check(values: Row) -> Iterable[RuleFault]:
            text = values[place]
            if text is None or not (b"/" in text or b"\\" in text):
                return
            if is_json:
                text = "\n".join(strings(parse_json(text))).encode()
            match = _LOCAL_PATH.search(text)
            if match:
                fact = f"{self.table}.{column} holds a local path: {display(text[match.start() :], 'text')}"
                yield RuleFault("local-path", fact, "remove it: it means nothing in the target", column)

        return check


def _length(vector: Value) -> int:
    return int(struct.unpack_from(">h", vector)[0]) if vector else 0
