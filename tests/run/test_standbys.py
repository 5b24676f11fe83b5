"""A synchronous standby that does not confirm: every command that commits says so, and comes to an end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.migrations import alembic_trees
from tests.migrations.migrated_databases import HEAD
from tests.run.conftest import Shop, shop_on
from tests.run.exports import Export
from tests.run.private import Private
from tests.run.proxy import proxy_to
from tests.run.sessions import dead_standby

ADD = 'op.add_column("books", sa.Column("isbn", sa.String))'
CONCURRENTLY = """with op.get_context().autocommit_block():
    op.execute("create index concurrently ix_books_isbn on books (isbn)")"""
ENV = ("--env", "test-prod")
HERE_ONLY = "; committed here, not confirmed by its synchronous standby"


@pytest.fixture(scope="module")
def private() -> Iterator[Private]:
    """One server for the tests of this module."""
    folder = Path(tempfile.mkdtemp(prefix="pr-"))
    folder.chmod(0o755)
    server = Private(folder / "own")
    server.allow_standbys()
    yield server
    server.end()
    folder.rmdir()


@pytest.fixture
def own(private: Private, promote: Callable[..., Ran], tmp_path: Path) -> Shop:
    """A shop on that server, with short waits."""
    shop = shop_on(private.database(), tmp_path / "shop", promote)
    shop.environment(timeouts={"commit": "1s"})
    return shop


def lines_of(ran: Ran) -> list[str]:
    """What a command said that changed something, and whose commits nobody confirmed."""
    assert (ran.exit_code, ran.stderr) == (1, ""), ran.stdout
    *said, last = ran.stdout.splitlines()
    assert last.endswith(HERE_ONLY)
    assert any("not confirmed: COMMIT waited" in line for line in said)
    return [*said, last.removesuffix(HERE_ONLY)]


@pytest.mark.soak
def test_commands_that_commit(own: Shop) -> None:
    """Once or several times; a statement that commits by itself in between is not taken back, and does not hang."""
    own.accepted(Export(chunks=24))
    alembic_trees.revision(own.root / "alembic", "aaaaaaaaaaaa", HEAD, ADD, "a column")
    with dead_standby(own):
        assert lines_of(own.promote("migrate", *ENV, "--apply"))[-1] == "migrated to aaaaaaaaaaaa"
        alembic_trees.revision(own.root / "alembic", "bbbbbbbbbbbb", "aaaaaaaaaaaa", CONCURRENTLY, "an index")
        assert lines_of(own.promote("migrate", *ENV, "--apply"))[-1] == "migrated to bbbbbbbbbbbb"
        assert lines_of(own.promote("index", *ENV, "--apply"))[-1].startswith("applied: ")
        own.rows("select 1; set synchronous_commit = local; drop trigger append_only on promote.events; select 1")
        assert lines_of(own.promote("setup", *ENV))[-1] == "ready"
    assert own.rows("select count(*) from pg_index where not indisvalid") == [(0,)]
    assert own.rows("select count(*) from pg_class where relname like 'promote_new_%'") == [(0,)]


def test_commands_that_only_look(own: Shop) -> None:
    """What they record in the ledger of themselves waits for no standby."""
    own.accepted(Export(chunks=24))
    with dead_standby(own):
        for line in (
            ("history", *ENV, "--verify"),
            ("check", *ENV, "--stage", "after_commit"),
            ("golden", "record", *ENV, "--queries", "2"),
            ("run", *ENV, "--file", own.file(Export(chunks=24)), "--dry-run"),
            ("run", *ENV, "--file", own.file(Export(chunks=24))),
        ):
            ran = own.promote(*line)
            assert (ran.exit_code, ran.stderr, HERE_ONLY in ran.stdout) == (0, "", False), ran


@pytest.mark.parametrize("command", ["setup", "migrate", "grants"])
def test_an_answer_that_is_lost(own: Shop, command: str) -> None:
    """Of these no ledger tells: the outcome is unknown, and the command that shows it is named."""
    how = {
        "setup": ("promote migrate shows which revisions the database has",),
        "migrate": ("promote migrate shows which revisions the database has",),
        "grants": ("promote grants --env test-prod shows how the roles are now",),
    }
    alembic_trees.revision(own.root / "alembic", "aaaaaaaaaaaa", HEAD, ADD, "a column")
    own.database.execute(f"grant delete on chunks to {own.role}")
    with proxy_to(own.database, "lose the answer") as proxy:
        own.environment(admin_url=proxy.url(own.database.server.params["user"]))
        ran = own.promote(command, *ENV, *(("--apply",) if command != "setup" else ()))
    assert ran.exit_code == 4, ran
    assert ran.stderr.splitlines() == [
        "error: the connection was lost at COMMIT: whether it was committed is not known",
        *(f"  {line}" for line in how[command]),
    ]
