"""A project of the release with ledger version 2 and its databases; README.md tells how they were made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from minerva_promote.database.connection import Connection
from minerva_promote.grants import inspect as inspection
from tests import servers, yamlfile
from tests.conftest import Ran
from tests.run.conftest import databases_of_other_tests_left_out

HERE = Path(__file__).parent
RELEASED = ("minerva_api", "minerva_reader")  # the roles of the project
CONTENT = ("chunks", "screenshots", "books", "embedding_configs")


@dataclass(frozen=True)
class OldProject:
    """A copy of the old project; test-prod has one of the old databases, and so has prod, which requires test-prod."""

    copy: servers.ProjectCopy
    database: servers.Database  # of test-prod
    restored: bool  # from a dump
    promote: Callable[..., Ran]

    def must(self, *args: str) -> Ran:
        """Run a command that has to end with exit code 0."""
        ran = self.promote(*args, cwd=self.copy.root)
        assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
        return ran

    def books(self) -> list[int]:
        """The numbers of the books in test-prod."""
        with self.database.connect() as conn:
            titles = conn.execute("select title from books order by 1").fetchall()
        return [int(title.removeprefix("Book ")) for (title,) in titles]


def _suffix() -> str:
    return f"old_{os.environ['PROMOTE_TEST_SESSION']}"


def _sql(name: str) -> bytes:
    text = (HERE / name).read_text("utf-8")
    for role in RELEASED:
        text = text.replace(f"{{{role}}}", f"{role}_{_suffix()}")
    return text.encode()


def restored_database(server: servers.Server) -> str:
    """The name of a database, for copying, into which database_2.sql was loaded."""

    def build(database: servers.Database) -> None:
        with database.connect() as conn:
            for role in RELEASED:
                conn.execute(f"create role {role}_{_suffix()} login password '{servers.PASSWORD}'".encode())
            conn.execute(_sql("database_2.sql"))

    return server.template("restored_2", build)


def recorded_database(server: servers.Server) -> str:
    """The name of a database, for copying, in which ledger_2.sql was installed and runs_2.sql recorded."""
    restored = restored_database(server)

    def build(database: servers.Database) -> None:
        with server.connect() as conn:
            conn.execute(f"drop database {database.name}".encode())
            conn.execute(f"create database {database.name} template {restored}".encode())
        with database.connect() as conn:
            conn.execute(f"truncate {', '.join(CONTENT)} cascade".encode())
            conn.execute("drop schema promote cascade")
            conn.execute(_sql("ledger_2.sql"))
        with database.connect() as conn:
            _record(conn)

    return server.template("recorded_2", build)


def _record(conn: Connection) -> None:
    """Run every transaction of runs_2.sql by itself: a message with several is one for the server until its COMMIT."""
    for transaction in _sql("runs_2.sql").split(b"\nCOMMIT;\n")[:-1]:
        conn.execute(transaction + b"\nCOMMIT;\n")


@pytest.fixture(params=["recorded", "restored"])
def old(
    request: pytest.FixtureRequest,
    server: servers.Server,
    make_database: Callable[..., servers.Database],
    promote: Callable[..., Ran],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> OldProject:
    """The old project with a ledger that was recorded here, or that was restored from a dump."""
    copy = servers.copy_project(server, tmp_path / "project", _suffix(), HERE / "project")
    shutil.copytree(HERE / "exports", copy.root, dirs_exist_ok=True)
    copy.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    searches = copy.root / "checks" / "search.yaml"
    searches.write_text(searches.read_text("utf-8").replace("samples: 50", "samples: 5"), "utf-8")
    for name in servers.variables_of(copy.root):
        monkeypatch.delenv(name, raising=False)
    if server.folder is not None:
        monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", str(server.folder))
    monkeypatch.setattr(inspection, "_other_databases", databases_of_other_tests_left_out)
    build = {"recorded": recorded_database, "restored": restored_database}[request.param]
    database, prod = make_database(build(server)), make_database(restored_database(server))
    password = {} if server.folder is not None else {"password": servers.PASSWORD}
    roles = yamlfile.read(copy.root / "environments" / "test-prod.yaml")["roles"]
    for role in roles.values():
        role |= password
    for environment, target in (("test-prod", database), ("prod", prod)):
        path = copy.root / "environments" / f"{environment}.yaml"
        yamlfile.change(path, url=target.url(copy.name("minerva_api")), admin_url=target.url(), roles=roles)
    yamlfile.change(copy.root / "environments" / "prod.yaml", requires={"passed_in": "test-prod"})
    return OldProject(copy, database, request.param == "restored", promote)
