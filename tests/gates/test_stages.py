"""One tuple of stages for runs, plans and rehearsals, and how often they read the file."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.promotion import stages
from minerva_promote.promotion.import_stages import IMPORT_STAGES
from minerva_promote.promotion.state import RunState, Stage
from tests.gates.conftest import Pair, validated_with_its_rows
from tests.run.conftest import Shop
from tests.run.exports import Export

DIGEST = r"[0-9a-f]{12}-[0-9a-f]{12}-[0-9a-f]{12}"


class Readings:
    """Bytes that were read of one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.bytes = 0

    def since(self) -> int:
        """Whole readings since the last question; the first bytes, by which its type is guessed, do not count."""
        count = self.bytes // self.file.stat().st_size
        self.bytes = 0
        return count


@pytest.fixture
def readings(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Readings:
    readings = Readings(shop.file(Export(chunks=60)))
    real = Path.open

    class Counted(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(-1 if size is None else size) or b""
            readings.bytes += len(data)
            return data

        def readinto(self, buffer: Any, /) -> int:
            count = super().readinto(buffer) or 0
            readings.bytes += count
            return count

    def counted(self: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        return Counted(self, "rb") if self == readings.file and mode == "rb" else real(self, mode, *args, **more)

    monkeypatch.setattr(Path, "open", counted)
    return readings


def planned(shop: Shop, file: Path) -> str:
    """The digest that a plan prints."""
    ran = shop.promote("plan", "--env", "test-prod", "--file", file)
    match = re.search(rf"--plan ({DIGEST})\n$", ran.stdout)
    assert match is not None, ran
    return match[1]


def test_readings_of_a_small_file(shop: Shop, readings: Readings) -> None:
    """It is validated before the transaction, and read again with its rows going in; a rehearsal is one reading more."""
    file = readings.file
    digest = planned(shop, file)
    assert readings.since() == 1
    for options, expected in (
        ((), 2),
        (("--plan", digest), 2),
        (("--rehearse-undo",), 3),
        (("--plan", digest, "--rehearse-undo"), 3),
    ):
        ran = shop.run(file, "--dry-run", *options)
        assert (ran.exit_code, readings.since()) == (0, expected), (options, ran)


def test_readings_of_a_big_file(shop: Shop, readings: Readings) -> None:
    """It is read once, and once more for each: a plan's digest, a rehearsal."""
    validated_with_its_rows(shop)
    file = readings.file
    digest = planned(shop, file)
    assert readings.since() == 1
    for options, expected in (
        ((), 1),
        (("--plan", digest), 2),
        (("--rehearse-undo",), 2),
        (("--plan", digest, "--rehearse-undo"), 3),
    ):
        ran = shop.run(file, "--dry-run", *options)
        assert (ran.exit_code, readings.since()) == (0, expected), (options, ran)


def test_readings_for_a_required_environment(pair: Pair, readings: Readings) -> None:
    """A big file is hashed before its first row; a small one has its hash from its validation."""
    assert pair.shop.run(readings.file).exit_code == 0
    readings.since()
    for first in ("67108864", "0"):
        if first == "0":
            validated_with_its_rows(pair.shop)
        ran = pair.to_prod(readings.file, "--dry-run")
        assert (ran.exit_code, readings.since()) == (0, 2), ran


class Spy:
    """A stage that only notes that it was reached."""

    phase: Any
    rehearsed: bool

    def __init__(self, phase: str, seen: list[tuple[str, str]]) -> None:
        self.phase = phase
        self.rehearsed = phase == "transaction"
        self._seen = seen

    def plan(self, state: RunState) -> None:
        self._seen.append(("plan", self.phase))

    def execute(self, state: RunState) -> None:
        self._seen.append(("rehearsal" if state.rehearsal else "run", self.phase))


def test_a_new_stage_reaches_run_plan_and_rehearsal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:

    seen: list[tuple[str, str]] = []
    phases = ("connect", "prepare", "transaction", "after")
    spies: tuple[Stage, ...] = tuple(Spy(phase, seen) for phase in phases)
    extended = stages.all_stages((*IMPORT_STAGES, *spies))
    monkeypatch.setattr(stages, "STAGES", extended)
    file = shop.file(Export())
    assert shop.promote("plan", "--env", "test-prod", "--file", file).exit_code == 0
    assert seen == [("plan", phase) for phase in phases]
    seen.clear()
    assert shop.run(file, "--rehearse-undo").exit_code == 0
    assert seen == [
        ("run", "connect"),
        ("rehearsal", "transaction"),
        *(("run", phase) for phase in phases[1:]),
    ]


def test_every_stage_can_be_planned_and_executed() -> None:
    phases = [stage.phase for stage in stages.STAGES]
    assert phases == sorted(phases, key=("connect", "prepare", "transaction", "after").index)
    assert [type(stage).__name__ for stage in stages.STAGES if stage.rehearsed] == ["Rows"]
    assert all(callable(stage.plan) and callable(stage.execute) for stage in stages.STAGES)
