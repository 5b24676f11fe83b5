"""A signal in any command, at any moment: exit code 3, one sentence that says what was changed, nothing left."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Ran
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.test_interrupted import lock_is_free

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread"
)
NOTHING = "error: stopped by {}, did not finish: nothing was changed; rerun the command"
STAYS = "error: stopped by {}, did not finish: these changes stay: "
NAMES: dict[int, str] = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}


@contextmanager
def nobody_else_listens() -> Iterator[None]:
    """A signal that the command does not take fails the test instead of ending it."""

    def unheard(number: int, _: object) -> None:
        raise AssertionError(f"nobody listens to {signal.Signals(number).name}")

    before = {number: signal.signal(number, unheard) for number in NAMES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signal_at(monkeypatch: pytest.MonkeyPatch, number: int, stage: int) -> Iterator[list[int]]:
    """Send the signal when the client waits for the server for the n-th time; how often it waited."""
    waits = [0]
    real = psycopg.Connection.wait

    def wait(self: psycopg.Connection, *args: Any, **more: Any) -> Any:
        waits[0] += 1
        if waits[0] == stage:
            os.kill(os.getpid(), number)
        return real(self, *args, **more)

    with monkeypatch.context() as patch, nobody_else_listens():
        patch.setattr(psycopg.Connection, "wait", wait)
        yield waits


def commands(shop: Shop, run: str) -> dict[str, tuple[str, ...]]:
    """Every command that talks to a database; those that change it last."""
    env = ("--env", "test-prod")
    file = ("--file", str(shop.file(Export(book=2), "two.sql")))
    return {
        "plan": ("plan", *env, *file),
        "check": ("check", *env, "--stage", "after_commit"),
        "history": ("history", *env),
        "history --verify": ("history", *env, "--verify"),
        "show": ("show", run, *env),
        "grants": ("grants", *env),
        "grants --prove": ("grants", *env, "--prove"),
        "grants --generate": ("grants", *env, "--generate"),
        "schema diff": ("schema", "diff", "--from", "alembic/snapshot.yaml", "--to", "test-prod"),
        "schema snapshot": ("schema", "snapshot", *env, "--out", "-"),
        "golden record": ("golden", "record", *env, "--queries", "2"),
        "env ping": ("env", "ping", *env),
        "index": ("index", *env),
        "migrate": ("migrate", *env),
        "undo": ("undo", run, *env),
        "migrate --apply": ("migrate", *env, "--apply"),
        "setup": ("setup", *env),
        "index --apply": ("index", *env, "--apply"),
        "grants --apply": ("grants", *env, "--apply"),
        "run": ("run", *env, *file),
        "undo --apply": ("undo", run, *env, "--apply"),
    }


def sessions(shop: Shop) -> list[str]:
    """Sessions of promote that are still there, and busy or in a transaction, once the server knows who has gone."""
    end = time.monotonic() + 30
    while (busy := _busy(shop)) and time.monotonic() < end:
        time.sleep(0.02)
    return busy


def _busy(shop: Shop) -> list[str]:
    query = (
        "select application_name from pg_stat_activity where datname = current_database()"
        " and application_name like 'promote%' and state <> 'idle'"
    )
    return [name for (name,) in shop.rows(query)]


def assert_one_sentence(ran: Ran, name: str) -> None:
    assert (ran.exit_code, "Traceback" in ran.stderr) == (3, False), ran.stdout + ran.stderr
    last = (ran.stderr or ran.stdout).splitlines()[-1]
    assert last == NOTHING.format(name) or last.startswith(STAYS.format(name)), last


def test_in_every_command(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.accepted(Export())
    ((run,),) = shop.rows("select left(run_id::text, 8) from promote.events where kind = 'committed'")
    before = shop.contents()
    unheard = []
    for place, (name, line) in enumerate(commands(shop, run).items()):
        number = list(NAMES)[place % 3]
        with signal_at(monkeypatch, number, 5) as waits:
            ran = shop.promote(*line)
        try:
            assert_one_sentence(ran, NAMES[number])
            assert waits[0] >= 5
        except AssertionError as error:
            unheard.append((name, waits[0], str(error)))
        assert sessions(shop) == []
    assert unheard == []
    assert lock_is_free(shop)
    assert shop.contents() == before


@pytest.mark.soak
@pytest.mark.parametrize("number", NAMES, ids=NAMES.values())
def test_at_every_stage(shop: Shop, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Until the command waits no more often than that, and comes to its end."""
    shop.accepted(Export())
    ((run,),) = shop.rows("select left(run_id::text, 8) from promote.events where kind = 'committed'")
    for line in commands(shop, run).values():
        for stage in (1, 2, 3, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 170, 220, 300):
            with signal_at(monkeypatch, number, stage) as waits:
                ran = shop.promote(*line)
            if waits[0] < stage:
                break
            if ran.exit_code in (0, 1):  # it arrived inside COMMIT, where it is too late
                break
            assert_interrupted(ran, NAMES[number])
            assert sessions(shop) == []
            assert lock_is_free(shop)


def assert_interrupted(ran: Ran, name: str) -> None:
    """The same, or the report of a run that was committed."""
    if ran.stderr == "":
        assert ran.exit_code == 3
        assert ran.stdout.splitlines()[-1].startswith(f"stopped by {name}, did not finish: committed as run ")
    else:
        assert_one_sentence(ran, name)


@pytest.mark.parametrize("number", NAMES, ids=NAMES.values())
def test_without_a_database(
    shop: Shop, promote: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    """validate reads files and init writes them."""

    def stop(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)

    file = shop.file(Export())
    with nobody_else_listens(), monkeypatch.context() as patch:
        patch.setattr("minerva_promote.exportfile.report.validate", stop)
        ran = shop.promote("validate", file)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (3, "", NOTHING.format(NAMES[number]) + "\n")
    written = []
    real = Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) == 3:
            stop()
        return real(path, data)

    with nobody_else_listens(), monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        ran = promote("init", "new", cwd=tmp_path)
    first, second, _ = written
    said = STAYS.format(NAMES[number]) + f"{first} written, {second} written; rerun the command\n"
    assert (ran.exit_code, ran.stdout, ran.stderr) == (3, "", said)


def test_as_json(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    with signal_at(monkeypatch, signal.SIGHUP, 5):
        ran = shop.promote("history", "--env", "test-prod", "--format", "json")
    told = json.loads(ran.stdout)
    assert (told["exit_code"], told["errors"][0]["message"]) == (3, NOTHING.format("SIGHUP").removeprefix("error: "))
