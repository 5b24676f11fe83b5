"""Verifying the ledger: that no event was changed, moved or removed, nor the rows that belong to one.

Hashes are computed by the server from the SQL of this package, so that a function that was replaced there proves
nothing. A role that may change everything in a database can also compute a new chain from the first event on: only a
head that was noted elsewhere shows that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import REPEATABLE_READ, Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.ledger.install import LEDGER_VERSION, REMOVED_TABLE, expression, ledger_version
from minerva_promote.ledger.runs import SHORT
from minerva_promote.ledger.structure_findings import structure_findings
from minerva_promote.ledger.verify_rows import ChainLink, row_findings
from minerva_promote.results import Finding, Severity

_SEARCH_PATH = b"set local search_path = pg_catalog, pg_temp"  # so that no function of another schema is called
_EVENTS = """
select e.seq, e.kind, e.run_id::text as run_id, e.previous, e.hash, e.rows_digest,
    ({hash}) as computed,
    case when e.kind = 'committed' or (e.format > 2 and e.kind <> 'undone') then ({run_rows}) end as digest
from promote.events as e order by e.seq
"""
_CHANGED_EVENTS = f"""
select e.seq, e.kind, e.run_id::text as run_id from promote.events as e
where (e.run_id = any (%(ids)s::uuid[]) or e.subject = any (%(ids)s::uuid[]))
    and e.hash is distinct from ({expression("hash")})
order by e.seq
"""
# The hash that an event would have at another position.
_HASH_AT = """
select t.seq, ({hash}) as computed
from promote.events as t cross join unnest(%(seqs)s::bigint[], %(positions)s::bigint[]) as w (seq, position)
cross join lateral jsonb_populate_record(t, jsonb_build_object('seq', w.position)) as e
where t.seq = w.seq
"""
_HINT = "nobody can say what it was: keep the head of the chain elsewhere, and look at who may change this database"


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification."""

    events: int
    head: str  # the hash of the last event; "" where there is none
    findings: tuple[Finding, ...]
    schema_findings: tuple[Finding, ...]  # where the ledger's schema is not as this release creates it
    removed_rows_verified: bool  # False: there were undos, and this role may not read the rows that they removed


def chain_errors(conn: Connection) -> tuple[Finding, ...]:
    """The findings of verify_chain that are errors: none where the ledger is as it was written."""
    return tuple(finding for finding in verify_chain(conn).findings if finding.severity is Severity.ERROR)


def require_intact(conn: Connection, ids: Iterable[str]) -> None:
    """Raise TargetError when an event of one of these runs, or with one as subject, was changed after it was added."""
    for row in fetch(conn, _CHANGED_EVENTS.encode(), {"ids": list(ids)}):
        event = f"event {row['seq']} ({row['kind']}, run {row['run_id'][:SHORT]})"
        raise TargetError(
            f"{event} of the ledger was changed after it was written",
            hint="promote history --verify tells what else was changed; nobody can say what the run inserted",
        )


def verify_chain(
    conn: Connection, head: str | None = None, *, environment: str = "ENV", revision_table: str | None = None
) -> Verification:
    """Read the whole ledger in one snapshot; ``head`` is the hash of an event that must be in it, or how it begins.

    The connection must be outside any transaction. ``revision_table`` is the one in which Alembic keeps the revision;
    None accepts any. Raises UsageError when ``head`` is no hash.
    """
    if head is not None and not re.fullmatch("[0-9a-f]{16,64}", head):
        raise UsageError(f'--head "{head}" is no hash', hint="16 to 64 hexadecimal digits, as history --verify says it")
    with target_errors("verifying the ledger"), conn.transaction(isolation=REPEATABLE_READ + b", read only"):
        conn.execute(_SEARCH_PATH)
        version = ledger_version(conn) or LEDGER_VERSION
        computed = {name: expression(name, version) for name in ("hash", "run_rows")}
        links = [ChainLink(**row) for row in fetch(conn, _EVENTS.format(**computed).encode())]
        ends = [(row["seq"], row["hash"]) for row in fetch(conn, query("chain", __package__ or ""))]
        findings, moved = _changed_events(conn, links, computed["hash"])
        findings += _missing_events(links, moved, ends[0][0] if ends else 0)
        findings += _head_findings(links, ends)
        may = f"select pg_catalog.has_table_privilege('{REMOVED_TABLE}', 'SELECT') as may".encode()
        removed = bool(fetch(conn, may)[0]["may"])
        findings += row_findings(conn, links, version, removed=removed)
        schema = structure_findings(conn, environment, revision_table=revision_table, version=version)
    if head is not None and not any(link.hash.startswith(head) for link in links):
        message = f"the chain has no event with the hash {head}"
        hint = "if it was noted from this ledger, then that event was changed or removed, and all that follow"
        findings.append(Finding("ledger-head", message, hint=hint))
    return Verification(
        events=len(links),
        head=links[-1].hash if links else "",
        findings=tuple(findings),
        schema_findings=schema,
        removed_rows_verified=removed or not any(link.kind == "undone" for link in links),
    )


def _changed_events(
    conn: Connection, links: Sequence[ChainLink], hash_expression: str
) -> tuple[list[Finding], dict[int, int]]:
    """Findings for events whose hash is another one now; and the present position of moved events, by the former."""
    changed = [link for link in links if not link.intact]
    positions = _positions(links)
    former = {link.seq: positions[link.hash] for link in changed if positions.get(link.hash, link.seq) != link.seq}
    moved: dict[int, int] = {}
    if former:
        parameters = {"seqs": list(former), "positions": list(former.values())}
        rows = fetch(conn, _HASH_AT.format(hash=hash_expression).encode(), parameters)
        hashes = {row["seq"]: row["computed"] for row in rows}
        moved = {former[link.seq]: link.seq for link in changed if hashes.get(link.seq) == link.hash}
    moved_here = set(moved.values())
    findings = []
    for link in changed:
        if link.seq in moved_here:
            message = f"{link} was event {former[link.seq]}: the order was changed"
            findings.append(Finding("ledger-reordered", message, hint=_HINT))
        else:
            findings.append(Finding("ledger-changed", f"{link} was changed after it was written", hint=_HINT))
    return findings, moved


def _positions(links: Iterable[ChainLink]) -> dict[str, int]:
    """The position of each event by its hash, as far as the hashes connect: each event has that of the one before."""
    after = {link.previous: link.hash for link in links}
    positions: dict[str, int] = {}
    current = after.get("")
    while current is not None and current not in positions:
        positions[current] = len(positions) + 1
        current = after.get(current)
    return positions


def _missing_events(links: Iterable[ChainLink], moved: Mapping[int, int], last: int) -> Iterator[Finding]:
    """Events that do not exist, and events that were replaced; ``last``: the number in the head of the chain."""
    previous: ChainLink | None = None
    for link in links:
        first = previous.seq + 1 if previous else 1
        if link.seq > first:
            yield from _missing(first, link.seq - 1, previous, link, moved)
        elif previous and link.previous != previous.hash and link.intact and previous.intact:
            yield Finding("ledger-changed", f"{previous} is not the one that {link} was added to", hint=_HINT)
        previous = link
    first = previous.seq + 1 if previous else 1
    if first <= last:
        yield from _missing(first, last, previous, None, moved)


def _missing(
    first: int, last: int, before: ChainLink | None, after: ChainLink | None, moved: Mapping[int, int]
) -> Iterator[Finding]:
    """One finding for the events with these numbers, unless all of them were only moved."""
    missing = [seq for seq in range(first, min(last, first + 1000) + 1) if seq not in moved]
    if not missing:
        return
    count = last - first + 1 - sum(first <= seq <= last for seq in moved)
    events = f"event {missing[0]} is" if count == 1 else f"{count:,} events from {missing[0]} to {last} are"
    where = f"after {before}" if before else "at the beginning"
    where += f", before {after}" if after else ": the head of the chain knows of more" if before else ""
    yield Finding("ledger-missing", f"{events} missing {where}", hint=_HINT)


def _head_findings(links: Sequence[ChainLink], ends: Sequence[tuple[int, str]]) -> Iterator[Finding]:
    """Where promote.chain does not name the last event; ``ends``: its rows, of which there must be one."""
    last = links[-1] if links else None
    if not ends:
        message = "the head of the chain was removed: nothing can be added any more"
        yield Finding(
            "ledger-head", message, hint="as its owner: INSERT INTO promote.chain (seq, hash), of the last event"
        )
    elif last is not None and ends[0][0] < last.seq:
        yield Finding("ledger-changed", f"{last} was added beside the chain, whose head is {ends[0][0]}", hint=_HINT)
    elif last is not None and ends[0][0] == last.seq and ends[0][1] != last.hash and last.intact:
        yield Finding("ledger-changed", f"{last} is not the one that the head of the chain names", hint=_HINT)
