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
from tests.grants.grants_project import GrantsProject, grants_project, make_shop, ready, shop
from tests.run.conftest import copy_of_ready

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures


@contextmanager
def meddling(grants_project: GrantsProject, *statements: str) -> Iterator[None]:
    """Statements of another session, over and over, that may fail for what we do."""
    stop = threading.Event()

    def meddle() -> None:
        with grants_project.shop.database.connect() as conn:
            while not stop.is_set():
                for statement in statements:
                    try:
                        conn.execute(grants_project.fill_names(statement))
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
def test_others_change_the_same_access_list(grants_project: GrantsProject) -> None:
    """Tried again, and told as if nobody had been there."""
    grants_project.run("create role {m}")
    project = load_project(grants_project.shop.root)
    environment = read_environment(project, "test-prod")
    with meddling(grants_project, "grant select on books to {m}", "revoke select on books from {m}"):
        for _ in range(12):
            with grants_project.shop.database.connect() as conn:
                while True:
                    try:
                        conn.execute(grants_project.fill_names("grant update, delete on books to {api}"))
                        break
                    except psycopg.errors.InternalError_:
                        continue
            outcome = apply(project, environment)
            assert outcome.committed
            assert (outcome.remaining.drifts, outcome.without_effect) == ((), ())


def test_two_databases_and_one_role(grants_project: GrantsProject) -> None:
    """The lock is of one database; what is of the server is changed by one, and found done by the other."""
    database = copy_of_ready(
        grants_project.shop.database.server.create_database(grants_project.name("second"), _template(grants_project))
    )
    grants_project.run(f"alter role {{reader}} in database {database.name} set statement_timeout to '30s'")
    grants_project.role("fresh", login=True, connection_limit=5)
    grants_project.role("there", connection_limit=0)
    for number in range(3):
        grants_project.run(
            "drop role if exists {fresh}", "drop role if exists {there}", "create role {there} superuser"
        )
        text = (grants_project.shop.root / "environments" / "test-prod.yaml").read_text("utf-8")
        grants_project.shop.copy.write(
            "environments/second.yaml", text.replace(grants_project.shop.database.name, database.name)
        )
        project = load_project(grants_project.shop.root)
        ours = [read_environment(project, name) for name in ("test-prod", "second")]
        with ThreadPoolExecutor() as pool:
            outcomes = list(pool.map(apply, [project] * 2, ours))
        assert [outcome.remaining.drifts for outcome in outcomes] == [(), ()], number
        assert any(outcome.committed for outcome in outcomes)


def _template(grants_project: GrantsProject) -> str:
    rows = grants_project.shop.rows("select datname from pg_database where datname like 'template_run_%'")
    return str(rows[0][0])


def test_the_lock_is_held(grants_project: GrantsProject) -> None:
    """A plan needs no lock; --apply waits for it, and then tells who has it."""
    grants_project.declare(lambda content: content.update(timeouts={"lock": "100ms"}))
    grants_project.run("grant update on books to {api}")
    with grants_project.shop.database.connect(autocommit=False, application_name="promote run") as conn:
        conn.execute(LOCK_STATEMENT)
        pid = conn.info.backend_pid
        assert grants_project.report(code=1).count("FAIL") == 1
        report = grants_project.fail_to_apply()
        since = report.partition("since ")[2].partition(";")[0]
        assert report == (
            f"error: the lock of this database is held by process {pid} (promote run, role postgres), since {since};"
            " waited 100ms\n"
            "  another run, migration or setup is at work: repeat the command when it is done;"
            f" if it hangs, end it: select pg_terminate_backend({pid})\n"
        )
    assert grants_project.apply_and_verify().endswith("privileges as declared\n")


def test_an_object_is_locked(grants_project: GrantsProject) -> None:
    grants_project.declare(lambda content: content.update(timeouts={"lock": "100ms"}))
    grants_project.run("create role {a}", "grant update on books to {api}")
    grants_project.role("a", connection_limit=1)
    with grants_project.shop.database.connect(autocommit=False) as conn:
        conn.execute("select from pg_authid for update")
        report = json.loads(grants_project.grants("--apply", "--format", "json").stdout)
    assert report["exit_code"] == 3
    message = report["errors"][0]["message"]
    assert ": waited " in message
    assert message.endswith("; nothing was changed (rolled back)")
    grants_project.apply_and_verify()
