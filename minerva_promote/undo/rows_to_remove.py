"""The rows that a run added, as its ledger has them: by table, with what proves that they are still the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import DatabaseIdentity, whereabouts
from minerva_promote.database.quote import split
from minerva_promote.ledger.run_rows import RunRows
from minerva_promote.ledger.runs import LedgerEvent, Run
from minerva_promote.undo.table_catalog import Key, Table

_REACHED = b"select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text as xact"
_LOW = 0xFFFFFFFF  # the bits of a transaction's number that a row has
_AGE = 2**31  # transactions after which these bits are somebody else's


@dataclass(frozen=True, slots=True)
class TrustedXmins:
    """The transactions whose rows are a run's own, where the database still has them as they were written."""

    xmins: frozenset[str]  # as the system column xmin shows them
    why_not: str = ""  # why the run's own transaction is not among them


@dataclass  # without slots: a property is computed once
class TableRows:
    """The rows of one table that are to go."""

    name: str
    table: Table | None  # None: there is no such table any more
    shared: bool  # kept, unless it was asked for
    layouts: tuple[RunRows, ...]  # one or more: a file may give other columns of other rows
    types: Mapping[str, str] = field(default_factory=dict)  # of columns, as the run had them, where it told
    gone: set[Key] = field(default_factory=set)  # of them, those that are not there any more

    @property
    def key(self) -> tuple[str, ...]:
        """The key's columns, as the run had them."""
        return tuple(self.layouts[0].key_columns)

    @cached_property
    def unlike(self) -> str:
        """Why no release of promote wrote this list of rows; "" where one may have."""
        schema = split(self.name)[0]
        if schema in ("promote", "information_schema") or schema.startswith("pg_"):
            return f"no run inserts rows into the schema {schema}"
        if len({layout.key_columns for layout in self.layouts}) > 1 or len(set(self.key)) != len(self.key):
            return "its rows are named by different columns"
        if not self.key or not all(layout.columns for layout in self.layouts):
            return "it names no columns"
        keys = [key for layout in self.layouts for key in layout.keys]
        if any(len(key) != len(self.key) or None in key for key in keys):
            return "a row in it has no whole key"
        if len(set(keys)) != len(keys):
            return "a row is in it twice"
        return ""

    @property
    def found(self) -> bool:
        """Whether the rows can be told by their keys, even where there is more of them that cannot be compared."""
        if self.unlike or self.table is None or not all(name in self.table.columns for name in self.key):
            return False
        return not any(name in self.retyped for name in self.key)

    @property
    def wrote(self) -> tuple[str, ...]:
        """The columns that the run wrote."""
        names = (name for layout in self.layouts for name in (*layout.key_columns, *layout.columns))
        return tuple(dict.fromkeys(names))

    @property
    def retyped(self) -> dict[str, str]:
        """Columns that are of another type now, and what they were: their values cannot be compared with the marks."""
        columns = self.table.columns if self.table else {}
        types = {name: self.types.get(name, columns[name].type) for name in self.wrote if name in columns}
        return {name: was for name, was in types.items() if _bare(was) != _bare(columns[name].type)}

    @property
    def count(self) -> int:
        """All of them, gone or not."""
        return sum(len(layout.keys) for layout in self.layouts)

    @property
    def keys(self) -> list[Key]:
        """The keys of the rows that are there, in the order in which they were added."""
        return [key for layout in self.layouts for key in layout.keys if key not in self.gone]


def _bare(type_: str) -> str:
    """A type without its length, which changes no stored value."""
    return re.sub(r"\(.*?\)", "", type_)


def rows_by_table(
    rows: Iterable[RunRows], tables: dict[str, Table], shared: Sequence[str], types: Mapping[str, Mapping[str, str]]
) -> list[TableRows]:
    """By table, in the order in which the run had them."""
    by_table: dict[str, list[RunRows]] = {}
    for each in rows:
        by_table.setdefault(each.table, []).append(each)
    return [
        TableRows(name, tables.get(name), name in shared, tuple(layouts), types.get(name, {}))
        for name, layouts in by_table.items()
    ]


def trusted_xmins(conn: Connection, run: Run) -> TrustedXmins:
    """The transactions that wrote the rows of a run or restored them, as far as they can be believed.

    The server writes its transaction into an event, and into the system column of the event's row. They are the same
    for as long as nobody has loaded the row again, and the number means the same transaction all over this server
    until 2^31 others have followed. A copy of the database's files, under whatever name, keeps both. A row has only
    the low 32 bits: once the server has given out all of these, a row that is 2^32 transactions older has them, too.
    """
    here = whereabouts(conn)
    reached = int(fetch(conn, _REACHED)[0]["xact"])
    reasons = [
        (event, _why_not(event, here, reached))
        for event in (*run.events, *run.related_events)
        if event.kind in ("committed", "restored")
    ]
    own = next((why for event, why in reasons if event.kind == "committed"), "")
    return TrustedXmins(frozenset(str(event.xmin) for event, why in reasons if not why), own)


def _why_not(event: LedgerEvent, here: DatabaseIdentity, reached: int) -> str:
    """Why the transaction of an event proves nothing here; "" where it does."""
    if (event.system_identifier or "") != here.system_identifier:
        servers = (event.system_identifier or "unknown", here.system_identifier or "unknown")
        return "it was imported on server {}, and this is server {}".format(*servers)
    if event.xact is None or event.xact & _LOW != event.xmin:
        return "the ledger was dumped and restored since the import"
    if event.xact > _LOW:
        return "this server had passed 2^32 transactions by then, and much older rows may bear the same number"
    if not 0 <= reached - event.xact < _AGE:
        return "more than 2^31 transactions have passed since the import"
    return ""
