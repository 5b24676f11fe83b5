"""The rows of a run as they stand now: the run's own, of another transaction, changed, or gone.

A row is the run's own by one proof alone: the transaction that wrote it, which is its system column xmin. Nobody who
may only insert can make the row of somebody else look like that. The ledger's marks of the values that the file gave
were written by a client: they tell what was changed, and never whose a row is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.database.pipeline import Pipelined
from minerva_promote.errors import TargetError
from minerva_promote.ledger.run_rows import RunRows, row_hash
from minerva_promote.undo.claims import Claim
from minerva_promote.undo.rows_to_remove import TableRows, TrustedXmins
from minerva_promote.undo.table_catalog import Batches, Key, Table, column_list, key_arrays, statement_bytes


@dataclass(slots=True)
class RowStatus:
    """What became of the rows of one table."""

    changed: list[Key] = field(default_factory=list)  # a value that the file gave is another one
    unproved: list[Key] = field(default_factory=list)  # of another transaction; what the file gave is the same
    gone: list[Key] = field(default_factory=list)
    foreign: list[Key] = field(default_factory=list)  # changed or not: of another transaction than the run's
    claimed: dict[Key, Claim] = field(default_factory=dict)  # of those, which another run has in its list
    columns: dict[str, None] = field(default_factory=dict)  # of unproved rows, those that cannot be compared

    def claim(self, claims: Mapping[Key, Claim]) -> None:
        """Take rows that another run has in its list for that one's."""
        self.claimed = {key: claims[key] for key in self.foreign if key in claims}
        self.changed = [key for key in self.changed if key not in self.claimed]
        self.unproved = [key for key in self.unproved if key not in self.claimed]


def classify_rows(pipe: Pipelined, going: TableRows, table: Table, writers: TrustedXmins, *, lock: bool) -> RowStatus:
    """Compare every row with what the ledger says of it; ``lock`` keeps others from them until the transaction ends.

    Every column that the run wrote has to be there.
    """
    found = RowStatus()
    pipe.doing = f"reading {table.name}"
    for layout in going.layouts:
        uncovered = [name for name in table.stored if name not in layout.columns]
        batches = Batches(len(layout.keys))
        for batch in batches:
            keys, marks = layout.keys[batch], layout.marks[batch]
            rows = _read(pipe, table, layout, keys, lock=lock)
            batches.adapt(rows)
            width = len(layout.key_columns)
            if len({row[1 : 1 + width] for row in rows}) != len(rows):
                columns = ", ".join(layout.key_columns)
                fact = f"several rows of {table.name} have the same {columns}: which of them are the run's is unknown"
                raise TargetError(fact, hint=f"make {columns} a key of {table.name} again")
            there = {row[1 : 1 + width]: (row[0] or b"", row_hash(row[1 + width :])) for row in rows}
            for key, expected in zip(keys, marks, strict=True):
                _classify(found, key, expected, there.get(key), writers, uncovered)
    going.gone = set(found.gone)
    return found


def _classify(
    found: RowStatus,
    key: Key,
    expected: bytes,
    there: tuple[bytes, bytes] | None,
    writers: TrustedXmins,
    uncovered: Sequence[str],
) -> None:
    if there is None:
        found.gone.append(key)
        return
    written_by, now = there
    proved = written_by.decode() in writers.xmins
    if not proved:
        found.foreign.append(key)
    if now != expected:
        found.changed.append(key)
    elif not proved:
        found.unproved.append(key)
        found.columns.update(dict.fromkeys(uncovered))


def _read(pipe: Pipelined, table: Table, layout: RunRows, keys: Sequence[Key], *, lock: bool) -> list[Key]:
    """Who wrote each row, its key, and what it holds now."""
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
