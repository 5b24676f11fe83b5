"""The filters: right for hostile values, on a real server; what they cannot quote they refuse."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minerva_promote.database.connection import Connection
from minerva_promote.errors import ConfigError
from minerva_promote.sqltext import QuotingError, Sql, quote_ident, quote_literal
from tests import servers
from tests.checks.test_templates import refused, rendered

HOSTILE = [
    "",
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    "\\\\' or 1=1 --",
    "'; drop table books; --",
    "$$",
    "$tag$",
    "%s %(x)s {} {{ x }} {% if %}",
    "line\nbreak\r\n\t",
    "--",
    "/*",
    "é 漢字 🙂 \u202e \u2028 \u200b",
    "E'\\n'",
    "x" * 10_000,
]


@pytest.fixture(scope="module")
def minerva(server: servers.Server) -> Iterator[servers.Database]:
    """One database for all of them: nothing here is kept."""
    suffix = servers.new_suffix()
    yield server.create_database(f"quoting_{suffix}")
    server.sweep(suffix)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("standard", ["on", "off"])
def test_literal_returns_the_same_text(connection: Connection, text: str, standard: str) -> None:
    connection.execute(f"set standard_conforming_strings = {standard}")
    connection.execute("set escape_string_warning = off")
    sql = rendered("select {{ value | literal }}::text, {{ [value, value] | literal }}::text[]", value=text)
    assert connection.execute(sql.encode()).fetchone() == (text, [text, text])


@pytest.mark.parametrize("standard", ["on", "off"])
def test_array_takes_the_type_of_the_column(connection: Connection, standard: str) -> None:
    connection.execute(f"set standard_conforming_strings = {standard}")
    connection.execute("set escape_string_warning = off")
    sql = rendered("select t.v from (values ({{ [] | array }}::text[]), ({{ values | array }})) t (v)", values=HOSTILE)
    assert connection.execute(sql.encode()).fetchall() == [([],), (HOSTILE,)]
    for column, values in (("1::bigint", ["1", "2"]), ("'a'::name", ["a"]), ("date '2026-01-31'", ["2026-01-31"])):
        sql = rendered(f"select {column} = any ({{{{ values | array }}}})", values=values)
        assert connection.execute(sql.encode()).fetchone() == (True,)


@pytest.mark.parametrize("value", ["a", None, 1, {"a": 1}, [["a"]], [1.5], [True]])
def test_what_array_refuses(value: Any) -> None:
    with pytest.raises(ConfigError):
        rendered("select {{ value | array }}", value=value)


@pytest.mark.parametrize("name", [text for text in HOSTILE if text and len(text.encode()) <= 63], ids=repr)
def test_ident_names_the_same_column(connection: Connection, name: str) -> None:
    cursor = connection.execute(rendered("select 1 as {{ name | ident }}", name=name).encode())
    assert cursor.description
    assert cursor.description[0].name == name


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_is_returned(connection: Connection, text: str) -> None:
    assert connection.execute(rendered("select {{ v | literal }}", v=text).encode()).fetchone() == (text,)


@pytest.mark.parametrize(
    ("value", "cast"),
    [
        (None, "text"),
        (True, "boolean"),
        (False, "boolean"),
        (0, "int"),
        (-5, "int"),
        (2**63 - 1, "bigint"),
        (-(2**63), "bigint"),
        (0.1, "float8"),
        (-1e-300, "float8"),
        (1e22, "float8"),
        (Decimal("-12.50"), "numeric"),
        (Decimal("1E+5"), "numeric"),
        (uuid.UUID(int=7), "uuid"),
        (datetime.date(2026, 2, 28), "date"),
        (datetime.datetime(2026, 2, 28, 1, 2, 3, 4), "timestamp"),
        ([], "uuid[]"),
        ([1, -2, None], "int[]"),
        ([uuid.UUID(int=7)], "uuid[]"),
        (("a", "b'"), "text[]"),
    ],
    ids=repr,
)
def test_literal_of_every_type(connection: Connection, value: Any, cast: str) -> None:
    sql = rendered("select 7 -{{ 0 | literal }}, {{ value | literal }}::" + cast, value=value)
    expected = list(value) if isinstance(value, tuple) else value
    assert connection.execute(sql.encode()).fetchone() == (7, expected)


def test_the_type_a_literal_has_without_a_cast(connection: Connection) -> None:
    values = [
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        uuid.UUID(int=1),
        datetime.date(2026, 1, 1),
        True,
        2,
        0.5,
    ]
    sql = "select " + ", ".join(f"pg_typeof({{{{ v[{n}] | literal }}}})::text" for n in range(len(values)))
    found = connection.execute(rendered(sql, v=values).encode()).fetchone()
    assert found == ("timestamp with time zone", "uuid", "date", "boolean", "integer", "numeric")


def test_a_negative_number_begins_no_comment(connection: Connection) -> None:
    assert connection.execute(rendered("select 7 -{{ n | literal }}", n=-5).encode()).fetchone() == (12,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "nan is not a finite number"),
        (float("-inf"), "-inf is not a finite number"),
        (Decimal("NaN"), "NaN is not a finite number"),
        (Decimal("sNaN"), "sNaN is not a finite number"),
        ("a\0b", "'a\\x00b' contains a NUL, which PostgreSQL cannot store"),
        ("\ud800", "'\\ud800' contains half a surrogate pair, which is no text"),
        ([1, [2]], "a list within a list cannot be quoted"),
        (b"bytes", "b'bytes' (bytes) cannot be quoted"),
        ({"a": 1}, "{'a': 1} (dict) cannot be quoted"),
        (Sql("x"), "'x' is already quoted"),
    ],
    ids=repr,
)
def test_what_literal_refuses(value: Any, message: str) -> None:
    with pytest.raises(QuotingError) as caught:
        quote_literal(value)
    assert caught.value.message == message
    assert refused("select {{ value | literal }}", value=value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "'' has an empty part; a name is never empty"),
        ("a..b", "'a..b' has an empty part; a name is never empty"),
        (5, "5 (int) is not a name; names are text"),
        (None, "None (NoneType) is not a name; names are text"),
        ([], "an empty list has no name to quote"),
        ("a\0", "'a\\x00' contains a NUL, which PostgreSQL cannot store"),
        ("ä" * 32, f"'{'ä' * 32}' is 64 bytes long; PostgreSQL cuts names at 63"),
        (Sql("x"), "'x' is already quoted"),
    ],
    ids=repr,
)
def test_what_ident_refuses(value: Any, message: str) -> None:
    with pytest.raises(QuotingError) as caught:
        quote_ident(value)
    assert caught.value.message == message


def test_dotted_names_and_lists_of_names() -> None:
    assert quote_ident("public.chunks") == '"public"."chunks"'
    assert quote_ident(["id", 'od"d', "c.book_id"]) == '"id", "od""d", "c"."book_id"'
