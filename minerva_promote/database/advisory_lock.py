"""The one lock of a target database: a run, a migration and a setup exclude each other.

It belongs to the transaction, so it is free when that ends, however it ends, and works behind a connection pooler.
Waiting for it is bounded by lock_timeout. Advisory locks are per database: no key of the database is needed.
"""

from __future__ import annotations

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.errors import TargetError

LOCK_KEY = int.from_bytes(b"promote", "big")  # a bigint; shown by pg_locks as classid and objid
LOCK_STATEMENT = f"SELECT pg_catalog.pg_advisory_xact_lock({LOCK_KEY})"
RUN_CLASS = int.from_bytes(b"runs", "big")  # of the locks that stand for one run each, with the first 32 bits of its id

BUILDS_KEY = int.from_bytes(b"vectors", "big")  # of the lock that those who build vector indexes take

_NOT_AVAILABLE = "55P03"
_HOLDER = b"""
select l.pid, a.application_name, a.usename::text as role, a.xact_start::timestamptz(0)::text as since,
       pg_catalog.current_setting('lock_timeout') as patience
from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  and l.classid::bigint = %(high)s and l.objid::bigint = %(low)s
"""


def acquire_target_lock(conn: Connection) -> None:
    """Wait for the lock, at most lock_timeout, and keep it to the end of the transaction that is open.

    Raises TargetError that names the session which holds it; the transaction is rolled back then.
    """
    try:
        with target_errors("another run, migration or setup is at work"):
            conn.execute(LOCK_STATEMENT.encode())
    except TargetError as error:
        if error.sqlstate != _NOT_AVAILABLE:
            raise
        conn.rollback()
        raise with_lock_holder(conn, error) from error


def announce_run(conn: Connection, run_id: str) -> None:
    """Show until the end of the open transaction that this run is at work.

    A pooler may give its session another name; and a lock is let go only when everybody sees what was committed.
    """
    statement = b"SELECT pg_catalog.pg_advisory_xact_lock(%(class)s::int, %(id)s::bigint::bit(32)::int)"
    with target_errors("starting the transaction"):
        conn.execute(statement, run_lock_key(run_id))


def run_lock_key(run_id: str) -> dict[str, int]:
    """The two parts of the lock of a run, as pg_locks has them."""
    return {"class": RUN_CLASS, "id": int(run_id[:8], 16)}


def lock_name(high: int, low: int, parts: int) -> str:
    """What an advisory lock stands for, by its numbers in pg_locks."""
    key = (high << 32) | low
    if parts == 1 and key in (LOCK_KEY, BUILDS_KEY):
        return "the lock of this database" if key == LOCK_KEY else "the lock of index builds"
    return "the lock of a run" if parts == 2 and high == RUN_CLASS else "an advisory lock"


def with_lock_holder(
    conn: Connection, error: TargetError, key: int = LOCK_KEY, who_else: str = "another run, migration or setup"
) -> TargetError:
    """The same with the holder of the lock in it, where it is still there."""
    rows = fetch(conn, _HOLDER, {"high": key >> 32, "low": key & 0xFFFFFFFF})
    if not rows:
        return error
    holder = rows[0]
    who = ", ".join(filter(None, (holder["application_name"], holder["role"] and f"role {holder['role']}")))
    since = f", since {holder['since']}" if holder["since"] else ""
    return TargetError(
        f"the lock of this database is held by process {holder['pid']} ({who or 'unknown'}){since};"
        f" waited {holder['patience']}",
        hint=f"{who_else} is at work: repeat the command when it is done;"
        f" if it hangs, end it: select pg_terminate_backend({holder['pid']})",
        sqlstate=error.sqlstate,
    )
