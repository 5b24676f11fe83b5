"""The rows that a run added, as its ledger has them: by table, with what proves that they are still the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minerva_promote.database.connection import Connection
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
    types: Mapping[str, str] = field(default_factory=dict)  # of columns, as the run had them, where it told
    gone: set[Key] = field(default_factory=set)  # of them, those that are not there any more

    @property
    def key(self) -> tuple[str, ...]:
        """The key's columns, as the run had them."""
        return tuple(self.layouts[0].key_columns)

    @property
    def found(self) -> bool:
        """Whether the rows can be told by their keys, even where there is more of them that cannot be compared."""
        if self.table is None or not all(name in self.table.columns for name in self.key):
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


def going_of(
    rows: Iterable[RunRows], tables: dict[str, Table], shared: Sequence[str], types: Mapping[str, Mapping[str, str]]
) -> list[Going]:
    """By table, in the order in which the run had them."""
    by_table: dict[str, list[RunRows]] = {}
    for each in rows:
        by_table.setdefault(each.table, []).append(each)
    return [
        Going(name, tables.get(name), name in shared, tuple(layouts), types.get(name, {}))
        for name, layouts in by_table.items()
    ]


def believed(conn: Connection, run: Run) -> Believed:
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
