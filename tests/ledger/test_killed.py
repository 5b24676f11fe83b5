"""The client is killed, or the server's process at the other end, after any message of a run."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from tests.ledger.afterwards import Scene, broken_off, repeated, scene_of, told, whole
from tests.ledger.clients import kill_after
from tests.ledger.wire import Message, Stop, until
from tests.run.conftest import Shop

SAMPLE = 1  # of the messages that change nothing
SEED = int(os.environ.get("PROMOTE_TEST_SEED", "20261122"))
FIRST = int(os.environ.get("PROMOTE_TEST_FIRST", "1"))  # message of a campaign, to go on with one that was interrupted


def effects(messages: list[Message]) -> list[str]:
    """The events that are in the ledger when these messages arrived there."""
    committed = any(message.commits for message in messages)
    return [
        message.event
        for message in messages
        if message.stores or (message.ends and message.event == "committed" and committed)
    ]


def places(scene: Scene) -> list[int]:
    """Numbers of the messages to stop at: where it counts, and a sample of the others."""
    for _ in range(2):  # the first run finds an empty target, and does less
        scene.wire.arm()
        scene.command("run", "test-prod", "--file", str(scene.next_file()))
    counting, writing, others = [], [], []
    for number, message in enumerate(scene.wire.messages, 1):
        if message.commits or message.stores or (message.ends and message.event == "committed"):
            counting.append(number)
        elif message.ends and b"insert into" in message.statement:
            writing.append(number)
        else:
            others.append(number)
    chance = random.Random(SEED)
    return sorted({*counting, counting[-1] - 1, chance.choice(writing), *chance.sample(others, SAMPLE)})


def kill_client(scene: Scene, after: int) -> bool:
    """Kill a run when so many of its messages have arrived; False when it has ended before."""
    file = scene.next_file()
    reached = kill_after(scene.shop, scene.wire, after, "run", "--env", "test-prod", "--file", file)
    whole(scene)
    assert scene.kinds() == effects(scene.wire.messages)
    told(scene)
    repeated(scene)
    return reached


def end_backend(scene: Scene, after: int) -> bool:
    """End the server's process when it has answered so many messages of a run; False when that has ended before."""
    file = scene.next_file()
    stop = Stop(after)

    def end() -> None:
        scene.wire.settle()
        scene.rows(f"select pg_terminate_backend({stop.pid})")
        until(lambda: not scene.rows(f"select from pg_stat_activity where pid = {stop.pid}"))

    ran = broken_off(scene, stop, end, file)
    committed = whole(scene)
    said = f"{ran.stdout}{ran.stderr}"
    assert ran.exit_code in ((0, 1) if committed else (3,)), said
    assert ("committed as run " in ran.stdout) == committed, said
    assert not (committed and "nothing was changed" in said), said
    assert scene.kinds()[-1:] != ["started"], said  # the server answers: it was told how the run ended
    assert scene.kinds()[-1:] != ["committed"], said
    told(scene)
    repeated(scene)
    return stop.reached.is_set()


@pytest.mark.parametrize("broken", [kill_client, pytest.param(end_backend, marks=pytest.mark.soak)])
def test_where_it_counts(shop: Shop, broken: Callable[[Scene, int], bool]) -> None:
    with scene_of(shop) as scene:
        for after in places(scene):
            assert broken(scene, after)


@pytest.mark.soak
@pytest.mark.parametrize("broken", [kill_client, end_backend])
def test_everywhere(shop: Shop, broken: Callable[[Scene, int], bool]) -> None:
    with scene_of(shop) as scene:
        after = FIRST
        while broken(scene, after):
            after += 1
        print(f"broken off after messages {FIRST} to {after - 1}")
        assert after > 200
