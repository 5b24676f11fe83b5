"""One check: its value, its thresholds, and everything that makes it ERROR; nothing it does leaves a trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.database.connection import Connection
from minerva_promote.errors import ConfigErrors, TargetError, UsageError
from minerva_promote.results import Outcome, StepResult
from tests.checks.conftest import FACTS, Check

Inline = Callable[..., StepResult]
HINT = "promote check --env test-prod --only extra"


@pytest.mark.parametrize(
    ("sql", "thresholds", "outcome", "detail"),
    [
        ("select 0", "expect: {max: 0}", Outcome.OK, "0"),
        ("select 37", "expect: {max: 0}", Outcome.FAIL, "37, must be <= 0"),
        ("select 1000", "expect: {min: 1001}", Outcome.FAIL, "1,000, must be >= 1,001"),
        ("select 2", "expect: {equals: 1}", Outcome.FAIL, "2, must be 1"),
        ("select 2", "expect: {not_equals: 2}", Outcome.FAIL, "2, must not be 2"),
        ("select 6", "expect: {between: [1, 5]}", Outcome.FAIL, "6, must be <= 5"),
        ("select 5", "expect: {between: [1, 5]}", Outcome.OK, "5"),
        ("select 6", "expect: {min: 7, not_equals: 6}", Outcome.FAIL,
         "6, must not be 6; 6, must be >= 7"),
        ("select 6", "expect: {max: 10}\n    warn: {max: 5}", Outcome.WARN, "6, must be <= 5"),
        ("select 11", "expect: {max: 10}\n    warn: {max: 5}", Outcome.FAIL, "11, must be <= 10"),
        ("select 0.1::numeric", "expect: {equals: 0.1}", Outcome.OK, "0.1"),
        ("select 0.1::float8", "expect: {equals: 0.1}", Outcome.OK, "0.1"),
        ("select sum(x) from (values (1::bigint), (2)) v (x)", "expect: {equals: 3}", Outcome.OK, "3"),
        ("select 'infinity'::float8", "expect: {max: 5}", Outcome.FAIL, "inf, must be <= 5"),
        ("select true", "expect: {equals: true}", Outcome.OK, "true"),
        ("select false", "expect: {equals: true}", Outcome.FAIL, "false, must be true"),
        ("select 'on'", 'expect: {equals: "on"}', Outcome.OK, "'on'"),
        ("select 'off'", 'expect: {not_equals: "off"}', Outcome.FAIL, "'off', must not be 'off'"),
        ("values (1)", "expect: {equals: 1}", Outcome.OK, "1"),
        ("with a as (select 1 as x) select x from a;  -- that is all", "expect: {equals: 1}", Outcome.OK, "1"),
        ("select count(*) from books where title like 'K%s'", "expect: {equals: 1}", Outcome.OK, "1"),
    ],
)  # fmt: skip
def test_thresholds(inline: Inline, sql: str, thresholds: str, outcome: Outcome, detail: str) -> None:
    found = inline(sql, more=thresholds)
    assert (found.outcome, found.detail) == (outcome, detail)
    assert (found.step, found.name, str(found.location)) == ("check", "extra", "checks/extra.yaml:2:5")
    assert found.hint == ("" if outcome is Outcome.OK else HINT)


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        ("select null::int", "returned NULL, which is neither a pass nor a failure; coalesce() it to a value"),
        ("select 1 where false", "returned no row; a check returns one row with one value"),
        ("values (1), (2)", "returned more than one row; a check returns one row with one value"),
        ("select 1, 2", "returned 2 columns; a check returns one row with one value"),
        ("select", "returned 0 columns; a check returns one row with one value"),
        ("select now()", "returned a value of type timestamptz; a check returns a number, a boolean or text"),
        ("select array[1]", "returned a value of type int4[]; a check returns a number, a boolean or text"),
        ("select 'x'", "'x' is text, the threshold is a number: must be 1"),
        ("select 'nan'::float8", "the value is NaN, which no threshold can hold"),
        ("select 1 / 0", "division by zero"),
        ("select count(*) from chunk", 'relation "chunk" does not exist'),
        ("select $1", 'bind message supplies 0 parameters, but prepared statement "" requires 1'),
        ("select 'a'::int", 'invalid input syntax for type integer: "a"'),
    ],
)
def test_what_could_not_look_is_an_error(inline: Inline, sql: str, detail: str) -> None:
    found = inline(sql)
    assert (found.outcome, found.detail, found.hint) == (Outcome.ERROR, detail, HINT)
    assert found.outcome.closes_gate


def test_a_timeout_is_an_error_that_names_it(inline: Inline) -> None:
    found = inline("select pg_sleep(5)::text", more='timeout: 50ms\n    expect: {equals: ""}')
    assert (found.outcome, found.detail) == (Outcome.ERROR, "took longer than its timeout of 50ms")
    assert found.seconds < 2


def test_an_endless_result_is_broken_off(inline: Inline) -> None:
    found = inline("select generate_series(1, 100000000)")
    assert found.detail == "returned more than one row; a check returns one row with one value"
    assert found.seconds < 2


def test_values_for_json(inline: Inline) -> None:
    assert inline("select 3::numeric").data["values"] == {"value": 3}
    assert inline("select 'nan'::float8").data["values"] == {"value": "nan"}
    assert inline("select 3").data["expect"] == {"value": ["must be 1"]}


def test_a_lost_connection_stops_the_run(inline: Inline, connection: Connection) -> None:
    _end(connection)
    with pytest.raises(TargetError) as caught:
        inline("select 1")
    assert caught.value.message.startswith('check "extra": the connection was lost: ')
    assert str(caught.value.location) == "checks/extra.yaml:2:5"


def _end(connection: Connection) -> None:
    """End the session from another one; the client does not know it yet."""
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])


def test_when(inline: Inline) -> None:
    found = inline("select 1", more="when: {kind: local}\n    expect: {equals: 1}")
    assert (found.outcome, found.detail) == (Outcome.SKIP, "only for kind local; test-prod is production")
    found = inline("select 1", more="when: {environments: [prod, local]}\n    expect: {equals: 1}")
    assert (found.outcome, found.detail, found.hint) == (Outcome.SKIP, "only for prod, local", "")
    assert inline("select 1", more="when: {environments: [test-prod]}\n    expect: {equals: 1}").outcome is Outcome.OK


def test_a_check_that_needs_a_file_is_skipped_without_one(inline: Inline) -> None:
    sql = "select count(*) from chunks where book_id = any ({{ file.roots | literal }}::uuid[])"
    found = inline(sql, more="expect: {equals: 3}")
    assert (found.outcome, found.detail) == (Outcome.SKIP, "needs an export file")
    assert inline(sql, more="expect: {equals: 3}", facts=FACTS).detail == "3"
    guarded = "select {% if file %}{{ file.size | literal }}{% else %}0{% endif %}"
    assert inline(guarded, more="expect: {min: 0}").detail == "0"
    assert inline(guarded, more="expect: {min: 0}", facts=FACTS).detail == "23,800"


def test_thresholds_of_the_file(inline: Inline) -> None:
    sql = "select count(*) from chunks"
    assert inline(sql, more="expect: {equals: {file: rows.chunks}}").outcome is Outcome.SKIP
    found = inline(sql, more="expect: {equals: {file: rows.chunks}}", facts=FACTS)
    assert found.detail == "6, must be 3 (rows.chunks of the file)"
    assert inline(sql, more="expect: {min: {file: roots}}", facts=FACTS).outcome is Outcome.OK


def test_what_templates_see(inline: Inline) -> None:
    names: tuple[str, ...] = (
        *("run.id", "env.name", "env.kind", "var.embedding_dimensions", "params.a", "a", "params.env"),
        *("file.name", "file.sha256", "file.rows.screenshots", "file.roots | length"),
    )
    sql = f"select '[' || concat_ws(' ', {', '.join(f'{{{{ {name} | literal }}}}' for name in names)}) || ']'"
    expected = "[7f3a9c test-prod production 3 it's it's hidden export.sql 5b21 3 1]"
    more = f'params: {{a: "it\'s", env: hidden}}\n    expect: {{equals: "{expected}"}}'
    assert inline(sql, more=more, facts=FACTS).outcome is Outcome.OK


def test_adding_a_check_is_yaml_only(folder: Path, check: Check, connection: Connection) -> None:
    (folder / "checks" / "mine.yaml").write_text(
        "checks:\n"
        "  - name: books_without_title\n"
        "    description: every book has a title\n"
        "    template: other_values.sql.j2\n"
        "    params: {table: books, column: title, value: Lighthouses, root: id}\n"
        "    expect: {max: 0}\n"
    )
    (found,) = check("books_without_title")
    assert (found.outcome, found.detail) == (Outcome.FAIL, "1, must be <= 0")
    (found,) = check("books_without_title", facts=FACTS)
    assert found.outcome is Outcome.OK
    names = [result.name for result in check(stage="before_commit")]
    assert names[-1] == "books_without_title"
    assert len(names) == len(set(names)) > 10


def test_faults_of_all_checks_come_at_once_and_before_anything_runs(folder: Path, check: Check) -> None:
    (folder / "templates" / "a.sql.j2").write_text("select 1")
    (folder / "checks" / "bad.yaml").write_text(
        "checks:\n"
        "  - {name: one, sql: select 1; select 2, expect: {max: 0}}\n"
        "  - {name: two, sql: 'select {{ nope | ident }}', expect: {max: 0}}\n"
        "  - {name: three, probe: latency, template: vector_search.sql.j2, expect: {p95: {max: 1}}}\n"
        "  - {name: four, probe: plan, template: a.sql.j2, expect: {index_usable: {min: 1}}}\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        check()
    assert [str(error) for error in caught.value.errors] == [
        "checks/bad.yaml:2:5: renders to 2 statements; a check is exactly one SELECT",
        "checks/bad.yaml:3:5: 'nope' is undefined",
        'checks/bad.yaml:4:5: a latency probe has no value "p95"; did you mean "p95_ms"?',
        "checks/bad.yaml:5:5: the probe's SQL does not use {{ query }}, the vector to search with",
    ]


def test_an_unknown_name_is_a_usage_error(check: Check) -> None:
    with pytest.raises(UsageError) as caught:
        check("chunks_without_embeddings")
    assert caught.value.message == (
        'there is no check "chunks_without_embeddings"; did you mean "chunks_without_embedding"?'
    )


def test_no_check_is_not_a_pass(folder: Path, check: Check) -> None:
    for file in (folder / "checks").iterdir():
        file.unlink()
    (found,) = check(stage="before_commit")
    assert (found.outcome, found.name, found.detail) == (
        Outcome.ERROR,
        "before_commit",
        "no check is declared for stage before_commit",
    )
    assert check(stage="preflight") == []
    (folder / "checks" / "a.yaml").write_text(
        "checks:\n  - {name: one, sql: select 1, when: {kind: local}, expect: {max: 0}}\n"
    )
    skipped, nothing = check(stage="before_commit")
    assert (skipped.outcome, skipped.seconds) == (Outcome.SKIP, 0.0)
    assert (nothing.outcome, nothing.detail) == (Outcome.ERROR, "nothing was checked: all 1 checks were skipped")


def test_the_shipped_checks_load() -> None:
    from tests.material import REPOSITORY

    assert len(load_project(REPOSITORY).checks) > 15
