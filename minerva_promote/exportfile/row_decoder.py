"""One shape of INSERT, bound to its table: which column takes which constant, and how it is read."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from minerva_promote.config.models.project import ColumnRule, Contract, Repair
from minerva_promote.config.snapshot import Snapshot, Table
from minerva_promote.exportfile.fragments import INTEGER, Fragment
from minerva_promote.exportfile.insert_model import Insert, Refused, Slot
from minerva_promote.exportfile.repairs import Braces, repairs_of
from minerva_promote.exportfile.types.arrays import array_wire
from minerva_promote.exportfile.value_faults import ValueFault
from minerva_promote.exportfile.wire_values import ColumnType, Convert, column_type

Value = bytes | None  # wire form; None is NULL


@dataclass(frozen=True, slots=True, eq=False)
class ColumnLayout:
    """The columns that rows of one shape carry, in the table's order; the others take their defaults.

    One object for each set of columns, so that it is looked up by identity: every row is.
    """

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: typed values in wire form, aligned with the layout's columns."""

    layout: ColumnLayout
    values: list[Value]
    offset: int  # of its first byte in the file
    size: int  # bytes of its text


@dataclass(slots=True)
class RowDecoder:
    """How to read the rows of one shape."""

    layout: ColumnLayout
    template: list[Value]  # values that are the same in every row
    singles: list[tuple[int, Convert, int, bytes]] = field(default_factory=list)  # column, reader, literal, sign
    arrays: list[tuple[int, ColumnType, list[int]]] = field(default_factory=list)  # column, its type, literals
    copies: list[tuple[int, int]] = field(default_factory=list)  # column, the column it copies
    typmods: list[tuple[int, int]] = field(default_factory=list)  # literal, the number it must be
    repaired: tuple[str, ...] = ()  # what --repair changed in each of these rows
    braces: list[Braces] = field(default_factory=list)

    def literal_of(self, column: str) -> int | None:
        """The constant that a column is read from; None when it has none of its own."""
        if column not in self.layout.columns:
            return None
        place = self.layout.columns.index(column)
        found = [index for at, _, index, _ in self.singles if at == place]
        found += [indexes[0] for at, _, indexes in self.arrays if at == place and indexes]
        return found[0] if found else None

    def read(self, texts: list[bytes]) -> tuple[list[Value], list[tuple[ValueFault, int, str]]]:
        """The values of a row, and what is wrong with each: fault, literal, column."""
        values = self.template[:]
        faults: list[tuple[ValueFault, int, str]] = []
        for column, convert, index, sign in self.singles:
            try:
                values[column] = convert(sign + texts[index] if sign else texts[index])
            except ValueFault as fault:
                faults.append((fault, index, self.layout.columns[column]))
        for column, kind, indexes in self.arrays:
            elements: list[bytes | None] = []
            assert kind.element is not None
            for index in indexes:
                try:
                    elements.append(kind.element(texts[index]))
                except ValueFault as fault:
                    faults.append((fault, index, self.layout.columns[column]))
            values[column] = array_wire(elements, kind.element_oid)
        for index, wanted in self.typmods:
            if (texts[index].lstrip(b"0") or b"0") != b"%d" % wanted:
                text = texts[index].decode()
                fact = f"cast to length {text}, the column has {wanted}"
                faults.append((ValueFault("cast-typmod", fact, "leave the cast out"), index, ""))
        for column, source in self.copies:
            values[column] = values[source]
        return values, faults


class DecoderBuilder:
    """Binds shapes to the tables of a contract."""

    def __init__(self, contract: Contract, snapshot: Snapshot, repair: bool) -> None:
        self.contract = contract
        self.snapshot = snapshot
        self.repair = repair
        self._types: dict[str, Mapping[str, ColumnType | None]] = {}
        self._layouts: dict[tuple[str, tuple[str, ...]], ColumnLayout] = {}

    def plan(self, insert: Insert, unit: Fragment) -> RowDecoder:
        """Raises Refused with the part of the statement that is wrong."""
        table = self._table(insert)
        repairs = repairs_of(self.contract.repairs, table.name)
        columns, renamed = self._columns(insert, table, repairs)
        if len(insert.slots) != len(columns):
            raise Refused(
                "value-count",
                f"{len(insert.slots):,} values for {len(columns):,} columns",
                "give one value for each column",
                "row",
            )
        defaults = self._missing(insert, table, columns, repairs)
        carried = tuple(name for name in table.columns if self._carried(table, name, columns, defaults))
        layout = self._layouts.setdefault((table.name, carried), ColumnLayout(table.name, carried))
        plan = RowDecoder(layout, [None] * len(layout.columns))
        plan.repaired = (*renamed, *(f"{table.name}.{name} was missing" for name in defaults))
        place = {name: number for number, name in enumerate(layout.columns)}
        holes = unit.holes
        for name, slot in zip(columns, insert.slots, strict=True):
            self._bind(plan, place[name], self._type(table, name), slot, holes, unit, name in repairs.vector_braces)
        for name, default in defaults.items():
            self._default(plan, table, place, name, default)
        self._all_used(insert, holes)
        return plan

    @staticmethod
    def _all_used(insert: Insert, holes: Sequence[int]) -> None:
        """Two strings that only their placeholders make one must not become one value."""
        left = set(range(len(holes)))
        for slot in insert.slots:
            left -= {bisect_left(holes, hole) for hole in slot.holes}  # a number may have a sign before it
            left -= {bisect_left(holes, hole) for hole in (slot.cast.typmods if slot.cast else ()) if hole in holes}
        if left:
            place = holes[min(left)]
            raise Refused("syntax", "a constant right after another one", "put a comma between them", "row", place)

    def conflict(self, insert: Insert) -> None:
        """Raises Refused when ON CONFLICT is not the contract's."""
        rule = self.contract.tables[self._table(insert).name]
        conflict = insert.conflict
        wanted = f"write ON CONFLICT ({', '.join(rule.key)}) DO NOTHING"
        name = self.snapshot.tables[insert.table].primary_key_name
        if not conflict.constraint and not conflict.columns:
            fact = "ON CONFLICT without a target also hides other duplicates"
            raise Refused("conflict-target", fact, wanted, "tail")
        if conflict.constraint and conflict.constraint != name:
            raise Refused("conflict-target", f"{conflict.constraint} is not the primary key {name}", wanted, "tail")
        if not conflict.constraint and sorted(conflict.columns) != sorted(rule.key):
            given = ", ".join(conflict.columns)
            raise Refused(
                "conflict-target", f"ON CONFLICT ({given}), the key is ({', '.join(rule.key)})", wanted, "tail"
            )
        for column in conflict.sets:
            if column not in rule.conflict.may_update:
                raise Refused("conflict-set", f"DO UPDATE may not set {insert.table}.{column}", wanted, "tail")
        if len(set(conflict.sets)) != len(conflict.sets):
            raise Refused("conflict-set", "DO UPDATE sets a column twice", wanted, "tail")

    def _table(self, insert: Insert) -> Table:
        if insert.schema not in ("", "public"):
            raise Refused("table", f"schema {insert.schema} is not public", "name a table of the contract")
        if insert.table not in self.contract.tables:
            known = ", ".join(self.contract.tables)
            raise Refused("table", f"{insert.table[:80]} is not a table of the contract", f"the contract has {known}")
        return self.snapshot.tables[insert.table]

    def _columns(self, insert: Insert, table: Table, repairs: Repair) -> tuple[list[str], list[str]]:
        columns: list[str] = []
        renamed: list[str] = []
        for name, hole in zip(insert.columns, insert.column_holes, strict=True):
            if name not in table.columns and name in repairs.rename:
                better = repairs.rename[name]
                if not self.repair:
                    raise Refused(
                        "column",
                        f"{table.name} has no column {name}",
                        f"old exporters write it for {better}: run with --repair",
                        "head",
                        hole,
                    )
                renamed.append(f"{table.name}.{name} is {table.name}.{better}")
                name = better
            if name not in table.columns:
                left = [each for each in table.columns if each not in insert.columns]
                near = difflib.get_close_matches(name, left, 1)
                near = near or difflib.get_close_matches(name, table.columns, 1, 0.8)
                help_ = f"did you mean {near[0]}?" if near else f"it has {', '.join(table.columns)}"
                raise Refused("column", f"{table.name} has no column {name[:80]}", help_, "head", hole)
            if name in columns:
                raise Refused("columns", f"{table.name}.{name} is named twice", "name each column once", "head", hole)
            if table.columns[name].generated:
                raise Refused("column", f"{table.name}.{name} is generated", "leave it out", "head", hole)
            columns.append(name)
        return columns, renamed

    def _missing(self, insert: Insert, table: Table, columns: list[str], repairs: Repair) -> dict[str, int | str]:
        """Columns that the file must give and does not, with what --repair gives them."""
        rule = self.contract.tables[table.name]
        ruled = {*rule.key, *rule.belongs_to, *rule.references, *rule.contiguous, *rule.columns, *chain(*rule.unique)}
        missing = [
            name
            for name, column in table.columns.items()
            if name not in columns
            and (name in rule.given or (name in ruled if column.has_default else column.not_null))
        ]
        wanted = [name for name in missing if not (self.repair and name in repairs.default)]
        if wanted:
            one = len(wanted) == 1
            fact = f"{table.name}.{', '.join(wanted)} {'is' if one else 'are'} not given"
            help_ = "give its value" if one else "give their values"
            if all(name in repairs.default for name in wanted):
                help_ = f"old exporters leave {'it' if one else 'them'} out: run with --repair"
            raise Refused("column-missing", fact, help_, "head", insert.column_holes[0])
        return {name: repairs.default[name] for name in missing}

    @staticmethod
    def _carried(table: Table, name: str, columns: list[str], defaults: Iterable[str]) -> bool:
        return name in columns or name in defaults or not table.columns[name].has_default

    def _type(self, table: Table, name: str) -> ColumnType:
        types = self._types.get(table.name)
        if types is None:
            rule = self.contract.tables[table.name]
            repeated = {*rule.belongs_to, *rule.references}
            types = {
                column: column_type(its, rule.columns.get(column, ColumnRule()), repeats=column in repeated)
                for column, its in table.columns.items()
            }
            self._types[table.name] = types
        found = types[name]
        if found is None:
            written = table.columns[name].type
            raise Refused("column-type", f"{table.name}.{name} is {written}, which no export may hold", "leave it out")
        return found

    def _bind(
        self,
        plan: RowDecoder,
        column: int,
        kind: ColumnType,
        slot: Slot,
        holes: Sequence[int],
        unit: Fragment,
        braces: bool,
    ) -> None:
        name = f"{plan.layout.table}.{plan.layout.columns[column]}"
        indexes = [bisect_left(holes, hole) for hole in slot.holes]
        self._check_cast(plan, kind, slot, name, holes)
        if slot.kind == "null":
            return
        if slot.kind == "array":
            plan.arrays.append((column, kind, indexes))
            return
        taken = {"string": True, "number": kind.numbers, "true": kind.booleans, "false": kind.booleans}[slot.kind]
        if not taken:
            what = "a number" if slot.kind == "number" else slot.kind.upper()
            raise Refused("value-kind", f"{what} for {name}", f"write {kind.wants}", "row", slot.hole)
        if slot.kind in ("true", "false"):
            plan.template[column] = b"\1" if slot.kind == "true" else b"\0"
            return
        if slot.kind == "number" and unit.shape[slot.hole : holes[indexes[0]]].count(b"-") > 1:
            raise Refused("expression", "an operator is not a constant", "write the value itself", "row", slot.hole)
        if slot.kind == "number" and not kind.decimals and unit.kinds[indexes[0]] != INTEGER:
            raise Refused(
                "integer", f"a decimal for {name}", "write an integer: PostgreSQL would round it", "row", slot.hole
            )
        convert = kind.convert
        if braces and self.repair:
            wrapped = Braces(name, convert)
            plan.braces.append(wrapped)
            convert = wrapped
        plan.singles.append((column, convert, indexes[0], b"-" if slot.negative else b""))

    @staticmethod
    def _check_cast(plan: RowDecoder, kind: ColumnType, slot: Slot, name: str, holes: Sequence[int]) -> None:
        cast = slot.cast
        if cast is None:
            return
        if not kind.is_named(cast.names, cast.array):
            written = ".".join(part for part in cast.names if part != "pg_catalog") + ("[]" if cast.array else "")
            own = kind.name + ("[]" if kind.array else "")
            raise Refused(
                "cast", f"a cast to {written} for {name}, which is {own}", "leave the cast out", "row", cast.hole
            )
        if cast.typmods:
            if len(cast.typmods) != len(kind.modifiers):
                raise Refused("cast-typmod", f"a cast with a length for {name}", "leave it out", "row", cast.hole)
            plan.typmods += [
                (bisect_left(holes, hole), wanted) for hole, wanted in zip(cast.typmods, kind.modifiers, strict=True)
            ]

    def _default(self, plan: RowDecoder, table: Table, place: Mapping[str, int], name: str, default: int | str) -> None:
        if isinstance(default, str) and default in place:
            plan.copies.append((place[name], place[default]))
            return
        plan.template[place[name]] = self._type(table, name).convert(str(default).encode())
