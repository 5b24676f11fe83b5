"""How many rows of a file the target has already, by their keys: looked up in batches, each in a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.quote import full_name
from minerva_promote.exportfile.row_decoder import Row, Value
from minerva_promote.load import insert_statements as statements
from minerva_promote.preflight.row_privileges import NONE
from minerva_promote.preflight.target_state import TargetState

BATCH = 500  # keys of one question


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """Rows of one table of a file."""

    new: int  # the target has none under their keys
    there: int  # it has one; whether that is the same is seen when they are imported
    known: bool = True  # False: this role may not look; all count as new


@dataclass(slots=True)
class _Waiting:
    types: tuple[int, ...]  # of the key
    keys: list[Value] = field(default_factory=list)


class ExistingKeyCounter:
    """Takes the rows of a file, and asks for their keys."""

    def __init__(self, conn: Connection, contract: Contract, target: TargetState) -> None:
        self._conn = conn
        self._contract = contract
        self._target = target
        self._pipe = Pipelined(conn, "looking for keys")
        self._tables: dict[str, _Waiting | None] = {}  # None: this role may not look
        self._seen: dict[str, int] = {}
        self._there: dict[str, int] = {}

    def add(self, row: Row) -> None:
        """Note one row."""
        table = row.layout.table
        self._seen[table] = self._seen.get(table, 0) + 1
        if table not in self._tables:
            self._tables[table] = self._begin(table)
        waiting = self._tables[table]
        if waiting is None:
            return
        key = self._contract.tables[table].key
        waiting.keys += [row.values[row.layout.columns.index(name)] for name in key]
        if len(waiting.keys) >= BATCH * len(key):
            self._ask(table, waiting)

    def counted(self) -> Mapping[str, KeyCounts]:
        """By table of the contract, those that the file has rows of."""
        for table, waiting in self._tables.items():
            if waiting is not None and waiting.keys:
                self._ask(table, waiting)
        return {
            name: KeyCounts(
                self._seen[name] - self._there.get(name, 0), self._there.get(name, 0), bool(self._tables[name])
            )
            for name in self._contract.tables
            if name in self._seen
        }

    def _begin(self, table: str) -> _Waiting | None:
        key = self._contract.tables[table].key
        if not self._target.privileges.get(full_name(table), NONE).allows("SELECT", key):
            return None
        types = {row["attname"]: row["atttypid"] for row in fetch(self._conn, statements.types_of(table))}
        return _Waiting(tuple(types[name] for name in key))

    def _ask(self, table: str, waiting: _Waiting) -> None:
        key = self._contract.tables[table].key
        count = len(waiting.keys) // len(key)
        with self._conn.transaction():
            rows = self._pipe.ask(statements.select(table, key, key, count), waiting.types * count, waiting.keys)
        self._there[table] = self._there.get(table, 0) + len(rows)
        waiting.keys.clear()
