"""Sequences behind columns that a file gives: they must not give out what the file has brought.

A sequence is advanced by nextval(), for which USAGE suffices and which never sets it back: no number is given out
twice. A rollback does not take it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, qualified

MOST_STEPS = 1_000_000  # of one sequence; some 0.3 s


@dataclass(frozen=True, slots=True)
class SequenceState:
    """One sequence that would give out values which its column has already."""

    table: str
    column: str
    sequence: str  # as SQL names it
    reached: int  # the value of the column that is farthest in the sequence's direction
    steps: int  # calls of nextval() until the sequence is there; 0 where that is unknown
    usable: bool  # whether this role may call nextval()
    descending: bool = False

    @property
    def can_advance(self) -> bool:
        """Whether nextval() is allowed and leads there in reasonable time."""
        return self.usable and 0 < self.steps <= MOST_STEPS

    @property
    def statement(self) -> str:
        """What its owner runs instead."""
        column, table = ident(self.column).as_string(None), qualified(self.table).as_string(None)
        farthest = "min" if self.descending else "max"
        return f"SELECT setval({sql.quote(self.sequence)}, (SELECT {farthest}({column}) FROM {table}))"


def lagging_sequences(conn: Connection, written: Mapping[str, frozenset[str]]) -> tuple[SequenceState, ...]:
    """The sequences of these columns, by table, that are behind what the columns hold, in the open transaction.

    One query, and one for each sequence that is behind a written column. Raises TargetError.
    """
    rows = fetch(conn, query("sequences", __package__ or ""), {"tables": sorted(written)}, "reading sequences")
    return tuple(
        state for row in rows if row["column"] in written[row["table"]] and (state := _state(conn, row)) is not None
    )


def advance(conn: Connection, state: SequenceState) -> int:
    """Advance a sequence to what its column holds; the value that it has given out last. Raises TargetError."""
    statement = sql.SQL(
        "select pg_catalog.nextval({}) as value from pg_catalog.generate_series(1, {}) order by 1"
    ).format(sql.Literal(state.sequence), sql.Literal(state.steps))
    last = sql.SQL("select {}(value) as value from ({}) as given").format(
        sql.SQL("min" if state.descending else "max"), statement
    )
    return int(fetch(conn, last, doing=f"advancing {state.sequence}")[0]["value"])


def _state(conn: Connection, row: Mapping[str, object]) -> SequenceState | None:
    """None for a sequence that is far enough, and for a column that holds nothing."""
    table, column = str(row["table"]), str(row["column"])
    increment, start, last = (row[name] for name in ("increment", "start", "last_value"))
    assert isinstance(increment, int)
    assert isinstance(start, int)
    farthest = sql.SQL("select {}({})::bigint as value from {}").format(
        sql.SQL("max" if increment > 0 else "min"), ident(column), qualified(table)
    )
    reached = fetch(conn, farthest, doing=f"reading {table}.{column}")[0]["value"]
    if reached is None:
        return None
    sequence, usable = str(row["sequence"]), bool(row["usable"])
    if not row["readable"]:
        return SequenceState(table, column, sequence, reached, 0, usable, increment < 0)
    before = last if isinstance(last, int) else start - increment
    steps = -((before - reached) // increment) if increment > 0 else -((reached - before) // -increment)
    return SequenceState(table, column, sequence, reached, steps, usable, increment < 0) if steps > 0 else None
