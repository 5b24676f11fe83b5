"""COMMIT over a connection that breaks: the ledger says what happened, or nobody knows and that is said."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest

from minerva_promote.database.catalog import server
from tests.run.conftest import Shop, plain
from tests.run.exports import Export
from tests.run.proxy import Proxy, proxy_to
from tests.run.terminal import started

PROVED = "gate open: committed as run ID (the connection was lost at COMMIT; the ledger proves it)\n"
UNKNOWN = (
    "  run the same command again once the target answers: if the run was committed it changes nothing and says so;"
    " or ask for it: promote show {:.8} --env test-prod\n"
)


@pytest.fixture
def through(shop: Shop) -> Callable[[Proxy], None]:
    """Let the shop's import role go through a proxy."""

    def point(proxy: Proxy) -> None:
        shop.environment(url=proxy.url(shop.role))

    return point


def test_an_answer_that_is_lost(shop: Shop, through: Callable[[Proxy], None]) -> None:
    with proxy_to(shop.database, "lose the answer") as proxy:
        through(proxy)
        ran = shop.accepted(Export())
    assert plain(ran.stdout).endswith(PROVED)
    assert "search_latency" in ran.stdout
    assert (shop.committed(), shop.count()) == (1, 3)


@pytest.mark.parametrize("how", ["lose the request", pytest.param("swallow", marks=pytest.mark.soak)])
def test_a_request_that_is_lost(shop: Shop, through: Callable[[Proxy], None], how: str) -> None:
    before = shop.contents()
    with proxy_to(shop.database, how) as proxy:
        through(proxy)
        ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (
        3,
        "error: the connection was lost at COMMIT; the ledger has no such run: nothing was changed\n"
        "  run the command again\n",
    )
    assert shop.contents() == before
    shop.environment(url=shop.database.url(shop.role))
    shop.accepted(Export())


@pytest.mark.parametrize("how", [pytest.param("lose the answer", marks=pytest.mark.soak), "lose the request"])
def test_nobody_knows(shop: Shop, through: Callable[[Proxy], None], how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minerva_promote.ledger.commit_proof.WAIT_SECONDS", 0.5)
    with proxy_to(shop.database, how) as proxy:
        through(proxy)
        proxy.down_after_commit = True
        ran = shop.run(shop.file(Export()))
        url = proxy.url(shop.role)
    where = url.partition("@")[2].partition("/")[0]
    run_id = ran.stderr.partition("whether run ")[2][:36]
    said = (
        "error: the connection was lost at COMMIT, and the target does not say what became of it:"
        f" {url.replace('made-for-tests', '***')}: {where} broke the connection off;"
        f" whether run {run_id} was committed is not known\n"
    )
    assert (ran.exit_code, ran.stderr) == (4, said + UNKNOWN.format(run_id))
    shop.environment(url=shop.database.url(shop.role))
    again = shop.accepted(Export()).stdout
    committed = how == "lose the answer"
    assert again.endswith("all 7 rows are already there, identical\n") == committed
    found = shop.rows(f"select from promote.events where kind = 'committed' and run_id = '{run_id}'")
    assert len(found) == int(committed)


def test_only_a_standby_answers(shop: Shop, through: Callable[[Proxy], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has not replayed the run yet proves nothing."""
    from dataclasses import replace

    from minerva_promote.ledger import commit_proof as committing

    monkeypatch.setattr(committing, "WAIT_SECONDS", 1.5)
    monkeypatch.setattr(committing, "server", lambda conn: replace(server(conn), in_recovery=True))
    with proxy_to(shop.database, "lose the request") as proxy:
        through(proxy)
        ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 4
    assert "what became of it: only a standby answers, which may be behind; whether run " in ran.stderr


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_while_commit_is_under_way(shop: Shop, through: Callable[[Proxy], None], number: int) -> None:
    """Too late to stop: the run ends as if nobody had asked."""
    file = shop.file(Export())
    with proxy_to(shop.database, "hold") as proxy:
        through(proxy)
        with started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process:
            assert proxy.committing.wait(30)
            process.send_signal(number)
            time.sleep(0.2)
            proxy.released.set()
            out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert plain(out).endswith("gate open: committed as run ID\n")


def test_a_second_signal_while_commit_is_under_way(shop: Shop, through: Callable[[Proxy], None]) -> None:
    file = shop.file(Export())
    with proxy_to(shop.database, "hold") as proxy:
        through(proxy)
        with started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process:
            assert proxy.committing.wait(30)
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.2)
            threading.Timer(0.5, proxy.released.set).start()
            _, err = process.communicate(timeout=30)
    run_id = err.partition("whether run ")[2][:36]
    said = f"error: stopped while COMMIT was under way; whether run {run_id} was committed is not known\n"
    assert (process.returncode, err) == (4, said + UNKNOWN.format(run_id))
