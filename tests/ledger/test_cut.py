"""The connection is cut at COMMIT, and where the ledger is written: before it, within it, and within the answer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import Ran
from tests.ledger.afterwards import Scene, broken_off, repeated, scene_of, told, whole
from tests.ledger.clients import client
from tests.ledger.wire import Stop, Where, commit, event, storing
from tests.run.conftest import Shop

FAILING = "  - {name: never, sql: 'select 1', expect: {equals: 0}}\n"
ANSWER = 18  # bytes: COMMIT, and that the session is ready again
MORE = ("started", "committed", "unchanged")
AT_COMMIT = [(6, 0), (None, 0), (None, 12)]  # bytes of the request that arrive (None: all), and of the answer
LOST = (
    "error: the connection was lost at COMMIT; the ledger has no such run: nothing was changed\n"
    "  run the command again\n"
)
PROVED = "(the connection was lost at COMMIT; the ledger proves it)"


def cut(scene: Scene, where: Where, request: int | None, answer: int | None) -> Ran:
    """A run whose connection is cut there; what it says."""
    stop = Stop(where=where, request=request, answer=answer)

    def act() -> None:
        if request is None:
            scene.wire.settle()
        scene.wire.cut()

    ran = broken_off(scene, stop, act, scene.next_file())
    assert stop.reached.is_set()
    return ran


@pytest.fixture
def scene(shop: Shop) -> Iterator[Scene]:
    """One scene for all of a test."""
    with scene_of(shop) as made:
        yield made


def at_commit(scene: Scene, request: int | None, answer: int) -> None:
    """Before it arrived nothing is there; afterwards everything is, and the ledger proves it."""
    ran = cut(scene, commit, request, answer)
    arrived = request is None
    assert whole(scene) == arrived
    assert scene.kinds() == (["started", "committed", "finished"] if arrived else ["started", "failed"])
    if arrived:
        assert (ran.exit_code, ran.stderr) == (0, "")
        assert PROVED in ran.stdout
    else:
        assert (ran.exit_code, ran.stderr) == (3, LOST)
    told(scene)
    repeated(scene)


def test_at_commit(scene: Scene) -> None:
    for request, answer in AT_COMMIT:
        at_commit(scene, request, answer)


@pytest.mark.soak
def test_at_every_byte_of_commit(scene: Scene) -> None:
    for request in range(12):
        at_commit(scene, request, 0)
    for answer in range(ANSWER):
        at_commit(scene, None, answer)


@pytest.mark.parametrize("kind", ["finished", *(pytest.param(k, marks=pytest.mark.soak) for k in MORE)])
def test_at_an_event(scene: Scene, kind: str) -> None:
    for request, answer in ((0, 0), (None, 7)):
        at_event(scene, kind, request, answer)


def at_event(scene: Scene, kind: str, request: int | None, answer: int) -> None:
    """What arrived is recorded once, and the run goes on, or says that it could not."""
    if kind == "unchanged":
        scene.command("run", "test-prod", "--file", str(scene.next_file()))
        scene.number -= 1
    ran = cut(scene, event(kind) if request is None else storing(kind), request, answer)
    said = f"{ran.stdout}{ran.stderr}"
    arrived = request is None
    expected = {
        "started": ["started", "failed"] if arrived else ["failed"],
        "committed": ["started", "failed"],
        "finished": ["started", "committed", "finished"],
        "unchanged": ["started", "unchanged"],
    }[kind]
    assert scene.kinds() == expected, said
    assert ran.exit_code == (3 if kind in ("started", "committed") else 0), said
    assert "could not be recorded" not in said
    if kind == "unchanged":
        assert scene.stored()
        return
    assert whole(scene) == (kind == "finished")
    told(scene)
    repeated(scene)


def test_at_a_refusal(scene: Scene) -> None:
    """The gate is closed, whatever becomes of the event; and it is recorded in another session."""
    checks = (scene.shop.root / "checks" / "of_this_test.yaml").read_text("utf-8").removeprefix("checks:\n")
    for request, answer in ((None, 9),):
        scene.shop.add_check(checks + FAILING)
        ran = cut(scene, event("refused"), request, answer)
        assert (ran.exit_code, ran.stderr) == (1, "")
        assert ran.stdout.endswith("gate closed: nothing was changed (rolled back)\n")
        assert scene.kinds() == ["started", "refused"]
        assert not whole(scene)
        told(scene)
        scene.shop.add_check(checks)
        repeated(scene)


@pytest.mark.soak
def test_when_nobody_answers_any_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at COMMIT nor afterwards: it is said that nobody knows, and the next command finds out."""
    monkeypatch.setattr("minerva_promote.ledger.commit_proof.WAIT_SECONDS", 0.4)
    for request in (0, None):
        stop = Stop(where=commit, request=request, answer=0)

        def act() -> None:
            scene.wire.settle()
            scene.wire.down = True
            scene.wire.cut()

        ran = broken_off(scene, stop, act, scene.next_file())
        scene.wire.down = False
        assert ran.exit_code == 4
        assert whole(scene) == (request is None)
        assert scene.kinds() == (["started"] if request == 0 else ["started", "committed"])
        told(scene)
        repeated(scene)


def test_a_session_without_our_name(scene: Scene) -> None:
    """Behind a pooler: one that waits for a COMMIT which never comes is found by its lock, and ended."""
    scene.wire.nameless = True
    stop = Stop(where=commit, request=0)
    ran = broken_off(scene, stop, scene.wire.desert, scene.next_file())
    assert (ran.exit_code, ran.stderr) == (3, LOST)
    assert scene.kinds() == ["started", "failed"]
    assert not whole(scene)
    told(scene)
    repeated(scene)


def test_another_run_sees_a_session_without_our_name(scene: Scene) -> None:
    """It is not given up while it is in its transaction."""
    scene.wire.nameless = True
    scene.shop.environment(timeouts={"lock": "200ms"})
    others: list[Ran] = []
    stop = Stop(where=lambda message: message.ends and b"into promote.run_rows" in message.statement)

    def act() -> None:
        with client(scene.shop, "run", "--env", "test-prod", "--file", scene.file, cwd=direct) as other:
            others.append(other.end())

    direct = scene.shop.root.parent / "direct"
    file = scene.next_file()
    shutil.copytree(scene.shop.root, direct)
    settings = direct / "environments" / "test-prod.yaml"
    url = scene.shop.database.url(scene.shop.role)
    settings.write_text(settings.read_text("utf-8").replace(scene.wire.url(scene.shop.role), url), "utf-8")
    ran = broken_off(scene, stop, act, file)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert [other.exit_code for other in others] == [3]
    assert " and has no end: it is still at work\n" in others[0].stdout
    assert scene.kinds() == ["started", "started", "failed", "committed", "finished"]
    assert whole(scene)
