"""The decoder of one shape of INSERT: which column takes which constant, after the table and the contract's rules."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

from minerva_promote.config.models.project import ColumnRule, Contract, Repair
from minerva_promote.config.snapshot import Snapshot, Table
from minerva_promote.exportfile.fragments import INTEGER, Fragment
from minerva_promote.exportfile.insert_model import Insert, Refused, Slot
from minerva_promote.exportfile.repairs import BracesRepair, OffsetRepair, ValueRepair, merge_repairs
from minerva_promote.exportfile.row_decoder import ColumnLayout, RowCount, RowDecoder
from minerva_promote.exportfile.wire_values import ColumnType, Convert, column_type


class DecoderBuilder:
    """Builds decoders for the tables of a contract."""

    def __init__(self, contract: Contract, snapshot: Snapshot, repair: bool) -> None:
        self.contract = contract
        self.snapshot = snapshot
        self.repair = repair
        self._types: dict[str, Mapping[str, ColumnType | None]] = {}
        self._layouts: dict[tuple[str, tuple[str, ...]], ColumnLayout] = {}
        self.not_given: dict[tuple[str, tuple[str, ...]], RowCount] = {}  # rows by table and columns they leave out
        self.value_repairs: dict[tuple[type[ValueRepair], str], ValueRepair] = {}  # by kind and table.column

    def build(self, insert: Insert, fragment: Fragment) -> RowDecoder:
        """The decoder of rows of this shape. Raises Refused with the part of the statement that is wrong."""
        table = self._target_table(insert)
        repairs = merge_repairs(self.contract.repairs, table.name)
        columns, renamed = self._resolve_columns(insert, table, repairs)
        if len(insert.slots) != len(columns):
            raise Refused(
                "value-count",
                f"{len(insert.slots):,} values for {len(columns):,} columns",
                "give one value for each column",
                "row",
            )
        defaults = self._default_values(insert, table, columns, repairs)
        carried = tuple(name for name in table.columns if self._is_carried(table, name, columns, defaults))
        layout = self._layouts.setdefault((table.name, carried), ColumnLayout(table.name, carried))
        decoder = RowDecoder(layout, [None] * len(layout.columns))
        decoder.repaired = (*renamed, *(f"{table.name}.{name} was missing" for name in defaults))
        decoder.not_given = self._count_of_not_given(table, {*columns, *defaults})
        column_index = {name: index for index, name in enumerate(layout.columns)}
        offsets = fragment.placeholder_offsets
        for name, slot in zip(columns, insert.slots, strict=True):
            self._bind_slot(
                decoder,
                column_index[name],
                self._column_type(table, name),
                slot,
                offsets,
                fragment,
                name in repairs.vector_braces,
            )
        for name, default in defaults.items():
            self._bind_default(decoder, table, column_index, name, default)
        self.require_all_used(insert, offsets)
        return decoder

    @staticmethod
    def require_all_used(insert: Insert, offsets: Sequence[int]) -> None:
        """Raise Refused when the parser took two adjacent string literals, or their placeholders, for one value."""
        unused = set(range(len(offsets)))
        for slot in insert.slots:
            unused -= {
                bisect_left(offsets, offset) for offset in slot.placeholder_offsets
            }  # a number may have a sign before it
            unused -= {
                bisect_left(offsets, offset) for offset in (slot.cast.typmods if slot.cast else ()) if offset in offsets
            }
        if unused:
            offset = offsets[min(unused)]
            raise Refused("syntax", "a constant right after another one", "put a comma between them", "row", offset)

    def check_conflict(self, insert: Insert) -> None:
        """Raise Refused when ON CONFLICT is not as the contract wants it."""
        rule = self.contract.tables[self._target_table(insert).name]
        conflict = insert.conflict
        hint = f"write ON CONFLICT ({', '.join(rule.key)}) DO NOTHING"
        name = self.snapshot.tables[insert.name].primary_key_name
        if not conflict.constraint and not conflict.columns:
            message = "ON CONFLICT without a target also hides other duplicates"
            raise Refused("conflict-target", message, hint, "tail")
        if conflict.constraint and conflict.constraint != name:
            raise Refused("conflict-target", f"{conflict.constraint} is not the primary key {name}", hint, "tail")
        if not conflict.constraint and sorted(conflict.columns) != sorted(rule.key):
            columns = ", ".join(conflict.columns)
            raise Refused(
                "conflict-target", f"ON CONFLICT ({columns}), the key is ({', '.join(rule.key)})", hint, "tail"
            )
        for column in conflict.sets:
            if column not in rule.conflict.may_update:
                message = f"DO UPDATE may not set {insert.name}.{column}"
                raise Refused("conflict-set", message, f"promoted rows are never overwritten: {hint}", "tail")
        if len(set(conflict.sets)) != len(conflict.sets):
            raise Refused("conflict-set", "DO UPDATE sets a column twice", hint, "tail")

    def _target_table(self, insert: Insert) -> Table:
        if insert.name not in self.contract.tables:
            known = ", ".join(self.contract.tables)
            raise Refused("table", f"{insert.name[:80]} is not a table of the contract", f"the contract has {known}")
        return self.snapshot.tables[insert.name]

    def _resolve_columns(self, insert: Insert, table: Table, repairs: Repair) -> tuple[list[str], list[str]]:
        columns: list[str] = []
        renamed: list[str] = []
        for name, offset in zip(insert.columns, insert.column_offsets, strict=True):
            if name not in table.columns and name in repairs.rename:
                new_name = repairs.rename[name]
                if not self.repair:
                    raise Refused(
                        "column",
                        f"{table.name} has no column {name}",
                        f"old exporters write it for {new_name}: run with --repair",
                        "head",
                        offset,
                    )
                renamed.append(f"{table.name}.{name} is {table.name}.{new_name}")
                name = new_name
            if name not in table.columns:
                unnamed = [other for other in table.columns if other not in insert.columns]
                similar = difflib.get_close_matches(name, unnamed, 1)
                similar = similar or difflib.get_close_matches(name, table.columns, 1, 0.8)
                hint = f"did you mean {similar[0]}?" if similar else f"it has {', '.join(table.columns)}"
                raise Refused("column", f"{table.name} has no column {name[:80]}", hint, "head", offset)
            if name in columns:
                raise Refused("columns", f"{table.name}.{name} is named twice", "name each column once", "head", offset)
            if table.columns[name].generated:
                raise Refused("column", f"{table.name}.{name} is generated", "leave it out", "head", offset)
            columns.append(name)
        return columns, renamed

    def _default_values(
        self, insert: Insert, table: Table, columns: list[str], repairs: Repair
    ) -> dict[str, int | str]:
        """The values that --repair gives to missing columns. Raises Refused when a column is missing without one."""
        rule = self.contract.tables[table.name]
        ruled = {*rule.key, *rule.reference_columns, *rule.contiguous, *rule.columns, *chain(*rule.unique)}
        missing = [
            name
            for name, column in table.columns.items()
            if name not in columns
            and (name in rule.given or (name in ruled if column.has_default else column.not_null))
            and not (column.has_default and name in rule.optional)
        ]
        unfilled = [name for name in missing if not (self.repair and name in repairs.default)]
        if unfilled:
            one = len(unfilled) == 1
            message = f"{table.name}.{', '.join(unfilled)} {'is' if one else 'are'} not given"
            hint = "give its value" if one else "give their values"
            if all(name in repairs.default for name in unfilled):
                hint = f"old exporters leave {'it' if one else 'them'} out: run with --repair"
            raise Refused("column-missing", message, hint, "head", insert.column_offsets[0])
        return {name: repairs.default[name] for name in missing}

    def _count_of_not_given(self, table: Table, given: Collection[str]) -> RowCount | None:
        """The count of rows that leave out the same columns; None where none is missing that must be reported."""
        rule = self.contract.tables[table.name]
        expected = {*rule.optional, *(name for name, column in rule.columns.items() if column.must_be == "null")}
        missing = tuple(
            name
            for name, column in table.columns.items()
            if name not in given and name not in expected and not column.generated and not column.numbered
        )
        return self.not_given.setdefault((table.name, missing), RowCount()) if missing else None

    @staticmethod
    def _is_carried(table: Table, name: str, columns: list[str], defaults: Iterable[str]) -> bool:
        return name in columns or name in defaults or not table.columns[name].has_default

    def _column_type(self, table: Table, name: str) -> ColumnType:
        types = self._types.get(table.name)
        if types is None:
            rule = self.contract.tables[table.name]
            repeated = set(rule.reference_columns)
            types = {
                column: column_type(column_info, rule.columns.get(column, ColumnRule()), repeats=column in repeated)
                for column, column_info in table.columns.items()
            }
            self._types[table.name] = types
        target_type = types[name]
        if target_type is None:
            written = table.columns[name].type
            raise Refused("column-type", f"{table.name}.{name} is {written}, which no export may hold", "leave it out")
        return target_type

    def _bind_slot(
        self,
        decoder: RowDecoder,
        column: int,
        target_type: ColumnType,
        slot: Slot,
        offsets: Sequence[int],
        fragment: Fragment,
        brace_repairs: bool,
    ) -> None:
        name = f"{decoder.layout.table}.{decoder.layout.columns[column]}"
        indexes = [bisect_left(offsets, offset) for offset in slot.placeholder_offsets]
        self._check_cast(decoder, target_type, slot, name, offsets)
        if slot.kind == "null":
            return
        if slot.kind == "array":
            decoder.arrays.append((column, target_type, indexes))
            return
        is_accepted = {
            "string": True,
            "number": target_type.numbers,
            "true": target_type.booleans,
            "false": target_type.booleans,
        }[slot.kind]
        if not is_accepted:
            what = "a number" if slot.kind == "number" else slot.kind.upper()
            raise Refused("value-kind", f"{what} for {name}", f"write {target_type.wants}", "row", slot.offset)
        if slot.kind in ("true", "false"):
            decoder.constants[column] = b"\1" if slot.kind == "true" else b"\0"
            return
        if slot.kind == "number" and fragment.shape[slot.offset : offsets[indexes[0]]].count(b"-") > 1:
            raise Refused("expression", "an operator is not a constant", "write the value itself", "row", slot.offset)
        if slot.kind == "number" and not target_type.decimals and fragment.kinds[indexes[0]] != INTEGER:
            raise Refused(
                "integer", f"a decimal for {name}", "write an integer: PostgreSQL would round it", "row", slot.offset
            )
        convert = target_type.convert
        if self.repair and brace_repairs:
            convert = self._value_repair(BracesRepair, name, convert)
        elif self.repair and target_type.name == "timestamp without time zone":
            convert = self._value_repair(OffsetRepair, name, convert)
        decoder.literals.append((column, convert, indexes[0], b"-" if slot.negative else b""))

    def _value_repair(self, kind: type[ValueRepair], name: str, convert: Convert) -> ValueRepair:
        """The one repair of this kind for a column, which counts in all its shapes of rows."""
        return self.value_repairs.setdefault((kind, name), kind(name, convert))

    @staticmethod
    def _check_cast(
        decoder: RowDecoder, target_type: ColumnType, slot: Slot, name: str, offsets: Sequence[int]
    ) -> None:
        cast = slot.cast
        if cast is None:
            return
        if not target_type.is_named(cast.names, cast.array):
            written = ".".join(part for part in cast.names if part != "pg_catalog") + ("[]" if cast.array else "")
            own = target_type.name + ("[]" if target_type.array else "")
            raise Refused(
                "cast", f"a cast to {written} for {name}, which is {own}", "leave the cast out", "row", cast.offset
            )
        if cast.typmods:
            if len(cast.typmods) != len(target_type.modifiers):
                raise Refused("cast-typmod", f"a cast with a length for {name}", "leave it out", "row", cast.offset)
            decoder.typmods += [
                (bisect_left(offsets, offset), expected)
                for offset, expected in zip(cast.typmods, target_type.modifiers, strict=True)
            ]

    def _bind_default(
        self, decoder: RowDecoder, table: Table, column_index: Mapping[str, int], name: str, default: int | str
    ) -> None:
        if isinstance(default, str) and default in column_index:
            decoder.copies.append((column_index[name], column_index[default]))
            return
        decoder.constants[column_index[name]] = self._column_type(table, name).convert(str(default).encode())
