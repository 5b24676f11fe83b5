"""Statements that are tried and never take effect: each runs in a savepoint that is rolled back, whatever it did."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq, sql, waiting

from minerva_promote.database.connection import READ_COMMITTED, Connection
from minerva_promote.database.quote import literal, sql_text
from minerva_promote.database.server_errors import StatementError, statement_error, target_error, target_errors

_SAVEPOINT = b"promote_trial"
_AT_ONCE = 500  # statements sent before the first answer is read


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The server's answer to one statement."""

    refusal: StatementError | None = None  # None: it was carried out, and rolled back
    value: str | None = None  # the first column of its first row


@contextmanager
def trial_transaction(conn: Connection, lock_timeout: str, statement_timeout: str) -> Generator[None]:
    """A transaction for trials: short waits, row security as the roles have it; always rolled back.

    Raises TargetError where no transaction that may write can be started (a standby).
    """
    with target_errors("starting the trial"):
        settings = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout, "row_security": "on"}
        # row_security = off would be one more reason for "permission denied"
        more = "; ".join(f"set local {name} = {sql_text(literal(value))}" for name, value in settings.items())
        conn.start(READ_COMMITTED + b", read write", more.encode())
    try:
        yield
    finally:
        if not conn.closed:
            with target_errors("ending the trial"):
                conn.send(b"rollback")


def try_statement(conn: Connection, statement: sql.Composable) -> StatementError | None:
    """Try one statement in the transaction that is open, and undo it; None when the server carried it out."""
    return try_statements(conn, (statement,))[0].refusal


def try_statements(conn: Connection, statements: Sequence[sql.Composable]) -> tuple[TrialResult, ...]:
    """Try statements one by one in the transaction that is open; each is undone before the next.

    They are sent ahead, so that the way to the server is waited for once in hundreds of statements. Raises TargetError
    when the connection is lost.
    """
    results: list[TrialResult] = []
    with target_errors("trying what the role can do"):
        conn.execute(b"savepoint " + _SAVEPOINT)
        for start in range(0, len(statements), _AT_ONCE):
            batch = [statement.as_bytes(conn) for statement in statements[start : start + _AT_ONCE]]
            results += _send_batch(conn, batch)
        conn.execute(b"rollback to savepoint " + _SAVEPOINT)
        conn.execute(b"release savepoint " + _SAVEPOINT)
    return tuple(results)


def _send_batch(conn: Connection, statements: Sequence[bytes]) -> list[TrialResult]:
    """One batch; the savepoint of the caller is there before and after."""
    pgconn = conn.pgconn
    pgconn.enter_pipeline_mode()
    try:
        for statement in statements:
            pgconn.send_query_params(b"rollback to savepoint " + _SAVEPOINT, None)
            pgconn.send_query_params(statement, None)
            pgconn.pipeline_sync()
        answers = conn.wait(_receive(pgconn, len(statements)))
    finally:
        if pgconn.status == pq.ConnStatus.OK and pgconn.transaction_status != pq.TransactionStatus.ACTIVE:
            pgconn.exit_pipeline_mode()
        else:  # interrupted: the statement that still runs ends with the connection
            conn.close()
    return [_trial_result(conn, answer) for answer in answers]


def _receive(
    pgconn: pq.abc.PGconn, wanted: int
) -> Generator[waiting.Wait, waiting.Ready | int, list[list[pq.abc.PGresult]]]:
    """The results of every statement, after that of its ROLLBACK TO."""
    answers: list[list[pq.abc.PGresult]] = [[]]
    while len(answers) <= wanted:
        ready = yield waiting.Wait.RW if pgconn.flush() else waiting.Wait.R
        if not ready & waiting.Ready.R:
            continue
        pgconn.consume_input()
        while len(answers) <= wanted and not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                answers.append([])
            else:
                answers[-1].append(result)
    return answers[:-1]


def _trial_result(conn: Connection, results: Sequence[pq.abc.PGresult]) -> TrialResult:
    rolled_back, *rest = results
    if rolled_back.status != pq.ExecStatus.COMMAND_OK or not rest:
        raise target_error("trying what the role can do", _error(conn, rolled_back))
    result = rest[-1]
    if result.status == pq.ExecStatus.FATAL_ERROR:
        return TrialResult(statement_error(_error(conn, result)))
    value = result.get_value(0, 0) if result.ntuples and result.nfields else None
    return TrialResult(None, None if value is None else value.decode("utf-8", "replace"))


def _error(conn: Connection, result: pq.abc.PGresult) -> Any:
    return psycopg.errors.error_from_result(result, encoding=conn.info.encoding)
