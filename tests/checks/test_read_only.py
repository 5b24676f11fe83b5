"""A check leaves no trace: its SQL is refused, or the server refuses it, or it is rolled back."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from minerva_promote.database.connection import Connection
from minerva_promote.errors import ConfigErrors
from minerva_promote.results import Outcome, StepResult

Inline = Callable[..., StepResult]


WRITES = {
    "insert into books values (gen_random_uuid(), 't', 's')": "renders to INSERT; a check is exactly one SELECT",
    "update books set title = 'x'": "renders to UPDATE; a check is exactly one SELECT",
    "delete from books": "renders to DELETE; a check is exactly one SELECT",
    "truncate books": "renders to TRUNCATE; a check is exactly one SELECT",
    "drop table books": "renders to DROP; a check is exactly one SELECT",
    "copy books to stdout": "renders to COPY; a check is exactly one SELECT",
    "do $$ begin end $$": "renders to DO; a check is exactly one SELECT",
    "commit": "renders to TRANSACTION; a check is exactly one SELECT",
    "set statement_timeout = 0": "renders to VARIABLE SET; a check is exactly one SELECT",
    "explain analyze select 1": "renders to EXPLAIN; a check is exactly one SELECT",
    "select 1; select 2": "renders to 2 statements; a check is exactly one SELECT",
    "select 1; delete from books": "renders to 2 statements; a check is exactly one SELECT",
    "-- nothing": "renders to 0 statements; a check is exactly one SELECT",
    "with gone as (delete from books returning 1) select count(*) from gone": "contains DELETE; a check only reads",
    "with more as (insert into books select * from books returning 1) select 1": "contains INSERT; a check only reads",
    "with new as (update books set title = '' returning 1) select 1": "contains UPDATE; a check only reads",
    "select * into elsewhere from books": "contains SELECT INTO; a check only reads",
    "select 1 from books for update": "contains FOR UPDATE or FOR SHARE; a check only reads",
    "select (select 1 from books limit 1 for key share)": "contains FOR UPDATE or FOR SHARE; a check only reads",
    "select nextval('s')": "calls nextval(), whose effect a rollback does not undo; a check only reads",
    "select pg_catalog.setval('s', 9)": "calls setval(), whose effect a rollback does not undo; a check only reads",
    "select 1 where pg_advisory_lock(1) is null":
        "calls pg_advisory_lock(), whose effect a rollback does not undo; a check only reads",
    'select "set_config"(\'transaction_read_only\', \'off\', true)':
        "calls set_config(), whose effect a rollback does not undo; a check only reads",
    "select 1 frm books where": 'does not render to valid SQL: syntax error at or near "books"',
}  # fmt: skip


@pytest.mark.parametrize("sql", WRITES, ids=range(len(WRITES)))
def test_statements_that_do_more_than_read_are_refused(inline: Inline, sql: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        inline(sql)
    (error,) = caught.value.errors
    assert (error.message, str(error.location)) == (WRITES[sql], "checks/extra.yaml:2:5")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("delete from books", "cannot execute DELETE in a read-only transaction"),
        ("insert into numbered values (1)", "cannot execute INSERT in a read-only transaction"),
        ("perform nextval('numbers')", "cannot execute nextval() in a read-only transaction"),
        ("perform setval('numbers', 9)", "cannot execute setval() in a read-only transaction"),
        ("perform 1 from books for update", "cannot execute SELECT FOR UPDATE in a read-only transaction"),
        ("create table mine ()", "cannot execute CREATE TABLE in a read-only transaction"),
        ("set transaction_read_only = off", "cannot set transaction read-write mode inside a read-only transaction"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("inside", [True, False])
def test_what_hides_in_a_function_is_refused_by_the_server(
    inline: Inline, connection: Connection, body: str, reason: str, inside: bool
) -> None:
    connection.execute("create sequence numbers")
    connection.execute("create table numbered (n int)")
    connection.execute(f"create function hidden() returns int language plpgsql as $$ begin {body}; return 1; end $$")
    if inside:
        connection.execute("begin")
    found = inline("select hidden()")
    assert found.outcome is Outcome.ERROR
    expected = "transaction read-write mode must be set before any query" if "set tr" in body and not inside else reason
    assert found.detail == expected
    if inside:
        connection.execute("commit")
    assert connection.execute("select count(*) from books").fetchone() == (2,)


def test_a_check_in_a_transaction_sees_its_rows_and_leaves_it_as_it_was(inline: Inline, connection: Connection) -> None:
    state = "select current_setting('transaction_read_only'), current_setting('statement_timeout')"
    connection.execute("begin")
    connection.execute("set local statement_timeout = '77s'")
    connection.execute("insert into books values (gen_random_uuid(), 'new', 'completed')")
    assert inline("select count(*) from books", more="expect: {equals: 3}").outcome is Outcome.OK
    assert inline("select 1 / 0").outcome is Outcome.ERROR
    assert inline("select pg_sleep(5)::text", more="timeout: 20ms\n    expect: {equals: 1}").outcome is Outcome.ERROR
    assert inline("values (1), (2)").outcome is Outcome.ERROR
    assert connection.execute(state).fetchone() == ("off", "77s")
    connection.execute("insert into books values (gen_random_uuid(), 'newer', 'completed')")
    connection.execute("commit")
    assert connection.execute("select count(*) from books").fetchone() == (4,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_outside_of_a_transaction_none_stays_open(inline: Inline, connection: Connection, autocommit: bool) -> None:
    connection.autocommit = autocommit
    sql = "select current_setting('transaction_read_only')"
    assert inline(sql, more='expect: {equals: "on"}').outcome is Outcome.OK
    assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
