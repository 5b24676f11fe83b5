"""Ctrl-C, SIGTERM and worse at any moment: rolled back, said, and the lock is free."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from tests import yamlfile
from tests.run.conftest import Shop, plain
from tests.run.exports import Export
from tests.run.sessions import holding, row_of_another, wait_until_it_waits
from tests.run.terminal import Terminal, started, without_bars

SAID = "error: stopped by {}, did not finish: nothing was changed; rerun the command\n"
NUMBERS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP}
SLOW = "  - {{name: slow, stage: {}, sql: 'select 1 from pg_sleep(30)', expect: {{equals: 1}}}}\n"


@contextlib.contextmanager
def waiting(shop: Shop, where: str) -> Iterator[subprocess.Popen[str]]:
    """A run that stands still at a moment of its life."""
    line = ("run", "--env", "test-prod", "--file", shop.file(Export()))
    with contextlib.ExitStack() as stack:
        if where == "the lock":
            stack.enter_context(holding(shop, LOCK_STATEMENT))
        elif where == "a row":
            stack.enter_context(holding(shop, row_of_another(shop)))
        else:
            shop.add_check(SLOW.format(where))
        yield stack.enter_context(started(*line, cwd=shop.root))


def lock_is_free(shop: Shop) -> bool:
    """Whether the next run would get the lock at once."""
    with shop.database.connect(autocommit=False, options="-c lock_timeout=2s") as conn:
        conn.execute(LOCK_STATEMENT.encode())
        conn.rollback()
    return True


@pytest.mark.parametrize(
    ("name", "where"),
    [
        pytest.param("Ctrl-C", "the lock", marks=pytest.mark.soak),
        ("Ctrl-C", "a row"),
        pytest.param("SIGTERM", "before_commit", marks=pytest.mark.soak),
        pytest.param("SIGHUP", "a row", marks=pytest.mark.soak),
    ],
)
def test_a_signal(shop: Shop, name: str, where: str) -> None:
    before = shop.contents()
    with waiting(shop, where) as process:
        wait_until_it_waits(shop, "Timeout" if where == "before_commit" else "Lock")
        process.send_signal(NUMBERS[name])
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (3, SAID.format(name))
    assert lock_is_free(shop)
    assert shop.contents() == before


@pytest.mark.parametrize("where", ["a row", pytest.param("before_commit", marks=pytest.mark.soak)])
def test_killed(shop: Shop, where: str) -> None:
    """The server notices, and nothing is left."""
    before = shop.contents()
    with waiting(shop, where) as process:
        pid = wait_until_it_waits(shop, "Timeout" if where == "before_commit" else "Lock")
        process.kill()
        process.wait(30)
    end = time.monotonic() + 30
    while shop.rows(f"select from pg_stat_activity where pid = {pid} and application_name like 'promote %'"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert lock_is_free(shop)
    assert shop.contents() == before


def test_a_signal_after_commit(shop: Shop) -> None:
    """What is committed stays, and is not called undone."""
    with waiting(shop, "after_commit") as process:
        wait_until_it_waits(shop, "Timeout")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (3, "")
    assert plain(out).splitlines()[-3:] == [
        "  check      after_commit ..................... ERROR  stopped by Ctrl-C",
        "             promote check --env test-prod --stage after_commit",
        "stopped by Ctrl-C, did not finish: committed as run ID, but the checks after COMMIT could not be finished",
    ]
    assert shop.committed() == 1


@pytest.mark.soak
def test_many_signals(shop: Shop) -> None:
    """An impatient person changes nothing of it."""
    before = shop.contents()
    with waiting(shop, "a row") as process:
        wait_until_it_waits(shop)
        for _ in range(20):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            time.sleep(0.002)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert err == SAID.format("Ctrl-C")
    assert lock_is_free(shop)
    assert shop.contents() == before


def test_an_ignored_signal_stays_ignored(shop: Shop) -> None:
    """As nohup does it, and a shell with commands in the background."""
    file = shop.file(Export())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with holding(shop, LOCK_STATEMENT) as _, started("run", "test-prod", "--file", file, cwd=shop.root) as process:
            wait_until_it_waits(shop)
            process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            assert process.poll() is None
            process.terminate()
            assert process.wait(30) == 3
    finally:
        signal.signal(signal.SIGHUP, before)


def test_ctrl_c_on_a_terminal(shop: Shop) -> None:
    with holding(shop, row_of_another(shop)):
        terminal = Terminal("run", "--env", "test-prod", "--file", shop.file(Export()), cwd=shop.root)
        wait_until_it_waits(shop)
        terminal.type("\x03")
        assert terminal.end() == 3
    assert without_bars(terminal.text).endswith(SAID.format("Ctrl-C"))
    assert lock_is_free(shop)


def of_the_loader(shop: Shop, patch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Act while a batch is under way and the client is at work on the next."""
    from minerva_promote.load.loader import Loader

    add, seen = Loader.add, [0]

    def meddle(self: Loader, row: Any) -> None:
        add(self, row)
        seen[0] += 1
        if seen[0] == 700:
            act()

    patch.setattr(Loader, "add", meddle)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
def test_a_signal_while_the_client_is_at_work(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop.contents()
    of_the_loader(shop, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGTERM))
    ran = shop.run(shop.file(Export(chunks=1000)))
    assert (ran.exit_code, ran.stderr) == (3, SAID.format("SIGTERM"))
    assert lock_is_free(shop)
    assert shop.contents() == before


def test_an_error_while_a_statement_is_under_way(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours: it is told, and what the server is doing is broken off and rolled back."""
    before = shop.contents()
    shop.database.execute(
        "create function slow() returns trigger language plpgsql as $$begin perform pg_sleep(60); return new; end$$",
        "create trigger slow before insert on chunks for each statement execute function slow()",
    )

    def fail() -> None:
        raise ZeroDivisionError("a fault")

    of_the_loader(shop, monkeypatch, fail)
    begun = time.monotonic()
    ran = shop.run(shop.file(Export(screenshots=500, chunks=240)))
    assert ran.exit_code == 3
    assert ran.stderr.endswith(
        "ZeroDivisionError: a fault\nerror: this is a fault of promote itself; please report it with the lines above\n"
    )
    assert time.monotonic() - begun < 20
    assert lock_is_free(shop)
    assert shop.contents() == before


@pytest.mark.soak  # new sessions may wait for the locked catalog, too, on a busy machine
def test_a_signal_while_several_sessions_are_at_work(shop: Shop) -> None:
    """Signals reach one thread; what the others wait for is cancelled, long before their time is over."""
    shop.accepted(Export(chunks=8))
    shop.environment(timeouts={"check": "10min", "lock": "10min"})
    shop.database.execute(
        "create function alone() returns boolean language plpgsql stable as $$begin if (select count(*) from"
        " pg_stat_activity where usename = current_user and datname = current_database()) > 1 then perform"
        " pg_sleep(600); end if; return true; end$$"
    )
    shop.add_check(
        "  - {name: several, probe: latency, stage: after_commit, concurrency: 2, samples: 4, warm_up: 0,"
        " template: several.sql.j2, params: {table: chunks, root: book_id, column: embedding},"
        " expect: {p95_ms: {max: 1}}}\n"
    )
    search = "select id from chunks where alone() order by embedding <=> {{ query }} limit 3\n"
    shop.copy.write("templates/several.sql.j2", search)
    yamlfile.change(shop.root / "environments" / "local.yaml", url=shop.database.url(shop.role), admin_url=None)
    # A catalog without a syscache: a new session may have to open all of those that have one.
    lock = "lock table pg_catalog.pg_trigger in access exclusive mode"
    cases = (
        ("Timeout", "select 1", ("check", "--env", "test-prod", "--only", "several"), signal.SIGTERM),
        ("Lock", lock, ("schema", "diff", "--from", "local", "--to", "test-prod"), signal.SIGINT),
    )
    for event, statement, line, number in cases:
        with holding(shop, statement), started(*line, cwd=shop.root) as process:
            wait_until(lambda: len(waiting_for(shop, event)) == 2 or process.poll() is not None)  # noqa: B023
            assert process.poll() is None, process.communicate()
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            name = next(name for name in NUMBERS if NUMBERS[name] == number)
            assert (process.returncode, err) == (3, SAID.format(name)), out
            wait_until(lambda: waiting_for(shop, event) == [])  # noqa: B023


def waiting_for(shop: Shop, event: str) -> list[tuple[Any, ...]]:
    """Sessions of promote that wait for something of this type."""
    return shop.rows(
        "select pid from pg_stat_activity where datname = current_database() and application_name like 'promote%'"
        f" and wait_event_type = '{event}' and state = 'active'"
    )


def wait_until(happened: Callable[[], bool]) -> None:
    """Until it has."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["SIGTERM", "closed"])
def test_no_bar_stays_on_the_terminal(shop: Shop, how: str) -> None:
    """After a signal while a bar is shown; and a terminal that is closed ends the command, which leaves nothing."""
    before = shop.contents()
    shop.database.execute(
        "create function slow() returns trigger language plpgsql as $$begin perform pg_sleep(600); return null; end$$",
        "create trigger slow after insert on chunks for each statement execute function slow()",
    )
    file = shop.file(Export(chunks=4000))
    terminal = Terminal("run", "--env", "test-prod", "--file", file, cwd=shop.root)
    terminal.until("chunks")
    wait_until_it_waits(shop, "Timeout")
    assert "\x1b[" in terminal.text
    if how == "closed":
        os.close(terminal.master)  # the kernel sends SIGHUP to whoever has it
        assert terminal.process.wait(60) == 3
    else:
        terminal.process.terminate()
        assert terminal.end() == 3
        screen = without_bars(terminal.text)
        assert screen.endswith(SAID.format("SIGTERM"))
        assert not [line for line in screen.splitlines() if "━" in line or "?" in line]
        assert terminal.text.count("\x1b[?25l") == terminal.text.count("\x1b[?25h")  # the cursor is shown again
    assert lock_is_free(shop)
    shop.database.execute("drop trigger slow on chunks", "drop function slow")
    assert shop.contents() == before
