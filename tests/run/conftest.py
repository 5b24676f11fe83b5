"""A project whose test-prod is a private database that is ready for imports, for vectors of three numbers."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.database.catalog import Row
from minerva_promote.grants import inspect as inspection
from minerva_promote.grants.inspect import _other_databases
from minerva_promote.grants.live_state import OtherDatabase
from minerva_promote.setup.command import setup
from tests import servers, yamlfile
from tests.conftest import Ran
from tests.run.exports import Export

SEARCHES_LEFT = re.compile(r"; searches will miss rows until promote index --env [\w-]+ --apply$", re.MULTILINE)
CONTENTS = (
    "books", "chunks", "embedding_configs", "screenshots", "ingestion_logs", "failed_scrapes", "alembic_version",
    "promote.ledger", "promote.run_rows", "promote.removed_rows", "promote.events",
)  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """A copy of the project, its database, and the command line."""

    copy: servers.ProjectCopy
    database: servers.Database
    role: str  # imports
    promote: Callable[..., Ran]

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.copy.root

    def file(self, export: Export | str, name: str = "export.sql") -> Path:
        """Write an export into the project's folder."""
        text = export if isinstance(export, str) else export.text()
        return self.copy.write(name, text)

    def run(self, file: Path | str, *more: str, **how: Any) -> Ran:
        """`promote run --env test-prod --file FILE …`."""
        return self.promote("run", "--env", "test-prod", "--file", file, *more, **how)

    def accepted(self, export: Export | str, *more: str, **how: Any) -> Ran:
        """Promote an export that must go in."""
        ran = self.run(self.file(export), *more, **how)
        assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
        return ran

    def environment(self, **changes: Any) -> None:
        """Change keys of environments/test-prod.yaml; None removes one."""
        yamlfile.change(self.root / "environments" / "test-prod.yaml", **changes)

    def add_check(self, text: str) -> None:
        """Add a check to the project, as YAML."""
        self.copy.write("checks/of_this_test.yaml", "checks:\n" + text)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query, as the superuser."""
        with self.database.connect() as conn:
            return conn.execute(query).fetchall()

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table with its version (xmin, ctid): equal when nothing was touched.

        Of the ledger's events those that tell of a change; a run that was refused adds others.
        """
        which = {"promote.events": "where kind in ('committed', 'undone', 'restored')"}
        with self.database.connect() as conn:
            return {
                table: conn.execute(
                    f"select xmin::text, ctid::text, t::text from {table} t {which.get(table, '')} order by 2"
                ).fetchall()
                for table in CONTENTS
            }

    def committed(self) -> int:
        """How many runs the ledger says were committed."""
        return self.count("promote.events where kind = 'committed'")

    def events(self) -> list[str]:
        """The kinds of all events of the ledger, in order."""
        return [kind for (kind,) in self.rows("select kind from promote.events order by seq")]

    def count(self, table: str = "chunks") -> int:
        """How many rows a table has."""
        return int(self.rows(f"select count(*) from {table}")[0][0])


def _copied(server: servers.Server, folder: Path) -> servers.ProjectCopy:
    """A copy whose roles are those of this session, as all its databases share them."""
    copy = servers.copy_project(server, folder, os.environ["PROMOTE_TEST_SESSION"])
    copy.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    searches = copy.root / "checks" / "search.yaml"  # a search or fifty is the same to these tests
    searches.write_text(searches.read_text("utf-8").replace("samples: 50", "samples: 5"), "utf-8")
    return copy


def _point_at(copy: servers.ProjectCopy, database: servers.Database, role: str) -> None:
    yamlfile.change(copy.root / "environments" / "test-prod.yaml", url=database.url(role), admin_url=database.url())


def ready_database(server: servers.Server) -> str:
    """The name of a database that `promote setup` made ready, for copying."""

    def build(database: servers.Database) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = _copied(server, Path(folder))
            _point_at(copy, database, copy.name("minerva_api"))
            project = load_project(copy.root)
            assert setup(project, read_environment(project, "test-prod")).gate_open

    return server.template("run", build)


def copy_of_ready(database: servers.Database) -> servers.Database:
    """A copy of the ready database, with the access list of the database itself, which no copy takes along."""
    roles = f"minerva_api_{os.environ['PROMOTE_TEST_SESSION']}, minerva_reader_{os.environ['PROMOTE_TEST_SESSION']}"
    database.execute(
        f"revoke all on database {database.name} from public", f"grant connect on database {database.name} to {roles}"
    )
    return database


@pytest.fixture(scope="session")
def ready(server: servers.Server) -> str:
    """The name of a database of the session's server that is ready for imports."""
    return ready_database(server)


def databases_of_other_tests_left_out(rows: Iterable[Row]) -> Iterator[OtherDatabase]:
    """What the roles that all tests of a session share have on databases of other tests is nobody's drift."""
    shared = f"_{os.environ['PROMOTE_TEST_SESSION']}"
    return _other_databases(row for row in rows if not any(role.endswith(shared) for role in row["privileges"]))


def shop_on(database: servers.Database, folder: Path, promote: Callable[..., Ran]) -> Shop:
    """A copy of the project whose test-prod is this database."""
    copy = _copied(database.server, folder)
    role = copy.name("minerva_api")
    _point_at(copy, database, role)

    def run(*args: str | Path, **how: Any) -> Ran:
        return promote(*args, **{"cwd": copy.root, **how})

    return Shop(copy, database, role, run)


@pytest.fixture
def make_shop(
    server: servers.Server,
    ready: str,
    make_database: Callable[..., servers.Database],
    promote: Callable[..., Ran],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Shop]:
    """``make_shop()``: a project with a private database that is ready; ``make_shop(database)`` with that one."""

    def make(database: servers.Database | None = None) -> Shop:
        shop = shop_on(database or copy_of_ready(make_database(ready)), tmp_path / "shop", promote)
        for name in servers.variables_of(shop.root):
            monkeypatch.delenv(name, raising=False)
        if server.folder is not None:
            monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", str(server.folder))
        monkeypatch.setattr(inspection, "_other_databases", databases_of_other_tests_left_out)
        return shop

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A project with a private database that is ready for imports."""
    return make_shop()


@pytest.fixture
def embedded(project: servers.ProjectCopy) -> servers.ProjectCopy:
    """The shipped project on the embedded server, for vectors of three, with a file export.sql; nothing is set up."""
    if project.server.folder is None:
        pytest.skip("the server of PROMOTE_TEST_URL is not the embedded one")
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    project.write("export.sql", Export().text())
    return project


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def plain(text: str) -> str:
    """A report without what differs from run to run: ids, hashes, sizes, durations, how a search went."""
    text = re.sub(r"\brun [0-9a-f]{8}\b", "run ID", text)
    text = re.sub(r"export [0-9a-f]{8}… \([\d.]+ (bytes|kB|MB)", "export SHA (SIZE", text)
    text = re.sub(r",? \d+\.\d s$", "", text, flags=re.MULTILINE)
    text = re.sub(r"(search_plan \.+ ok     ).*", r"\1PLAN", text)
    text = re.sub(
        r"  index      vector indexes \.+ WARN\n    warn: index-built-empty: .*\n        help: .*\n", "", text
    )
    text = SEARCHES_LEFT.sub("", text)
    # what an index finds that was made on an empty table is chance
    return re.sub(r"(search_(latency|recall) \.+) (ok|WARN) .*(\n +checks/search\.yaml.*)?", r"\1 SEARCHES", text)
