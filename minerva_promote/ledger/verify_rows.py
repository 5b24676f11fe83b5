"""Whether the rows that the ledger keeps beside its events are those that were written with them."""

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
# Rows that no event of their run covers with its digest; "told": whether there is an event that could.
_STRAY = """
select r.run_id::text as run_id, bool_or(exists (
    select from promote.events as e where e.run_id = r.run_id and e.kind = any (%(kinds)s))) as told
from {table} as r
where not exists (
    select from promote.events as e where e.run_id = r.run_id and e.kind = any (%(kinds)s) and ({own}))
group by r.run_id order by 1
"""
_COUNTS_FOR_NOTHING = "no undo goes by them; find out who may write the ledger: promote grants"
_WITH_ROWS = ("committed", "adopted", "replaced")
_WITH_ROOTS = ("started", *_WITH_ROWS, "unchanged", "refused", "failed", "undone", "restored")


@dataclass(frozen=True, slots=True)
class Link:
    """One event, as far as the chain goes."""

    seq: int
    kind: str
    run_id: str
    previous: str
    hash: str
    rows_digest: str | None
    computed: str
    digest: str | None

    def __str__(self) -> str:
        return f"event {self.seq} ({self.kind}, run {self.run_id[:SHORT]})"

    @property
    def as_written(self) -> bool:
        """Whether its hash is that of what stands in it."""
        return self.computed == self.hash


def rows_of_events(conn: Connection, links: Sequence[Link], version: int, *, removed: bool) -> Iterator[Finding]:
    """Rows that are not those that were written with an event, and such as no event covers.

    ``removed``: the role may read promote.removed_rows. What nobody goes by, as anyone who may write the ledger can add
    it, is a warning.
    """
    digests = {link.seq: link.digest for link in links if link.kind != "undone"}
    if removed:
        digests |= {row["seq"]: row["digest"] for row in fetch(conn, _REMOVED.encode())}
    for link in links:
        if link.seq in digests and digests[link.seq] != link.rows_digest and link.as_written:
            table = REMOVED_TABLE if link.kind == "undone" else ROWS_TABLE
            fact = f"the rows in {table} of {link} were changed, removed or added to"
            help_ = "nobody can say which rows they were: an undo of this run is refused"
            yield Finding("ledger-rows", fact, hint=help_)
    if version > 2:
        by_seq = {link.seq: link for link in links}
        for row in fetch(conn, _ROOTS.encode()):
            if by_seq[row["seq"]].as_written:
                fact = f"the rows in {ROOTS_TABLE} of {by_seq[row['seq']]} were changed, removed or added to"
                yield Finding("ledger-rows", fact, hint="nobody can say which roots they were")
    own = "e.format < 3 or e.xact = r.xact" if version > 2 else "true"
    whole = all(link.as_written for link in links)  # else that is told, and more than enough
    yield from _stray(conn, ROWS_TABLE, _WITH_ROWS, own, "committed", whole)
    if version > 2 and whole:
        yield from _stray(conn, ROOTS_TABLE, _WITH_ROOTS, own, "ended", whole)
    if removed:
        statement = _STRAY.format(table=REMOVED_TABLE, own="true").encode()
        for row in fetch(conn, statement, {"kinds": ["undone", "replaced"]}):
            fact = f"{REMOVED_TABLE} has rows of run {row['run_id'][:SHORT]}, and no event says that it was undone"
            yield Finding("ledger-rows", fact, hint="the event was removed, or the rows were added by hand")


def _stray(conn: Connection, table: str, kinds: Sequence[str], own: str, ended: str, whole: bool) -> Iterator[Finding]:
    for row in fetch(conn, _STRAY.format(table=table, own=own).encode(), {"kinds": list(kinds)}):
        run = row["run_id"][:SHORT]
        if not row["told"]:
            fact = f"{table} has rows of run {run}, and no event says that it was {ended}"
        elif whole:
            fact = f"{table} has rows of run {run} that another transaction than the run's wrote"
        else:
            continue
        yield Finding("ledger-rows", fact, hint=_COUNTS_FOR_NOTHING, severity=Severity.WARN)
