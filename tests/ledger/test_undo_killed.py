"""The client is killed, or the server's process at the other end, after any message of an undo, or of its taking back."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

import pytest

from tests.ledger.afterwards import LOCKS, OURS, when
from tests.ledger.clients import kill_after
from tests.ledger.undoing import Undone, undone
from tests.ledger.wire import Message, Stop, Wire, until, wire_to

__all__ = ["undone"]

SAMPLE = 1  # of the messages that change nothing
SEED = int(os.environ.get("PROMOTE_TEST_SEED", "20261122"))
Content = dict[str, list[str]]


@dataclass
class Scene:
    """One run that is undone and put back, again and again, by an owner at the other end of a wire."""

    undone: Undone
    wire: Wire
    full: Content
    bare: Content  # without the run's rows
    undo: str = ""  # the id of the undo that stands; "": the run stands

    @property
    def words(self) -> tuple[str, ...]:
        """The command that changes what stands."""
        return ("undo", "--env", "test-prod", self.undo or self.undone.run, "--apply")

    def events(self) -> list[str]:
        """The kinds of all events."""
        return self.undone.shop.events()

    def whole(self, before: list[str]) -> bool:
        """After it was broken off: all of it, or nothing, as the ledger has it; whether it was done."""
        shop = self.undone.shop
        until(lambda: not shop.rows(OURS))
        assert not shop.rows(LOCKS)
        new, kind = self.events()[len(before) :], "restored" if self.undo else "undone"
        done = kind in new
        assert [each for each in new if each != "failed"] == [kind] * done
        assert self.undone.rows() == (self.full if done == bool(self.undo) else self.bare)
        kept = "select count(*) from promote.removed_rows where run_id not in (select run_id from promote.events)"
        assert shop.rows(kept) == [(0,)]
        said = shop.promote("history", "--env", "test-prod", "--verify")
        assert (said.exit_code, said.stderr) == (0, ""), said
        return done

    def repeated(self, *, done: bool) -> None:
        """The same again does it, or says that it was done; then the other way round is next."""
        self.wire.arm()
        shop = self.undone.shop
        ran = shop.promote(*self.words)
        again = "was taken back already, as " if self.undo else "was undone already, as "
        assert (ran.exit_code, again in ran.stderr) == ((2, True) if done else (0, False)), ran
        last = "select run_id::text from promote.events where kind = 'undone' order by seq desc limit 1"
        self.undo = "" if self.undo else shop.rows(last)[0][0]
        assert self.undone.rows() == (self.bare if self.undo else self.full)


@contextlib.contextmanager
def scene_of(undone: Undone) -> Iterator[Scene]:
    """The scene; the run stands."""
    full = undone.rows()
    bare = {**{name: [] for name in full}, "embedding_configs": full["embedding_configs"]}
    with wire_to(undone.shop.database) as wire:
        undone.shop.environment(admin_url=wire.url())
        yield Scene(undone, wire, full, bare)


def kill_client(scene: Scene, after: int) -> bool:
    """Kill the command when so many of its messages have arrived; False when it has ended before."""
    before = scene.events()
    reached = kill_after(scene.undone.shop, scene.wire, after, *scene.words)
    done = scene.whole(before)
    assert done == any(message.commits for message in scene.wire.messages)
    scene.repeated(done=done)
    return reached


def end_backend(scene: Scene, after: int) -> bool:
    """End the server's process when it has answered so many messages; False when the command has ended before."""
    before, stop = scene.events(), Stop(after)
    shop = scene.undone.shop

    def end() -> None:
        if stop.message is not None and stop.message.statement.startswith(b"copy"):  # has no answer before its end
            reading = f"select from pg_stat_activity where pid = {stop.pid} and wait_event = 'ClientRead'"
            until(lambda: bool(shop.rows(reading)))
        else:
            scene.wire.settle()
        shop.rows(f"select pg_terminate_backend({stop.pid})")
        until(lambda: not shop.rows(f"select from pg_stat_activity where pid = {stop.pid}"))

    scene.wire.arm(stop)
    with when(stop, end):
        ran = shop.promote(*scene.words)
    done = scene.whole(before)
    assert ran.exit_code == (0 if done else 3), ran
    assert done == ("undone as " in ran.stdout or "taken back as " in ran.stdout), ran
    assert done or "Traceback" not in ran.stderr
    scene.repeated(done=done)
    return stop.reached.is_set()


How = Callable[[Scene, int], bool]


def places(messages: list[Message]) -> list[int]:
    """Numbers of the messages to stop at: where it counts, and a sample of the others."""
    counting = [n for n, message in enumerate(messages, 1) if message.commits or (message.ends and message.event)]
    others = random.Random(SEED).sample(range(1, counting[0]), SAMPLE)
    return sorted({*counting, counting[-1] - 1, *others})


@pytest.mark.parametrize("how", [kill_client, pytest.param(end_backend, marks=pytest.mark.soak)])
def test_where_it_counts(undone: Undone, how: How) -> None:
    with scene_of(undone) as scene:
        there_and_back = []
        for _ in range(2):
            scene.wire.arm()
            assert scene.undone.shop.promote(*scene.words).exit_code == 0
            there_and_back.append(places(scene.wire.messages))
            scene.repeated(done=True)
        for after in chain(*zip_longest(*there_and_back, fillvalue=1)):
            assert how(scene, after)


@pytest.mark.soak
@pytest.mark.parametrize("how", [kill_client, end_backend])
def test_everywhere(undone: Undone, how: How) -> None:
    """The undo after each of its messages, and the taking back, in turns."""
    with scene_of(undone) as scene:
        after, reached = 1, True
        while reached:
            reached = any([how(scene, after), how(scene, after)])
            after += 1
        print(f"{after - 1} kills each")
        assert after > 100
