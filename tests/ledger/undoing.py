"""A database into which one file was promoted, and what a person sees of taking that back."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.promotion.request import new_request
from minerva_promote.promotion.run import promote
from minerva_promote.results import StepResult
from tests import servers
from tests.conftest import Ran
from tests.run.conftest import Shop, _copied, _point_at, copy_of_ready
from tests.run.exports import Export

TABLES = ("books", "screenshots", "embedding_configs", "chunks", "ingestion_logs", "failed_scrapes")
NOTHING = "nothing was changed"


class _Nobody:
    """Watches nothing."""

    def heading(self, environment: str, run_id: str, title: str) -> None: ...

    def step(self, step: StepResult) -> None: ...

    def progress(self, doing: str, done: int, total: int) -> None: ...


def imported_database(server: servers.Server, ready: str) -> str:
    """The name of a database, for copying, into which Export(1) was promoted."""

    def build(database: servers.Database) -> None:
        with server.connect() as conn:  # a copy of a copy: made anew under its own name
            conn.execute(f"drop database {database.name}".encode())
            conn.execute(f"create database {database.name} template {ready}".encode())
        copy_of_ready(database)
        with tempfile.TemporaryDirectory() as folder:
            copy = _copied(server, Path(folder))
            _point_at(copy, database, copy.name("minerva_api"))
            project = load_project(copy.root)
            file = copy.write("export.sql", Export().text())
            plan = new_request("test-prod", file, repair=False, dry_run=False)
            assert promote(project, read_environment(project, "test-prod"), plan, _Nobody()).gate_open

    return server.template("imported", build)


@dataclass(frozen=True)
class Undone:
    """A shop with one run, and the commands that take things back."""

    shop: Shop
    run: str  # the id of the run of Export(1)

    def undo(self, run: str | None = None, *more: str) -> Ran:
        """`promote undo --env test-prod RUN …`."""
        return self.shop.promote("undo", "--env", "test-prod", run or self.run, *more)

    def done(self, run: str | None = None, *more: str) -> str:
        """Undo, or take an undo back, which must work; its id."""
        ran = self.undo(run, "--apply", *more)
        assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
        short = re.search(r"^(?:undone|taken back) as ([0-9a-f]{8})", ran.stdout, re.MULTILINE)
        assert short is not None, ran.stdout
        return short[1]

    def rows(self) -> dict[str, list[str]]:
        """What every table holds, in full."""
        return rows_of(self.shop.database)

    def latest(self) -> str:
        """The run that was committed last."""
        query = "select run_id::text from promote.events where kind = 'committed' order by seq desc limit 1"
        return str(self.shop.rows(query)[0][0])

    def refused(self, *expected: str, more: tuple[str, ...] = (), run: str | None = None) -> None:
        """Shown and applied, it is refused for these reasons, and nothing is touched."""
        before = self.shop.contents()
        for apply in ((), ("--apply",)):
            ran = self.undo(run, *more, *apply)
            assert (ran.exit_code, ran.stderr) == (1, ""), ran.stdout + ran.stderr
            assert found_in(ran) == list(expected)
            rolled = " (rolled back)" if apply else ""
            assert ran.stdout.splitlines()[-1] == f"gate closed: {NOTHING}{rolled}"
        assert self.shop.contents() == before


def rows_of(database: servers.Database) -> dict[str, list[str]]:
    """Every row of every table as text."""
    with database.connect() as conn:
        return {
            table: [row[0] for row in conn.execute(f"select t::text from {table} t order by 1".encode()).fetchall()]
            for table in TABLES
        }


def found_in(ran: Ran) -> list[str]:
    """The findings of a report, each with its help after a bar, where it has one."""
    found: list[str] = []
    for line in ran.stdout.splitlines():
        if line.startswith("        help: "):
            found[-1] += " | " + line.strip().removeprefix("help: ")
        elif re.match(r"    \S", line):
            found.append(line.strip())
    return found


REWRITTEN = (
    "another transaction wrote them: an application that updates rows, or a migration that rewrites the table, does that"
    " as well"
)
RESTORED = "the ledger was dumped and restored since the import"


def unproved(rows: str, table: str, *keys: str, why: str = REWRITTEN, columns: str = "") -> str:
    """The finding for rows of another transaction than the run's."""
    compared = f"; {columns} cannot be compared with the file" if columns else ""
    return f"unproved: {rows} of {table} cannot be proved to be this run's: {why}{compared}: {'; '.join(keys)}"


def facts_in(ran: Ran) -> list[str]:
    """The findings of a report without their help."""
    return [line.partition(" | ")[0] for line in found_in(ran)]


@pytest.fixture
def undone(
    server: servers.Server,
    ready: str,
    make_database: Callable[..., servers.Database],
    make_shop: Callable[..., Shop],
) -> Undone:
    """A shop whose database has one run."""
    shop = make_shop(copy_of_ready(make_database(imported_database(server, ready))))
    return Undone(shop, shop.rows("select run_id::text from promote.events where kind = 'committed'")[0][0])
