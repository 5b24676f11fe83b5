"""References between rows of a file, and the shared rows that all rows of a root must agree on."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from minerva_promote.exportfile.row_decoder import Value
from minerva_promote.exportfile.rule_model import Check, Row, RuleFault, RuleState, key_of_one
from minerva_promote.exportfile.value_display import display
from minerva_promote.exportfile.wire_values import uuid_array_elements

RootOf = Callable[[Row], Value]  # the root of a row, or None where it belongs to none


def reference_check(
    rules: RuleState, table: str, place: Mapping[str, int], column: str, target: str, root_of: RootOf | None
) -> Check:
    """Every key in ``column`` is a row of ``target`` before this one, of the same root.

    A reference to a shared table also means: all rows of a root name the same row, and its column ``dimensions``, if it
    has one, is the length of this row's vectors.
    """
    at, keys, shared = place[column], rules.keys[target], rules.contract.tables[target].shared
    columns, roots = rules.snapshot.tables[table].columns, " or ".join(rules.contract.root_tables)
    array = columns[column].type.endswith("[]")
    vectors = [place[name] for name in place if columns[name].type.startswith("vector")]

    def missing(key: bytes, shown: str, values: Row) -> Sequence[RuleFault]:
        if rules.incomplete:
            return ()
        if shared and rules.connected and columns[column].type == "uuid":
            lengths = {_length(values[vector]) for vector in vectors}
            rules.deferred.setdefault((target, key), set()).update(lengths - {0})
            return ()
        fact = f"{table}.{column} {shown} is no row of {target} before this one"
        return [RuleFault("reference", fact, f"put the row of {target} first", column)]

    def other_root() -> RuleFault:
        fact = f"{table}.{column} names a row of {target} that belongs to another row of {roots}"
        return RuleFault("reference", fact, "name rows of the same root", column)

    def each(values: Row) -> Sequence[RuleFault]:
        wire = values[at]
        if wire is None:
            return ()
        owner = root_of(values) if root_of is not None else None
        found: list[RuleFault] = []
        for key in uuid_array_elements(wire):
            if key not in keys:
                found += missing(key, display(key, "uuid"), values)
            elif owner is not None and keys[key] not in (None, owner):
                found.append(other_root())
        return found

    def single(values: Row) -> Sequence[RuleFault]:
        wire = values[at]
        if wire is None:
            return ()
        key = key_of_one(wire)
        owner = root_of(values) if root_of is not None else None
        found: list[RuleFault] = []
        if key not in keys:
            found += missing(key, display(wire, columns[column].value_type), values)
        elif owner is not None and keys[key] not in (None, owner):
            found.append(other_root())
        return [*found, *agreement(key, owner, values)] if shared else found

    agreed: list[Value] = [None, None]  # owner and key of the row before, which agreed

    def agreement(key: bytes, owner: Value, values: Row) -> list[RuleFault]:
        found = []
        if agreed[0] is not owner or agreed[1] is not key:
            first = rules.choices.setdefault((table, column, owner), key)
            if first != key:
                fact = f"{table}.{column} is {display(key, 'uuid')}, rows before have {display(first, 'uuid')}"
                found.append(RuleFault("mixed-reference", fact, f"one root uses one row of {target}", column))
            else:
                agreed[:] = owner, key
        wanted = rules.dimensions.get(key)
        for vector in vectors:
            length = _length(values[vector])
            if wanted is not None and length and length != wanted:
                fact = f"a vector of {length:,}, its row of {target} says {wanted:,}"
                found.append(RuleFault("vector-length", fact, "embed the text with that model", column))
        return found

    return each if array else single


def _length(vector: Value) -> int:
    return int(struct.unpack_from(">h", vector)[0]) if vector else 0
