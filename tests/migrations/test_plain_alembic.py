"""Alembic's own command line in the project's folder, without promote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.migrations.migrated_databases import HEAD, fetch, schema_of
from tests.servers import Database, ProjectCopy

NONE_SET = "FAILED: neither PRODUCTION_ADMIN_DATABASE_URL nor PRODUCTION_DATABASE_URL is set"


def alembic(project: ProjectCopy, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PRODUCTION_")}
    return subprocess.run(
        [sys.executable, "-m", "alembic", *args],
        cwd=project.root,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_upgrade_reads_the_production_url(project: ProjectCopy, database: Database) -> None:
    done = alembic(project, "upgrade", "head", PRODUCTION_DATABASE_URL=database.url())
    assert done.returncode == 0, done.stderr
    assert fetch(database, "select version_num from alembic_version") == [(HEAD,)]
    columns = {(row[1], row[3]): row for row in schema_of(database) if row[0] == "column"}
    assert columns["chunks", "embedding"][4] == "vector(1536)"
    assert columns["screenshots", "file_path"][5] == "false"
    assert "notice: ivfflat index created with little data" in done.stderr


def test_an_env_py_of_an_earlier_version_goes_on_working(project: ProjectCopy, database: Database) -> None:
    earlier = Path(__file__).parents[1] / "upgrade/project/alembic/env.py"
    project.write("alembic/env.py", earlier.read_text(encoding="utf-8"))
    done = alembic(project, "upgrade", "head", PRODUCTION_DATABASE_URL=database.url())
    assert done.returncode == 0, done.stderr
    assert fetch(database, "select version_num from alembic_version") == [(HEAD,)]


@pytest.mark.soak
def test_x_arguments_win(project: ProjectCopy, database: Database) -> None:
    how = ("-x", "kind=local", "-x", "embedding_dimensions=3")
    url = database.url().replace("postgresql://", "postgresql+asyncpg://")
    done = alembic(project, *how, "upgrade", "head", PRODUCTION_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    columns = {(row[1], row[3]): row for row in schema_of(database) if row[0] == "column"}
    assert columns["chunks", "embedding"][4] == "vector(3)"
    assert columns["screenshots", "file_path"][5] == "true"
    assert alembic(project, *how, "downgrade", "base", PRODUCTION_DATABASE_URL=url).returncode == 0
    assert {row[1] for row in schema_of(database)} == {"alembic_version"}


def test_the_admin_url_is_preferred_and_env_file_is_read(project: ProjectCopy, database: Database) -> None:
    project.write(".env", f"PRODUCTION_ADMIN_DATABASE_URL={database.url()}\n")
    done = alembic(project, "upgrade", "c8d7004725a4", PRODUCTION_DATABASE_URL="postgresql://nobody@localhost:1/none")
    assert done.returncode == 0, done.stderr
    assert fetch(database, "select version_num from alembic_version") == [("c8d7004725a4",)]


@pytest.mark.parametrize("arguments", [("upgrade", "head"), pytest.param(("current",), marks=pytest.mark.soak)])
def test_without_a_url(project: ProjectCopy, arguments: tuple[str, ...]) -> None:
    done = alembic(project, *arguments)
    assert done.returncode != 0
    assert NONE_SET in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_password_is_never_printed(project: ProjectCopy) -> None:
    url = f"postgresql://me:{quote('s3cr%t@word', safe='')}@localhost:1/none?connect_timeout=2"
    done = alembic(project, "upgrade", "head", PRODUCTION_DATABASE_URL=url)
    printed = done.stdout + done.stderr
    assert done.returncode != 0
    assert "s3cr" not in printed
    assert "Traceback" not in printed
    assert "FAILED: postgresql://me:***@localhost:1/none" in printed


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("kind=test", 'kind is "test", must be local or production'),
        pytest.param(
            "embedding_dimensions=many",
            "embedding_dimensions is 'many', must be a number from 1 to 16000",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_wrong_x_arguments(project: ProjectCopy, database: Database, argument: str, said: str) -> None:
    done = alembic(project, "-x", argument, "upgrade", "head", PRODUCTION_DATABASE_URL=database.url())
    assert done.returncode != 0
    assert f"FAILED: {said}" in done.stdout + done.stderr


@pytest.mark.soak
def test_sql_without_a_database(project: ProjectCopy, database: Database) -> None:
    """``--sql`` prints a script that makes the same schema."""
    done = alembic(project, "upgrade", "head", "--sql")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("BEGIN;")
    assert done.stdout.rstrip().endswith("COMMIT;")
    with database.connect() as conn:
        conn.execute(done.stdout.encode())
    assert fetch(database, "select version_num from alembic_version") == [(HEAD,)]
