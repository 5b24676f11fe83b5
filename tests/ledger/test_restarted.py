"""The server goes down in the middle of a run, whole or one process of it, and comes again."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Ran
from tests.ledger.afterwards import Scene, broken_off, repeated, scene_of, told, whole
from tests.ledger.wire import Stop, Where, commit, event, until
from tests.run.conftest import shop_on
from tests.run.private import Private

SEED = int(os.environ.get("PROMOTE_TEST_SEED", "20261122"))
RESTARTS, CRASHES = 25, 25
MESSAGES = 355  # of a run, or so


@pytest.fixture(scope="module")
def private() -> Iterator[Private]:
    with tempfile.TemporaryDirectory(prefix="restarted-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        server = Private(folder / "server")
        yield server
        server.end()


@pytest.fixture
def scene(private: Private, tmp_path: Path, promote: Callable[..., Ran]) -> Iterator[Scene]:
    """A project on a server of its own; the first book is there."""
    with scene_of(shop_on(private.database(), tmp_path / "shop", promote)) as made:
        made.command("run", "test-prod", "--file", str(made.next_file()))
        yield made


def answers(scene: Scene) -> bool:
    """Whether the server takes connections again."""
    try:
        scene.rows("select 1")
    except psycopg.OperationalError:
        scene.conn.close()
        return False
    return True


def after_it(scene: Scene, act: Callable[[Stop], None], stop: Stop) -> bool:
    """A run during which the server ends so; whether its rows are there."""
    ran = broken_off(scene, stop, lambda: act(stop), scene.next_file())
    until(lambda: answers(scene))
    committed = whole(scene)
    said = f"{ran.stdout}{ran.stderr}"
    assert ran.exit_code in ((0, 1) if committed else (3,)), said
    assert ("committed as run " in ran.stdout) == committed, said
    assert "Traceback" not in said
    told(scene)
    repeated(scene)
    return committed


WHEN = {"after COMMIT": (commit, True), "before COMMIT": (commit, False), "when it began": (event("started"), True)}


@pytest.mark.soak
@pytest.mark.parametrize(("where", "arrived"), WHEN.values(), ids=WHEN)
def test_restarted(scene: Scene, private: Private, where: Where, arrived: bool) -> None:
    """At once, as pg_ctl restart -m immediate does it."""
    stop = Stop(where=where, request=None if arrived else 0)

    def act(stop: Stop) -> None:
        if arrived:
            scene.wire.settle()
        private.crash()

    assert after_it(scene, act, stop) == (arrived and where is commit)


def killed(scene: Scene, stop: Stop) -> None:
    """SIGKILL for the process that serves the run: the server ends every session, and recovers."""
    os.kill(stop.pid, signal.SIGKILL)
    until(lambda: not answers(scene))


@pytest.mark.soak
def test_restarted_at_any_moment(scene: Scene, private: Private) -> None:
    chance = random.Random(SEED)
    found = [after_it(scene, lambda _: private.crash(), Stop(chance.randint(1, MESSAGES))) for _ in range(RESTARTS)]
    print(f"{RESTARTS} restarts, {sum(found)} of them after COMMIT")


@pytest.mark.soak
def test_a_process_of_the_server_is_killed(scene: Scene) -> None:
    chance = random.Random(SEED)
    stops = [
        Stop(where=commit),
        Stop(where=commit),
        Stop(where=commit),
        *(Stop(chance.randint(1, MESSAGES)) for _ in range(CRASHES)),
    ]
    found = [after_it(scene, lambda stop: killed(scene, stop), stop) for stop in stops]
    print(f"{len(stops)} crashes, {sum(found)} of them after COMMIT")
