"""The rules of one table as functions over its rows; each returns what it finds, mostly nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from minerva_promote.config.models.contract import Reference
from minerva_promote.exportfile.json_parser import parse_json, string_values
from minerva_promote.exportfile.reference_rules import RootOf, reference_check
from minerva_promote.exportfile.row_decoder import ColumnLayout, Value
from minerva_promote.exportfile.row_keys import KeyReader, display_key, key_reader, reference_name
from minerva_promote.exportfile.rule_model import Check, Row, RuleFault, RuleState, SequenceTracker, key_of
from minerva_promote.exportfile.value_display import display, value_text

_LOCAL_PATH = re.compile(
    rb"(?: (?<![\w./~-]) (?:/home/|/Users/|~/) | (?<![A-Za-z0-9]) [A-Za-z]:\\ | (?i:file://) ) \S", re.VERBOSE
)
_NONE: Sequence[RuleFault] = ()
_NULLABLE_HINT = (
    "the contract says NULL: take NOT NULL from the column, or promote it to an environment of kind production"
)
_FIXED_WIDTH = frozenset(("uuid", "smallint", "integer", "bigint", "boolean", "timestamp without time zone"))


def compile_rules(rules: RuleState, layout: ColumnLayout) -> list[Check]:
    """The checks over rows of one layout; the first remembers the key."""
    return list(_RuleCompiler(rules, layout).checks())


class _RuleCompiler:
    def __init__(self, rules: RuleState, layout: ColumnLayout) -> None:
        self.rules = rules
        self.table = layout.table
        self.rule = rules.contract.tables[layout.table]
        self.columns = rules.snapshot.tables[layout.table].columns
        self.place = {name: number for number, name in enumerate(layout.columns)}
        self.root_of = self._root_of()

    def checks(self) -> Iterable[Check]:
        yield self.key()
        yield self.nulls()
        for columns in self.rule.unique:
            if all(column in self.place for column in columns):
                yield self.unique(columns)
        for column, rule in self.rule.columns.items():
            if rule.one_of and column in self.place:
                yield self.one_of(column, rule.one_of)
        for owner in self.rule.owners:
            yield self.belongs_to(owner)
        for reference in self.rule.named_rows:
            if all(column in self.place for column in reference.columns):
                yield reference_check(self.rules, self.table, self.place, reference, self.root_of)
        for column, contiguous in self.rule.contiguous.items():
            yield self.contiguous(column, contiguous.per, contiguous.start)
        if self.rules.contract.local_paths.forbid:
            yield from self.local_paths()

    def _root_of(self) -> RootOf | None:
        """What gives the root of a row: of the first owner, or of the first that is not NULL."""
        rules = self.rules
        roots = [self._root_of_owner(owner) for owner in rules.contract.owners(self.table)]
        if len(roots) < 2:
            return roots[0] if roots else None

        def first(values: Row) -> Value:
            for root_of in roots:
                if (root := root_of(values)) is not None:
                    return root
            return None

        return first

    def _root_of_owner(self, owner: Reference) -> RootOf:
        """A table of roots is named by its key; a row of any other table passes its own root on."""
        rules, read_key = self.rules, self.key_reader(owner.columns)
        if owner.table in rules.contract.root_tables:
            if len(rules.contract.root_tables) == 1:
                return read_key  # what root_of() makes of a key then

            def named(values: Row) -> Value:
                key = read_key(values)
                return rules.root_of(owner.table, key) if key is not None else None

            return named
        keys = rules.keys[owner.table]

        def inherited(values: Row) -> Value:
            key = read_key(values)
            return keys.get(key) if key is not None else None

        return inherited

    def key_reader(self, columns: Sequence[str]) -> KeyReader:
        """What reads these columns of a row as a key."""
        types = [self.columns[column].value_type for column in columns]
        return key_reader([self.place[column] for column in columns], types)

    def named(self, column: str, value: Value) -> str:
        return display(value, self.columns[column].value_type)

    def key(self) -> Check:
        rules, keys = self.rules, self.rules.keys[self.table]
        places = [self.place[column] for column in self.rule.key]
        read_key = self.key_reader(self.rule.key)
        types = [self.columns[column].value_type for column in self.rule.key]
        root_of = self.root_of
        is_root = self.table in rules.contract.root_tables
        dimensions = self.place.get("dimensions") if self.rule.one_row_per_root else None

        def check(values: Row) -> Sequence[RuleFault]:
            key = read_key(values)
            if key is None:
                return _NONE  # reported elsewhere
            if key in keys:
                key_text = ", ".join(self.named(name, values[self.place[name]]) for name in self.rule.key)
                message = f"{self.table} {key_text} stands in the file before"
                return [RuleFault("duplicate-key", message, "keep one row for each key", self.rule.key[0])]
            rules.last_key = key
            if not is_root:
                keys[key] = root_of(values) if root_of is not None else None
            else:
                keys[key] = rules.root_of(self.table, key)
                keyed = [values[place] or b"" for place in places]
                rules.roots.append(tuple(value_text(value, name) for value, name in zip(keyed, types, strict=True)))
            if dimensions is not None and (wire := values[dimensions]):
                rules.dimensions[key] = int.from_bytes(wire, "big", signed=True)
            return _NONE

        return check

    def nulls(self) -> Check:
        required, empty = [], []
        for name, place in self.place.items():
            rule = self.rule.columns.get(name)
            never = rule is not None and rule.must_be == "null"
            if self.columns[name].not_null or (rule and rule.required) or name in self.rule.key:
                hint = _NULLABLE_HINT if never else "give its value"
                required.append((place, name, hint))
            if never:
                empty.append((place, name))

        def check(values: Row) -> Sequence[RuleFault]:
            faults = []
            if None in values:
                for place, name, hint in required:
                    if values[place] is None:
                        faults.append(RuleFault("null", f"{self.table}.{name} is NULL", hint, name))
            for place, name in empty:
                if values[place] is not None:
                    message = f"{self.table}.{name} is {self.named(name, values[place])}, must be NULL"
                    faults.append(RuleFault("not-null", message, "export without it", name))
            return faults

        return check

    def unique(self, columns: tuple[str, ...]) -> Check:
        known = self.rules.unique.setdefault((self.table, columns), set())
        places = [self.place[column] for column in columns]
        fixed = all(self.columns[column].type in _FIXED_WIDTH for column in columns)

        def check(values: Row) -> Sequence[RuleFault]:
            parts = [values[place] for place in places]
            if None in parts:
                return _NONE
            key = b"".join(parts) if fixed else key_of(parts)  # type: ignore[arg-type]
            if key not in known:
                known.add(key)
                return _NONE
            key_text = ", ".join(f"{name} {self.named(name, values[self.place[name]])}" for name in columns)
            message = f"{self.table} with {key_text} stands in the file before"
            return [RuleFault("duplicate", message, "keep one", columns[-1])]

        return check

    def one_of(self, column: str, allowed: tuple[str, ...]) -> Check:
        place, known = self.place[column], {None, *(item.encode() for item in allowed)}

        def check(values: Row) -> Sequence[RuleFault]:
            if values[place] in known:
                return _NONE
            message = f"{self.table}.{column} is {self.named(column, values[place])}, must be {' or '.join(allowed)}"
            return [RuleFault("one-of", message, "promote only what is in this state", column)]

        return check

    def belongs_to(self, owner: Reference) -> Check:
        rules, keys = self.rules, self.rules.keys[owner.table]
        read_key, name = self.key_reader(owner.columns), reference_name(self.table, owner)
        types = [self.columns[column].value_type for column in owner.columns]
        hint = f"put the row of {owner.table} first; a file holds one root's rows"
        # what a row of any other table belongs to is known once that row was read
        waits = rules.holds_back and owner.table in rules.contract.root_tables
        where = "in the file" if waits else "before this one"

        def check(values: Row) -> Sequence[RuleFault]:
            key = read_key(values)
            if key is None or rules.incomplete:
                return _NONE
            if key in keys:
                if rules.held and (owner.table, key) in rules.held:
                    rules.want(owner.table, key, None)
                return _NONE
            key_text = display_key([values[self.place[column]] for column in owner.columns], types)
            message = f"{name} {key_text} is no row of {owner.table} {where}"
            fault = RuleFault("parent-missing", message, hint, owner.columns[-1])
            return _NONE if waits and rules.want(owner.table, key, fault) else [fault]

        return check

    def contiguous(self, column: str, per: str, start: int) -> Check:
        place, owner_place = self.place[column], self.place[per]
        owners = self.rules.numbers.setdefault((self.table, column), {})

        def check(values: Row) -> Sequence[RuleFault]:
            wire, owner = values[place], values[owner_place]
            if wire is None or owner is None:
                return _NONE
            number = int.from_bytes(wire, "big", signed=True)
            if number < start:
                message = f"{self.table}.{column} is {number}, must start at {start}"
                return [RuleFault("gap", message, "export again", column)]
            numbers = owners.get(owner)
            if numbers is None:
                numbers = owners[owner] = SequenceTracker(start)
            numbers.add(number)
            return _NONE

        return check

    def local_paths(self) -> Iterable[Check]:
        excepted = self.rules.contract.local_paths.except_
        searched = []
        for column, place in self.place.items():
            name = self.columns[column].value_type.partition("(")[0]
            if f"{self.table}.{column}" not in excepted and name in ("character varying", "text", "json", "jsonb"):
                searched.append((column, place, name in ("json", "jsonb")))
        if searched:
            yield self.local_path(searched)

    def local_path(self, searched: list[tuple[str, int, bool]]) -> Check:
        def check(values: Row) -> Sequence[RuleFault]:
            faults = []
            for column, place, is_json in searched:
                text = values[place]
                if text is None or not (b"/" in text or b"\\" in text):
                    continue
                if is_json:
                    text = "\n".join(string_values(parse_json(text))).encode()
                if match := _LOCAL_PATH.search(text):
                    message = f"{self.table}.{column} holds a local path: {display(text[match.start() :], 'text')}"
                    faults.append(RuleFault("local-path", message, "remove it: it means nothing in the target", column))
            return faults

        return check
