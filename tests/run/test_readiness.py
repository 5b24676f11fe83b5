"""A target that is not ready: one clear message with the command that helps, exit code 1, nothing changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minerva_promote.ledger.install import CLIENT_COLUMNS
from tests.migrations.migrated_databases import HEAD
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.reports import findings
from tests.servers import Database

CLOSED = "gate closed: nothing was changed"


def closed(shop: Shop, *expected: str) -> None:
    """The gate closes with these findings before anything is written."""
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, ""), ran
    assert findings(ran) == list(expected)
    assert ran.stdout.splitlines()[-1] == CLOSED


def unready(shop: Shop, step: str, fact: str, hint: str) -> None:
    """The gate closes with this step before anything is looked at."""
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, ""), ran
    lines = [f"  preflight  {step + ' ':.<34} FAIL   {fact}", f"             {hint}", CLOSED]
    assert ran.stdout.splitlines()[1:] == lines


def test_an_empty_database(make_shop: Callable[..., Shop], database: Database) -> None:
    shop = make_shop(database)
    unready(shop, "migrations", "the database is not migrated", "promote setup --env test-prod")
    database.execute("create extension vector")
    unready(shop, "migrations", "the database is not migrated", "promote setup --env test-prod")


def test_tables_without_migrations(shop: Shop) -> None:
    shop.database.execute("delete from alembic_version")
    fact = "the database is not under migrations: it has tables, and no revision"
    unready(
        shop,
        "migrations",
        fact,
        "alembic stamp REVISION, with the revision that its tables are those of; or migrations: none, where somebody else makes the tables",
    )


def test_behind(shop: Shop) -> None:
    shop.database.execute("update alembic_version set version_num = '540a518e2b30'")
    before = shop.contents()
    fact = f"the database is behind: at 540a518e2b30, 4 pending up to {HEAD}"
    unready(shop, "migrations", fact, "promote migrate --env test-prod --apply")
    assert shop.contents() == before


def test_ahead(shop: Shop) -> None:
    shop.database.execute("update alembic_version set version_num = 'ffffffffffff'")
    fact = f"the database is at revision ffffffffffff, which this project does not know; its head is {HEAD}"
    hint = "the database is ahead of this project, or was made by another: use the release that migrated it"
    unready(shop, "migrations", fact, hint)


def test_two_revisions(shop: Shop) -> None:
    shop.database.execute("insert into alembic_version values ('540a518e2b30')")
    fact = f"the database is at 2 revisions at once: 540a518e2b30, {HEAD}"
    unready(
        shop, "migrations", fact, "alembic_version must hold one row: remove the revisions that are not the schema's"
    )


def test_a_revision_that_may_not_be_read(shop: Shop) -> None:
    shop.database.execute(f"revoke select on promote.revision from {shop.role}")
    fact = "the database is not telling this role its migration revision"
    unready(shop, "migrations", fact, "promote setup --env test-prod")


def test_no_ledger(shop: Shop) -> None:
    shop.database.execute(f"grant select on alembic_version to {shop.role}", "drop schema promote cascade")
    unready(shop, "ledger", "there is no ledger", "promote setup --env test-prod")


def test_a_ledger_of_another_release(shop: Shop) -> None:
    shop.database.execute("insert into promote.ledger (version) values (4)")
    fact = "the ledger has version 4, this release of promote knows 3"
    unready(shop, "ledger", fact, "use the release of promote that made it, or a later one")


def test_a_ledger_that_may_not_be_read(shop: Shop) -> None:
    shop.database.execute(f"revoke select on promote.ledger from {shop.role}")
    unready(shop, "ledger", "this role may not read the ledger", "promote setup --env test-prod")


def test_an_extension_that_was_dropped(shop: Shop) -> None:
    shop.database.execute("drop extension vector cascade")
    closed(
        shop,
        "extension: the extension vector is missing | promote setup --env test-prod",
        "column: the target has no column chunks.embedding | promote migrate --env test-prod",
    )


def test_tables_that_are_not_as_the_contract_says(shop: Shop) -> None:
    shop.database.execute(
        "drop table screenshots",
        "alter table embedding_configs drop constraint embedding_configs_pkey cascade",
        "alter table embedding_configs add primary key (id, model_name)",
        "alter table chunks drop constraint uq_chunk_book_sequence",
        "alter table chunks alter column embedding type vector(4)",
    )
    closed(
        shop,
        "key: the primary key of embedding_configs is (id, model_name), the contract says (id)"
        " | correct promote.yaml, or migrate the target",
        "table: the target has no table screenshots | promote migrate --env test-prod",
        "dimensions: chunks.embedding is vector(4), the contract says vector(3)"
        " | set embedding_dimensions as the target has it, or migrate",
        "unique: chunks has no unique constraint on (book_id, chunk_sequence) | promote migrate --env test-prod",
        "warn: foreign-key: the target has no foreign key from chunks.embedding_config_id to embedding_configs"
        " | promote migrate --env test-prod",
    )


@pytest.mark.parametrize("privilege", ["SELECT", "INSERT"])
def test_a_privilege_on_a_table(shop: Shop, privilege: str) -> None:
    shop.database.execute(f"revoke {privilege} on screenshots from {shop.role}")
    closed(
        shop,
        f"privilege: {shop.role} lacks {privilege} on public.screenshots"
        f" | promote setup --env test-prod, or GRANT {privilege} ON public.screenshots TO {shop.role}",
    )


def test_all_privileges_at_once(shop: Shop) -> None:
    shop.database.execute(
        f"revoke insert on promote.events, promote.run_rows, books from {shop.role}",
        f"revoke insert ({', '.join(CLIENT_COLUMNS)}) on promote.events from {shop.role}",
        f"revoke all on chunks from {shop.role}",
        "revoke usage on schema public from public",
        f"revoke usage on schema public from {shop.role}",
    )
    shop.database.execute(f"grant usage on schema promote to {shop.role}")
    closed(
        shop,
        f"privilege: {shop.role} lacks USAGE on schema public | GRANT USAGE ON SCHEMA public TO {shop.role}",
        f"privilege: {shop.role} lacks INSERT on public.books"
        f" | promote setup --env test-prod, or GRANT INSERT ON public.books TO {shop.role}",
        f"privilege: {shop.role} lacks SELECT and INSERT on public.chunks"
        f" | promote setup --env test-prod, or GRANT SELECT, INSERT ON public.chunks TO {shop.role}",
        f"privilege: {shop.role} may not write the ledger promote.events | promote setup --env test-prod",
        f"privilege: {shop.role} may not write the ledger promote.run_rows | promote setup --env test-prod",
    )


COLUMNS = "select attname::text from pg_attribute where attrelid = 'books'::regclass and attnum > 0"


def test_columns_are_enough(shop: Shop) -> None:
    """Privileges on every column are as good as on the table."""
    columns = ", ".join(row[0] for row in shop.rows(COLUMNS))
    shop.database.execute(
        f"revoke all on books from {shop.role}",
        f"grant select ({columns}), insert ({columns}) on books to {shop.role}",
    )
    shop.accepted(Export())


def test_a_schema_that_changes_while_the_run_waits(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from minerva_promote.promotion import run

    def hold(conn: object) -> None:
        shop.database.execute("alter table books add column extra int not null default 1")

    monkeypatch.setattr(run, "acquire_target_lock", hold)
    ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    assert ran.stderr == (
        "error: the target's tables were changed while this run waited for its lock;"
        " nothing was changed (rolled back)\n"
        "  run the command again\n"
    )
    assert shop.count("books") == 0


def test_an_encoding_that_cannot_hold_every_text(
    make_shop: Callable[..., Shop], database: Database, suffix: str
) -> None:
    with database.server.connect() as conn:
        conn.execute(f"create database latin_{suffix} template template0 encoding latin1 locale 'C'".encode())
    shop = make_shop(Database(database.server, f"latin_{suffix}"))
    unready(shop, "migrations", "the database is not migrated", "promote setup --env test-prod")
    setup = shop.promote("setup", "--env", "test-prod")
    assert (setup.exit_code, setup.stderr) == (
        3,
        f"error: database latin_{suffix} has encoding LATIN1, must be UTF8\n"
        f"  CREATE DATABASE latin_{suffix} TEMPLATE template0 ENCODING 'UTF8', and move what is there\n",
    )
