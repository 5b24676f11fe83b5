"""The one lock of a target database: a run, a migration and a setup exclude each other.

It belongs to the transaction, so it is free when that ends, however it ends, and works behind a connection pooler.
Waiting for it is bounded by lock_timeout. Advisory locks are per database: no key of the database is needed.
"""

from __future__ import annotations

import psycopg

from minerva_promote.database.faults import target_errors

LOCK_KEY = int.from_bytes(b"promote", "big")  # a bigint; shown by pg_locks as classid and objid
LOCK_STATEMENT = f"SELECT pg_catalog.pg_advisory_xact_lock({LOCK_KEY})"


def hold(conn: psycopg.Connection) -> None:
    """Wait for the lock, at most lock_timeout, and keep it to the end of the transaction that is open."""
    with target_errors("another run, migration or setup is at work"):
        conn.execute(LOCK_STATEMENT.encode())
