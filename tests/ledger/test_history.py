"""`promote history` and `promote show`: what a person reads, what a program gets, and what they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from minerva_promote.ledger.events import Event, add_event
from tests.run.conftest import Shop
from tests.run.exports import Export, key
from tests.servers import Database

ENV = ("--env", "test-prod")


def plain(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "THEN", text)
    return re.sub(r"\d+\.\d s\b", "TOOK", text)


def numbered(number: int) -> str:
    return str(UUID(int=0xABC << 116 | number << 100 | 0x4000 << 64 | 0x8000 << 48))


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """Five runs that ended in five ways."""
    with shop.database.connect(shop.role) as conn:
        one: dict[str, Any] = {
            "environment": "test-prod",
            "file_sha256": "5" * 64,
            "file_name": "lighthouse.sql",
            "seconds": 1.5,
        }
        two: dict[str, Any] = {"environment": "test-prod", "file_name": "other.sql"}
        checks = [{"name": "books_present", "outcome": "ok", "values": {"value": 1}}]
        rows = {"books": {"new": 1, "identical": 0}, "chunks": {"new": 1200, "identical": 0}}
        events = [
            Event("started", numbered(1), **one),
            Event("committed", numbered(1), **one, file_bytes=1234567, roots=[key("b", 1)], rows=rows, checks=checks),
            Event("finished", numbered(1), **one, checks=[{"name": "search_latency", "outcome": "WARN", "values": {}}]),
            Event("refused", numbered(2), **two, reason="validate other.sql: wrong " + "x" * 200,
                  details={"findings": [{"code": "syntax", "fact": "no such thing", "at": "other.sql:3:1"}]}),
            Event("failed", numbered(3), **two, reason="the connection was lost"),
            Event("started", numbered(4), **two),
            Event("committed", numbered(5), **{**one, "seconds": 0.25}, rows={"books": {"new": 1, "identical": 0}}),
        ]  # fmt: skip
        for event in events:
            add_event(conn, event)
    return shop


def test_the_table(filled: Shop) -> None:
    ran = filled.promote("history", *ENV)
    ids = [numbered(number)[:8] for number in range(6)]
    role = filled.role
    lines = [
        ("when (UTC)", "run", "what", "file", "sha256", "rows", "by", "took", ""),
        ("THEN", ids[5], "committed", "lighthouse.sql", "5" * 8, "1 new", role, "0.2 s", "the checks after COMMIT have no end"),
        ("THEN", ids[4], "abandoned", "other.sql", "", "", role, "", "its session is gone; nothing was stored"),
        ("THEN", ids[3], "failed", "other.sql", "", "", role, "", "the connection was lost"),
        ("THEN", ids[2], "refused", "other.sql", "", "", role, "", f"validate other.sql: wrong {'x' * 63}…"),
        ("THEN", ids[1], "committed", "lighthouse.sql", "5" * 8, "1,201 new", role, "1.5 s", ""),
    ]  # fmt: skip
    widths = (19, 8, 9, 14, 8, 9, len(role), 5, 0)
    table = [
        "   ".join(f"{word:<{width}}" for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", f"{'THEN':<19}", ran.stdout) == (
        f"test-prod   database {filled.database.name}\n{''.join(f'  {line}' + chr(10) for line in table)}5 runs\n"
    )


@pytest.mark.parametrize(
    ("words", "numbers", "verdict"),
    [
        (["--file", "other.sql"], [4, 3, 2], "3 runs"),
        (["--file", "555555"], [5, 1], "2 runs"),
        (["--file", "5" * 64, "--root", key("b", 1)], [1], "1 run"),
        (["--file", "55555555…"], [5, 1], "2 runs"),
        (["--file", "OTHER.sql"], [], "no run"),
        (["--root", key("b", 1).upper()], [1], "1 run"),
        (["--state", "abandoned"], [4], "1 run"),
        (["--state", "undone"], [], "no run"),
        (["--since", "1h"], [5, 4, 3, 2, 1], "5 runs"),
        (["--since", "2099-01-01"], [], "no run"),
        (["--limit", "2"], [5, 4], "the newest 2 runs; --limit shows more"),
    ],
)  # fmt: skip
def test_filters(filled: Shop, words: list[str], numbers: list[int], verdict: str) -> None:
    found = json.loads(filled.promote("history", *ENV, *words, "--format", "json").stdout)
    assert [run["run_id"] for run in found["data"]["runs"]] == [numbered(number) for number in numbers]
    assert found["verdict"] == verdict


def test_one_run(filled: Shop) -> None:
    ran = filled.promote("show", numbered(1), *ENV)
    hashes = [text[:16] for (text,) in filled.rows("select hash from promote.events order by seq")]
    (host, user, version, system, server, vector) = filled.rows(
        "select e.client_host, e.client_user, e.promote_version, e.system_identifier, e.postgresql, e.pgvector"
        " from promote.events e where seq = 1"
    )[0]
    role = filled.role
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "THEN", ran.stdout) == (
        f"test-prod   run {numbered(1)[:8]}   lighthouse.sql\n"
        f"  run      {numbered(1)}\n"
        "  state    committed, all checks passed\n"
        "  file     lighthouse.sql, 1.2 MB\n"
        f"  sha256   {'5' * 64}\n"
        f"  roots    {key('b', 1)}\n"
        "  rows     books 1 new, 0 identical; chunks 1,200 new, 0 identical\n"
        "  began    THEN UTC\n"
        "  took     1.5 s\n"
        f"  role     {role}, from the same machine\n"
        f"  client   {user} on {host}, promote {version}\n"
        f"  target   environment test-prod, database {filled.database.name}, revision f41c9d7e53b2, PostgreSQL {server},"
        f" pgvector {vector}\n"
        f"  system   {system}\n"
        "  checks\n"
        "    books_present    ok     1\n"
        "    search_latency   WARN\n"
        "  events\n"
        f"    1   started     THEN   {role}   1.5 s   {hashes[0]}…\n"
        f"    2   committed   THEN   {role}   1.5 s   {hashes[1]}…\n"
        f"    3   finished    THEN   {role}   1.5 s   {hashes[2]}…\n"
    )
    refused = filled.promote("show", numbered(2), *ENV).stdout
    assert f"  why      validate other.sql: wrong {'x' * 200}\n" in refused
    assert refused.endswith("  findings\n    syntax   no such thing   other.sql:3:1\n")
    found = json.loads(filled.promote("show", numbered(1)[:9], *ENV, "--format", "json").stdout)["data"]["run"]
    assert (found["state"], found["passed"], found["reason"]) == ("committed", True, None)
    assert [event["kind"] for event in found["events"]] == ["started", "committed", "finished"]


def test_ids_that_lead_nowhere(filled: Shop) -> None:
    when = "2" + "\\d{3}-\\d\\d-\\d\\d \\d\\d:\\d\\d"
    for given, said, hint in (
        ("xyz", 'error: "xyz" is not how the id of a run begins', "promote history shows the ids"),
        ("0", 'error: no run begins with "0"', "promote history shows the ids"),
        (
            "ABC",
            f'error: "ABC" is how 5 runs begin: {numbered(5)[:12]} \\(lighthouse.sql, {when}\\),'
            f" {numbered(4)[:12]} \\(other.sql, {when}\\), {numbered(3)[:12]} \\(other.sql, {when}\\),"
            f" {numbered(2)[:12]} \\(other.sql, {when}\\), {numbered(1)[:12]} \\(lighthouse.sql, {when}\\)",
            "give more of the id",
        ),
    ):
        ran = filled.promote("show", given, *ENV)
        assert ran.exit_code == 2
        assert re.fullmatch(f"{said}\n  {hint}\n", ran.stderr), ran.stderr


def test_words_that_mean_nothing(shop: Shop) -> None:
    for words, said in (
        (["--since", "7"], '--since "7" is neither a length of time nor a date\n  12h, 7d, or 2026-01-31 (UTC)'),
        (["--since", "2026-13-01"], "--since 2026-13-01: month must be in 1..12\n  2026-01-31"),
        (["--head", "ab"], "--head is for --verify\n  promote history --env ENV --verify --head HASH"),
    ):
        ran = shop.promote("history", *ENV, *words)
        assert (ran.exit_code, ran.stderr) == (2, f"error: {said}\n")


@pytest.mark.parametrize(
    ("statement", "fact", "hint"),
    [
        ("drop schema promote cascade", "there is no ledger", "promote setup --env test-prod"),
        ("insert into promote.ledger values (4)", "the ledger has version 4, this release of promote knows 3",
         "use the release of promote that made it, or a later one"),
        ("revoke select on promote.ledger from {role}", "this role may not read the ledger", "promote setup --env test-prod"),
        ("revoke select on promote.events from {role}", "this role may not read the ledger", "promote setup --env test-prod"),
    ],
)  # fmt: skip
def test_a_ledger_that_cannot_be_read(shop: Shop, statement: str, fact: str, hint: str) -> None:
    shop.database.execute(statement.format(role=shop.role))
    for line in (("history",), ("history", "--verify"), ("show", "abc")):
        ran = shop.promote(*line, *ENV)
        assert (ran.exit_code, ran.stdout, ran.stderr) == (3, "", f"error: test-prod: {fact}\n  {hint}\n")


def test_an_empty_ledger(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    database: Database = shop.database
    ran = shop.promote("history", *ENV)
    assert (ran.exit_code, ran.stdout) == (0, f"test-prod   database {database.name}\nno run\n")
    proved = shop.promote("history", *ENV, "--verify").stdout.splitlines()[-1]
    assert proved == "proved: 0 events, none was changed, removed or reordered; head none"


def test_a_run_on_the_way(shop: Shop) -> None:
    """What history shows after a run, by its own words."""
    shop.accepted(Export())
    line = plain(shop.promote("history", *ENV).stdout).splitlines()[2]
    assert re.fullmatch(
        rf"  THEN   [0-9a-f]{{8}}   committed   export\.sql   [0-9a-f]{{8}}   7 new   {shop.role}   TOOK", line
    )


DEEP = '{"x": ' + "[" * 900 + "]" * 900 + "}"
STRANGE: dict[str, str] = {  # what a client may put into a column -> how `show` has it
    "seconds = 'NaN'": "",
    "seconds = 'Infinity'": "",
    "roots = '{{a,b},{c,NULL}}'": "roots ['a', 'b'], ['c', None]",
    """rows = '{"books": {"new": "many", "identical": 2, "gone": 1e400, "same": true, "less": -1}, "chunks": 7}'""":
        "rows books 2 identical",
    f"rows = '{DEEP}'": "",
    "checks = '[1, [2], null]'": "? ERROR ? ERROR ? ERROR",
    """checks = '[{"name": ["a"], "outcome": "fine", "values": 3}]'""": "['a'] ERROR",
    f"checks = '[{DEEP}]'": "? ERROR",
    """details = '{"findings": 5, "repaired": {"a": 1}, "x": 1e6000}'""": "",
    """details = '{"findings": [1, {"code": 2}], "repaired": [7]}'""": "repaired 7 ? ? ? 2 ? ?",
    f"details = '{DEEP}'": "",
    "file_name = E'a\\ngate open: \\033[2J'": "file a\\x0agate open: \\x1b[2J",
    f"file_name = '{'n' * 200}'": "file " + "n" * 200,
}  # fmt: skip


def test_values_of_any_shape(shop: Shop) -> None:
    """Whoever may add events cannot keep the others from being read, nor write lines into a report."""
    with shop.database.connect(shop.role) as conn:
        for number, each in enumerate(STRANGE, 1):
            column, value = each.split(" = ", 1)
            conn.execute(
                "insert into promote.events (kind, run_id, environment, promote_version, file_sha256,"
                f" {column}) values ('committed', '{numbered(number)}', 'test-prod', '1', '{'5' * 64}', {value})"
            )
    ran = shop.promote("history", *ENV)
    lines = ran.stdout.splitlines()
    assert (ran.exit_code, ran.stderr, len(lines)) == (0, "", len(STRANGE) + 3), ran
    assert max(map(len, lines)) < 250
    told = shop.promote("history", *ENV, "--format", "json")
    assert len(json.loads(told.stdout, parse_constant=pytest.fail)["data"]["runs"]) == len(STRANGE)
    head = r"test-prod   run \w+.*\n  run .*\n  state .*\n"
    for number, shown in enumerate(STRANGE.values(), 1):
        ran = shop.promote("show", numbered(number), *ENV)
        text = re.sub(
            r"  (sha256|began|role|client|target|system|checks|findings)( .*)?\n|  events\n.*\n", "", ran.stdout
        )
        assert (ran.exit_code, " ".join(re.sub(head, "", text).split())) == (0, shown), ran
