"""Columns of every type, from one database to another: stored as they were, compared, and undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.layouts.conftest import Layout
from tests.layouts.exporting import contents, export
from tests.servers import Database

# A column of each type with a value; another value, for what differs.
TYPES = {
    "smallint": ("1", "2"),
    "bigint": ("9007199254740993", "1"),
    "numeric(12,2)": ("1.25", "1.26"),
    "numeric": ("1.10", "1.1"),
    "real": ("0.1", "0.2"),
    "double precision": ("0.1", "0.30000000000000004"),
    "boolean": ("true", "false"),
    "varchar(20)": ("x", "y"),
    "char(4)": ("DE", "FR"),
    "email": ("a@b", "c@d"),
    "score": ("3", "4"),
    "date": ("2026-01-31", "0044-03-15 BC"),
    "time": ("12:00:00", "24:00:00"),
    "timestamp(3)": ("2026-01-01 00:00:00.123", "2026-01-01"),
    "timestamptz": ("2026-01-01 00:00:00+01", "infinity"),
    "interval": ("1 day", "24:00:00"),
    "json": ('{"a":1}', '{"a":2}'),
    "jsonb": ('{"b": 1, "a": [1.0, null, "x"]}', '{"b": 1, "a": [1.00, null, "x"]}'),
    "bytea": (r"\xdeadbeef", r"\x"),
    "inet": ("10.0.0.1/24", "::1"),
    "mood": ("ok", "sad"),
    "text[]": ('{a,"b c",NULL}', "{}"),
    "integer[]": ("{{1,2},{3,4}}", "{1}"),
    "mood[]": ("{ok}", "{sad,ok}"),
    "jsonb[]": (r'{"{\"a\": 1}"}', "{}"),
    "double precision[]": ("{0.5,NaN}", "{0.25}"),
    "tsvector": ("'fat':2 'cat':1A", "'cat':1"),
    "bit(8)": ("10101010", "00000000"),
    "bit varying": ("101", ""),
    "point": ("(1,2)", "(1,3)"),
    "int4range": ("[1,3]", "empty"),
    "tstzrange": ("[2026-01-01 00:00:00+00,)", "empty"),
    "vector(3)": ("[1,2,3]", "[1,2,4]"),
    "halfvec(3)": ("[1,2,0.1]", "[1,2,0.2]"),
    "sparsevec(5)": ("{1:1,3:2}/5", "{1:1}/5"),
    "macaddr": ("08:00:2b:01:02:03", "08:00:2b:01:02:04"),
    "name": ("n", "m"),
}
PREPARE = """
create extension vector;
create type mood as enum ('sad', 'ok');
create domain email as text check (value like '%@%');
create domain whole as integer;
create domain score as whole check (value > 0);
create table things (id integer primary key, {columns});
"""
COLUMNS = {f"c{number}": name for number, name in enumerate(TYPES)}
SCHEMA = PREPARE.format(columns=", ".join(f"{column} {name}" for column, name in COLUMNS.items()))
CONTRACT: dict[str, Any] = {
    "roots": {"table": "things", "max": 1000},
    "tables": {"things": {"key": ["id"]}},
    "local_paths": {"forbid": False},
}


def fill(database: Database, first: bool = True) -> None:
    """A row with all values, one with the other values, one with NULLs."""
    names = ", ".join(COLUMNS)
    with database.connect() as conn:
        for number in (0, 1):
            marks = ", ".join(["%s"] * len(TYPES))
            values = [pair[number] for pair in TYPES.values()]
            conn.execute(f"insert into things (id, {names}) values ({number}, {marks})", values)
        conn.execute("insert into things (id) values (2)")


@pytest.fixture
def layout(make_layout: Callable[..., Layout]) -> Layout:
    made = make_layout(SCHEMA, CONTRACT, extensions={"vector": "0.5"})
    prepared = made.promote("setup", "--env", "target")
    assert prepared.exit_code == 0, prepared.stdout + prepared.stderr
    return made


@pytest.fixture
def source(make_database: Callable[..., Database]) -> Database:
    database = make_database()
    database.execute(SCHEMA)
    fill(database)
    return database


def test_every_type(layout: Layout, source: Database) -> None:
    text = export(source, [("things", ("id",))])
    ran = layout.run(text)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert contents(layout.database, "things") == contents(source, "things")
    again = layout.run(text)
    assert (again.exit_code, "nothing was changed" in again.stdout) == (0, True), again.stdout + again.stderr
    (run,) = layout.rows("select run_id::text from promote.events where kind = 'committed'")
    undone = layout.promote("undo", run[0], "--env", "target", "--apply", "--reason", "test")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert contents(layout.database, "things") == []
    (undo,) = layout.rows("select run_id::text from promote.events where kind = 'undone'")
    restored = layout.promote("undo", undo[0], "--env", "target", "--apply", "--reason", "test")
    assert restored.exit_code == 0, restored.stdout + restored.stderr
    assert contents(layout.database, "things") == contents(source, "things")


def test_every_difference_is_seen(layout: Layout, source: Database) -> None:
    """A row for each column, in which only that column is another one in the file."""
    names = ", ".join(COLUMNS)
    source.execute(
        f"insert into things (id, {names}) select 100 + n, {names} from things, generate_series(0, {len(COLUMNS)}) n where id = 0"
    )
    assert layout.run(export(source, [("things", ("id",))])).exit_code == 0
    for number, column in enumerate(COLUMNS):
        source.execute(
            f"update things set {column} = (select {column} from things where id = 1) where id = 100 + {number}"
        )
    ran = layout.run(export(source, [("things", ("id",))]), "--format", "json")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    facts = [finding["fact"] for step in json.loads(ran.stdout)["steps"] for finding in step["findings"]]
    missing = [
        name
        for number, (column, name) in enumerate(COLUMNS.items())
        if not any(f"things {100 + number}: {column} is " in fact for fact in facts)
    ]
    assert not missing
    assert not any(f"things {100 + len(COLUMNS)}: " in fact for fact in facts)


def test_the_place_of_a_fault_behind_decimals(make_layout: Callable[..., Layout]) -> None:
    """Also in a statement that differs from those before only in its constants; exponents are read as well."""
    contract = {"tables": {"prices": {"key": ["id"]}}}
    schema = "create table prices (id integer primary key, price numeric(6,2), weight real, tax numeric(4,2))"
    layout = make_layout(schema, contract, version=2)
    assert layout.promote("setup", "--env", "target").exit_code == 0
    values = ["1, 1.50, 0.25, 1.90", "2, 12.00, 1.5e-3, 2.5", "3, 7, 0.5, 1.90", "4, 1.25, 0.25, 1.999"]
    lines = [
        f"insert into prices (id, price, weight, tax) values ({row}) on conflict (id) do nothing;" for row in values
    ]
    good = layout.run("\n".join(("begin;", *lines[:3], "commit;", "")))
    assert good.exit_code == 0, good.stdout
    assert layout.rows("select price::text, weight::text, tax::text from prices order by id") == [
        ("1.50", "0.25", "1.90"), ("12.00", "0.0015", "2.50"), ("7.00", "0.5", "1.90"),
    ]  # fmt: skip
    wrong = layout.run("\n".join(("begin;", *lines, "commit;", "")))
    assert wrong.exit_code == 1
    assert f"export.sql:5:{lines[3].index('1.999') + 1}: " in wrong.stdout
