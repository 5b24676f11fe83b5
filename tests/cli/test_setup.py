"""`promote setup` and `promote migrate` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.migrations.migrated_databases import HEAD, fetch
from tests.servers import ProjectCopy

Promote = Callable[..., Any]
SMALL = ("--var", "embedding_dimensions=3")


def test_setup_and_migrate(project: ProjectCopy, promote: Promote) -> None:
    first = promote("setup", "--env", "test-prod", *SMALL, process=True)
    assert (first.exit_code, first.stderr) == (0, "")
    assert f"database {project.database('test-prod').name}" in first.stdout
    assert "ready" in first.stdout.splitlines()[-1]
    again = promote("setup", "test-prod", *SMALL)
    assert again.exit_code == 0
    assert again.stdout.splitlines()[-1].strip() == "ready: nothing was changed"
    shown = promote("migrate", "--env", "test-prod", "--format", "json", *SMALL)
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["verdict"] == f"up to date at {HEAD}: nothing was changed"
    project.database("test-prod").execute("update alembic_version set version_num = '2d94e6b81fa0'")
    assert promote("migrate", "test-prod", *SMALL).exit_code == 1


def test_recreate_asks(project: ProjectCopy, promote: Promote) -> None:
    promote("setup", "--env", "test-prod", *SMALL)
    database = project.database("test-prod")
    database.execute(
        "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
        " values (gen_random_uuid(), 't', 'a', 's', now(), now())"
    )
    refused = promote("setup", "--env", "test-prod", "--recreate", *SMALL)
    assert refused.exit_code == 2
    assert f"--recreate drops database {database.name}, and nobody is there to ask" in refused.stderr
    assert fetch(database, "select count(*) from books") == [(1,)]
    assert promote("setup", "--env", "test-prod", "--recreate", "--yes", *SMALL).exit_code == 0
    assert fetch(database, "select count(*) from books") == [(0,)]


def test_a_protected_database_is_never_made_anew(project: ProjectCopy, promote: Promote) -> None:
    urls = {"PRODUCTION_ADMIN_DATABASE_URL": project.server.url(project.database("test-prod").name)}
    for more in ((), ("--yes",)):
        refused = promote("setup", "--env", "prod", "--recreate", *more, env=urls)
        assert refused.exit_code == 2
        assert "environment prod is protected: its database is not made anew" in refused.stderr


@pytest.mark.parametrize("command", ["setup", pytest.param("migrate", marks=pytest.mark.soak)])
def test_which_environment(project: ProjectCopy, promote: Promote, command: str) -> None:
    assert promote(command).exit_code == 2
    assert promote(command, "local", "--env", "test-prod").exit_code == 2
    unknown = promote(command, "--env", "test-prd")
    assert unknown.exit_code == 2
    assert 'did you mean "test-prod"' in unknown.stderr
