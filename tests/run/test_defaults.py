"""Defaults that a role or a database gives its sessions: the import is right all the same, or is refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from minerva_promote.exportfile.report import validate_step
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.reports import findings
from tests.servers import Database


def awkward() -> Export:
    """An export whose values look different under other settings."""
    export = Export()
    export.book["title"] = "'back\\slash \\101 ''quoted'''"
    export.book["capture_date"] = "'2026-01-02 03:04:05.678901'"
    export.chunks[0]["embedding"] = "'[0.1,0.2,0.333333333]'"
    return export


SETTINGS = (
    "standard_conforming_strings = off",
    "TimeZone = 'Pacific/Kiritimati'",
    "DateStyle = 'SQL, DMY'",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "row_security = on",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "synchronous_commit = off",
    "quote_all_identifiers = on",
    "transform_null_equals = on",
    "client_min_messages = 'debug5'",
    "client_encoding = 'latin1'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "enable_indexscan = off",
    "plan_cache_mode = force_generic_plan",
    "array_nulls = off",
    "default_toast_compression = 'pglz'",
)


def of(shop: Shop, whose: str) -> str:
    """Whose defaults an ALTER changes."""
    return f"role {shop.role} in database {shop.database.name}" if whose == "role" else f"database {shop.database.name}"


@pytest.mark.parametrize("search_path", ["evil, pg_catalog", "''", '"$user"'])
@pytest.mark.parametrize("whose", ["role", pytest.param("database", marks=pytest.mark.soak)])
def test_settings_that_do_not_matter(shop: Shop, search_path: str, whose: str) -> None:
    shop.database.execute(
        "create schema evil",
        "create function evil.set_config(text, text, boolean) returns text language sql as 'select null::text'",
        "create table evil.books (like public.books)",
        f"grant usage on schema evil to {shop.role}",
        "grant all on evil.books to public",
        *(f"alter {of(shop, whose)} set {setting}" for setting in (*SETTINGS, f"search_path = {search_path}")),
    )
    export = awkward()
    shop.accepted(export)
    with shop.database.connect(options="-c search_path=public -c DateStyle=ISO") as conn:
        found = conn.execute("select title, capture_date::text from public.books").fetchall()
        assert found == [("back\\slash \\101 'quoted'", "2026-01-02 03:04:05.678901")]
        same = "select embedding = '[0.1,0.2,0.333333333]' from chunks where chunk_sequence = 1"
        assert conn.execute(same.encode()).fetchall() == [(True,)]
    assert shop.accepted(export).stdout.endswith("all 7 rows are already there, identical\n")


def test_timeouts_of_sessions_and_transactions(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import takes as long as it takes; only its statements are bounded."""
    from minerva_promote.promotion import import_steps as importing

    known = {name for (name,) in shop.rows("select name from pg_settings")}
    for name in ("idle_session_timeout", "transaction_timeout"):
        if name in known:
            shop.database.execute(f"alter {of(shop, 'role')} set {name} = '300ms'")
    monkeypatch.setattr(
        importing, "validate_step", lambda *args, **more: time.sleep(0.5) or validate_step(*args, **more)
    )
    shop.add_check("  - {name: slow, sql: 'select 1 from pg_sleep(0.5)', expect: {equals: 1}}\n")
    shop.accepted(Export())


@pytest.mark.parametrize("whose", ["role", "database"])
def test_read_only(shop: Shop, whose: str) -> None:
    shop.database.execute(f"alter {of(shop, whose)} set default_transaction_read_only = on")
    ran = shop.run(shop.file(Export()))
    alter = {
        "role": f"ROLE {shop.role} IN DATABASE {shop.database.name}",
        "database": f"DATABASE {shop.database.name}",
    }
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [
        "read-only: the database is read-only for this role"
        f" | if it may be written: ALTER {alter[whose]} RESET default_transaction_read_only"
    ]
    assert shop.count("books") == 0


def test_foreign_keys_switched_off(shop: Shop) -> None:
    shop.database.execute(
        f"alter role {shop.role} in database {shop.database.name} set session_replication_role = replica"
    )
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [
        "setting: session_replication_role is replica: foreign keys are not checked"
        f" | ALTER ROLE {shop.role} IN DATABASE {shop.database.name} RESET session_replication_role"
    ]
    assert shop.count("books") == 0


def test_another_role_by_default(shop: Shop, suffix: str) -> None:
    shop.database.execute(
        f"create role weak_{suffix}",
        f"grant weak_{suffix} to {shop.role}",
        f"alter role {shop.role} in database {shop.database.name} set role = 'weak_{suffix}'",
    )
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert shop.count("books") == 0


@pytest.fixture
def elsewhere(make_shop: Callable[..., Shop], database: Database) -> Shop:
    """A shop whose pgvector lives in a schema of its own, as hosted databases have it."""
    database.execute("create schema extensions", "create extension vector schema extensions")
    shop = make_shop(database)
    assert shop.promote("setup", "--env", "test-prod").exit_code == 0
    return shop


def test_pgvector_in_another_schema(elsewhere: Shop) -> None:
    elsewhere.database.execute(f"revoke usage on schema extensions from {elsewhere.role}")
    ran = elsewhere.run(elsewhere.file(Export()))
    assert findings(ran) == [
        f"privilege: {elsewhere.role} lacks USAGE on schema extensions"
        " | promote setup --env test-prod, or as the owner of the schema:"
        f" GRANT USAGE ON SCHEMA extensions TO {elsewhere.role}"
    ]
    assert elsewhere.promote("setup", "--env", "test-prod").exit_code == 0
    elsewhere.accepted(Export())
    before = elsewhere.contents()
    export = Export()
    assert elsewhere.accepted(export).stdout.endswith("all 7 rows are already there, identical\n")
    export.chunks[0]["embedding"] = "'[1,1,1]'"
    assert elsewhere.run(elsewhere.file(export)).exit_code == 1
    assert elsewhere.contents() == before
