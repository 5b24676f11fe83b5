"""Other sessions on the target, and what the run's own session waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from tests.run.conftest import Shop
from tests.run.exports import key


@contextmanager
def holding(shop: Shop, statement: str, user: str | None = None) -> Iterator[int]:
    """Another session that has done this in a transaction which it does not end; its process."""
    with shop.database.connect(user, autocommit=False, application_name="somebody") as other:
        other.execute(statement.encode())
        yield other.info.backend_pid
        with suppress(psycopg.OperationalError):  # the server may be gone
            other.rollback()


def row_of_another(shop: Shop) -> str:
    """A statement that makes the run wait when it comes to the first chunk."""
    return (
        "insert into embedding_configs select 'eeeeeeee-0000-4000-8000-000000000000', 'x', 'x', 3, true, now();"
        f" insert into books (id, title, author, ingestion_status, created_at, updated_at) values ('{key('b', 1)}',"
        " 't', 'a', 'completed', now(), now())"
    )


@contextmanager
def dead_standby(shop: Shop) -> Iterator[None]:
    """Every COMMIT on the server of the shop waits for a synchronous standby that is not there, if it may."""
    with shop.database.connect(options="-c synchronous_commit=local") as conn:
        conn.execute("alter system set synchronous_standby_names = 'nobody'")
        conn.execute("select pg_reload_conf()")
        try:
            while conn.execute("show synchronous_standby_names").fetchone() != ("nobody",):
                time.sleep(0.02)
            time.sleep(0.2)  # the checkpointer tells the others
            yield
        finally:
            conn.execute("alter system reset synchronous_standby_names")
            conn.execute("select pg_reload_conf()")


def wait_for_standby(shop: Shop) -> int:
    """The process of a session that waits for a synchronous standby, once there is one."""
    query = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'SyncRep'"
    end = time.monotonic() + 30
    while not (found := shop.rows(query)):
        assert time.monotonic() < end
        time.sleep(0.02)
    return int(found[0][0])


def wait_until_it_waits(shop: Shop, wait_event_type: str = "Lock") -> int:
    """The process of the run's session, once it waits for something of this type."""
    query = (
        "select pid from pg_stat_activity where datname = current_database() and application_name like 'promote %-%'"
        f" and wait_event_type = '{wait_event_type}' and state = 'active'"
    )
    end = time.monotonic() + 30
    while not (found := shop.rows(query)):
        assert time.monotonic() < end
        time.sleep(0.02)
    return int(found[0][0])
