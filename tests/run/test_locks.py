"""Locks that somebody holds: waiting is bounded, and who holds them is said."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from minerva_promote.database.connection import Connection
from tests.run.conftest import Shop
from tests.run.exports import Export, key
from tests.run.sessions import holding, row_of_another, wait_until_it_waits
from tests.run.terminal import started
from tests.servers import Database

ROLLED_BACK = "nothing was changed (rolled back)"


def test_a_lock_held_by_another_run(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    before = shop.contents()
    with holding(shop, LOCK_STATEMENT, shop.role) as pid:
        ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    said = re.sub(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00", "since THEN", ran.stderr)
    assert said == (
        f"error: the lock of this database is held by process {pid} (somebody, role {shop.role}), since THEN;"
        f" waited 100ms; {ROLLED_BACK}\n"
        "  another run, migration or setup is at work: repeat the command when it is done;"
        f" if it hangs, end it: select pg_terminate_backend({pid})\n"
    )
    assert shop.contents() == before


def test_a_lock_held_by_somebody_of_whom_we_may_know_little(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    with holding(shop, LOCK_STATEMENT) as pid:
        (owner,) = shop.rows("select current_user")[0]
        ran = shop.run(shop.file(Export()))
    assert ran.stderr.startswith(
        f"error: the lock of this database is held by process {pid} (somebody, role {owner}); waited 100ms;"
    )


def test_the_lock_of_another_database_is_no_matter(shop: Shop, database: Database) -> None:
    with database.connect(autocommit=False) as other:
        other.execute(LOCK_STATEMENT.encode())
        shop.accepted(Export())


def test_two_runs_at_once(shop: Shop) -> None:
    """The second waits, and finds that everything is there."""
    file = shop.file(Export())
    line = ("run", "--env", "test-prod", "--file", file)
    with started(*line, cwd=shop.root) as one, started(*line, cwd=shop.root) as other:
        said = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0)
    assert sorted(line.split(" run ")[0] for line in said) == [
        "gate open: committed as",
        "gate open: nothing was changed, all 7 rows are already there, identical",
    ]
    assert shop.committed() == 1


def test_a_table_that_somebody_has_locked(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    before = shop.contents()
    with holding(shop, "lock table screenshots in share row exclusive mode"):
        ran = shop.run(shop.file(Export()))
    said, hint = ran.stderr.splitlines()
    assert ran.exit_code == 3
    assert said.startswith("error: importing screenshots: waited ")  # for whom is not seen within 100 ms for certain
    assert said.endswith(f"; {ROLLED_BACK}")
    assert hint == "  repeat the command when it is done, or raise timeouts.lock of the environment"
    assert shop.contents() == before


def test_a_statement_that_takes_too_long(shop: Shop) -> None:
    shop.environment(timeouts={"statement": "200ms"})
    before = shop.contents()
    with holding(shop, row_of_another(shop)):
        ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (
        3,
        f"error: importing embedding_configs: canceling statement due to statement timeout; {ROLLED_BACK}\n"
        "  raise timeouts.statement of the environment, or find out what holds the server up\n",
    )
    assert shop.contents() == before


def test_a_row_that_another_session_adds_first(shop: Shop) -> None:
    """The run waits for it and then compares, instead of failing or overwriting."""
    file = shop.file(Export())
    other = shop.database.connect(autocommit=False)
    with other:
        other.execute(row_of_another(shop).encode())
        with started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process:
            wait_until_it_waits(shop)
            other.commit()
            out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "")
    assert f"different: books {key('b', 1)}: title is " in out
    assert shop.count() == 0


def holder_of(stderr: str) -> str:
    """What is said of a lock and its holder, without durations."""
    match = re.search(r"waited \d[\d.]* s for a lock on (.*?\))", stderr)
    assert match, stderr
    return re.sub(r", for \d+ s", ", for N s", match[1])


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command that waits for a lock, and what it reports."""

    statement: str  # of the session that holds the lock
    command: tuple[str | Path, ...]
    what: str | None  # the relation that is locked; None: a row that another session adds
    since: str = ""  # only the owner sees when the session began


def waiting_commands(shop: Shop) -> dict[str, Waiting]:
    """Commands of both roles against tables and rows that another session holds."""
    ((run,),) = shop.rows("select left(run_id::text, 8) from promote.events where kind = 'committed'")
    env = ("--env", "test-prod")
    table, events = "lock table chunks in access exclusive mode", "lock table promote.events in access exclusive mode"
    run_of_another = ("run", *env, "--file", shop.file(Export(book=2), "two.sql"))
    undo = ("undo", run, *env, "--apply")
    inserted = row_of_another(shop).partition(";")[2].replace(key("b", 1), key("b", 2))
    return {
        "run": Waiting(table, run_of_another, "chunks"),
        "check": Waiting(table, ("check", *env, "--stage", "before_commit"), "chunks"),
        "undo": Waiting(table, undo, "chunks", ", for N s"),
        "history": Waiting(events, ("history", *env), "promote.events"),
        "a row": Waiting(f"update books set title = 'x' where id = '{key('b', 1)}'", undo, "books", ", for N s"),
        "a new row": Waiting(inserted, run_of_another, None),
    }


@pytest.mark.parametrize(
    "case",
    [
        "run",
        "undo",
        *(pytest.param(name, marks=pytest.mark.soak) for name in ("check", "history", "a row", "a new row")),
    ],
)
def test_the_holder_of_a_lock_is_named_by_every_command(shop: Shop, case: str) -> None:
    """The import role sees who it is; the owner also since when."""
    shop.environment(timeouts={"lock": "1s", "check": "10s"})
    (owner,) = shop.rows("select current_user")[0]
    shop.accepted(Export())
    waiting = waiting_commands(shop)[case]
    with holding(shop, waiting.statement) as pid:
        ran = shop.promote(*waiting.command)
    assert ran.exit_code in (1, 3), ran.stdout
    on, _, holder = holder_of(ran.stderr + ran.stdout).partition(", held by ")
    assert holder == f"process {pid} (somebody, role {owner}{waiting.since})"
    assert on == waiting.what or (waiting.what is None and on.startswith("a row of "))


def test_both_sides_of_a_deadlock_are_named(shop: Shop) -> None:
    """The server ends one of them; when it is ours, the other is named."""
    from minerva_promote.config.load_project import load_project
    from minerva_promote.database.server_errors import execute
    from minerva_promote.database.session import admin_session
    from minerva_promote.errors import TargetError

    project = load_project(shop.root)
    with (
        admin_session(project, read_environment(project, "test-prod")) as ours,
        shop.database.connect(
            autocommit=False, application_name="somebody", options="-c deadlock_timeout=1min"
        ) as other,
    ):
        ours.autocommit = False
        ours.execute("lock table books in share row exclusive mode")
        other.execute("lock table chunks in share row exclusive mode")
        with pytest.raises(TargetError) as caught:
            thread = threading.Thread(target=_quietly, args=(other, "lock table books in share row exclusive mode"))
            thread.start()
            time.sleep(0.3)
            execute(ours, b"lock table chunks in share row exclusive mode", "locking")
        ours.rollback()
        thread.join()
        pid = other.info.backend_pid
    assert caught.value.sqlstate == "40P01"
    assert re.search(rf"held by process {pid} \(somebody, role \w+, for \d+ s", caught.value.message)


def _quietly(conn: Connection, statement: str) -> None:
    conn.execute(statement.encode())


def test_nobody_is_named_who_cannot_be_seen(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a second connection the message is what the server says."""
    from minerva_promote.database import wait_monitor

    def refuse(_: object) -> None:
        raise psycopg.OperationalError("too many connections")

    monkeypatch.setattr(wait_monitor, "_monitoring_connection", refuse)
    shop.environment(timeouts={"lock": "100ms"})
    with holding(shop, "lock table screenshots in share row exclusive mode"):
        ran = shop.run(shop.file(Export()))
    assert ran.stderr.splitlines()[0] == (
        f"error: importing screenshots: waited for a lock longer than lock_timeout allows; {ROLLED_BACK}"
    )
