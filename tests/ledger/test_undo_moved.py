"""Undoing in a database that was dumped and restored, and an undo that is killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.database.embedded.files import binary
from tests import servers
from tests.ledger.undoing import RESTORED, Undone, facts_in, found_in, rows_of, undone, unproved
from tests.run.conftest import CONTENTS, copy_of_ready
from tests.run.exports import Export, key
from tests.run.proxy import proxy_to
from tests.run.sessions import wait_until_it_waits
from tests.run.terminal import started

__all__ = ["undone"]

BOOK, CHUNK = key("b", 1), key("d", 1, 1)


def restored(undone: Undone, make_database: Callable[..., servers.Database], folder: Path, *how: str) -> None:
    """Point the shop at a new database into which its own was restored."""
    shop, file = undone.shop, folder / "dump"
    subprocess.run([binary("pg_dump"), "-Fc", "-f", file, "-d", shop.database.url()], check=True, capture_output=True)
    target = make_database()
    subprocess.run([binary("pg_restore"), *how, "-d", target.url(), file], check=True, capture_output=True)
    copy_of_ready(target)
    shop.environment(url=target.url(shop.role), admin_url=target.url())
    object.__setattr__(shop, "database", target)


@pytest.mark.parametrize("how", [(), pytest.param(("--single-transaction",), marks=pytest.mark.soak)])
def test_after_a_dump_and_restore(
    undone: Undone, make_database: Callable[..., servers.Database], tmp_path: Path, how: tuple[str, ...]
) -> None:
    shop = undone.shop
    before = undone.done()  # an undo of before is taken back afterwards
    shop.accepted(Export(2))
    second, with_second = undone.latest(), undone.rows()
    restored(undone, make_database, tmp_path, *how)
    assert undone.rows() == with_second
    undone.done(before)
    full = undone.rows()
    findings = [
        unproved("3 rows", "chunks", *(key("d", 2, number) for number in (1, 2, 3)), why=RESTORED),
        unproved("2 rows", "screenshots", *(key("c", 2, number) for number in (1, 2)), why=RESTORED),
        unproved("1 row", "books", key("b", 2), why=RESTORED, columns="source_type"),
    ]
    for apply in ((), ("--apply",)):
        ran = undone.undo(second, *apply)
        assert (ran.exit_code, sorted(facts_in(ran))) == (1, sorted(findings))
    assert undone.rows() == full
    ran = undone.undo(second, "--accept", "unproved")
    assert (ran.exit_code, sorted(facts_in(ran))) == (0, sorted(f"warn: {finding}" for finding in findings))
    shop.database.execute("update chunks set chunk_text = 'x' where chunk_sequence = 2")
    ran = undone.undo(second, "--accept", "unproved")
    changed = f"changed: 1 row of chunks was changed since the import: {key('d', 2, 2)}"
    assert (ran.exit_code, [fact for fact in facts_in(ran) if not fact.startswith("warn: ")]) == (1, [changed])
    shop.database.execute("update chunks set chunk_text = 'text 2' where chunk_sequence = 2")
    undo = undone.done(second, "--accept", "unproved")
    undone.done(undo)
    assert undone.rows() == full
    assert found_in(undone.undo(second)) == []  # it was put back here: that can be believed again
    shop.accepted(Export(3))
    assert found_in(undone.undo(undone.latest())) == []
    shop.database.execute("update books set source_type = 'pdf'")
    assert facts_in(undone.undo(undone.latest())) == [unproved("1 row", "books", key("b", 3), columns="source_type")]


def test_a_renamed_copy_is_believed(undone: Undone, make_database: Callable[..., servers.Database]) -> None:
    """A copy of the files has the transactions too."""
    shop = undone.shop
    copy = copy_of_ready(make_database(shop.database.name))
    shop.environment(url=copy.url(shop.role), admin_url=copy.url())
    copy.execute(*(f"vacuum (full, freeze) {table}" for table in CONTENTS))  # no catalog: some are other tests' too
    assert found_in(undone.undo()) == []
    copy.execute("update books set source_type = 'pdf'")
    assert facts_in(undone.undo()) == [unproved("1 row", "books", BOOK, columns="source_type")]


def test_killed_before_commit(undone: Undone) -> None:
    shop = undone.shop
    shop.database.execute(
        "create function slow() returns trigger language plpgsql as $$begin perform pg_sleep(30); return old; end$$",
        "create trigger slow before delete on books for each row execute function slow()",
    )
    before = shop.contents()
    with started("undo", "--env", "test-prod", undone.run, "--apply", cwd=shop.root) as process:
        pid = wait_until_it_waits(shop, "Timeout")
        process.kill()
        process.wait(30)
    shop.rows(f"select pg_terminate_backend({pid})")
    _wait_until(lambda: not shop.rows(f"select from pg_stat_activity where pid = {pid}"))
    assert shop.contents() == before
    shop.database.execute("drop trigger slow on books")
    undone.done()
    assert shop.count("books") == 0


def test_killed_at_commit(undone: Undone) -> None:
    """The server gets to hear of COMMIT, and nobody is there to hear its answer."""
    shop, full = undone.shop, undone.rows()
    with proxy_to(shop.database, "hold") as proxy:
        shop.environment(admin_url=proxy.url(shop.rows("select current_user")[0][0]))
        with started("undo", "--env", "test-prod", undone.run, "--apply", cwd=shop.root) as process:
            assert proxy.committing.wait(30)
            assert undone.rows() == full
            process.kill()
            process.wait(30)
        proxy.released.set()
        _wait_until(lambda: shop.count("books") == 0)
    shop.environment(admin_url=shop.database.url())
    assert rows_of(shop.database) == {**{table: [] for table in full}, "embedding_configs": full["embedding_configs"]}
    ran = undone.undo()
    assert "was undone already, as " in ran.stderr
    undone.done(shop.rows("select run_id::text from promote.events where kind = 'undone'")[0][0])
    assert undone.rows() == full


def _wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
