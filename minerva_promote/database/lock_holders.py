"""Who holds a lock that another session waits for, as far as this role may see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from minerva_promote.database.advisory_lock import lock_name
from minerva_promote.text_format import one_line

# The session by its process and name; behind a pooler that hides the process, by its name alone.
_WAITS = b"""
with waiter as (
    select a.pid, a.wait_event from pg_catalog.pg_stat_activity a
    where a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid()
      and (a.pid = %(pid)s or %(name)s <> '' and a.usename = session_user and a.wait_event_type = 'Lock')
      and a.application_name = %(name)s
    order by a.pid = %(pid)s desc limit 1)
select w.wait_event = 'SyncRep' as standby, l.locktype, l.mode, l.objsubid, l.classid::bigint, l.objid::bigint,
    (select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid = coalesce(l.relation, (select t.relation from pg_catalog.pg_locks t
        where t.pid = w.pid and t.locktype = 'tuple' and t.granted limit 1))) as relation,
    b.pid as holder, a.application_name as application, a.usename::text as role,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as seconds,
    exists (select from pg_catalog.pg_locks o where o.pid = b.pid and not o.granted) as waits
from waiter w
left join pg_catalog.pg_locks l on l.pid = w.pid and not l.granted
left join lateral pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) b(pid) on true
left join pg_catalog.pg_stat_activity a on a.pid = b.pid
order by waits, a.xact_start nulls last, b.pid limit 3
"""
_SESSIONS = b"""
select a.pid as holder, a.application_name as application, a.usename::text as role,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as seconds, false as waits
from pg_catalog.pg_stat_activity a where a.pid = any(%(pids)s::int[]) order by a.pid
"""
_RELATION = re.compile(r'"([^"]+)"')  # in the context of an error: while updating tuple (0,1) in relation "books"


@dataclass(frozen=True, slots=True)
class LockHolders:
    """What a session waits for, and which sessions hold it."""

    standby: bool  # it waits for a synchronous standby
    resource: str  # "chunks", "a row of chunks", "the lock of this database"
    row: bool  # the end of another transaction that wrote a row, of whichever table
    holders: tuple[str, ...]  # "process 4711 (psql, role app, for 75 s)"

    def text(self, waited: float, context: str) -> str:
        """A sentence about the wait; ``context`` is that of the error, and names the table of a row."""
        resource = self.resource
        if self.row and (relation := _RELATION.search(context)):
            resource = f"a row of {relation[1]}"
        return f"waited {_format_seconds(waited)} for a lock on {resource}, held by {', '.join(self.holders)}"


def read_lock_holders(sibling: psycopg.Connection[Any], pid: int, application: str) -> LockHolders | None:
    """What the session ``pid`` waits for; None when it is not there, or waits for nothing that we may see."""
    rows = _fetch(sibling, _WAITS, {"pid": pid, "name": application})
    if not rows:
        return None
    holders = tuple(_describe_session(row) for row in rows if row["holder"] is not None)
    first = rows[0]
    return LockHolders(bool(first["standby"]), _describe_object(first), first["locktype"] == "transactionid", holders)


def read_deadlock(sibling: psycopg.Connection[Any], detail: str) -> LockHolders | None:
    """The other sessions of a deadlock; ``detail`` is the server's, with the numbers of their processes."""
    # one line a session, whatever the language: "Process 11 waits for ShareLock on …; blocked by process 12."
    ours, *others = [int(number[0]) for line in detail.splitlines() if (number := re.search(r"\d{1,9}", line))] or [0]
    rows = _fetch(sibling, _SESSIONS, {"pids": [pid for pid in others if pid != ours]})
    return LockHolders(False, "what it needs", True, tuple(map(_describe_session, rows))) if rows else None


def _fetch(sibling: psycopg.Connection[Any], query: bytes, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows, in one message, in a transaction that trusts no search_path and leaves no setting behind."""
    with psycopg.ClientCursor(sibling, row_factory=dict_row) as cursor:
        cursor.execute(b"begin read only; set local search_path = pg_catalog, pg_temp;" + query + b"; commit", values)
        cursor.nextset()
        cursor.nextset()
        return cursor.fetchall()


def _describe_object(row: dict[str, Any]) -> str:
    kind = row["locktype"]
    if kind == "advisory":
        return lock_name(row["classid"], row["objid"], row["objsubid"])
    if row["relation"]:
        return f"a row of {row['relation']}" if kind in ("tuple", "transactionid") else str(row["relation"])
    if kind == "transactionid":
        return "a row that another transaction has written"
    if kind == "virtualxid":
        return "the end of a transaction"
    return f"an object of the database ({kind})"


def _describe_session(row: dict[str, Any]) -> str:
    if not row["holder"]:
        return "a prepared transaction (see pg_prepared_xacts)"
    since = f"for {row['seconds']:.0f} s" if row["seconds"] is not None else ""
    parts = [row["application"] and one_line(row["application"]), row["role"] and f"role {row['role']}", since]
    parts += ["waiting itself"] if row["waits"] else []
    known = ", ".join(filter(None, parts))
    return f"process {row['holder']}{f' ({known})' if known else ''}"


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
