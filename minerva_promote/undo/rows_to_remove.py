"""The rows that a run added, as the ledger lists them, by table; and the transactions that prove a row to be its."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import DatabaseIdentity, read_database_identity
from minerva_promote.database.quote import split
from minerva_promote.ledger.run_rows import RunRows
from minerva_promote.ledger.runs import LedgerEvent, Run
from minerva_promote.undo.table_catalog import Key, Table

_NEXT_XACT = b"select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text as xact"
_XMIN_BITS = 0xFFFFFFFF  # the bits of a transaction's number that a row has
_MOST_TRANSACTIONS = 2**31  # that may follow before these bits mean another transaction


@dataclass(frozen=True, slots=True)
class TrustedXmins:
    """The transactions that prove a row to be the run's own, as long as the row is as they wrote it."""

    xmins: frozenset[str]  # as the system column xmin shows them
    distrust: str = ""  # why the run's own transaction is not among them


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of one table that a run added, as the ledger lists them."""

    name: str  # as the contract calls it
    table: Table | None  # None: there is no such table any more
    shared: bool  # by the contract
    layouts: tuple[RunRows, ...]  # one or more: a file may give other columns of other rows
    types: Mapping[str, str] = field(default_factory=dict)  # of columns, as the run had them, where it recorded them
    malformed: str = ""  # why no release of promote wrote this list; "" where one may have
    gone: frozenset[Key] = frozenset()  # of the keys, those that are not there any more

    @property
    def key(self) -> tuple[str, ...]:
        """The key's columns, as the run had them."""
        return tuple(self.layouts[0].key_columns)

    @property
    def identifiable(self) -> bool:
        """Whether the rows can be identified by their keys, even where other columns cannot be compared."""
        if self.malformed or self.table is None or not all(name in self.table.columns for name in self.key):
            return False
        return not any(name in self.retyped for name in self.key)

    @property
    def written_columns(self) -> tuple[str, ...]:
        """The columns that the run wrote."""
        names = (name for layout in self.layouts for name in (*layout.key_columns, *layout.columns))
        return tuple(dict.fromkeys(names))

    @property
    def retyped(self) -> dict[str, str]:
        """Columns of another type than the run had, with its type: their values cannot be compared with the digests."""
        columns = self.table.columns if self.table else {}
        types = {name: self.types.get(name, columns[name].type) for name in self.written_columns if name in columns}
        return {
            name: type_name
            for name, type_name in types.items()
            if _without_length(type_name) != _without_length(columns[name].type)
        }

    @property
    def count(self) -> int:
        """All of them, gone or not."""
        return sum(len(layout.keys) for layout in self.layouts)

    @property
    def keys(self) -> list[Key]:
        """The keys of the rows that are there, in the order in which they were added."""
        return [key for layout in self.layouts for key in layout.keys if key not in self.gone]


def rows_by_table(
    rows: Iterable[RunRows],
    tables: Mapping[str, Table],
    shared: Collection[str],
    types: Mapping[str, Mapping[str, str]],
) -> list[TableRows]:
    """The rows of a run by table, in the order in which the run had them."""
    layouts_of: dict[str, list[RunRows]] = {}
    for layout in rows:
        layouts_of.setdefault(layout.table, []).append(layout)
    return [
        TableRows(
            name, tables.get(name), name in shared, tuple(layouts), types.get(name, {}), _malformed(name, layouts)
        )
        for name, layouts in layouts_of.items()
    ]


def _malformed(name: str, layouts: Sequence[RunRows]) -> str:
    """Why no release of promote wrote this list of rows of a table; "" where one may have."""
    schema = split(name)[0]
    if schema in ("promote", "information_schema") or schema.startswith("pg_"):
        return f"no run inserts rows into the schema {schema}"
    key_columns = layouts[0].key_columns
    if len({layout.key_columns for layout in layouts}) > 1 or len(set(key_columns)) != len(key_columns):
        return "its rows are named by different columns"
    if not key_columns or not all(layout.columns for layout in layouts):
        return "it names no columns"
    keys = [key for layout in layouts for key in layout.keys]
    if any(len(key) != len(key_columns) or None in key for key in keys):
        return "a row in it has no whole key"
    if len(set(keys)) != len(keys):
        return "a row is in it twice"
    return ""


def _without_length(type_name: str) -> str:
    """A type without its length, which changes no stored value."""
    return re.sub(r"\(.*?\)", "", type_name)


def trusted_xmins(conn: Connection, run: Run) -> TrustedXmins:
    """The transactions that wrote the rows of a run, or restored them, as far as they prove anything in this database.

    The server writes its transaction into an event, and into the system column of the event's row. The two are the same
    as long as nobody has loaded the row again, and the number means the same transaction everywhere on this server
    until 2^31 others have followed. A copy of the database's files, under whatever name, keeps both. A row has only
    the low 32 bits: once the server has given out all of these, a row that is 2^32 transactions older has them, too.
    """
    here = read_database_identity(conn)
    next_xact = int(fetch(conn, _NEXT_XACT)[0]["xact"])
    reasons = [
        (event, _distrust(event, here, next_xact))
        for event in (*run.events, *run.related_events)
        if event.kind in ("committed", "restored")
    ]
    own = next((reason for event, reason in reasons if event.kind == "committed"), "")
    return TrustedXmins(frozenset(str(event.xmin) for event, reason in reasons if not reason), own)


def _distrust(event: LedgerEvent, here: DatabaseIdentity, next_xact: int) -> str:
    """Why the transaction of an event proves nothing here; "" where it does."""
    if (event.system_identifier or "") != here.system_identifier:
        servers = (event.system_identifier or "unknown", here.system_identifier or "unknown")
        return "it was imported on server {}, and this is server {}".format(*servers)
    if event.xact is None or event.xact & _XMIN_BITS != event.xmin:
        return "the ledger was dumped and restored since the import"
    if event.xact > _XMIN_BITS:
        return "this server had passed 2^32 transactions by then, and much older rows may bear the same number"
    if not 0 <= next_xact - event.xact < _MOST_TRANSACTIONS:
        return "more than 2^31 transactions have passed since the import"
    return ""
