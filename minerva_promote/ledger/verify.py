"""Whether the ledger is as it was written: every event, their order, their end, and the rows that belong to them.

Hashes are computed by the server from the SQL of this package, so that a function that was replaced there is no
witness. Who may change everything in a database can also compute a new chain, from the first event on: only a head that
was noted elsewhere shows that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import REPEATABLE_READ, Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.ledger.install import LEDGER_VERSION, REMOVED_TABLE, expression, ledger_version
from minerva_promote.ledger.runs import SHORT
from minerva_promote.ledger.structure_findings import structure_findings
from minerva_promote.ledger.verify_rows import Link, rows_of_events
from minerva_promote.results import Finding, Severity

_NAMES = b"set local search_path = pg_catalog, pg_temp"  # no function of another schema stands in for the server's
_EVENTS = """
select e.seq, e.kind, e.run_id::text as run_id, e.previous, e.hash, e.rows_digest,
    ({hash}) as computed,
    case when e.kind = 'committed' or (e.format > 2 and e.kind <> 'undone') then ({run_rows}) end as digest
from promote.events as e order by e.seq
"""
_ABOUT = f"""
select e.seq, e.kind, e.run_id::text as run_id from promote.events as e
where (e.run_id = any (%(ids)s::uuid[]) or e.subject = any (%(ids)s::uuid[]))
    and e.hash is distinct from ({expression("hash")})
order by e.seq
"""
# The hash that an event would have at another place.
_AT = """
select t.seq, ({hash}) as computed
from promote.events as t cross join unnest(%(seqs)s::bigint[], %(places)s::bigint[]) as w (seq, place)
cross join lateral jsonb_populate_record(t, jsonb_build_object('seq', w.place)) as e
where t.seq = w.seq
"""
_KEEP = "nobody can say what it was: keep the head of the chain elsewhere, and look at who may change this database"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found."""

    events: int
    head: str  # the hash of the last event; "" where there is none
    findings: tuple[Finding, ...]
    schema_findings: tuple[Finding, ...]  # where its own schema is not as the release creates it
    removed_rows_verified: bool  # False: there were undos, and this role may not read the rows that they removed


def chain_errors(conn: Connection) -> tuple[Finding, ...]:
    """What is wrong with the ledger; nothing, where it is as it was written. See prove."""
    return tuple(finding for finding in verify_chain(conn).findings if finding.severity is Severity.ERROR)


def require_intact(conn: Connection, ids: Iterable[str]) -> None:
    """Raise TargetError when an event of one of these runs, or about one, was changed after it was written."""
    for row in fetch(conn, _ABOUT.encode(), {"ids": list(ids)}):
        event = f"event {row['seq']} ({row['kind']}, run {row['run_id'][:SHORT]})"
        raise TargetError(
            f"{event} of the ledger was changed after it was written",
            hint="promote history --verify tells what else was changed; nobody can say what the run inserted",
        )


def verify_chain(
    conn: Connection, head: str | None = None, *, environment: str = "ENV", revision_table: str | None = None
) -> Verification:
    """Read the whole ledger, as of one moment; ``head`` is the hash of an event that must be in it.

    On a connection outside any transaction. ``revision_table`` is the one in which Alembic keeps the revision; None
    accepts any.
    """
    if head is not None and not re.fullmatch("[0-9a-f]{16,64}", head):
        raise UsageError(f'--head "{head}" is no hash', hint="16 to 64 hexadecimal digits, as history --verify says it")
    with target_errors("verifying the ledger"), conn.transaction(how=REPEATABLE_READ + b", read only"):
        conn.execute(_NAMES)
        version = ledger_version(conn) or LEDGER_VERSION
        computed = {name: expression(name, version) for name in ("hash", "run_rows")}
        links = [Link(**row) for row in fetch(conn, _EVENTS.format(**computed).encode())]
        ends = [(row["seq"], row["hash"]) for row in fetch(conn, query("chain", __package__ or ""))]
        findings, moved = _events(conn, links, computed["hash"])
        findings += _order(links, moved, ends[0][0] if ends else 0)
        findings += _head(links, ends)
        may = f"select pg_catalog.has_table_privilege('{REMOVED_TABLE}', 'SELECT') as may".encode()
        removed = bool(fetch(conn, may)[0]["may"])
        findings += rows_of_events(conn, links, version, removed=removed)
        structure = structure_findings(conn, environment, revision_table=revision_table, version=version)
    if head is not None and not any(link.hash.startswith(head) for link in links):
        fact = f"the chain has no event with the hash {head}"
        help_ = "if it was noted from this ledger, then that event was changed or removed, and all that follow"
        findings.append(Finding("ledger-head", fact, hint=help_))
    looked = removed or not any(link.kind == "undone" for link in links)
    return Verification(len(links), links[-1].hash if links else "", tuple(findings), structure, looked)


def _events(conn: Connection, links: list[Link], hash_: str) -> tuple[list[Finding], Mapping[int, int]]:
    """Events that are not what they were; and those that only stand elsewhere, by where they stood."""
    wrong = [link for link in links if link.computed != link.hash]
    places = _places(links)
    elsewhere = {link.seq: places[link.hash] for link in wrong if places.get(link.hash, link.seq) != link.seq}
    moved: dict[int, int] = {}
    if elsewhere:
        at = {"seqs": list(elsewhere), "places": list(elsewhere.values())}
        hashes = {row["seq"]: row["computed"] for row in fetch(conn, _AT.format(hash=hash_).encode(), at)}
        moved = {elsewhere[link.seq]: link.seq for link in wrong if hashes.get(link.seq) == link.hash}
    stands = set(moved.values())
    found = []
    for link in wrong:
        if link.seq in stands:
            fact = f"{link} was event {elsewhere[link.seq]}: the order was changed"
            found.append(Finding("ledger-reordered", fact, hint=_KEEP))
        else:
            found.append(Finding("ledger-changed", f"{link} was changed after it was written", hint=_KEEP))
    return found, moved


def _places(links: Iterable[Link]) -> dict[str, int]:
    """Where each event stands by the hashes alone: each names the one before."""
    after = {link.previous: link.hash for link in links}
    places: dict[str, int] = {}
    here = after.get("")
    while here is not None and here not in places:
        places[here] = len(places) + 1
        here = after.get(here)
    return places


def _order(links: list[Link], moved: Mapping[int, int], last: int) -> Iterator[Finding]:
    """Events that are not there, and such as were put in the place of others."""
    wrong = {link.seq for link in links if link.computed != link.hash}
    before: Link | None = None
    for link in links:
        begin = before.seq + 1 if before else 1
        if link.seq > begin:
            yield from _missing(begin, link.seq - 1, before, link, moved)
        elif before and link.previous != before.hash and not {link.seq, before.seq} & wrong:
            yield Finding("ledger-changed", f"{before} is not the one that {link} was added to", hint=_KEEP)
        before = link
    begin = before.seq + 1 if before else 1
    if begin <= last:
        yield from _missing(begin, last, before, None, moved)


def _missing(
    begin: int, end: int, before: Link | None, after: Link | None, moved: Mapping[int, int]
) -> Iterator[Finding]:
    gone = [seq for seq in range(begin, min(end, begin + 1000) + 1) if seq not in moved]
    if not gone:
        return
    count = end - begin + 1 - sum(begin <= seq <= end for seq in moved)
    what = f"event {gone[0]} is" if count == 1 else f"{count:,} events from {gone[0]} to {end} are"
    where = f"after {before}" if before else "at the beginning"
    where += f", before {after}" if after else ": the head of the chain knows of more" if before else ""
    yield Finding("ledger-missing", f"{what} missing {where}", hint=_KEEP)


def _head(links: list[Link], ends: list[tuple[int, str]]) -> Iterator[Finding]:
    last = links[-1] if links else None
    if not ends:
        fact = "the head of the chain was removed: nothing can be added any more"
        yield Finding(
            "ledger-head", fact, hint="as its owner: INSERT INTO promote.chain (seq, hash), of the last event"
        )
    elif last is not None and ends[0][0] < last.seq:
        yield Finding("ledger-changed", f"{last} was added beside the chain, whose head is {ends[0][0]}", hint=_KEEP)
    elif last is not None and ends[0][0] == last.seq and ends[0][1] != last.hash and last.computed == last.hash:
        yield Finding("ledger-changed", f"{last} is not the one that the head of the chain names", hint=_KEEP)
