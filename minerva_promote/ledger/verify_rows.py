"""Verifying the rows that belong to events: inserted rows, roots and removed rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.install import REMOVED_TABLE, ROOTS_TABLE, ROWS_TABLE, expression
from minerva_promote.ledger.runs import SHORT
from minerva_promote.results import Finding, Severity

_REMOVED = f"select e.seq, ({expression('removed_rows')}) as digest from promote.events as e where e.kind = 'undone'"
_ROOTS = f"""
select e.seq from promote.events as e
where e.format > 2 and e.roots_digest is distinct from ({expression("run_roots")})
"""
# Runs with rows that no event covers with its digest; "recorded": whether the run has an event that could.
_STRAY = """
select r.run_id::text as run_id, bool_or(exists (
    select from promote.events as e where e.run_id = r.run_id and e.kind = any (%(kinds)s))) as recorded
from {table} as r
where not exists (
    select from promote.events as e where e.run_id = r.run_id and e.kind = any (%(kinds)s) and ({own}))
group by r.run_id order by 1
"""
_UNUSED_HINT = "no undo goes by them; find out who may write the ledger: promote grants"
_WITH_ROWS = ("committed", "adopted", "replaced")
_WITH_ROOTS = ("started", *_WITH_ROWS, "unchanged", "refused", "failed", "undone", "restored")


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One event, as far as the chain is concerned; ``str()`` is how messages call it."""

    seq: int
    kind: str
    run_id: str
    previous: str  # the hash of the event before
    hash: str
    rows_digest: str | None
    computed: str  # the hash of what the event contains now
    digest: str | None  # of the inserted rows that exist now

    def __str__(self) -> str:
        return f"event {self.seq} ({self.kind}, run {self.run_id[:SHORT]})"

    @property
    def intact(self) -> bool:
        """Whether the event contains what it was added with."""
        return self.computed == self.hash


def row_findings(conn: Connection, links: Sequence[ChainLink], version: int, *, removed: bool) -> Iterator[Finding]:
    """Rows that are not those that were written with their event, and rows that no event covers.

    ``removed``: the role may read promote.removed_rows. Rows that nothing uses are a warning, as every role that writes
    the ledger can add some.
    """
    digests = {link.seq: link.digest for link in links if link.kind != "undone"}
    if removed:
        digests |= {row["seq"]: row["digest"] for row in fetch(conn, _REMOVED.encode())}
    for link in links:
        if link.seq in digests and digests[link.seq] != link.rows_digest and link.intact:
            table = REMOVED_TABLE if link.kind == "undone" else ROWS_TABLE
            message = f"the rows in {table} of {link} were changed, removed or added to"
            hint = "nobody can say which rows they were: an undo of this run is refused"
            yield Finding("ledger-rows", message, hint=hint)
    if version > 2:
        by_seq = {link.seq: link for link in links}
        for row in fetch(conn, _ROOTS.encode()):
            if by_seq[row["seq"]].intact:
                message = f"the rows in {ROOTS_TABLE} of {by_seq[row['seq']]} were changed, removed or added to"
                yield Finding("ledger-rows", message, hint="nobody can say which roots they were")
    own = "e.format < 3 or e.xact = r.xact" if version > 2 else "true"
    all_intact = all(link.intact for link in links)  # changed events have findings of their own
    yield from _stray(conn, ROWS_TABLE, _WITH_ROWS, own, "committed", all_intact)
    if version > 2 and all_intact:
        yield from _stray(conn, ROOTS_TABLE, _WITH_ROOTS, own, "ended", all_intact)
    if removed:
        statement = _STRAY.format(table=REMOVED_TABLE, own="true").encode()
        for row in fetch(conn, statement, {"kinds": ["undone", "replaced"]}):
            message = f"{REMOVED_TABLE} has rows of run {row['run_id'][:SHORT]}, and no event says that it was undone"
            yield Finding("ledger-rows", message, hint="the event was removed, or the rows were added by hand")


def _stray(
    conn: Connection, table: str, kinds: Sequence[str], own: str, ended: str, all_intact: bool
) -> Iterator[Finding]:
    """Rows of a table that no event of these kinds covers; ``own`` is the SQL by which a row belongs to an event."""
    for row in fetch(conn, _STRAY.format(table=table, own=own).encode(), {"kinds": list(kinds)}):
        run = row["run_id"][:SHORT]
        if not row["recorded"]:
            message = f"{table} has rows of run {run}, and no event says that it was {ended}"
        elif all_intact:
            message = f"{table} has rows of run {run} that another transaction than the run's wrote"
        else:
            continue
        yield Finding("ledger-rows", message, hint=_UNUSED_HINT, severity=Severity.WARN)
