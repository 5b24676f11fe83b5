"""Several at once: others change the same access lists, the same roles, or hold the lock."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from minerva_promote.grants.apply import apply
from tests.grants.shopping import Desk, desk, make_shop, ready, shop
from tests.run.conftest import copy_of_ready

__all__ = ["desk", "make_shop", "ready", "shop"]  # fixtures


@contextmanager
def meddling(desk: Desk, *statements: str) -> Iterator[None]:
    """Statements of another session, over and over, that may fail for what we do."""
    stop = threading.Event()

    def meddle() -> None:
        with desk.shop.database.connect() as conn:
            while not stop.is_set():
                for statement in statements:
                    try:
                        conn.execute(desk.fill(statement))  # type: ignore[call-overload]
                    except psycopg.errors.InternalError_:  # tuple concurrently updated
                        continue
                stop.wait(0.001)

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.soak
def test_others_change_the_same_access_list(desk: Desk) -> None:
    """Tried again, and told as if nobody had been there."""
    desk.run("create role {m}")
    project = load_project(desk.shop.root)
    environment = read_environment(project, "test-prod")
    with meddling(desk, "grant select on books to {m}", "revoke select on books from {m}"):
        for _ in range(12):
            with desk.shop.database.connect() as conn:
                while True:
                    try:
                        conn.execute(desk.fill("grant update, delete on books to {api}"))  # type: ignore[call-overload]
                        break
                    except psycopg.errors.InternalError_:
                        continue
            outcome = apply(project, environment)
            assert outcome.committed
            assert (outcome.remaining.drifts, outcome.without_effect) == ((), ())


def test_two_databases_and_one_role(desk: Desk) -> None:
    """The lock is of one database; what is of the server is changed by one, and found done by the other."""
    database = copy_of_ready(desk.shop.database.server.create_database(desk.name("second"), _template(desk)))
    desk.run(f"alter role {{reader}} in database {database.name} set statement_timeout to '30s'")
    desk.role("fresh", login=True, connection_limit=5)
    desk.role("there", connection_limit=0)
    for number in range(3):
        desk.run("drop role if exists {fresh}", "drop role if exists {there}", "create role {there} superuser")
        text = (desk.shop.root / "environments" / "test-prod.yaml").read_text("utf-8")
        desk.shop.copy.write("environments/second.yaml", text.replace(desk.shop.database.name, database.name))
        project = load_project(desk.shop.root)
        ours = [read_environment(project, name) for name in ("test-prod", "second")]
        with ThreadPoolExecutor() as pool:
            outcomes = list(pool.map(apply, [project] * 2, ours))
        assert [outcome.remaining.drifts for outcome in outcomes] == [(), ()], number
        assert any(outcome.committed for outcome in outcomes)


def _template(desk: Desk) -> str:
    return next(
        name for (name,) in desk.shop.rows("select datname from pg_database where datname like 'template_run_%'")
    )


def test_the_lock_is_held(desk: Desk) -> None:
    """A plan needs no lock; --apply waits for it, and then tells who has it."""
    desk.declare(lambda content: content.update(timeouts={"lock": "100ms"}))
    desk.run("grant update on books to {api}")
    with desk.shop.database.connect(autocommit=False, application_name="promote run") as conn:
        conn.execute(LOCK_STATEMENT)  # type: ignore[call-overload]
        pid = conn.info.backend_pid
        assert desk.said(code=1).count("FAIL") == 1
        said = desk.refused()
        since = said.partition("since ")[2].partition(";")[0]
        assert said == (
            f"error: the lock of this database is held by process {pid} (promote run, role postgres), since {since};"
            " waited 100ms\n"
            "  another run, migration or setup is at work: repeat the command when it is done;"
            f" if it hangs, end it: select pg_terminate_backend({pid})\n"
        )
    assert desk.applied().endswith("privileges as declared\n")


def test_an_object_is_locked(desk: Desk) -> None:
    desk.declare(lambda content: content.update(timeouts={"lock": "100ms"}))
    desk.run("create role {a}", "grant update on books to {api}")
    desk.role("a", connection_limit=1)
    with desk.shop.database.connect(autocommit=False) as conn:
        conn.execute("select from pg_authid for update")
        said = json.loads(desk.grants("--apply", "--format", "json").stdout)
    assert said["exit_code"] == 3
    message = said["errors"][0]["message"]
    assert ": waited " in message
    assert message.endswith("; nothing was changed (rolled back)")
    desk.applied()
