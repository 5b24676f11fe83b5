"""`promote server` from the command line."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minerva_promote.database.embedded.server import EmbeddedServer
from tests.material import REPOSITORY
from tests.servers import ProjectCopy

Promote = Callable[..., Any]


@pytest.fixture
def alone(project: ProjectCopy, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """The project on an embedded server that belongs to this test."""
    with tempfile.TemporaryDirectory(prefix="pe-") as folder:
        monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", folder)
        server = EmbeddedServer(project.root)
        yield server
        server.reset()


def test_start_status_stop_reset(promote: Promote, alone: EmbeddedServer) -> None:
    status = promote("server", "status")
    assert (status.exit_code, status.stderr) == (0, "")
    assert status.stdout.splitlines()[0] == "the embedded server is not running"
    assert status.stdout.endswith(f"{alone.data} (made on first use)\n")

    started = promote("server", "start")
    info = alone.status()
    assert info is not None
    title = f"the embedded server (PostgreSQL {info.version}, process {info.pid})"
    stays = "it goes on running after this command; stop it with: promote server stop\n"
    assert (started.exit_code, started.stdout) == (0, f"{title} started\n{stays}")
    assert promote("server", "start").stdout == f"{title} was running already\n{stays}"

    lines = promote("server", "status").stdout.splitlines()
    assert lines[0] == f"{title} is running"
    assert lines[1:3] == [
        f"  data ......................... {info.data}",
        f"  socket ....................... {info.host} (port {info.port}, user postgres)",
    ]
    assert lines[3].startswith("  database postgres ............ ")
    assert lines[3].endswith(" MB")

    refused = promote("server", "reset")
    assert refused.exit_code == 2
    assert "reset needs a confirmation, and there is no terminal to ask on" in refused.stderr
    assert "promote server reset --yes" in refused.stderr
    assert alone.status() is not None

    assert promote("server", "stop").stdout == "the embedded server is stopped\n"
    assert promote("server", "stop").stdout == "the embedded server was not running\n"
    assert promote("server", "reset", "--yes").stdout.startswith(f"deleted {alone.data}; ")
    assert promote("server", "reset", "--yes").stdout == f"nothing to delete: there is no {alone.data}\n"


def test_psql_enters_an_environment(promote: Promote, project: ProjectCopy) -> None:
    database = project.server.create_database(project.name("mpp_minerva_dev"))
    database.execute(f"create role {project.name('minerva_api')} login password 'made-for-tests'")
    query = ["-XAt", "-c", "select current_user, current_database()"]
    owner = promote("server", "psql", "--env", "local", "--", *query, process=True)
    assert (owner.exit_code, owner.stderr) == (0, "")
    assert owner.stdout == f"{project.server.params['user']}|{database.name}\n"
    same = promote("server", "psql", "--env", "local", *query, process=True)
    assert same.stdout == owner.stdout, "and without the two dashes"
    ours = promote("server", "psql", "--env", "local", "--as", "import", "--", *query, process=True)
    assert ours.stdout == f"{project.name('minerva_api')}|{database.name}\n"
    failed = promote("server", "psql", "--env", "local", "--", "-X", "-c", "nonsense", process=True)
    assert failed.exit_code == 1
    assert 'syntax error at or near "nonsense"' in failed.stderr


def test_psql_says_how_to_make_a_missing_database(
    promote: Promote, project: ProjectCopy, alone: EmbeddedServer
) -> None:
    name = project.name("no_such_database")
    project.write("environments/local.yaml", f"url: embedded:///{name}\n")
    ran = promote("server", "psql", "--env", "local", process=True)
    assert ran.exit_code == 3
    assert f"the embedded server has no database {name}" in ran.stderr
    assert "promote setup --env local" in ran.stderr
    assert alone.status() is not None, "it was started"


def test_psql_gets_a_password_by_its_environment_only(
    promote: Promote, project: ProjectCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "made-up p@ss"
    server = project.server
    monkeypatch.setenv("PRODUCTION_ADMIN_DATABASE_URL", server.url("postgres").replace("@/", ":made-up%20p%40ss@/", 1))
    monkeypatch.setenv("PRODUCTION_DATABASE_URL", "postgresql://u@h/postgres")
    monkeypatch.setenv("MINERVA_API_PASSWORD", "x")
    if server.folder is None:
        pytest.skip("the server of PROMOTE_TEST_URL may look at passwords")
    shown = r"\! echo $PGPASSWORD; tr '\0' ' ' < /proc/$PPID/cmdline"
    ran = promote("server", "psql", "--env", "prod", "--", "-X", "-c", shown, process=True)
    assert ran.exit_code == 0, ran.stderr
    password, command = ran.stdout.splitlines()
    assert password == secret
    assert command.startswith("psql -X -c")
    assert secret not in command


@pytest.mark.parametrize("command", [[], ["start"], ["stop"], ["status"], ["psql"], ["reset"]])
def test_help_has_an_example(promote: Promote, command: list[str]) -> None:
    text = promote("server", *command, "--help").stdout
    assert "Example" in text
    assert f"promote server {' '.join(command)}".rstrip() in text


def test_the_module_imports_nothing_heavy() -> None:
    code = "import sys, minerva_promote.cli.server; print({'psycopg', 'pydantic', 'numpy', 'yaml'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
