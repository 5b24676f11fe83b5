"""What has to be so after a run was broken off, wherever that was; and that the same again makes everything good."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minerva_promote.database.connection import Connection
from minerva_promote.ledger.run_rows import load_run_rows
from minerva_promote.ledger.runs import find_run
from minerva_promote.ledger.unfinished_runs import ABANDONED_REASON
from tests.conftest import Ran
from tests.ledger.wire import PATIENCE, Stop, Wire, until, wire_to
from tests.run.conftest import Shop
from tests.run.exports import Export

ENV = ("--env", "test-prod")
OURS = "select from pg_stat_activity where datname = current_database() and application_name like 'promote%'"
LOCKS = (
    "select from pg_locks where locktype = 'advisory'"
    " and database = (select oid from pg_database where datname = current_database())"
)
CHECKS = """  - {name: before, sql: 'select 1', expect: {equals: 1}}
  - {name: after, stage: after_commit, sql: 'select 1', expect: {equals: 1}}
"""
ROWS = {"books": 1, "chunks": 3, "screenshots": 2}
AGAIN = "gate open: nothing was changed, all 7 rows are already there, identical\n"
LATE = "was committed {began:%Y-%m-%d %H:%M} UTC, and its session went before the checks after COMMIT had ended"


@dataclass
class Scene:
    """A project whose runs go over a wire; one book after another is promoted, so that one database does for all."""

    shop: Shop
    wire: Wire
    conn: Connection
    number: int = 0  # of the book
    seq: int = 0  # of the last event before it

    @property
    def file(self) -> Path:
        """The file of the book."""
        return self.shop.root / f"book{self.number}.sql"

    def next_file(self) -> Path:
        """The file of the next book; the ledger is looked at from here on."""
        self.number += 1
        self.seq = self.rows("select coalesce(max(seq), 0) from promote.events")[0][0]
        return self.shop.file(Export(self.number), self.file.name)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query, as the superuser."""
        if self.conn.closed:
            self.conn = self.wire.database.connect()
        return self.conn.execute(query.encode()).fetchall()

    def events(self) -> list[tuple[str, str]]:
        """Run and kind of the events of this book."""
        return [
            (run_id, kind)
            for run_id, kind in self.rows(
                f"select run_id::text, kind from promote.events where seq > {self.seq} order by seq"
            )
        ]

    def kinds(self) -> list[str]:
        """The kinds of the events of this book."""
        return [kind for _, kind in self.events()]

    def stored(self) -> dict[str, int]:
        """How many rows of this book are there, by table."""
        book = Export(self.number).book_id
        columns = {"books": "id", "chunks": "book_id", "screenshots": "book_id"}
        query = " union all ".join(
            f"select '{name}', count(*) from {name} where {column} = '{book}'" for name, column in columns.items()
        )
        return {name: count for name, count in self.rows(query) if count}

    def command(self, *args: str) -> str:
        """A command that must do; what it says."""
        ran = self.shop.promote(*args)
        assert (ran.exit_code, ran.stderr) == (0, ""), ran
        return ran.stdout


@contextlib.contextmanager
def scene_of(shop: Shop) -> Iterator[Scene]:
    """The scene; with two checks instead of the project's, which change nothing of what is looked at here."""
    for file in (shop.root / "checks").glob("*.yaml"):
        file.unlink()
    shop.add_check(CHECKS)
    with wire_to(shop.database) as wire:
        shop.environment(url=wire.url(shop.role))
        scene = Scene(shop, wire, shop.database.connect())
        try:
            yield scene
        finally:
            scene.conn.close()


def whole(scene: Scene) -> bool:
    """After a run was broken off: all rows or none, as the ledger has it; no lock and no session is left."""
    until(lambda: not scene.rows(OURS))
    assert not scene.rows(LOCKS)
    kinds = scene.kinds()
    committed = "committed" in kinds
    assert scene.stored() == (ROWS if committed else {}), kinds
    kept = f"select 1 from promote.run_rows where run_id in (select run_id from promote.events where seq > {scene.seq})"
    assert bool(scene.rows(kept)) == committed
    return committed


def told(scene: Scene) -> None:
    """The commands that look say what happened."""
    assert "none was changed, removed or reordered" in scene.command("history", *ENV, "--verify")
    runs = json.loads(scene.command("history", *ENV, "--format", "json", "--limit", "3"))["data"]["runs"]
    known = {run["run_id"]: run for run in runs}
    events: dict[str, list[str]] = {}
    for run_id, kind in scene.events():
        events.setdefault(run_id, []).append(kind)
    for run_id, kinds in events.items():
        state, words = _state(kinds, _broken(scene, run_id))
        found = known[run_id]
        assert (found["state"], found["passed"]) == (state, words.endswith("all checks passed")), (kinds, found)
    if events:
        shown = scene.command("show", run_id[:8], *ENV)
        assert re.search(rf"^  state +{re.escape(words)}$", shown, re.MULTILINE), shown


def _broken(scene: Scene, run_id: str) -> bool:
    """Whether the checks after COMMIT were broken off, and that was recorded."""
    bad = "jsonb_path_exists(checks, '$[*] ? (@.outcome == \"ERROR\")')"
    return bool(scene.rows(f"select from promote.events where run_id = '{run_id}' and kind = 'finished' and {bad}"))


def _state(kinds: list[str], broken: bool) -> tuple[str, str]:
    """State of a run whose session is gone, and the same in words."""
    if "committed" in kinds:
        end = "the checks after COMMIT have no end" if "finished" not in kinds else "all checks passed"
        return "committed", f"committed, {'1 of its checks failed after COMMIT' if broken else end}"
    state = next((kind for kind in kinds if kind in ("unchanged", "refused", "failed")), "abandoned")
    return state, {
        "abandoned": f"abandoned: {ABANDONED_REASON}",
        "unchanged": "unchanged: every row was there already",
    }.get(state, state)


def repeated(scene: Scene) -> None:
    """The same again does it: every row is there, and inserted by one run, as the ledger has it."""
    scene.wire.arm()
    before = scene.events()
    kinds = [kind for _, kind in before]
    committed = "committed" in kinds
    unended = kinds[-1:] in (["started"], ["committed"])
    ran = scene.shop.run(scene.file)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran
    assert ran.stdout.endswith(AGAIN) if committed else "\ngate open: committed as run " in ran.stdout
    assert ("open-run" in ran.stdout) == unended, (kinds, ran.stdout)
    if unended:
        last = f"run_id = '{before[-1][0]}' and kind = '{kinds[-1]}'"
        ((began,),) = scene.rows(f"select at from promote.events where {last}")
        what = (
            LATE.format(began=began)
            if committed
            else f"began {began:%Y-%m-%d %H:%M} UTC and has no end: {ABANDONED_REASON}"
        )
        said = f"warn: open-run: run {before[-1][0][:8]} of {scene.file.name} {what}\n"
        assert said in ran.stdout, ran.stdout
    new = scene.events()[len(before) :]
    given_up = [(before[-1][0], "abandoned")] if unended and not committed else []
    assert new[: len(given_up)] == given_up
    rest = ["started", "unchanged"] if committed else ["started", "committed", "finished"]
    assert [kind for _, kind in new[len(given_up) :]] == rest
    assert whole(scene)
    (owner,) = {run_id for run_id, kind in scene.events() if kind == "committed"}
    _exactly_once(scene, owner)
    assert find_run(scene.conn, owner).passed


def _exactly_once(scene: Scene, owner: str) -> None:
    """The run has recorded each row that it inserted, once."""
    recorded: dict[str, list[bytes]] = {}
    for piece in load_run_rows(scene.conn, owner):
        recorded.setdefault(piece.table, []).extend(value or b"" for (value,) in piece.keys)
    if scene.number == 1:  # the first book brings it
        assert len(recorded.pop("embedding_configs")) == 1
    assert {name: len(keys) for name, keys in recorded.items()} == ROWS
    book = Export(scene.number).book_id
    for name, keys in recorded.items():
        column = "id" if name == "books" else "book_id"
        ids = {each.bytes for (each,) in scene.rows(f"select id from {name} where {column} = '{book}'")}
        assert set(keys) == ids


@contextlib.contextmanager
def when(stop: Stop, act: Callable[[], None]) -> Iterator[None]:
    """Do something when the wire has stopped, while the command goes on in this thread."""
    failed: list[BaseException] = []
    over = threading.Event()

    def wait() -> None:
        while not stop.reached.wait(0.02):
            if over.is_set():
                return
        try:
            act()
        except BaseException as error:  # raised below
            failed.append(error)
        finally:
            stop.released.set()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)
    if failed:
        raise failed[0]


def broken_off(scene: Scene, stop: Stop, act: Callable[[], None], file: Path, *more: str) -> Ran:
    """A run in this process, over the wire; ``act`` when it has come to the stop."""
    scene.wire.arm(stop)
    with when(stop, act):
        ran = scene.shop.run(file, *more)
    stop.released.set()  # where the run has ended before: no other command is stopped there
    return ran
