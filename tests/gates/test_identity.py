"""An environment that says which database it is: a URL that leads elsewhere is found out before anything is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gates.conftest import Pair
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.servers import Database

OTHER = "7000000000000000001"
COMMANDS = (
    "run --file export.sql",
    "plan --file export.sql",
    "check",
    "grants",
    "grants --apply",
    "grants --prove",
    "index",
    "index --apply",
    "setup",
    "migrate",
    "migrate --apply",
    "golden record",
    "history",
    "undo 1234",
    "undo 1234 --apply",
)


def system(database: Database) -> str:
    with database.connect() as conn:
        row = conn.execute("select system_identifier::text from pg_control_system()").fetchone()
        assert row is not None
        return str(row[0])


def pinned(shop: Shop, **pin: str) -> str:
    """Pin test-prod; where the key stands."""
    shop.environment(identity=pin)
    lines = (shop.root / "environments" / "test-prod.yaml").read_text("utf-8").splitlines()
    return f"environments/test-prod.yaml:{lines.index('identity:') + 1}:1"


def test_ping_shows_what_to_paste(shop: Shop) -> None:
    identity = f'identity: {{system_identifier: "{system(shop.database)}", database: "{shop.database.name}"}}'
    line = f"  identity   .................................. ok     {identity}"
    ran = shop.promote("env", "ping", "test-prod")
    assert (ran.exit_code, ran.stdout.splitlines()[3:]) == (0, [line, "test-prod answers"])
    path = shop.root / "environments" / "test-prod.yaml"
    path.write_text(f"{path.read_text('utf-8')}{identity}\n", "utf-8")
    assert shop.promote("env", "ping", "test-prod").stdout.splitlines()[3:] == [line, "test-prod answers"]
    shop.accepted(Export())


def test_every_command_looks_first(shop: Shop) -> None:
    here = system(shop.database)
    place = pinned(shop, system_identifier=OTHER, database="minerva")
    shop.file(Export())
    before = shop.contents()
    fact = (
        f"environment test-prod is database minerva of server {OTHER}, this URL leads to {shop.database.name} of {here}"
    )
    for command in COMMANDS:
        ran = shop.promote(*command.split(), "--env", "test-prod")
        assert (ran.exit_code, ran.stdout) == (3, ""), (command, ran)
        first, hint = ran.stderr.splitlines()
        assert first == f"error: {place}: {fact}", command
        assert hint.startswith("  the URL is postgresql://"), command
        assert hint.endswith(
            ": correct it; or, if the database has moved, correct identity: promote env ping --env test-prod shows"
            " the new one"
        )
    psql = shop.promote("server", "psql", "--env", "test-prod", "--", "-c", "select 1", process=True)
    assert (psql.exit_code, psql.stdout, psql.stderr.splitlines()[0]) == (3, "", f"error: {place}: {fact}")
    ping = shop.promote("env", "ping", "test-prod")
    assert ping.exit_code == 1
    assert ping.stdout.splitlines()[1] == f"  ping       url .............................. FAIL   {fact}"
    assert f'identity: {{system_identifier: "{here}", database: "{shop.database.name}"}}' in ping.stdout
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("pin", "fact"),
    [
        ({"database": "minerva"}, "is database minerva, this URL leads to {database}"),
        ({"system_identifier": OTHER}, f"is server {OTHER}, this URL leads to server {{server}}"),
    ],
)
def test_either_may_be_pinned(shop: Shop, pin: dict[str, str], fact: str) -> None:
    place = pinned(shop, **pin)
    said = fact.format(database=shop.database.name, server=system(shop.database))
    assert shop.run(shop.file(Export())).stderr.splitlines()[0] == f"error: {place}: environment test-prod {said}"
    pinned(shop, **{key: shop.database.name if key == "database" else system(shop.database) for key in pin})
    shop.accepted(Export())


def test_a_server_that_does_not_say_which_it_is(shop: Shop) -> None:
    here = system(shop.database)
    shop.database.execute("revoke execute on function pg_control_system() from public")
    why = "this role may not execute pg_catalog.pg_control_system()"
    place = pinned(shop, system_identifier=here, database=shop.database.name)
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stdout, ran.stderr.splitlines()) == (
        3,
        "",
        [
            f"error: {place}: environment test-prod is server {here}, and which one this is cannot be read: {why}",
            f"  GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO {shop.role}; or pin only the database: take"
            " identity.system_identifier out of environments/test-prod.yaml",
        ],
    )
    shop.environment(admin_url=shop.database.url(shop.role), identity={"database": shop.database.name})
    assert shop.promote("env", "ping", "test-prod").stdout.splitlines()[3:] == [
        f'  identity   .................................. ok     identity: {{database: "{shop.database.name}"}};'
        f" the server's own number cannot be read: {why}",
        "test-prod answers",
    ]
    shop.accepted(Export())


def test_setup_makes_no_database_beside_the_pinned_one(shop: Shop, make_database: Callable[..., Database]) -> None:
    empty = make_database()
    name = f"{empty.name}_other"
    place = pinned(shop, database=shop.database.name)
    shop.environment(url=empty.server.url(name, shop.role), admin_url=empty.server.url(name))
    ran = shop.promote("setup", "test-prod")
    fact = f"environment test-prod is database {shop.database.name}, this URL leads to {name}"
    assert (ran.exit_code, ran.stderr.splitlines()[0]) == (3, f"error: {place}: {fact}")
    assert shop.rows(f"select count(*) from pg_database where datname = '{name}'") == [(0,)]


def test_two_urls_that_lead_to_two_databases(pair: Pair) -> None:
    pair.shop.environment(admin_url=pair.prod.url())
    here = system(pair.prod)
    ran = pair.shop.promote("env", "ping", "test-prod")
    assert ran.exit_code == 1
    said = [
        f'{identity} leads to identity: {{system_identifier: "{here}", database: "{name}"}}'
        for identity, name in (("url", pair.shop.database.name), ("admin_url", pair.prod.name))
    ]
    assert ran.stdout.splitlines()[3:] == [
        f"  identity   .................................. FAIL   {'; '.join(said)}",
        "             both must reach the same database",
        "test-prod does not answer as it should",
    ]
