"""The loader: takes rows in the order of the file, inserts them in batches, and classifies every row by its outcome.

An INSERT … ON CONFLICT DO NOTHING returns the keys it wrote; every other row is looked up and compared, so that no row
that a constraint held back is counted as inserted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.exportfile.row_keys import KeyReader, display_key, key_reader
from minerva_promote.exportfile.rule_model import key_of
from minerva_promote.exportfile.value_display import display
from minerva_promote.load import insert_statements as statements
from minerva_promote.load.load_result import Inserted, LoadResult, RowConflict
from minerva_promote.load.row_diff import differences, joined
from minerva_promote.load.server_read import ServerRead, server_read
from minerva_promote.load.trigger_check import NewRowHashes, rows_changed_by_triggers

BATCH_ROWS = 250
BATCH_BYTES = 16 << 20  # of text; in wire form a vector has a quarter of it
MOST_PARAMETERS = 65_535  # of one statement, in the protocol
LOOKUP_ROWS = 100


@dataclass(frozen=True, slots=True)
class BatchShape:
    """What the loader knows of one layout."""

    types: tuple[int, ...]
    key: tuple[str, ...]
    key_positions: tuple[int, ...]
    rows: int  # of a full batch
    overriding: bool  # whether a column is GENERATED ALWAYS AS IDENTITY
    read: ServerRead | None  # columns that the server reads when it writes a row
    read_before: ServerRead | None  # the same, read before: the key is among them, or a trigger could change them


class Loader:
    """Loads the rows of one file inside the transaction of the connection."""

    def __init__(
        self, conn: Connection, contract: Contract, snapshot: Snapshot, triggers: Mapping[str, Sequence[str]]
    ) -> None:
        """``triggers`` by table; when there are any, new rows can be read back in the end."""
        self.conn = conn
        self.contract = contract
        self.snapshot = snapshot
        self.triggers = triggers
        self.loaded = LoadResult(tuple(contract.tables), contract.limits.findings)
        self.inserted = Inserted()
        self._fresh: list[tuple[ColumnLayout, list[Row]]] = []  # new rows that are not in it yet
        self._pipe = Pipelined(conn, "importing")
        self._written = NewRowHashes() if triggers else None
        self._order = {table: number for number, table in enumerate(contract.parents_first())}
        self._batches: dict[ColumnLayout, list[Row]] = {}
        self._bytes = 0
        self._sent: tuple[ColumnLayout, list[Row]] | None = None
        self._shapes: dict[ColumnLayout, BatchShape] = {}
        self._types: dict[str, Mapping[str, int]] = {}
        self._owners = {owner.table for table in contract.tables for owner in contract.owners(table)}
        self._cycles = contract.cycles()
        self._old_owners: dict[str, set[bytes]] = {}  # of these tables: the rows that were in the target before

    def add(self, row: Row) -> None:
        """Take one row; it is written with its batch, and after what was taken before of tables that refer to it."""
        cycle = self._cycles.get(row.layout.table)
        if cycle is not None and any(one is not row.layout and one.table in cycle for one in self._batches):
            self.flush()
        batch = self._batches.get(row.layout)
        if batch is None:
            batch = self._batches[row.layout] = []
        batch.append(row)
        self._bytes += row.size
        if len(batch) >= self._shape(row.layout).rows or self._bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting, parents before children; the last batch is still under way afterwards."""
        for layout in sorted(self._batches, key=lambda layout: self._order[layout.table]):
            rows = self._batches[layout]
            most = self._shape(layout).rows
            for begin in range(0, len(rows), most):
                self._send(layout, rows[begin : begin + most])
        self._batches.clear()
        self._bytes = 0

    def finish(self) -> LoadResult:
        """Send the rest and wait for it."""
        self.flush()
        self._collect()
        self._record_inserted()
        self._pipe.close()
        return self.loaded

    def verify(self) -> None:
        """Where triggers are at work, compare every new row with what now stands in the target."""
        if self._written is None:
            return
        for layout, rows in self._written.batches(LOOKUP_ROWS):
            shape, table = self._shape(layout), self.snapshot.tables[layout.table]
            types = [self._types[layout.table][name] for name in shape.key] * len(rows)
            keys = [value for row in rows for value in row.key]
            stored = self._lookup(layout.table, layout.columns, shape.key, (types, keys))
            for row, message in rows_changed_by_triggers(rows, stored, layout, table, shape.key_positions):
                self.loaded.add(layout.table, "new", -1)
                self._add_conflict("different", layout, row.key, row.offset, message)

    def _shape(self, layout: ColumnLayout) -> BatchShape:
        shape = self._shapes.get(layout)
        if shape is None:
            types = self._types.get(layout.table)
            if types is None:
                self._collect()
                columns = fetch(self.conn, statements.types_of(layout.table))
                types = self._types[layout.table] = {row["attname"]: row["atttypid"] for row in columns}
            key = self.contract.tables[layout.table].key
            read = server_read(layout, self.snapshot.tables[layout.table], types)
            # What an INSERT returns is found by its key, which must be known before, and no trigger may change it.
            before = bool(self.triggers.get(layout.table)) or (read is not None and not set(key).isdisjoint(read.names))
            shape = self._shapes[layout] = BatchShape(
                tuple(types[name] for name in layout.columns),
                key,
                tuple(layout.columns.index(name) for name in key),
                max(1, min(BATCH_ROWS, MOST_PARAMETERS // len(layout.columns))),
                any(self.snapshot.tables[layout.table].columns[name].identity_always for name in layout.columns),
                None if before else read,
                read if before else None,
            )
        return shape

    def _send(self, layout: ColumnLayout, rows: list[Row]) -> None:
        self._collect()
        shape = self._shape(layout)
        self._pipe.doing = f"importing {layout.table}"
        if shape.read_before:
            shape.read_before.ask(self._pipe, rows)
        values = [value for row in rows for value in row.values]
        returned = (*shape.key, *shape.read.names) if shape.read else shape.key
        self._pipe.send(
            statements.insert(layout.table, layout.columns, returned, len(rows), overriding=shape.overriding),
            shape.types * len(rows),
            values,
            keep=len(rows) == shape.rows,
            formats=shape.read.formats * len(rows) if shape.read else None,
        )
        self._sent = (layout, rows)
        self._record_inserted()  # while the server is at work

    def _record_inserted(self) -> None:
        """Keep what the ledger needs of new rows."""
        for layout, rows in self._fresh:
            shape = self._shape(layout)
            self.inserted.add(layout, shape.key, shape.key_positions, rows)
        self._fresh.clear()

    def _collect(self) -> None:
        """Wait for the batch under way and judge its rows."""
        if self._sent is None:
            return
        layout, rows = self._sent
        self._sent = None
        returned = self._pipe.receive()
        shape = self._shape(layout)
        positions = shape.key_positions
        if shape.read:
            shape.read.take_returned(rows, positions, returned)
        if len(returned) == len(rows):
            self._new(layout, rows)
            return
        written = {key_of(values[: len(positions)]) for values in returned}
        new = [row for row in rows if key_of([row.values[position] for position in positions]) in written]
        old = [row for row in rows if key_of([row.values[position] for position in positions]) not in written]
        for begin in range(0, len(old), LOOKUP_ROWS):
            part = old[begin : begin + LOOKUP_ROWS]
            if shape.read:
                shape.read.ask(self._pipe, part)
            self._judge(layout, part)
        self._new(layout, new)

    def _new(self, layout: ColumnLayout, rows: list[Row]) -> None:
        """Count rows that were written; one that joins a root which was there before closes the gate."""
        self._fresh.append((layout, rows))
        if self._written is not None:
            self._written.add(layout, self._shape(layout).key_positions, rows)
        owners = self.contract.owners(layout.table)
        if not owners or not self._old_owners:
            self.loaded.add(layout.table, "new", len(rows))
            return
        parents = [
            (*self._key_reader(layout, owner.columns), owner.table, self._old_owners[owner.table])
            for owner in owners
            if owner.table in self._old_owners
        ]
        for row in rows:
            for read, positions, types, table, old in parents:
                if read(row.values) in old:
                    key_text = display_key([row.values[position] for position in positions], types)
                    message = f"is new, but its row of {table} {key_text} was promoted before"
                    self._add_conflict("appended", layout, self._key(layout, row), row.offset, message)
                    break
            else:
                self.loaded.add(layout.table, "new")

    def _judge(self, layout: ColumnLayout, rows: list[Row]) -> None:
        """Compare rows that were not written with what the target has under their keys."""
        shape = self._shape(layout)
        there = self._lookup(layout.table, layout.columns, shape.key, self._parameters(layout, rows, shape.key))
        by_key = {key_of([values[position] for position in shape.key_positions]): values for values in there}
        ignored = self.contract.tables[layout.table].conflict.may_update
        compared = [position for position, name in enumerate(layout.columns) if name not in ignored]
        table = self.snapshot.tables[layout.table]
        columns = [table.columns[layout.columns[position]] for position in compared]
        owner_key = self._key_reader(layout, shape.key)[0] if layout.table in self._owners else None
        for row in rows:
            key = key_of([row.values[position] for position in shape.key_positions])
            target = by_key.get(key)
            if target is None:
                self._add_conflict("blocked", layout, self._key(layout, row), row.offset, self._blocked_by(layout, row))
                continue
            if owner_key is not None and (owner := owner_key(row.values)) is not None:
                self._old_owners.setdefault(layout.table, set()).add(owner)
            ours, theirs = ([values[position] for position in compared] for values in (row.values, target))
            differing = differences(columns, ours, theirs)
            if differing:
                self._add_conflict("different", layout, self._key(layout, row), row.offset, joined(differing))
            else:
                self.loaded.add(layout.table, "identical")

    def _blocked_by(self, layout: ColumnLayout, row: Row) -> str:
        """Which unique set of the target holds this row back, and by which row."""
        table = self.snapshot.tables[layout.table]
        key = self._shape(layout).key
        for columns in (*table.unique, *self.contract.tables[layout.table].unique):
            if any(name not in layout.columns for name in columns):
                continue
            parameters = self._parameters(layout, [row], columns)
            if any(value is None for value in parameters[1]):
                continue
            holders = self._lookup(layout.table, key, columns, parameters)
            if holders:
                values = zip(columns, parameters[1], strict=True)
                taken = ", ".join(f"{name} {display(value, table.columns[name].value_type)}" for name, value in values)
                holder = ", ".join(
                    display(value, table.columns[name].value_type) for name, value in zip(key, holders[0], strict=True)
                )
                return f"{taken} is taken by {holder}"
        triggers = self.triggers.get(layout.table, ())
        if triggers:
            return f"{', '.join(triggers)}, or a constraint of the target, keeps it out"
        return "another unique constraint of the target holds it back"

    def _key_reader(
        self, layout: ColumnLayout, names: Sequence[str]
    ) -> tuple[KeyReader, tuple[int, ...], tuple[str, ...]]:
        """The reader of these columns as a key, their positions, and their types."""
        columns = self.snapshot.tables[layout.table].columns
        positions = tuple(layout.columns.index(name) for name in names)
        types = tuple(columns[name].value_type for name in names)
        return key_reader(positions, types), positions, types

    def _parameters(
        self, layout: ColumnLayout, rows: Sequence[Row], columns: Sequence[str]
    ) -> tuple[list[int], list[bytes | None]]:
        positions = [layout.columns.index(name) for name in columns]
        types = self._types[layout.table]
        return (
            [types[name] for _ in rows for name in columns],
            [row.values[position] for row in rows for position in positions],
        )

    def _lookup(
        self,
        table: str,
        columns: Sequence[str],
        where: Sequence[str],
        parameters: tuple[list[int], list[bytes | None]],
    ) -> list[tuple[bytes | None, ...]]:
        types, values = parameters
        return self._pipe.ask(statements.select(table, columns, where, len(values) // len(where)), types, values)

    def _key(self, layout: ColumnLayout, row: Row) -> tuple[bytes | None, ...]:
        return tuple(row.values[position] for position in self._shape(layout).key_positions)

    def _add_conflict(
        self, kind: str, layout: ColumnLayout, key: Sequence[bytes | None], offset: int, message: str
    ) -> None:
        columns = self.snapshot.tables[layout.table].columns
        names = self._shape(layout).key
        key_text = ", ".join(display(value, columns[name].value_type) for name, value in zip(names, key, strict=True))
        self.loaded.add_conflict(RowConflict(kind, layout.table, key_text, message, offset))
