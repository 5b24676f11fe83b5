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
