"""The upgrade of a ledger of version 2 touches no event, and ends in what a new ledger is; what it holds is bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
from psycopg import errors

from minerva_promote.ledger.bounds import CHECKS, DETAILS, NAME, REASON, ROOT, ROOTS, ROWS
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.install import install
from minerva_promote.ledger.verify import verify_chain
from minerva_promote.results import Severity
from tests.run.conftest import Shop
from tests.servers import Database, Server
from tests.upgrade.conftest import recorded_database

PLACES = b"select seq, xmin::text, ctid::text, hash from promote.events order by seq"
FILE = b"select pg_relation_filenode('promote.events')"
SCHEMA = b"""
select 'column', c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attstorage::text, col_description(c.oid, a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on (adrelid, adnum) = (c.oid, attnum)
where c.relnamespace = 'promote'::regnamespace and c.relkind = 'r' and attnum > 0 and not attisdropped
union all
select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid), convalidated, null, null, null
from pg_constraint where connamespace = 'promote'::regnamespace
union all
select 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisprimary, null, null, null
from pg_index join pg_class c on c.oid = indrelid where c.relnamespace = 'promote'::regnamespace
union all
select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid), tgenabled = 'A', null, null, null
from pg_trigger where tgrelid in (select oid from pg_class where relnamespace = 'promote'::regnamespace)
union all
select 'function', proname, prosrc, prosecdef, (proacl is null)::text, array_to_string(proconfig, ','), null
from pg_proc where pronamespace = 'promote'::regnamespace
order by 1, 2
"""


def test_the_upgrade_from_version_2(server: Server, shop: Shop, make_database: Callable[..., Database]) -> None:
    with make_database(recorded_database(server)).connect() as conn, shop.database.connect() as fresh:
        before, file = conn.execute(PLACES).fetchall(), conn.execute(FILE).fetchall()
        written = conn.execute(b"select run_id, table_name, part, xmin::text from promote.run_rows").fetchall()
        with conn.transaction():
            assert install(conn)
        assert (conn.execute(PLACES).fetchall(), conn.execute(FILE).fetchall()) == (before, file)
        stamped = b"select run_id, table_name, part, (xact & 4294967295)::text from promote.run_rows"
        assert sorted(conn.execute(stamped).fetchall()) == sorted(written)
        own = b"select count(*) from promote.run_rows r join promote.events e using (run_id, xact)"
        assert conn.execute(own + b" where e.kind = 'committed'").fetchall() == [(len(written),)]
        upgraded, made = (there.execute(SCHEMA).fetchall() for there in (conn, fresh))
        ledger = [row for row in made if "vector_indexes" not in row[1]]
        assert [row for row in upgraded if "vector_indexes" not in row[1]] == ledger
        assert verify_chain(conn).findings == ()
        add_event(conn, Event("failed", str(uuid4()), "test-prod", roots=["a"]))
        assert verify_chain(conn).findings == ()
        with conn.transaction():
            assert not install(conn)


def test_version_2_is_verified_before_the_upgrade(
    server: Server, shop: Shop, make_database: Callable[..., Database]
) -> None:
    old = make_database(recorded_database(server))
    shop.environment(url=old.url(), admin_url=old.url())
    ran = shop.promote("history", "--env", "test-prod", "--verify")
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout


def test_a_ledger_that_cannot_be_made(shop: Shop) -> None:
    """The message says what was going on."""
    shop.database.execute(
        "drop schema promote cascade",
        "create function refuse() returns event_trigger language plpgsql as $$begin raise 'no tables here'; end$$",
        "create event trigger refuse on ddl_command_start when tag in ('CREATE TABLE') execute function refuse()",
    )
    ran = shop.promote("setup", "--env", "test-prod")
    assert (ran.exit_code, "making the ledger: no tables here" in ran.stderr + ran.stdout) == (3, True), ran


def test_old_rows_that_are_too_long_stay(shop: Shop) -> None:
    """Of version 2, with a reason that version 3 would not take."""
    with shop.database.connect() as conn:
        conn.execute(b"alter table promote.events drop constraint events_reason_bound")
        conn.execute(
            b"insert into promote.events (kind, run_id, environment, promote_version, reason)"
            b" values ('failed', gen_random_uuid(), 'test-prod', '1', repeat('x', 100000))"
        )
        conn.execute(
            b"alter table promote.events add constraint events_reason_bound check (length(reason) <= 2000) not valid"
        )
        assert verify_chain(conn).findings == ()
    ran = shop.promote("grants", "--env", "test-prod")
    assert "constraint-not-valid" not in ran.stdout


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("reason", "repeat('x', 50000)"),
        pytest.param("reason", "repeat('x', 50000000)", marks=pytest.mark.soak),
        ("file_name", "repeat('x', 5000)"),
        ("client_host", "repeat('x', 5000)"),
        ("client_user", "repeat('x', 5000)"),
        ("roots", "array(select repeat('x', 5000) from generate_series(1, 99))"),
        ("roots", "array(select 'x' from generate_series(1, 101))"),
        ("rows", "jsonb_build_object('x', repeat('x', 5000000))"),
        ("checks", "jsonb_build_array(repeat('x', 5000000))"),
        ("details", "jsonb_build_object('x', repeat('x', 5000000))"),
        ("signature", "repeat('x', 50000)"),
        ("signing_key", "repeat('x', 5000)"),
    ],
)
def test_what_is_too_long(shop: Shop, column: str, value: str) -> None:
    statement = (
        f"insert into promote.events (kind, run_id, environment, promote_version, {column})"
        f" values ('failed', gen_random_uuid(), 'test-prod', '1', {value})"
    )
    with shop.database.connect(shop.role) as conn, pytest.raises(errors.CheckViolation):
        conn.execute(statement.encode())


def oversized_event(names: list[str], roots: list[str]) -> Event:
    """An event that is longer than the ledger takes in every column; its last check has failed."""
    checks = [{"name": f"{'c' * 500}{n}", "outcome": "ok", "values": {"v": [1e300] * 500}} for n in range(600)]
    checks.append({"name": "last", "outcome": "FAIL", "values": {"v": float("nan")}})
    return Event(
        "refused",
        str(uuid4()),
        "e" * 5_000,
        file_name="\\udcff" * 3_000,
        roots=roots,
        rows={name: {"new": 2**40, "identical": 1} for name in names},
        checks=checks,
        reason="\u202e\0" + "r" * 5_000_000,
        details={
            "types": {name: {"id": "uuid"} for name in names},
            "x": {"y": ["z" * 9_000] * 300},
            "deep": [[[]]] * 3,
        },
    )


def test_an_honest_event_is_folded(shop: Shop) -> None:
    """However much a run has to say, its event is taken."""
    names = [f"table_{number}" for number in range(10_000)]
    roots = [f"{'é' * ROOT}{number}" for number in range(ROOTS + 50)]
    event = oversized_event(names, roots)
    with shop.database.connect(shop.role) as conn:
        add_event(conn, event)
        row = conn.execute(
            b"select length(environment), length(reason), cardinality(roots), octet_length(rows::text),"
            b" octet_length(checks::text), octet_length(details::text), (details ->> 'roots')::int from promote.events"
        ).fetchone()
        assert row is not None
        assert (row[0] <= NAME, row[1] <= REASON, row[2], row[6]) == (True, True, ROOTS, ROOTS + 50)
        assert row[3] <= ROWS
        assert row[4] <= CHECKS + 100_000
        assert row[5] <= DETAILS + 100_000
        assert conn.execute(b"select count(*) from promote.run_roots").fetchall() == [(ROOTS + 50,)]
        assert [f for f in verify_chain(conn).findings if f.severity is Severity.ERROR] == []
    found = shop.promote("history", "--env", "test-prod", "--root", roots[-1], "--format", "json").stdout
    (run,) = json.loads(found)["data"]["runs"]
    assert [check["name"] for check in run["checks"] if check["outcome"] == "FAIL"] == ["last"]
    total = run["rows"]["…"]["new"] + sum(counts["new"] for name, counts in run["rows"].items() if name != "…")
    assert total == 2**40 * len(names)
    shown = shop.promote("show", "--env", "test-prod", run["run_id"][:8]).stdout
    assert ", and 50 more" in shown
