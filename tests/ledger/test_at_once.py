"""Two commands at once on one database: one waits, or is told; the ledger is right about both, and nothing is odd."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from minerva_promote.ledger.run_rows import load_run_rows
from minerva_promote.ledger.runs import Run, read_runs
from tests.conftest import Ran
from tests.ledger.clients import client
from tests.ledger.wire import until
from tests.run.conftest import Shop
from tests.run.exports import Export

ROUNDS = 15  # of each case with chance in it
SEED = int(os.environ.get("PROMOTE_TEST_SEED", "20261122"))
ODD = ("deadlock", "unique", "duplicate", "could not be recorded", "concurrently", "Traceback", "fault", "already as")
TABLES = ("embedding_configs", "books", "screenshots", "chunks")
MOVED = (
    "error: the target's tables were changed while this run waited for its lock; nothing was changed (rolled back)\n"
)
WAITING = (
    "select from pg_stat_activity where datname = current_database() and application_name like 'promote%'"
    " and wait_event_type = 'Lock'"
)
Line = tuple[str | Path, ...]
Asked = tuple[list[Line], Callable[[list[Ran]], None], list[Path]]  # what is judged how; where, if not in the project
MIGRATION = '''"""Wider."""
from alembic import op
revision = "aaaaaaaa{number:04x}"
down_revision = "{before}"
def upgrade() -> None:
    op.execute("alter table chunks add wider{number} int")
'''


@dataclass
class World:
    """A project and what was done with it so far."""

    shop: Shop
    number: int = 0  # of the last book

    def run(self, export: Export | None = None) -> Line:
        """The command that promotes a book of its own."""
        if export is None:
            self.number += 1
            export = Export(self.number)
        file = self.shop.file(export, f"{export.book_id}.sql")
        return ("run", "--env", "test-prod", "--file", file)

    def done(self) -> tuple[Line, str]:
        """Promote a book; how, and the id of the run."""
        line = self.run()
        ran = self.shop.promote(*line)
        assert (ran.exit_code, ran.stderr) == (0, ""), ran
        return line, self.shop.rows("select run_id::text from promote.events order by seq desc limit 1")[0][0]


def undo(run_id: str) -> Line:
    """The command that takes a run back."""
    return ("undo", "--env", "test-prod", run_id, "--apply")


def together(shop: Shop, lines: Sequence[Line], delay: float | None, folders: Sequence[Path]) -> list[Ran]:
    """Both commands: the second so much later, or, with no delay, both in front of the lock and then let go."""
    with contextlib.ExitStack() as stack:
        running = []
        holder = None
        if delay is None:
            holder = stack.enter_context(shop.database.connect(autocommit=False))
            holder.execute(LOCK_STATEMENT.encode())
        for number, line in enumerate(lines):
            running.append(stack.enter_context(client(shop, *line, cwd=folders[number])))
            if holder is None:
                time.sleep(delay or 0)
            else:
                until(lambda: len(shop.rows(WAITING)) + sum(not c.process.is_alive() for c in running) == len(running))
        if holder is not None:
            holder.rollback()
        return [one.end() for one in running]


def standing(runs: Sequence[Run], shop: Shop) -> None:
    """Every row that is there was inserted by one run that stands, and the other way round."""
    recorded: dict[str, list[bytes]] = {table: [] for table in TABLES}
    with shop.database.connect() as conn:
        for run in runs:
            if run.state in ("committed", "undone"):
                for piece in load_run_rows(conn, run.run_id):
                    keys = [value or b"" for (value,) in piece.keys]
                    recorded[piece.table] += keys if run.state == "committed" or piece.table == TABLES[0] else []
    for table, keys in recorded.items():
        assert len(keys) == len(set(keys)), table
        assert set(keys) == {each.bytes for (each,) in shop.rows(f"select id from {table}")}, table


def right(shop: Shop, ran: Sequence[Ran]) -> None:
    """The ledger is right, whoever was first."""
    for one in ran:
        said = f"{one.stdout}{one.stderr}"
        assert not [word for word in ODD if word in said], said
    assert not shop.rows("select from pg_locks where locktype = 'advisory' and database ="
        " (select oid from pg_database where datname = current_database())")  # fmt: skip
    verified = shop.promote("history", "--env", "test-prod", "--verify")
    assert verified.exit_code == 0, verified
    with shop.database.connect() as conn:
        runs = read_runs(conn)
    for run in runs:
        kinds = [event.kind for event in run.events]
        assert run.state not in ("running", "abandoned"), kinds
        assert run.state not in ("committed", "undone") or kinds == ["started", "committed", "finished"]
    standing(runs, shop)


Case = Callable[[World], Asked]


def _good(ran: list[Ran]) -> None:
    assert [(one.exit_code, one.stderr) for one in ran] == [(0, ""), (0, "")], ran


def one_stored(ran: list[Ran]) -> None:
    """The other found every row there."""
    _good(ran)
    assert sorted("rows are already there, identical" in one.stdout for one in ran) == [False, True], ran


def same_file(world: World) -> Asked:
    """The second finds every row there."""
    return [world.run()] * 2, one_stored, []


def shared_config(world: World) -> Asked:
    """Both bring the same row that is shared; one of them is recorded as who inserted it."""
    return [world.run(), world.run()], _good, []


def opposite_order(world: World) -> Asked:
    """The same rows in opposite order, in two files: without the lock a deadlock."""
    world.number += 1
    export = Export(world.number)
    lines = [world.run(export)]
    for table in ("screenshots", "chunks"):
        export.rows[table].reverse()
    file = world.shop.file(export, f"turned{world.number}.sql")
    return [*lines, (*lines[0][:-1], file)], one_stored, []


def undo_of_another(world: World) -> Asked:
    """An undo beside the run of another book."""
    _, run_id = world.done()
    return [world.run(), undo(run_id)], _good, []


def undo_of_the_same(world: World) -> Asked:
    """The rows are there for the run, or gone and brought again."""
    line, run_id = world.done()
    return [line, undo(run_id)], _good, []


def _given(ran: list[Ran]) -> None:
    """All was given; what is left is what the roles have on databases of other tests."""
    left = [one.stdout.count(" FAIL ") - one.stdout.count(", other-database: ") for one in ran]
    assert [(one.exit_code in (0, 1), one.stderr) for one in ran] == [(True, ""), (True, "")], ran
    assert left == [0, 0], ran


def grants(world: World) -> Asked:
    """Privileges that are given meanwhile."""
    reader = world.shop.copy.name("minerva_reader")
    world.shop.database.execute(f"revoke select on books, chunks from {reader}")
    return [world.run(), ("grants", "--env", "test-prod", "--apply")], _given, []


def migrate(world: World) -> Asked:
    """A migration from another checkout: the run is before it, or is told."""
    shop = world.shop
    other = shop.root.parent / "other"
    if not other.exists():
        shutil.copytree(shop.root, other)
    else:  # the run's checkout has what was migrated before
        for path in (other / "alembic" / "versions").glob("wider*.py"):
            (shop.root / "alembic" / "versions" / path.name).write_text(path.read_text("utf-8"), "utf-8")
    before = shop.rows("select version_num from alembic_version")[0][0]
    text = MIGRATION.format(number=world.number, before=before)
    (other / "alembic" / "versions" / f"wider{world.number}.py").write_text(text, "utf-8")

    def judged(ran: list[Ran]) -> None:
        run, migrated = ran
        assert (migrated.exit_code, migrated.stderr) == (0, ""), migrated
        if run.exit_code == 3:
            assert run.stderr.startswith(MOVED), run
        elif run.exit_code == 1:
            assert "preflight  migrations" in run.stdout, run
        else:
            assert run.exit_code == 0, run

    return [world.run(), ("migrate", "--env", "test-prod", "--apply")], judged, [shop.root, other]


def index(world: World) -> Asked:
    """A build that waits for the run's transaction, and a run that goes on meanwhile."""
    if not world.number:
        chance = random.Random(SEED)
        world.number = 1
        export = Export(chunks=400)
        for chunk in export.chunks:
            chunk["chunk_text"] = chunk["chunk_text"].replace("text", "other text")
            chunk["embedding"] = f"'[{', '.join(f'{chance.uniform(-1, 1):.4f}' for _ in range(3))}]'"
        assert world.shop.promote(*world.run(export)).exit_code == 0
    world.shop.database.execute(
        "drop index idx_chunks_embedding_ivfflat",
        "create index idx_chunks_embedding_ivfflat on chunks using ivfflat (embedding vector_cosine_ops) with (lists = 200)",
    )
    return [world.run(), ("index", "--env", "test-prod", "--apply")], _good, []


CASES = (same_file, shared_config, opposite_order, undo_of_another, undo_of_the_same, grants, migrate, index)


def once(world: World, case: Case, delay: float | None, turned: bool) -> None:
    """Two commands, and what has to be so afterwards."""
    lines, judge, folders = case(world)
    folders = folders or [world.shop.root] * 2
    step = -1 if turned else 1
    ran = together(world.shop, lines[::step], delay, folders[::step])[::step]
    judge(ran)
    right(world.shop, ran)


@pytest.mark.parametrize("case", [opposite_order, undo_of_another], ids=lambda case: str(case.__name__))
def test_at_once(shop: Shop, case: Case) -> None:
    """Both stand before the lock."""
    once(World(shop), case, None, CASES.index(case) % 2 == 0)


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.__name__))
def test_at_any_distance(shop: Shop, case: Case) -> None:
    """The second comes at any moment of the first."""
    world, chance = World(shop), random.Random(SEED)
    once(world, case, None, CASES.index(case) % 2 == 1)
    for number in range(ROUNDS):
        once(world, case, chance.uniform(0, 0.7), bool(number % 2))
