"""`promote env`, and environments on the embedded server that are not as they should be."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.migrations.migrated_databases import HEAD
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.servers import ProjectCopy

Promote = Callable[..., Ran]


def test_list(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTION_DATABASE_URL", "postgresql+asyncpg://u:s3cret@h.example/d?ssl=require")
    found = json.loads(shop.promote("env", "list", "--format", "json").stdout)
    steps = {step["name"]: step for step in found["steps"]}
    assert list(steps) == ["local", "prod", "test-prod"]
    prod = steps["prod"]
    assert (prod["outcome"], prod["detail"]) == (
        "WARN",
        "production, protected: postgresql://u:***@h.example/d?sslmode=require",
    )
    assert "s3cret" not in json.dumps(found)
    monkeypatch.delenv("PRODUCTION_DATABASE_URL")
    ran = shop.promote("env", "list")
    assert (ran.exit_code, ran.stderr) == (0, "")
    line = next(line for line in ran.stdout.splitlines() if line.startswith("  env        prod "))
    assert line.endswith(". skip   production, protected: url: PRODUCTION_DATABASE_URL is not set")


def test_ping(shop: Shop) -> None:
    ran = shop.promote("env", "ping", "--env", "test-prod", "--format", "json")
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["verdict"]) == (0, "test-prod answers")
    roles = [step["data"]["role"] for step in found["steps"][:2]]
    assert roles[0] == shop.role
    (version,) = shop.rows(
        "select current_setting('server_version'), extversion from pg_extension where extname = 'vector'"
    )
    wanted = f"{shop.role} on {shop.database.name}, PostgreSQL {version[0].split()[0]}, pgvector {version[1]}"
    assert found["steps"][0]["detail"] == wanted


def test_ping_of_one_that_is_down(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
    shop.environment(url=f"postgresql://u:s3cret@{where}/d", admin_url=None)
    ran = shop.promote("env", "ping", "test-prod")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines() == [
        "test-prod",
        "  ping       url .............................. FAIL   "
        f"postgresql://u:***@{where}/d: no server answers at {where}",
        "             start it, or correct host and port",
        "  ping       admin_url ........................ skip   environment test-prod has no admin_url",
        "test-prod does not answer as it should",
    ]


def test_an_environment_that_nobody_has(shop: Shop) -> None:
    ran = shop.promote("run", "--env", "prd", "--file", shop.file(Export()))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert 'did you mean "prod"?' in ran.stderr


def test_a_variable_that_is_not_set(shop: Shop) -> None:
    ran = shop.promote("run", "--env", "prod", "--file", shop.file(Export()), "--yes", "prod")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == (
        "error: environments/prod.yaml:1:6: url: PRODUCTION_DATABASE_URL is not set\n"
        "  set it in the environment or in .env:"
        " PRODUCTION_DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE\n"
    )


def test_an_embedded_environment_that_is_behind(embedded: ProjectCopy, promote: Promote) -> None:
    """It is set up on first use, and never migrated by the way."""
    line = ("run", "--env", "test-prod", "--file", "export.sql")
    assert promote(*line).exit_code == 0
    embedded.database("test-prod").execute("update alembic_version set version_num = '2d94e6b81fa0'")
    ran = promote(*line)
    assert (ran.exit_code, ran.stderr) == (1, "")
    fact = f"the database is behind: at 2d94e6b81fa0, 2 pending up to {HEAD}"
    assert ran.stdout.splitlines()[1:] == [
        f"  preflight  migrations ....................... FAIL   {fact}",
        "             promote migrate --env test-prod --apply",
        "gate closed: nothing was changed",
    ]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_setup_is_told_although_the_run_fails(embedded: ProjectCopy, promote: Promote) -> None:
    ran = promote("run", "--env", "test-prod", "--file", "/proc/self/mem")
    assert ran.exit_code == 3
    assert f"  setup      database {embedded.database('test-prod').name} " in ran.stdout
    assert ran.stderr.startswith("error: /proc/self/mem: cannot be read: ")
