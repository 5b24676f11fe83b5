"""No statement without the settings, and nothing of them is left."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import minerva_promote
from minerva_promote.config.connection_url import parse_url
from minerva_promote.config.models.project import Timeouts
from minerva_promote.database.connection import REPEATABLE_READ, Connection, raw_cursor
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.session import closed_after, connect
from tests.servers import Database

PACKAGE = Path(minerva_promote.__file__).parent
WANTED = {
    "search_path": "public, pg_temp",
    "standard_conforming_strings": "on",
    "datestyle": "ISO, YMD",
    "timezone": "UTC",
    "row_security": "off",
    "lock_timeout": "10s",
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "5min",
    "synchronous_commit": "on",
    "transaction_isolation": "read committed",
    "application_name": "promote test",
}
SHOW = f"select {', '.join(f'current_setting({name!r})' for name in WANTED)}"
STRANGE = (
    "DateStyle = 'SQL, DMY'", "TimeZone = 'Pacific/Kiritimati'", "standard_conforming_strings = off",
    "search_path = evil, pg_catalog", "synchronous_commit = off", "default_transaction_isolation = 'serializable'",
)  # fmt: skip


@pytest.fixture
def conn(database: Database, tmp_path: Path) -> Iterator[Connection]:
    """A connection whose defaults are strange, and whose search_path others may fill."""
    database.execute(
        "create schema evil",
        "create function evil.concat_ws(text, variadic text[]) returns text language sql as $$ select 'evil' $$",
        "create function evil.eq(oid, oid) returns boolean language sql as 'select false'",
        "create operator evil.= (leftarg = oid, rightarg = oid, function = evil.eq)",
        *(f"alter database {database.name} set {setting}" for setting in STRANGE),
    )
    target = parse_url(database.url(), name="url")
    with closed_after(connect(target, tmp_path, Timeouts(), application="promote test")) as conn:
        yield conn


def shown(conn: Connection) -> dict[str, str]:
    """The settings as a statement finds them."""
    return dict(zip(WANTED, conn.execute(SHOW.encode()).fetchall()[0], strict=True))


def left(conn: Connection) -> list[str]:
    """What the session keeps, as the next client of a pooler would find it."""
    query = (
        b"select name from pg_settings where source = 'session' and name <> 'idle_session_timeout'"
        b" union all select name from pg_prepared_statements"
    )
    rows = conn.send(query)[-1]
    return [str(rows.get_value(row, 0)) for row in range(rows.ntuples)]


def test_settings_of_every_statement(conn: Connection) -> None:
    assert shown(conn) == WANTED
    with conn.transaction():
        assert shown(conn) == WANTED
        with pytest.raises(psycopg.errors.DivisionByZero), conn.transaction():
            conn.execute("select 1/0")
        assert shown(conn) == WANTED
    with conn.transaction(isolation=REPEATABLE_READ, force_rollback=True):
        assert shown(conn) == {**WANTED, "transaction_isolation": "repeatable read"}
    with pytest.raises(psycopg.errors.DivisionByZero):
        conn.execute("select 1/%s", [0])
    assert shown(conn) == WANTED
    conn.autocommit = False
    assert shown(conn) == WANTED
    conn.rollback()
    conn.autocommit = True
    assert left(conn) == []


def test_values_are_read_as_they_are_written(conn: Connection) -> None:
    query = "select date '2026-02-01', timestamptz '2026-02-01 12:00+00', '\\x00ff'::bytea, %s::text"
    moment = datetime.datetime(2026, 2, 1, 12, tzinfo=datetime.UTC)
    for _ in range(2):
        assert conn.execute(query, ["a\\b"]).fetchall() == [(datetime.date(2026, 2, 1), moment, b"\x00\xff", "a\\b")]


def test_a_write_is_stored_or_refused(conn: Connection) -> None:
    conn.execute("create table public.t (n int unique deferrable initially deferred)")
    conn.execute("insert into t values (%s)", [1])
    with pytest.raises(psycopg.errors.UniqueViolation):  # at COMMIT
        conn.execute("insert into t values (%s)", [1])
    assert raw_cursor(conn).execute(b"select n from t where n = $1", [1]).fetchall() == [(1,)]


def test_a_transaction_that_failed_is_not_taken_for_committed(conn: Connection) -> None:
    refused = pytest.raises(psycopg.OperationalError, match="the server answered ROLLBACK to COMMIT")
    with refused, conn.transaction(), contextlib.suppress(psycopg.errors.DivisionByZero):
        conn.execute("select 1/0")
    assert shown(conn) == WANTED


def test_statements_that_need_a_transaction(conn: Connection) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="takes a transaction"):
        raw_cursor(conn).stream(b"select 1")
    with pytest.raises(psycopg.ProgrammingError, match="takes a transaction"):
        Pipelined(conn, "looking").ask(b"select 1", (), ())


@pytest.mark.parametrize("end", ["finished", "failed"])
def test_nothing_stays_prepared(conn: Connection, end: str) -> None:
    pipe = Pipelined(conn, "counting")
    conn.start()
    pipe.send(b"select 1", (), (), keep=True)
    pipe.receive()
    if end == "finished":
        pipe.close()
    else:
        with pytest.raises(psycopg.Error):
            conn.execute("select 1/0")
    conn.roll_back()
    assert left(conn) == []


def test_a_statement_is_interrupted(conn: Connection) -> None:
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        conn.execute("select pg_sleep(60)")
    assert shown(conn) == WANTED


def test_a_statement_is_interrupted_at_any_point(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the client begins to wait: nothing is left half sent, for which the server would wait for ever."""
    wait, calls, stage = conn.wait, 0, 0

    def stop_there(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == stage:
            raise KeyboardInterrupt
        return wait(*args, **more)

    def interrupted() -> None:
        nonlocal stage, calls
        while calls >= stage:
            stage, calls = stage + 1, 0
            with contextlib.suppress(KeyboardInterrupt):
                conn.execute("select 1 from pg_sleep(0.01)")
            reached, calls = calls, stage
            assert shown(conn) == WANTED
            calls = reached

    monkeypatch.setattr(conn, "wait", stop_there)
    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert stage > 3


def test_there_is_no_other_way_to_a_server() -> None:
    """Connections, cursors and transactions are made in one place, so that no statement goes without the settings."""
    ways = re.compile(
        r"(= |with )psycopg\.connect\(|psycopg\.(Raw)?Cursor\(|execute\(\s*\w*['\"](begin|start transaction)\b",
        re.IGNORECASE,
    )
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if ways.search(path.read_text("utf-8"))}
    # The embedded server asks itself; holders reads of another session, with settings of its own in the same message.
    assert found == {"database/connection.py", "database/embedded/server.py", "database/lock_holders.py"}
