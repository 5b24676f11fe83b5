"""What a server refused, as values and as TargetErrors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from minerva_promote.database.connection import Connection
from minerva_promote.errors import TargetError

HINTS = {
    "42501": "connect with the identity that owns the objects (admin_url), or have an administrator do it",
    "55P03": "repeat the command when it is done, or raise timeouts.lock of the environment",
    "57014": "raise timeouts.statement of the environment, or find out what holds the server up",
    "25006": "the target is read-only; use the primary server's address",
    "53100": "make room on the server's disk, then repeat the command",
}
LOCK_TIMEOUT = "55P03"
_ENDED = ("08", "25P03", "25P04", "57P")  # sqlstates of a session that has ended
_ENDED_HINT = "look at the server's log, then repeat the command"


@dataclass(frozen=True, slots=True)
class StatementError:
    """One statement that the server did not carry out."""

    sqlstate: str  # "42501"; empty when the connection broke
    message: str  # in the server's words, with its detail
    hint: str = ""


def is_driver_error(error: BaseException) -> bool:
    """Whether an exception comes from the driver."""
    return isinstance(error, psycopg.Error)


def statement_error(error: BaseException | None) -> StatementError:
    """The content of a driver error, without the statement."""
    if not isinstance(error, psycopg.Error):
        return StatementError("", str(error))
    state = error.sqlstate or ""
    message = error.diag.message_primary or _without_answer(error)
    if holders := lock_holders(error):
        return StatementError(state, holders if state == LOCK_TIMEOUT else f"{message}: {holders}", HINTS[LOCK_TIMEOUT])
    if error.diag.message_detail:
        message = f"{message}: {error.diag.message_detail}"
    if not error.diag.message_primary or state.startswith(_ENDED):
        return StatementError(state, message, _ENDED_HINT)
    return StatementError(state, message, error.diag.message_hint or HINTS.get(state, ""))


def lock_holders(error: BaseException) -> str:
    """Who held the lock that a statement waited for, as wait_monitor attached it to the error; empty where unknown."""
    return str(getattr(error, "lock_holders", ""))


def _without_answer(error: psycopg.Error) -> str:
    """The driver's own text, for an error without an answer of the server."""
    text = " ".join(str(error).split())
    return "the connection was lost" if "closed" in text or "connection" in text else text


def target_error(doing: str, error: BaseException | None) -> TargetError:
    """The exception that stops a command: what was being done, what the server reported, and a hint."""
    refusal = statement_error(error)
    if refusal.sqlstate == LOCK_TIMEOUT and error is not None and not lock_holders(error):
        fact = f"{doing}: waited for a lock longer than lock_timeout allows"
        return TargetError(fact, hint=refusal.hint, sqlstate=refusal.sqlstate)
    return TargetError(f"{doing}: {refusal.message}", hint=refusal.hint, sqlstate=refusal.sqlstate)


@contextmanager
def target_errors(doing: str) -> Iterator[None]:
    """Turn a driver error inside the block into a TargetError that says what was being done."""
    try:
        yield
    except psycopg.Error as error:
        raise target_error(doing, error) from error


def try_execute_without_transaction(conn: Connection, statement: sql.SQL | sql.Composed) -> StatementError | None:
    """Execute a statement that takes no transaction, such as CREATE DATABASE; None when it worked.

    It has none of the settings of the connection.
    """
    try:
        conn.send(statement.as_bytes(conn))
    except psycopg.Error as error:
        if conn.closed:
            raise target_error("the connection was lost", error) from error
        return statement_error(error)
    return None


def execute(conn: Connection, statement: sql.SQL | sql.Composed | bytes, doing: str) -> None:
    """Execute one statement; a refusal is a TargetError that says what was being done."""
    with target_errors(doing):
        conn.execute(statement)


def try_execute(conn: Connection, statement: sql.SQL | sql.Composed) -> StatementError | None:
    """Execute one statement; None when it worked.

    Inside a transaction it has its own savepoint, so that a refusal leaves the transaction usable; on an autocommit
    connection it runs by itself.
    """
    try:
        if conn.autocommit and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            conn.execute(statement)
        else:
            with conn.transaction():
                conn.execute(statement)
    except psycopg.Error as error:
        if conn.closed:
            raise target_error("the connection was lost", error) from error
        return statement_error(error)
    return None
