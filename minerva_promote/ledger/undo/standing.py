"""The rows of a run as they stand now: as they were written, written again since, changed, or gone.

Two proofs. The transaction that wrote a row is its system column xmin: where that is still the run's, no column of the
row was touched. And the ledger has a mark of all values that the file gave: they hold after a dump and restore too, and
say nothing of columns that the file did not give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.database.pipelined import Pipelined
from minerva_promote.ledger.rows import RunRows, mark
from minerva_promote.ledger.undo.going import Believed, Going
from minerva_promote.ledger.undo.tables import Batches, Key, Table, as_bytes, keys_of, names_of


@dataclass(slots=True)
class Standing:
    """What became of the rows of one table."""

    changed: list[Key] = field(default_factory=list)  # a value that the file gave is another one
    updated: list[Key] = field(default_factory=list)  # all of those are the same, but the row was written again
    gone: list[Key] = field(default_factory=list)
    claimed: dict[Key, str] = field(default_factory=dict)  # removed, and added again by a later run
    rewritten: int = 0  # written again, and proved to be the same in all columns
    unproved: int = 0  # of which only the columns of the file are proved
    columns: dict[str, None] = field(default_factory=dict)  # those that no proof covers


def look_at(
    pipe: Pipelined, going: Going, table: Table, writers: Believed, claims: Mapping[Key, str], *, lock: bool
) -> Standing:
    """Compare every row with what the ledger says of it; ``lock`` keeps others from them until the transaction ends.

    Every column that the run wrote has to be there. ``claims``: the rows that a later run added as well.
    """
    found = Standing()
    pipe.doing = f"reading {table.name}"
    for layout in going.layouts:
        uncovered = [name for name in table.stored if name not in layout.columns]
        batches = Batches(len(layout.keys))
        for batch in batches:
            keys, marks = layout.keys[batch], layout.marks[batch]
            rows = _read(pipe, table, layout, keys, lock=lock)
            batches.took(rows)
            width = len(layout.key_columns)
            there = {row[1 : 1 + width]: (row[0] or b"", mark(row[1 + width :])) for row in rows}
            for key, expected in zip(keys, marks, strict=True):
                _judge(found, key, expected, there.get(key), writers, claims, uncovered)
    going.gone = set(found.gone)
    return found


def _judge(
    found: Standing,
    key: Key,
    expected: bytes,
    there: tuple[bytes, bytes] | None,
    writers: Believed,
    claims: Mapping[Key, str],
    uncovered: Sequence[str],
) -> None:
    if there is None:
        found.gone.append(key)
        return
    written_by, now = there
    if key in claims and written_by.decode() not in writers.xmins:
        found.claimed[key] = claims[key]
    elif now != expected:
        found.changed.append(key)
    elif written_by.decode() in writers.xmins:
        return
    elif not uncovered:
        found.rewritten += writers.run
    elif writers.run:
        found.updated.append(key)
        found.columns.update(dict.fromkeys(uncovered))
    else:
        found.unproved += 1
        found.columns.update(dict.fromkeys(uncovered))


def _read(pipe: Pipelined, table: Table, layout: RunRows, keys: Sequence[Key], *, lock: bool) -> list[Key]:
    """Who wrote each row, its key, and what it holds now."""
    wanted = keys_of(table, layout.key_columns, keys)
    statement = sql.SQL("select t.xmin::text, {}, {} from {} t join {} on {}{}").format(
        names_of(layout.key_columns, "t"),
        names_of(layout.columns, "t"),
        table.source,
        wanted.source,
        wanted.equal("t"),
        sql.SQL(" for update of t" if lock else ""),
    )
    return pipe.ask(as_bytes(statement), wanted.types, wanted.values)
