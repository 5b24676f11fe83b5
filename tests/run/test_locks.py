"""Locks that somebody holds: waiting is bounded, and who holds them is said."""

from __future__ import annotations

import re

from minerva_promote.database.lock import LOCK_STATEMENT
from tests.run.conftest import Shop
from tests.run.exports import Export, key
from tests.run.sessions import holding, row_of_another, wait_until_it_waits
from tests.run.terminal import started
from tests.servers import Database

ROLLED_BACK = "nothing was changed (rolled back)"


def test_a_lock_held_by_another_run(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    before = shop.contents()
    with holding(shop, LOCK_STATEMENT, shop.role) as pid:
        ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    said = re.sub(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00", "since THEN", ran.stderr)
    assert said == (
        f"error: the lock of this database is held by process {pid} (somebody, role {shop.role}), since THEN;"
        f" waited 100ms; {ROLLED_BACK}\n"
        "  another run, migration or setup is at work: repeat the command when it is done;"
        f" if it hangs, end it: select pg_terminate_backend({pid})\n"
    )
    assert shop.contents() == before


def test_a_lock_held_by_somebody_of_whom_we_may_know_little(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    with holding(shop, LOCK_STATEMENT) as pid:
        (owner,) = shop.rows("select current_user")[0]
        ran = shop.run(shop.file(Export()))
    assert ran.stderr.startswith(
        f"error: the lock of this database is held by process {pid} (somebody, role {owner}); waited 100ms;"
    )


def test_the_lock_of_another_database_is_no_matter(shop: Shop, database: Database) -> None:
    with database.connect(autocommit=False) as other:
        other.execute(LOCK_STATEMENT.encode())
        shop.accepted(Export())


def test_two_runs_at_once(shop: Shop) -> None:
    """The second waits, and finds that everything is there."""
    file = shop.file(Export())
    line = ("run", "--env", "test-prod", "--file", file)
    with started(*line, cwd=shop.root) as one, started(*line, cwd=shop.root) as other:
        said = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0)
    assert sorted(line.split(" run ")[0] for line in said) == [
        "gate open: committed as",
        "gate open: nothing was changed, all 7 rows are already there, identical",
    ]
    assert shop.committed() == 1


def test_a_table_that_somebody_has_locked(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    before = shop.contents()
    with holding(shop, "lock table screenshots in share row exclusive mode"):
        ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (
        3,
        f"error: importing screenshots: waited for a lock longer than lock_timeout allows; {ROLLED_BACK}\n"
        "  repeat the command when it is done, or raise timeouts.lock of the environment\n",
    )
    assert shop.contents() == before


def test_a_statement_that_takes_too_long(shop: Shop) -> None:
    shop.environment(timeouts={"statement": "200ms"})
    before = shop.contents()
    with holding(shop, row_of_another(shop)):
        ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (
        3,
        f"error: importing embedding_configs: canceling statement due to statement timeout; {ROLLED_BACK}\n"
        "  raise timeouts.statement of the environment, or find out what holds the server up\n",
    )
    assert shop.contents() == before


def test_a_row_that_another_session_adds_first(shop: Shop) -> None:
    """The run waits for it and then compares, instead of failing or overwriting."""
    file = shop.file(Export())
    other = shop.database.connect(autocommit=False)
    with other:
        other.execute(row_of_another(shop).encode())
        with started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process:
            wait_until_it_waits(shop)
            other.commit()
            out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "")
    assert f"different: books {key('b', 1)}: title is " in out
    assert shop.count() == 0
