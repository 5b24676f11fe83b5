"""`scratch_url:`: `promote schema drift` runs the migrations on a server of its own choice."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.migrations.migrated_databases import HEAD
from tests.schema_diff.conftest import Pair
from tests.schema_diff.test_drift import IN_STEP, scratches, title
from tests.servers import Server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the scratch databases that are made on the server of a scratch_url, in their order."""
    drawn: list[str] = []
    draw = secrets.token_hex

    def draw_name(size: int) -> str:
        drawn.append(draw(size))
        return drawn[-1]

    monkeypatch.setattr("minerva_promote.schema_diff.scratch_database.secrets.token_hex", draw_name)
    return drawn


def test_in_step(pair: Pair, server: Server, names: list[str]) -> None:
    scratch = {"scratch_url": server.url("postgres"), "kind": "production"}
    pair.environment("test-prod", pair.other, **scratch)
    assert pair.schema("drift", "--env", "test-prod") == title() + IN_STEP
    assert len(names) == 1
    assert [name for name in scratches(server) if names[0] in name] == []


def test_migrations_that_fail(pair: Pair, server: Server, names: list[str]) -> None:
    pair.environment("test-prod", pair.other, scratch_url=server.url("postgres"), kind="production")
    file = next((pair.root / "alembic" / "versions").glob(f"{HEAD}*"))
    text = file.read_text("utf-8").replace(
        "def upgrade() -> None:", "def upgrade() -> None:\n    op.execute('select 1/0')"
    )
    file.write_text(text, "utf-8")
    assert pair.error("drift", "--env", "test-prod", code=3) == (
        f"error: migration {HEAD}: division by zero\n"
        "  it ran in a scratch database on the server of scratch_url: roles and extensions it names have to be there\n"
    )
    assert [name for name in scratches(server) if names[0] in name] == []


def test_the_server_of_a_protected_environment(pair: Pair, server: Server, names: list[str]) -> None:
    pair.environment("test-prod", pair.other, scratch_url=server.url("postgres"), kind="production")
    pair.environment("prod", pair.local, protected=True)
    refused = (
        "error: scratch_url leads to the server of prod, which is protected\n"
        "  name another server: a database is created and dropped there\n"
    )
    assert pair.error("drift", "--env", "test-prod", code=2) == refused
    with server.connect() as conn:
        (identifier,) = conn.execute("select system_identifier::text from pg_control_system()").fetchone() or ("",)
    elsewhere: dict[str, Any] = {"url": "postgresql://a:b@db.example/x", "protected": True}
    pair.environment("prod", pair.local, **elsewhere, admin_url="postgresql://a:b@db.example/x")
    assert pair.schema("drift", "--env", "test-prod") == title() + IN_STEP
    assert len(names) == 1
    pinned: dict[str, Any] = {**elsewhere, "identity": {"system_identifier": identifier}}
    pair.environment("prod", pair.local, **pinned, admin_url="postgresql://a:b@db.example/x")
    assert pair.error("drift", "--env", "test-prod", code=2) == refused
    assert len(names) == 1


def test_the_secret_of_the_url_is_never_shown(pair: Pair) -> None:
    url = "postgresql://ada:hunter2hunter2@127.0.0.1:1/x"
    pair.environment("test-prod", pair.other, scratch_url=url, kind="production")
    error = pair.error("drift", "--env", "test-prod", code=3)
    assert "no server answers at 127.0.0.1:1" in error
    assert "hunter2" not in error
