"""A ledger of version 1 becomes one of version 3 at `promote setup`, with the times and actors that it had."""

from __future__ import annotations

import json
from pathlib import Path

from minerva_promote.ledger.run_rows import load_run_rows
from tests.run.conftest import Shop
from tests.run.exports import Export

VERSION_1 = Path(__file__).with_name("version_1.sql")
RUN = """insert into promote.runs (run_id, environment, client_host, client_user, promote_version, file_name, file_sha256,
    file_bytes, roots, rows, checks, seconds, details) values ('{id}', 'test-prod', 'host', 'me', '0.1', 'old.sql',
    repeat('{n}', 64), 7, '{{book}}', '{{"books": {{"new": 1, "identical": 0}}}}', '[]', 0.5, '{{"repaired": []}}')"""
FIRST, SECOND = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"


def install_version_1(shop: Shop, reader: str) -> None:
    """Replace the ledger by one of version 1 with two runs, which the import role and ``reader`` may read."""
    shop.database.execute("drop schema promote cascade")
    with shop.database.connect() as conn:
        conn.execute(VERSION_1.read_bytes())
    api = "grant usage on schema promote to {0}; grant select on promote.runs, promote.ledger, promote.revision to {0}"
    shop.database.execute(
        api.format(shop.role),
        api.format(reader),
        f"grant insert (run_id, environment) on promote.runs to {shop.role}",
        RUN.format(id=FIRST, n=1),
        RUN.format(id=SECOND, n=2),
    )


def assert_refused_until_setup(shop: Shop) -> None:
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stdout.splitlines()[1:]) == (
        1,
        [
            "  preflight  ledger ........................... FAIL   the ledger has version 1, this release of promote"
            " knows 3",
            "             promote setup --env test-prod",
            "gate closed: nothing was changed",
        ],
    )
    for line in (("history",), ("show", "aaaa")):
        said = shop.promote(*line, "--env", "test-prod")
        assert (said.exit_code, said.stderr) == (
            3,
            "error: test-prod: the ledger has version 1, this release of promote knows 3\n"
            "  promote setup --env test-prod\n",
        )


def test_from_version_1(shop: Shop) -> None:
    reader = shop.copy.name("minerva_reader")
    install_version_1(shop, reader)
    before = shop.rows("select run_id::text, recorded_at, started_at, actor from promote.runs order by recorded_at")

    assert_refused_until_setup(shop)
    made = shop.promote("setup", "--env", "test-prod")
    assert made.exit_code == 0
    assert "  setup      ledger ........................... ok     upgraded from version 1 (version 3)" in made.stdout
    assert shop.rows("select run_id::text, at, began, actor from promote.events order by seq") == before
    assert shop.rows("select version from promote.ledger order by 1") == [(1,), (3,)]
    assert shop.rows("select to_regclass('promote.runs')::text") == [(None,)]
    assert shop.rows(f"select has_table_privilege('{reader}', 'promote.events', 'select')") == [(True,)]
    shop.promote("grants", "--env", "test-prod", "--apply")  # what the reader had is not declared
    again = shop.promote("setup", "--env", "test-prod")
    assert again.stdout.endswith("ready: nothing was changed\n")

    with shop.database.connect(shop.role) as conn:
        assert load_run_rows(conn, FIRST) == ()
    shop.accepted(Export())
    assert shop.events() == ["committed", "committed", "started", "committed", "finished"]
    proved = shop.promote("history", "--env", "test-prod", "--verify")
    assert (proved.exit_code, proved.stderr) == (0, "")
    shown = shop.promote("show", FIRST, "--env", "test-prod").stdout
    assert "recorded by version 1 of the ledger: which rows it inserted is not known" in shown
    found = json.loads(shop.promote("show", SECOND, "--env", "test-prod", "--format", "json").stdout)["data"]["run"]
    assert (found["state"], found["passed"], found["file_sha256"]) == ("committed", False, "2" * 64)
