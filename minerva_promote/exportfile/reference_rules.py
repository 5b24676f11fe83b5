"""References between rows of a file, and the shared rows that all rows of a root must agree on."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

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
    target = reference.table
    rule, keys = rules.contract.tables[target], rules.keys[target]
    columns, roots = rules.snapshot.tables[table].columns, " or ".join(rules.contract.root_tables)
    places = [place[column] for column in reference.columns]
    types = [columns[column].value_type for column in reference.columns]
    # one_per_root is None in a contract of version 1, where only a uuid may name a row of the target
    in_target = rule.shared and (rule.one_per_root is not None or types == ["uuid"])
    name, last = reference_name(table, reference), reference.columns[-1]
    vectors: list[int] = []
    if rule.one_row_per_root:
        vectors = [place[column] for column in place if columns[column].type.startswith("vector")]

    def missing(key: bytes, wire: Sequence[Value], its_types: Sequence[str], values: Row) -> Sequence[RuleFault]:
        if rules.incomplete:
            return ()
        shown = display_key(wire, its_types)
        if in_target and rules.connected:
            row = rules.deferred.get((target, key))
            if row is None:
                texts = tuple(value_text(value or b"", type_) for value, type_ in zip(wire, its_types, strict=True))
                row = rules.deferred[target, key] = DeferredRow(texts, shown, set())
            row.lengths.update({_length(values[vector]) for vector in vectors} - {0})
            return ()
        fact = f"{name} {shown} is no row of {target} before this one"
        return [RuleFault("reference", fact, f"put the row of {target} first", last)]

    def other_root() -> RuleFault:
        fact = f"{name} names a row of {target} that belongs to another row of {roots}"
        return RuleFault("reference", fact, "name rows of the same root", last)

    if is_array_reference(reference, columns):
        at, element_type = places[0], [types[0].removesuffix("[]")]
        convert = by_value(element_type[0])
        elements_of = uuid_array_elements if element_type == ["uuid"] else array_elements

        def elements(values: Row) -> Sequence[RuleFault]:
            wire = values[at]
            if wire is None:
                return ()
            owner = root_of(values) if root_of is not None else None
            faults: list[RuleFault] = []
            for element in elements_of(wire):
                if element is None:
                    continue
                key = key_of_one(element if convert is None else convert(element))
                if key not in keys:
                    faults += missing(key, (element,), element_type, values)
                elif owner is not None and keys[key] not in (None, owner):
                    faults.append(other_root())
            return faults

        return elements

    read_key = key_reader(places, types)

    def row(values: Row) -> Sequence[RuleFault]:
        key = read_key(values)
        if key is None:
            return ()
        owner = root_of(values) if root_of is not None else None
        faults: list[RuleFault] = []
        if key not in keys:
            faults += missing(key, [values[place] for place in places], types, values)
        elif owner is not None and keys[key] not in (None, owner):
            faults.append(other_root())
        return [*faults, *agreement(key, owner, values)] if rule.one_row_per_root else faults

    agreed: list[Value] = [None, None]  # owner and key of the row before, which agreed

    def agreement(key: bytes, owner: Value, values: Row) -> list[RuleFault]:
        faults = []
        if agreed[0] is not owner or agreed[1] is not key:
            shown = display_key([values[place] for place in places], types)
            first, first_shown = rules.choices.setdefault((table, reference.columns, owner), (key, shown))
            if first != key:
                fact = f"{name} is {shown}, rows before have {first_shown}"
                faults.append(RuleFault("mixed-reference", fact, f"one root uses one row of {target}", last))
            else:
                agreed[:] = owner, key
        wanted = rules.dimensions.get(key)
        for vector in vectors:
            length = _length(values[vector])
            if wanted is not None and length and length != wanted:
                fact = f"a vector of {length:,}, its row of {target} says {wanted:,}"
                faults.append(RuleFault("vector-length", fact, "embed the text with that model", last))
        return faults

    return row


def _length(vector: Value) -> int:
    return int(struct.unpack_from(">h", vector)[0]) if vector else 0
