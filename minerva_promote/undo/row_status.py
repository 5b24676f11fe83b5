"""What became of the rows of a run: still the run's own, written by another transaction, changed, or gone.

A row is the run's own by one proof alone: the transaction that wrote it, which is its system column xmin. Nobody who
may only insert can make somebody else's row look like that. The ledger's digests of the values that the file gave were
written by a client: they tell what was changed, and never whose a row is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg import sql

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.quote import name_of, split
from minerva_promote.errors import TargetError
from minerva_promote.ledger.run_rows import RunRows, load_unverified_rows, row_hash, stored_names
from minerva_promote.ledger.runs import Run
from minerva_promote.undo.find_run import event_of
from minerva_promote.undo.rows_to_remove import TableRows, TrustedXmins
from minerva_promote.undo.table_catalog import (
    Batches,
    Key,
    Table,
    column_list,
    key_arrays,
    query_text,
    statement_bytes,
)


@dataclass(frozen=True, slots=True)
class ListingRun:
    """Another run that has a row in its list of inserted rows."""

    run_id: str
    later: bool  # than the run that is to be undone


@dataclass(frozen=True, slots=True)
class RowStatus:
    """What became of the rows of one table."""

    changed: tuple[Key, ...] = ()  # a value that the file gave is another one now
    unproved: tuple[Key, ...] = ()  # written by another transaction; what the file gave is the same
    gone: tuple[Key, ...] = ()
    foreign: tuple[Key, ...] = ()  # changed or not: written by another transaction than the run's
    listed: Mapping[Key, ListingRun] = field(default_factory=dict)  # of the foreign ones, those that another run lists
    uncompared: tuple[str, ...] = ()  # columns of unproved rows that the file did not give: nothing to compare with

    def with_listed(self, listed: Mapping[Key, ListingRun]) -> RowStatus:
        """The same, with rows that another run lists counted as that run's."""
        theirs = {key: listed[key] for key in self.foreign if key in listed}
        return replace(
            self,
            listed=theirs,
            changed=tuple(key for key in self.changed if key not in theirs),
            unproved=tuple(key for key in self.unproved if key not in theirs),
        )


def classify_rows(pipe: Pipelined, rows: TableRows, table: Table, writers: TrustedXmins, *, lock: bool) -> RowStatus:
    """Compare every row with what the ledger has of it; ``lock`` keeps others from writing it in this transaction.

    Every column that the run wrote has to exist. Raises TargetError where a key of the run stands for several rows.
    """
    changed: list[Key] = []
    unproved: list[Key] = []
    gone: list[Key] = []
    foreign: list[Key] = []
    uncompared: dict[str, None] = {}
    pipe.doing = f"reading {table.name}"
    for layout in rows.layouts:
        not_given = dict.fromkeys(name for name in table.stored if name not in layout.columns)
        batches = Batches(len(layout.keys))
        for batch in batches:
            keys = layout.keys[batch]
            current_rows = _read_current(pipe, table, layout, keys, lock=lock)
            batches.adapt(current_rows)
            current = _by_key(table, layout, current_rows)
            for key, expected in zip(keys, layout.marks[batch], strict=True):
                if key not in current:
                    gone.append(key)
                    continue
                xmin, digest = current[key]
                proved = xmin in writers.xmins
                if not proved:
                    foreign.append(key)
                if digest != expected:
                    changed.append(key)
                elif not proved:
                    unproved.append(key)
                    uncompared.update(not_given)
    return RowStatus(tuple(changed), tuple(unproved), tuple(gone), tuple(foreign), uncompared=tuple(uncompared))


def _read_current(pipe: Pipelined, table: Table, layout: RunRows, keys: Sequence[Key], *, lock: bool) -> list[Key]:
    """For every key that exists: the row's xmin, its key, and the columns that the run wrote, as they are now."""
    wanted = key_arrays(table, layout.key_columns, keys)
    statement = sql.SQL("select t.xmin::text, {}, {} from {} t join {} on {}{}").format(
        column_list(layout.key_columns, "t"),
        column_list(layout.columns, "t"),
        table.source,
        wanted.source,
        wanted.equal("t"),
        sql.SQL(" for update of t" if lock else ""),
    )
    return pipe.ask(statement_bytes(statement), wanted.types, wanted.values)


def _by_key(table: Table, layout: RunRows, rows: Sequence[Key]) -> dict[Key, tuple[str, bytes]]:
    """The xmin and the digest of every row by its key. Raises TargetError when a key stands for several rows."""
    width = 1 + len(layout.key_columns)
    current = {row[1:width]: ((row[0] or b"").decode(), row_hash(row[width:])) for row in rows}
    if len(current) != len(rows):
        columns = ", ".join(layout.key_columns)
        message = f"several rows of {table.name} have the same {columns}: which of them are the run's is unknown"
        raise TargetError(message, hint=f"make {columns} a key of {table.name} again")
    return current


def rows_listed_by_others(
    conn: Connection, run: Run, foreign: Mapping[str, Sequence[Key]]
) -> dict[str, dict[Key, ListingRun]]:
    """Which of some rows, by table, other runs that were not undone have in their lists; the last such run."""
    wanted = {table: frozenset(keys) for table, keys in foreign.items() if keys}
    if not wanted:
        return {}
    related = _partitions(conn, wanted)
    parameters = {
        "seq": event_of(run, "committed").seq,
        "run_id": run.run_id,
        "tables": [stored for name in related for stored in stored_names(name)],
    }
    listed: dict[str, dict[Key, ListingRun]] = {}
    for other in fetch(conn, query_text("listing_runs"), parameters):
        for rows in load_unverified_rows(conn, other["run_id"]):
            for table in related.get(rows.table, ()):
                for key in wanted[table].intersection(rows.keys):
                    listed.setdefault(table, {})[key] = ListingRun(other["run_id"], other["later"])
    return listed


def _partitions(conn: Connection, tables: Iterable[str]) -> dict[str, set[str]]:
    """Every name under which a run may list rows of some tables (a partition, or the partitioned table) -> those."""
    related = {table: {table} for table in tables}
    pairs = [(table, *split(table)) for table in related]
    parameters = dict(zip(("tables", "schemas", "names"), map(list, zip(*pairs, strict=True)), strict=True))
    for row in fetch(conn, query_text("partitions"), parameters):
        related.setdefault(name_of(row["schema"], row["name"]), set()).add(row["table"])
    return related


def list_writers(conn: Connection) -> tuple[str, ...]:
    """The roles that may write the list of a run's rows."""
    return tuple(row["role"] for row in fetch(conn, query_text("list_writers")))
