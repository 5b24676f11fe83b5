"""Every command through a real PgBouncer, while other clients of its pools are at work."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.database.session import closed_after, import_session
from tests.conftest import Ran
from tests.migrations import alembic_trees
from tests.migrations.migrated_databases import HEAD
from tests.pgbouncer import Neighbours, PgBouncer, neighbours, pgbouncer
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.servers import Database

ADD = 'op.add_column("books", sa.Column("isbn", sa.String))'
CONCURRENTLY = """with op.get_context().autocommit_block():
    op.execute("create index concurrently ix_books_isbn on books (isbn)")"""
ENV = ("--env", "test-prod")
LOCKS = (
    "select pid from pg_locks where locktype = 'advisory'"
    " and database = (select oid from pg_database where datname = current_database())"
)
POOLED = "leads through a connection pooler, which pools transactions"


@contextlib.contextmanager
def pooled(shop: Shop, mode: str, size: int = 2, **more: str) -> Iterator[PgBouncer]:
    """The environment goes through a pooler."""
    with pgbouncer(shop.database, mode, shop.role, size=size) as bouncer:
        shop.environment(url=bouncer.url(shop.role), admin_url=bouncer.url(), **more)
        yield bouncer


@contextlib.contextmanager
def busy(shop: Shop, bouncer: PgBouncer) -> Iterator[Neighbours]:
    """Other clients of both pools work, and find nothing that is not theirs."""
    with neighbours(bouncer, shop.role, shop.role, None, None) as found:
        yield found
    assert (found.failed, found.left) == ([], set())
    assert found.looks > 20


def good(ran: Ran) -> str:
    """What a command said that did what it was asked."""
    assert (ran.exit_code, ran.stderr) == (0, ""), ran
    return ran.stdout


def test_transactions_are_pooled(shop: Shop) -> None:
    with pooled(shop, "transaction") as bouncer, busy(shop, bouncer):
        shop.add_check(
            "  - {name: paths, sql: \"select current_setting('search_path')\", expect: {equals: 'public, pg_temp'}}\n"
        )
        run = json.loads(good(shop.run(shop.file(Export()), "--format", "json", "--rehearse-undo")))["run_id"]
        assert shop.run(shop.file(Export())).exit_code == 0
        assert shop.promote("check", *ENV, "--stage", "before_commit").exit_code == 0
        assert "none was changed, removed or reordered" in good(shop.promote("history", *ENV, "--verify"))
        assert run in good(shop.promote("show", run[:8], *ENV))
        assert shop.promote("index", *ENV).exit_code == 1  # built empty
        good(shop.promote("undo", run[:8], *ENV, "--apply", "--reason", "test"))
        assert shop.count("books") == 0
        good(shop.promote("migrate", *ENV))
        for identity in json.loads(good(shop.promote("env", "ping", *ENV, "--format", "json")))["steps"][:2]:
            assert identity["data"]["pooled"] is True
        assert shop.rows(LOCKS) == []


@pytest.mark.soak
def test_roles_and_setup(shop: Shop) -> None:
    with pooled(shop, "transaction") as bouncer, busy(shop, bouncer):
        good(shop.promote("setup", *ENV))
        good(shop.promote("grants", *ENV))
        assert shop.promote("grants", *ENV, "--prove").exit_code in (0, 1)
        shop.database.execute(f"revoke select on books from {shop.role}")
        good(shop.promote("grants", *ENV, "--apply", "--yes", "test-prod"))
        good(shop.promote("grants", *ENV))
        assert shop.rows(LOCKS) == []


def test_what_needs_a_session(shop: Shop, ready: str, make_database: Callable[..., Database]) -> None:
    shop.accepted(Export(chunks=24))
    with pooled(shop, "transaction") as bouncer, busy(shop, bouncer):
        for pooler in (None, "session", "transaction"):  # not said, said wrongly, said
            shop.environment(pooler=pooler)
            refused = shop.promote("index", *ENV, "--apply")
            assert refused.exit_code == 2
            assert f"index --apply needs a session of its own, and admin_url {POOLED}" in refused.stderr
            assert "direct_url: ${TEST_PROD_DIRECT_DATABASE_URL}" in refused.stderr
        shop.environment(direct_url=bouncer.url())
        refused = shop.promote("index", *ENV, "--apply")
        assert refused.exit_code == 2
        assert f"and direct_url {POOLED}" in refused.stderr
        for elsewhere in (shop.database.server.url("postgres"), make_database(ready).url()):
            shop.environment(direct_url=elsewhere)
            refused = shop.promote("index", *ENV, "--apply")
            assert refused.exit_code == 2
            assert "direct_url and admin_url do not reach the same database" in refused.stderr
        shop.environment(direct_url=shop.database.url())
        assert "built" in shop.promote("index", *ENV, "--apply", "--format", "json").stdout
        assert shop.rows(LOCKS) == []
        listed = good(shop.promote("env", "list", "--format", "json"))
        assert any(step["data"].get("direct_url") for step in json.loads(listed)["steps"])


def test_sessions_are_pooled(shop: Shop) -> None:
    shop.accepted(Export(chunks=24))
    with pooled(shop, "session", size=4) as bouncer, busy(shop, bouncer):
        refused = shop.promote("index", *ENV, "--apply")
        assert refused.exit_code == 2
        assert "whether that pools sessions or transactions cannot be seen" in refused.stderr
        assert "pooler: session" in refused.stderr
        shop.environment(pooler="session")
        assert shop.promote("index", *ENV, "--apply").exit_code == 0
        shop.accepted(Export(2))
    assert shop.rows(LOCKS) == []


@pytest.mark.soak
def test_a_backup(shop: Shop) -> None:
    (shop.root / "backups").mkdir()
    with pooled(shop, "transaction") as bouncer, busy(shop, bouncer):
        shop.environment(backup={"folder": "backups"})
        refused = shop.run(shop.file(Export()))
        assert refused.exit_code == 1
        assert f"backup: needs a session of its own, and admin_url {POOLED}" in refused.stdout
        assert shop.count("books") == 0
        shop.environment(direct_url=shop.database.url())
        shop.accepted(Export())


def test_statements_are_pooled(shop: Shop) -> None:
    with pooled(shop, "statement"):
        ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, "Traceback" in ran.stderr) == (3, False), ran.stderr
    assert "no transaction can be started: transaction blocks not allowed in statement pooling mode" in ran.stderr


def test_a_statement_is_cancelled(shop: Shop) -> None:
    with pooled(shop, "transaction"):
        project = load_project(shop.root)
        with import_session(project, read_environment(project, "test-prod")) as conn, closed_after(conn):
            threading.Timer(0.5, lambda: conn.cancel_safe(timeout=10)).start()
            begun = time.monotonic()
            with pytest.raises(psycopg.errors.QueryCanceled):
                conn.execute("select pg_sleep(60)")
            assert time.monotonic() - begun < 30
            assert conn.execute("select 1").fetchall() == [(1,)]


@pytest.mark.soak
def test_migrations(shop: Shop) -> None:
    alembic_trees.revision(shop.root / "alembic", "aaaaaaaaaaaa", HEAD, ADD, "a column")
    with pooled(shop, "transaction") as bouncer, busy(shop, bouncer):
        assert "migrated to aaaaaaaaaaaa" in good(shop.promote("migrate", *ENV, "--apply"))
        alembic_trees.revision(shop.root / "alembic", "bbbbbbbbbbbb", "aaaaaaaaaaaa", CONCURRENTLY, "an index")
        refused = shop.promote("migrate", *ENV, "--apply")
        assert refused.exit_code == 2, refused
        assert (
            f"a migration that commits by itself needs a session of its own, and admin_url {POOLED}" in refused.stderr
        )
        assert shop.rows("select to_regclass('ix_books_isbn')") == [(None,)]
        shop.environment(direct_url=shop.database.url())
        assert "migrated to bbbbbbbbbbbb" in shop.promote("migrate", *ENV, "--apply").stdout
        assert shop.rows(LOCKS) == []
