"""References between rows of a file, and the shared rows that all rows of a root must agree on."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from minerva_promote.config.models.contract import Reference
from minerva_promote.exportfile.row_decoder import Value
from minerva_promote.exportfile.row_keys import (
    array_elements,
    by_value,
    display_key,
    is_array_reference,
    key_reader,
    reference_name,
)
from minerva_promote.exportfile.rule_model import Check, DeferredRow, Row, RuleFault, RuleState, key_of_one
from minerva_promote.exportfile.value_display import value_text
from minerva_promote.exportfile.wire_values import uuid_array_elements

RootOf = Callable[[Row], Value]  # the root of a row, or None where it belongs to none


def reference_check(
    rules: RuleState, table: str, place: Mapping[str, int], reference: Reference, root_of: RootOf | None
) -> Check:
    """Every key in the columns is a row of the other table before this one, of the same root.

    A reference to a shared table of which a root names one row also means: all rows of the root name that row, and its
    column ``dimensions``, if it has one, is the length of this row's vectors.
    """
    columns = rules.snapshot.tables[table].columns
    if is_array_reference(reference, columns):
        return _ArrayReference(rules, table, place, reference, root_of).check
    if rules.contract.tables[reference.table].one_row_per_root:
        return _OneRowPerRoot(rules, table, place, reference, root_of).check
    return _RowReference(rules, table, place, reference, root_of).check


class _Reference:
    """What all references have in common: where their columns are, and what becomes of a key without a row."""

    def __init__(
        self, rules: RuleState, table: str, place: Mapping[str, int], reference: Reference, root_of: RootOf | None
    ) -> None:
        self.rules, self.table, self.columns, self.target = rules, table, reference.columns, reference.table
        columns = rules.snapshot.tables[table].columns
        self.places = [place[column] for column in reference.columns]
        self.types = [columns[column].value_type for column in reference.columns]
        self.name = reference_name(table, reference)
        self.keys = rules.keys[self.target]
        rule = rules.contract.tables[self.target]
        # one_per_root is None in a contract of version 1, where only a uuid may name a row of the target
        self._in_target = rule.shared and (rule.one_per_root is not None or self.types == ["uuid"])
        self._root_of = root_of
        vectors = [place[column] for column in place if columns[column].type.startswith("vector")]
        self.vectors = vectors if rule.one_row_per_root else []

    def root_of(self, values: Row) -> Value:
        """The root that a row belongs to; None where rows of its table belong to none."""
        return self._root_of(values) if self._root_of is not None else None

    def fault(self, code: str, message: str, hint: str) -> RuleFault:
        """A fault with its place, the last of the columns."""
        return RuleFault(code, message, hint, self.columns[-1])

    def is_sound(self, key: bytes, root: Value) -> bool:
        """Whether the key is one of a row before, of the same root or of none."""
        if self.rules.held and (self.target, key) in self.rules.held:
            return False
        return key in self.keys and (root is None or self.keys[key] in (None, root))

    def check_key(
        self, key: bytes, root: Value, wire: Sequence[Value], types: Sequence[str], values: Row
    ) -> Sequence[RuleFault]:
        """The fault of a row that names this key, if any; ``wire`` are the key's values of these ``types``."""
        if self.is_sound(key, root):
            return ()
        if key not in self.keys:
            return self._check_missing(key, wire, types, values)
        if (self.target, key) in self.rules.held:
            self.rules.want(self.target, key, None)
        if root is None or self.keys[key] in (None, root):
            return ()
        roots = " or ".join(self.rules.contract.root_tables)
        message = f"{self.name} names a row of {self.target} that belongs to another row of {roots}"
        return [self.fault("reference", message, "name rows of the same root")]

    def _check_missing(
        self, key: bytes, wire: Sequence[Value], types: Sequence[str], values: Row
    ) -> Sequence[RuleFault]:
        """A key without a row in the file so far: the row may be in the target, where that is known later."""
        if self.rules.incomplete:
            return ()
        key_text = display_key(wire, types)
        if self._in_target and self.rules.connected:
            row = self.rules.deferred.get((self.target, key))
            if row is None:
                texts = tuple(value_text(value or b"", name) for value, name in zip(wire, types, strict=True))
                row = self.rules.deferred[self.target, key] = DeferredRow(texts, key_text, set())
            row.lengths.update({_length(values[vector]) for vector in self.vectors} - {0})
            return ()
        place = "in the file" if self.rules.holds_back else "before this one"
        message = f"{self.name} {key_text} is no row of {self.target} {place}"
        fault = self.fault("reference", message, f"put the row of {self.target} first")
        return () if self.rules.want(self.target, key, fault) else [fault]


class _ArrayReference(_Reference):
    """A column whose elements are keys."""

    def __init__(
        self, rules: RuleState, table: str, place: Mapping[str, int], reference: Reference, root_of: RootOf | None
    ) -> None:
        super().__init__(rules, table, place, reference, root_of)
        self._element_type = [self.types[0].removesuffix("[]")]
        self._convert = by_value(self._element_type[0])
        self._elements_of = uuid_array_elements if self._element_type == ["uuid"] else array_elements

    def check(self, values: Row) -> Sequence[RuleFault]:
        """The faults of a row."""
        wire = values[self.places[0]]
        if wire is None:
            return ()
        root, convert = self.root_of(values), self._convert
        faults: list[RuleFault] = []
        for element in self._elements_of(wire):
            if element is None:
                continue
            key = key_of_one(element if convert is None else convert(element))
            if not self.is_sound(key, root):
                faults += self.check_key(key, root, (element,), self._element_type, values)
        return faults


class _RowReference(_Reference):
    """Columns that name one row."""

    def __init__(
        self, rules: RuleState, table: str, place: Mapping[str, int], reference: Reference, root_of: RootOf | None
    ) -> None:
        super().__init__(rules, table, place, reference, root_of)
        self.read_key = key_reader(self.places, self.types)

    def key_values(self, values: Row) -> list[Value]:
        """The values of the key, in wire form."""
        return [values[place] for place in self.places]

    def check(self, values: Row) -> Sequence[RuleFault]:
        """The faults of a row; one with NULL in a column names no row."""
        key = self.read_key(values)
        if key is None:
            return ()
        root = self.root_of(values)
        if self.is_sound(key, root):
            return ()
        return self.check_key(key, root, self.key_values(values), self.types, values)


class _OneRowPerRoot(_RowReference):
    """Columns that name the one row of a shared table that all rows of a root name."""

    def __init__(
        self, rules: RuleState, table: str, place: Mapping[str, int], reference: Reference, root_of: RootOf | None
    ) -> None:
        super().__init__(rules, table, place, reference, root_of)
        self._agreed: list[Value] = [None, None]  # root and key of the row before, which agreed

    def check(self, values: Row) -> Sequence[RuleFault]:
        """The faults of a row; one with NULL in a column names no row."""
        key = self.read_key(values)
        if key is None:
            return ()
        root = self.root_of(values)
        faults: list[RuleFault] = []
        if not self.is_sound(key, root):
            faults += self.check_key(key, root, self.key_values(values), self.types, values)
        if self._agreed[0] is not root or self._agreed[1] is not key:
            faults += self._check_choice(key, root, values)
        wanted = self.rules.dimensions.get(key)
        if wanted is not None:
            faults += self._check_lengths(wanted, values)
        return faults

    def _check_choice(self, key: bytes, root: Value, values: Row) -> Sequence[RuleFault]:
        key_text = display_key(self.key_values(values), self.types)
        choices = self.rules.choices
        chosen, chosen_text = choices.setdefault((self.table, self.columns, root), (key, key_text))
        if chosen == key:
            self._agreed[:] = root, key
            return ()
        message = f"{self.name} is {key_text}, rows before have {chosen_text}"
        return [self.fault("mixed-reference", message, f"one root uses one row of {self.target}")]

    def _check_lengths(self, wanted: int, values: Row) -> Iterator[RuleFault]:
        for vector in self.vectors:
            length = _length(values[vector])
            if length and length != wanted:
                message = f"a vector of {length:,}, its row of {self.target} says {wanted:,}"
                yield self.fault("vector-length", message, f"compute it with the model of that row of {self.target}")


def _length(vector: Value) -> int:
    return int(struct.unpack_from(">h", vector)[0]) if vector else 0
