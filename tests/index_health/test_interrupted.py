"""Builds that are interrupted: nothing half stays, and the next --apply goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from minerva_promote.errors import TargetError
from tests.index_health.support import IVFFLAT, fill, index_report, make_table, step_lines, vector_index_names
from tests.run.conftest import Shop
from tests.run.terminal import Terminal, started, without_bars

BUILDING = "select phase from pg_stat_progress_create_index where datname = current_database()"


@contextmanager
def writer(shop: Shop) -> Iterator[None]:
    """A transaction that has written and is still open: CONCURRENTLY waits for it."""
    with shop.database.connect() as conn:
        conn.execute("begin")
        conn.execute("insert into notes (kind) values (1)")
        yield
        conn.execute("rollback")


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def building(shop: Shop) -> bool:
    return any("waiting for" in phase for (phase,) in shop.rows(BUILDING))


@contextmanager
def snapshot(shop: Shop) -> Iterator[None]:
    """A transaction that still sees older rows, and has no lock on the table: the last phase waits for it."""
    with shop.database.connect() as conn:
        conn.execute("begin isolation level repeatable read")
        conn.execute("select from books")
        yield
        conn.execute("rollback")


@contextmanager
def stuck(
    shop: Shop, holder: Callable[[Shop], AbstractContextManager[None]] = writer
) -> Iterator[subprocess.Popen[str]]:
    """An --apply in a process of its own whose build has begun and cannot end."""
    with holder(shop), started("index", "--env", "test-prod", "--apply", cwd=shop.root) as process:
        wait_for(lambda: building(shop))
        yield process


@pytest.fixture(params=[10, pytest.param(100, marks=pytest.mark.soak)], ids=["reindex", "replace"])
def either(shop: Shop, request: pytest.FixtureRequest) -> Shop:
    """A database whose index was built empty; with 10 lists it is reindexed, with 100 replaced."""
    make_table(shop, IVFFLAT.format(request.param))
    fill(shop, 600)
    return shop


@pytest.fixture
def stale(shop: Shop) -> Shop:
    """The same, to be replaced."""
    make_table(shop, IVFFLAT.format(100))
    fill(shop, 600)
    return shop


def test_ctrl_c_leaves_the_index_as_it_was(either: Shop) -> None:
    before = vector_index_names(either)
    with stuck(either, snapshot) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (3, ""), err
    assert err == (
        "error: stopped by Ctrl-C, did not finish: notes_e is as it was; nothing was changed; rerun the command\n"
    )
    assert vector_index_names(either) == before


def test_what_is_being_built_is_no_leftover(stale: Shop) -> None:
    with stuck(stale) as process:
        lines = step_lines(index_report(stale, exit_code=1), "index")
        process.send_signal(signal.SIGINT)
        process.wait(30)
    place = next(number for number, line in enumerate(lines) if line.startswith("index promote_new_"))
    assert lines[place].endswith(" FAIL invalid: being built by another session: no search uses it yet")
    assert lines[place + 1] == "wait until it is built, and look again"


@pytest.mark.soak
def test_ctrl_c_while_the_table_is_in_use(stale: Shop) -> None:
    with stuck(stale) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    (left,) = [name for name, valid, _ in vector_index_names(stale) if not valid]
    assert err == (
        "error: stopped by Ctrl-C, did not finish: notes_e is as it was;"
        f" what was begun, {left}, is dropped next time: the table is in use;"
        f" these changes stay: {left}, which no search uses and the next --apply drops; rerun the command\n"
    )


@pytest.mark.soak
def test_what_a_killed_build_leaves_is_mended_by_the_next(either: Shop) -> None:
    with stuck(either) as process:
        process.kill()
        process.wait(20)
        wait_for(lambda: not building(either))  # the server notices
    (left,) = [name for name, valid, _ in vector_index_names(either) if not valid]
    text = index_report(either, "--apply")
    assert step_lines(text, "mend") == [f"mend vector indexes ok {left}: left behind by an interrupted build, dropped"]
    assert vector_index_names(either) == [("notes_e", True, "lists=10")]
    assert text.endswith("applied: 2 changes; healthy: 1 vector index\n")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), TargetError("the server is gone")], ids=["ctrl-c", "target"])
def test_what_was_done_before_the_end_is_told(
    stale: Shop, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    from minerva_promote.index_health import command as looking

    looks = iter((looking.inspect_indexes, None))

    def then_stop(*given: object) -> object:
        real = next(looks)
        if real is None:
            raise stop
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(looking, "inspect_indexes", then_stop)
    ran = stale.promote("index", "--env", "test-prod", "--apply")
    lines = {
        KeyboardInterrupt: "stopped by Ctrl-C, did not finish: these changes stay: index notes_e built;"
        " rerun the command",
        TargetError: "the server is gone; done before, and it stays: build notes_e",
    }
    assert (ran.exit_code, ran.stderr) == (3, f"error: {lines[type(stop)]}\n")
    assert vector_index_names(stale) == [("notes_e", True, "lists=10")]


def test_two_at_once(stale: Shop) -> None:
    stale.environment(timeouts={"lock": "300ms"})
    with stuck(stale):
        ran = stale.promote("index", "--env", "test-prod", "--apply")
    assert ran.exit_code == 3
    assert "the lock of this database is held by process" in ran.stderr
    assert "(promote index, role " in ran.stderr
    assert "another build of vector indexes is at work: repeat the command when it is done" in ran.stderr


def test_a_table_in_use_at_the_swap_keeps_the_new_index_for_the_next_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minerva_promote.index_health import rebuild

    make_table(shop, IVFFLAT.format(100))
    fill(shop, 1500)
    monkeypatch.setattr(rebuild, "SWAP_ATTEMPTS", 1)
    monkeypatch.setattr(rebuild, "SWAP_TIMEOUT", "100ms")
    real = rebuild.finish
    with shop.database.connect() as reader:

        def busy(*given: object) -> str:
            reader.execute("begin")
            reader.execute("select count(*) from notes")
            return real(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(rebuild, "finish", busy)
        ran = shop.promote("index", "--env", "test-prod", "--apply")
        reader.execute("rollback")
    monkeypatch.setattr(rebuild, "finish", real)
    (oid,) = shop.rows("select 'notes_e'::regclass::oid")[0]
    assert ran.exit_code == 3
    assert ran.stderr.startswith("error: dropping notes_e: waited ")
    assert ran.stderr.splitlines()[0].endswith(
        f"; the new index is complete as promote_new_{oid} and takes its place next time"
    )
    assert vector_index_names(shop) == [("notes_e", True, "lists=100"), (f"promote_new_{oid}", True, "lists=10")]
    index_report(shop, "--apply")
    assert vector_index_names(shop) == [("notes_e", True, "lists=10")]


@pytest.mark.soak
def test_progress_is_shown_on_a_terminal(stale: Shop) -> None:
    with writer(stale):
        terminal = Terminal("index", "--env", "test-prod", "--apply", cwd=stale.root)
        terminal.until("waiting for writers before build")
    assert terminal.end() == 0
    assert "waiting for writers" not in without_bars(terminal.text)


@pytest.mark.soak
def test_searches_and_imports_go_on_while_it_is_built(stale: Shop) -> None:
    with stuck(stale, snapshot) as process, stale.database.connect() as conn:
        conn.execute("set lock_timeout = '1s'")
        conn.execute("insert into notes (kind) values (2)")
        conn.execute("select count(*) from notes")
        process.kill()
