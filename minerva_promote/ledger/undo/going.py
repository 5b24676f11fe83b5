"""The rows that a run added, as its ledger has them: by table, with what proves that they are still the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg

from minerva_promote.database.whereabouts import whereabouts
from minerva_promote.ledger.rows import RunRows
from minerva_promote.ledger.runs import Run
from minerva_promote.ledger.undo.tables import Key, Table


@dataclass(frozen=True, slots=True)
class Believed:
    """Which transactions wrote the rows of a run, where the database still has them as they were written."""

    xmins: frozenset[str]  # as the system column xmin shows them
    run: bool  # whether the run's own is among them: not so after a dump and restore


@dataclass(slots=True)
class Going:
    """The rows of one table that are to go."""

    name: str
    table: Table | None  # None: there is no such table any more
    shared: bool  # kept, unless it was asked for
    layouts: tuple[RunRows, ...]  # one or more: a file may give other columns of other rows
    gone: set[Key] = field(default_factory=set)  # of them, those that are not there any more

    @property
    def key(self) -> tuple[str, ...]:
        """The key's columns, as the run had them."""
        return tuple(self.layouts[0].key_columns)

    @property
    def found(self) -> bool:
        """Whether the rows can be told by their keys, even where there is more of them that cannot be compared."""
        return self.table is not None and all(name in self.table.columns for name in self.key)

    @property
    def count(self) -> int:
        """All of them, gone or not."""
        return sum(len(layout.keys) for layout in self.layouts)

    @property
    def keys(self) -> list[Key]:
        """The keys of the rows that are there, in the order in which they were added."""
        return [key for layout in self.layouts for key in layout.keys if key not in self.gone]


def going_of(rows: Iterable[RunRows], tables: dict[str, Table], shared: Sequence[str]) -> list[Going]:
    """By table, in the order in which the run had them."""
    by_table: dict[str, list[RunRows]] = {}
    for each in rows:
        by_table.setdefault(each.table, []).append(each)
    return [Going(name, tables.get(name), name in shared, tuple(layouts)) for name, layouts in by_table.items()]


def believed(conn: psycopg.Connection, run: Run) -> Believed:
    """The transactions that wrote the rows of a run or put them back, as far as they can be believed.

    Full transaction numbers only grow: an event's row has the number that stands in it for as long as nobody has loaded
    it again, into this server or another one. A template's copy keeps both.
    """
    here = whereabouts(conn).system_identifier
    wrote = [event for event in (*run.events, *run.later) if event.kind in ("committed", "restored")]
    good = [
        event
        for event in wrote
        if event.xact is not None
        and event.xact & 0xFFFFFFFF == event.xmin
        and (not here or event.system_identifier in ("", None, here))
    ]
    return Believed(frozenset(str(event.xmin) for event in good), any(event.kind == "committed" for event in good))
