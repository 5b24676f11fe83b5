"""Trials: told truly, undone always."""

from __future__ import annotations

import pytest
from psycopg import sql

from minerva_promote.database.savepoint_trial import trial_transaction, try_statement, try_statements
from minerva_promote.errors import TargetError
from tests.servers import Database


def test_each_statement_is_undone_before_the_next(database: Database) -> None:
    with database.connect() as conn, trial_transaction(conn, "500ms", "5s"):
        statements = ["CREATE TABLE made ()", "DROP TABLE made", "SELECT 'ä'", "SELEC", "SELECT 1 WHERE false"]
        tried = try_statements(conn, [sql.SQL(text) for text in statements])
        said = [(each.refusal.sqlstate if each.refusal else "", each.value) for each in tried]
        assert said == [("", None), ("42P01", None), ("", "ä"), ("42601", None), ("", None)]
        assert try_statement(conn, sql.SQL("CREATE TABLE made ()")) is None
        refusal = try_statement(conn, sql.SQL("SELECT 1/0"))
        assert refusal is not None
        assert (refusal.sqlstate, refusal.message) == ("22012", "division by zero")
        assert conn.execute("SELECT count(*) FROM pg_class WHERE relname = 'made'").fetchone() == (0,)
    with database.connect() as conn:
        assert conn.execute("SELECT count(*) FROM pg_class WHERE relname = 'made'").fetchone() == (0,)


def test_many_statements_with_long_answers(database: Database) -> None:
    with database.connect() as conn, trial_transaction(conn, "500ms", "5s"):
        asked = [sql.SQL("SELECT repeat({}, 100000)").format(sql.Literal(str(number % 10))) for number in range(1201)]
        tried = try_statements(conn, asked)
    assert [(each.value or "")[:1] for each in tried] == [str(number % 10) for number in range(1201)]
    assert {len(each.value or "") for each in tried} == {100000}


def test_a_setting_of_one_trial_is_not_that_of_the_next(database: Database) -> None:
    read_only = sql.SQL("SELECT pg_catalog.set_config('transaction_read_only', 'on', true)")
    with database.connect() as conn, trial_transaction(conn, "500ms", "5s"):
        assert [each.refusal for each in try_statements(conn, [read_only, sql.SQL("CREATE TABLE made ()")])] == [
            None,
            None,
        ]


def test_a_lost_connection(database: Database) -> None:
    with database.connect() as conn, database.connect() as other:
        with pytest.raises(TargetError), trial_transaction(conn, "500ms", "5s"):
            other.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
            try_statements(conn, [sql.SQL("SELECT 1")] * 3)
        assert conn.closed


def test_a_session_that_is_ended_while_it_tries(database: Database) -> None:
    with database.connect() as conn:
        end_itself = sql.SQL("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(TargetError, match="trying what the role can do: "), trial_transaction(conn, "500ms", "5s"):
            try_statements(conn, [sql.SQL("SELECT 1"), end_itself, sql.SQL("SELECT 2")])
        assert conn.closed


def test_a_statement_that_takes_long_is_broken_off(database: Database) -> None:
    with database.connect() as conn, trial_transaction(conn, "500ms", "50ms"):
        first, second = try_statements(conn, [sql.SQL("SELECT pg_sleep(60)"), sql.SQL("SELECT 2")])
    assert first.refusal is not None
    assert (first.refusal.sqlstate, second.value) == ("57014", "2")
