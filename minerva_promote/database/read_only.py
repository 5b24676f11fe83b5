"""Reading from a database without leaving a trace: what a check runs in, inside an import's transaction or outside."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from minerva_promote.database.connection import READ_COMMITTED, REPEATABLE_READ, Connection, raw_cursor
from minerva_promote.database.quote import literal, sql_text
from minerva_promote.database.server_errors import lock_holders
from minerva_promote.errors import TargetError


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query returned, and how long the client waited for it."""

    rows: tuple[tuple[Any, ...], ...]
    types: tuple[str, ...]  # of the columns, as PostgreSQL names them; empty when there is no row
    seconds: float


class QueryError(Exception):
    """The server refused or cancelled a query; the connection can still be used."""

    def __init__(self, reason: str, sqlstate: str = "") -> None:
        super().__init__(reason)
        self.reason = reason  # lower case, one line
        self.sqlstate = sqlstate


class QueryTimeoutError(QueryError):
    """The statement timeout cancelled a query."""


def in_transaction(conn: Connection) -> bool:
    """Whether a transaction is open, such as an import's, whose rows no other session sees."""
    return conn.info.transaction_status is not TransactionStatus.IDLE


@contextmanager
def read_only(conn: Connection, timeout: str, *, one_snapshot: bool = False) -> Iterator[None]:
    """Whatever runs inside only reads, no statement longer than ``timeout``, and all of it is rolled back.

    Inside a transaction this is a savepoint: rolling back to it brings back the transaction's own read-write mode and
    timeouts (verified on PostgreSQL 18). Outside, it is a transaction of its own, which with ``one_snapshot`` is
    REPEATABLE READ: all its statements see the same rows. Raises QueryError, and TargetError when the connection is
    lost.
    """
    isolation = REPEATABLE_READ if one_snapshot else READ_COMMITTED
    settings = (
        b"set local transaction_read_only = on; set local statement_timeout = " + sql_text(literal(timeout)).encode()
    )
    try:
        with conn.transaction(force_rollback=True, isolation=isolation, more=settings):
            yield
    except psycopg.Error as error:
        raise _failure(conn, error) from error


@contextmanager
def local_settings(conn: Connection, settings: Mapping[str, str]) -> Iterator[None]:
    """Settings of the server that hold inside only: a savepoint of the transaction, which is rolled back.

    Raises QueryError for a value that the server refuses.
    """
    if not settings:
        yield
        return
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(
                "select set_config(name, value, true) from unnest(%s::text[], %s::text[]) as wanted (name, value)",
                [list(settings), list(settings.values())],
            )
            yield
    except psycopg.Error as error:
        raise _failure(conn, error) from error


def run_query(conn: Connection, sql: bytes, parameters: Sequence[Any] = ()) -> Rows:
    """All rows of ``sql``, with ``$1`` … bound; not prepared, so every call is planned for its own values."""
    try:
        with raw_cursor(conn) as cursor:
            begun = time.perf_counter()
            cursor.execute(sql, parameters or None, binary=True, prepare=False)
            rows = cursor.fetchall()
            seconds = time.perf_counter() - begun
            return Rows(tuple(rows), _types(cursor), seconds)
    except psycopg.Error as error:
        raise _failure(conn, error) from error


def run_query_limited(conn: Connection, sql: bytes, limit: int) -> Rows:
    """The first rows of ``sql``; the query is cancelled after ``limit`` rows, so that no result fills the memory.

    The extended protocol (binary) takes one statement only.
    """
    rows: list[tuple[Any, ...]] = []
    begun = time.perf_counter()
    try:
        with raw_cursor(conn) as cursor:
            with closing(cast("Generator[tuple[Any, ...]]", cursor.stream(sql, binary=True))) as stream:
                for row in stream:
                    rows.append(row)
                    if len(rows) == limit:
                        break
            types = _types(cursor)
    except psycopg.Error as error:
        raise _failure(conn, error) from error
    return Rows(tuple(rows), types, time.perf_counter() - begun)


def set_statement_timeout(conn: Connection, milliseconds: int) -> None:
    """Bound the next statements of this transaction; 0 is no bound."""
    run_query(conn, b"select set_config('statement_timeout', $1, true)", [str(milliseconds)])


def statement_timeout(conn: Connection) -> int:
    """The bound of a statement now, in milliseconds; 0 is none."""
    result = run_query(conn, b"select setting::int from pg_settings where name = 'statement_timeout'")
    return int(result.rows[0][0])


def _types(cursor: psycopg.Cursor[Any] | psycopg.RawCursor[Any]) -> tuple[str, ...]:
    return tuple(column.type_display for column in cursor.description or ())


def _failure(conn: Connection, error: psycopg.Error) -> Exception:
    """``error`` as a QueryError, or as a TargetError when there is no connection any more."""
    reason = (error.diag.message_primary or str(error) or type(error).__name__).splitlines()[0]
    if conn.closed or conn.broken:
        return TargetError(
            f"the connection was lost: {reason}", hint="look at the server's log, then run the command again"
        )
    if isinstance(error, errors.QueryCanceled) and "statement timeout" in reason:
        return QueryTimeoutError(reason, error.sqlstate or "")
    if holders := lock_holders(error):
        reason = f"{reason}: {holders}"
    if error.diag.message_hint:
        reason = f"{reason} ({error.diag.message_hint})"
    return QueryError(reason, error.sqlstate or "")
