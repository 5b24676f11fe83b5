"""A server that is stopped, crashes, has no room, is a standby, or asks for a password."""

from __future__ import annotations

import json
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minerva_promote.config.connection_url import parse_url
from tests.conftest import Ran
from tests.run.conftest import Shop, plain, shop_on
from tests.run.exports import Export
from tests.run.private import Private
from tests.run.proxy import Proxy, proxy_to
from tests.run.reports import findings
from tests.run.sessions import dead_standby, holding, row_of_another, wait_for_standby, wait_until_it_waits
from tests.run.terminal import started

ENDED = "; nothing was changed (rolled back)\n  look at the server's log, then repeat the command\n"


@pytest.fixture(scope="module")
def private() -> Iterator[Private]:
    """One server for the tests of this module; each leaves it running."""
    folder = Path(tempfile.mkdtemp(prefix="pr-"))
    folder.chmod(0o755)
    server = Private(folder / "own")
    yield server
    server.end()
    folder.rmdir()


@pytest.fixture
def own(private: Private, promote: Callable[..., Ran], tmp_path: Path) -> Shop:
    """A shop on that server."""
    return shop_on(private.database(), tmp_path / "shop", promote)


def test_a_server_that_is_restarted(private: Private, own: Shop) -> None:
    before = own.contents()
    line = ("run", "--env", "test-prod", "--file", own.file(Export()))
    with holding(own, row_of_another(own)), started(*line, cwd=own.root) as process:
        wait_until_it_waits(own)
        private.stop()
        _, err = process.communicate(timeout=30)
    said = "error: importing embedding_configs: terminating connection due to administrator command"
    assert (process.returncode, err) == (3, said + ENDED)
    down = own.run("export.sql")
    assert down.exit_code == 3
    assert ": no server answers at " in down.stderr
    private.start()
    assert own.contents() == before
    own.accepted(Export())


@pytest.mark.soak
def test_a_server_that_crashes(private: Private, own: Shop) -> None:
    before = own.contents()
    line = ("run", "--env", "test-prod", "--file", own.file(Export()))
    with holding(own, row_of_another(own)), started(*line, cwd=own.root) as process:
        wait_until_it_waits(own)
        private.crash()
        _, err = process.communicate(timeout=30)
    said = (
        "error: importing embedding_configs: terminating connection because of unexpected SIGQUIT signal",
        "error: importing embedding_configs: terminating connection due to immediate shutdown command",
        "error: importing embedding_configs: the connection was lost",
    )
    assert process.returncode == 3
    assert err in [line + ENDED for line in said]
    assert own.contents() == before
    own.accepted(Export())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
@pytest.mark.parametrize(
    "first", [pytest.param("67108864", marks=pytest.mark.soak), "0"], ids=["validated-first", "while-it-goes-in"]
)
def test_a_full_disk(private: Private, own: Shop, first: str) -> None:
    own.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    file = own.file(Export(screenshots=3))
    with private.full_disk(own.database, "screenshots"):
        ran = own.run(file)
    assert (ran.exit_code, ran.stdout.count("import")) == (3, 0)
    first_line, hint = ran.stderr.splitlines()
    assert first_line.startswith("error: importing screenshots: could not extend file ")
    assert first_line.endswith(": No space left on device; nothing was changed (rolled back)")
    assert hint == "  Check free disk space."
    assert (own.count("books"), own.committed()) == (0, 0)
    own.accepted(Export(screenshots=3))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_no_room_for_the_ledger(private: Private, own: Shop) -> None:
    with private.full_disk(own.database, "promote.run_rows"):
        ran = own.run(own.file(Export()))
    assert ran.exit_code == 3
    assert ran.stderr.startswith("error: writing the ledger: could not extend file ")
    assert ran.stderr.endswith(
        ": No space left on device; nothing was changed (rolled back)\n  Check free disk space.\n"
    )
    assert own.count("books") == 0
    assert own.events() == ["started", "failed"]


def test_a_password(private: Private, own: Shop) -> None:
    role = f"locked_{own.database.name}"
    own.database.execute(f"create role {role} login password 'gr8 s3cr%t@'")
    private.ask_for_passwords(role)
    url = own.database.url(role)
    own.environment(url="${THE_URL}")
    file = own.file(Export())
    for password, fact, hint in (
        (
            ":n0t%20th4t@",
            f"wrong password for {role}, or the role does not exist yet",
            "correct the password in the URL, or create the role: promote setup --env test-prod",
        ),
        ("@", "the server wants a password", "put it into the URL or into ~/.pgpass"),
    ):
        given = url.replace("@", password, 1).replace(":made-for-tests", "")
        for more in ([], ["--format", "json"]):
            ran = own.run(file, *more, env={"THE_URL": given, "PGPASSFILE": "/none"})
            assert (ran.exit_code, ran.stderr) == (3, f"error: {parse_url(given).redacted()}: {fact}\n  {hint}\n")
            assert "th4t" not in ran.stdout + ran.stderr


@pytest.mark.soak
def test_a_standby(private: Private, own: Shop) -> None:
    own.accepted(Export())
    with tempfile.TemporaryDirectory(prefix="pr-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        standby = private.standby(Path(folder) / "standby")()
        try:
            url = standby.server.url(own.database.name, own.role)
            own.environment(url=url)
            ran = own.run(own.file(Export(2)))
            assert (ran.exit_code, ran.stderr) == (1, "")
            assert findings(ran) == ["read-only: the database is a standby | use the primary server's address in url"]
            assert ran.stdout.endswith("\ngate closed: nothing was changed\n")
            ping = own.promote("env", "ping", "--env", "test-prod", "--format", "json")
            step = json.loads(ping.stdout)["steps"][0]
            assert (ping.exit_code, step["outcome"], step["data"]["mode"]) == (0, "WARN", "standby")
            assert step["detail"].endswith(", a standby")
            assert step["hint"] == "imports, setup and undo need the primary server's address"
        finally:
            standby.end()
    assert own.count("books") == 1


@pytest.fixture
def replicated(private: Private, own: Shop) -> Shop:
    """A shop on that server, which may have standbys."""
    private.allow_standbys()
    return own


HERE_ONLY = "; committed here, not confirmed by its synchronous standby"


@pytest.mark.soak
def test_a_standby_that_does_not_confirm(replicated: Shop) -> None:
    """After timeouts.commit the wait is cancelled, and the command says that its commit is on one server only."""
    replicated.environment(timeouts={"commit": "1s"})
    with dead_standby(replicated):
        ran = replicated.run(replicated.file(Export()))
        *_, step, detail, verdict = plain(ran.stdout).splitlines()
        (run,) = replicated.rows("select left(run_id::text, 8) from promote.events where kind = 'committed'")[0]
        undo = replicated.promote("undo", run, "--env", "test-prod", "--apply", "--format", "json")
        show = replicated.promote("history", "--env", "test-prod")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert " synchronous standby .............. FAIL   not confirmed: COMMIT waited " in step
    assert step.endswith(" s for it (wait event SyncRep) and was cancelled")
    assert "it is committed on this server and may be missing after a failover; see pg_stat_replication" in detail
    assert verdict.startswith("committed as run ")
    assert verdict.endswith(HERE_ONLY)
    told = json.loads(undo.stdout)
    assert (undo.exit_code, told["exit_code"], told["changed"], told["data"]["unconfirmed"]) == (1, 1, True, True)
    assert told["verdict"].endswith(HERE_ONLY)
    assert (show.exit_code, replicated.events()) == (0, ["started", "committed", "finished", "undone"])
    assert (replicated.count(), replicated.accepted(Export()).exit_code) == (0, 0)


def test_a_signal_while_a_standby_is_waited_for(replicated: Shop) -> None:
    replicated.environment(timeouts={"commit": "10min"})
    line = ("run", "--env", "test-prod", "--file", replicated.file(Export()))
    with dead_standby(replicated), started(*line, cwd=replicated.root) as process:
        wait_for_standby(replicated)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")
    last = out.splitlines()[-1]
    assert last.startswith("committed as run ")
    assert last.endswith(HERE_ONLY)
    assert replicated.committed() == 1


def test_nobody_knows_while_the_session_waits_for_a_standby(replicated: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger shows nothing yet, and the session that may still commit is there."""
    monkeypatch.setattr("minerva_promote.ledger.commit_proof.WAIT_SECONDS", 1.5)
    pids = []

    def cut(proxy: Proxy) -> None:
        pids.append(wait_for_standby(replicated))
        proxy.cut()

    with proxy_to(replicated.database) as proxy, dead_standby(replicated):
        replicated.environment(url=proxy.url(replicated.role))
        thread = threading.Thread(target=cut, args=(proxy,))
        thread.start()
        ran = replicated.run(replicated.file(Export()))
        thread.join()
        before = replicated.committed()
        replicated.rows(f"select pg_cancel_backend({pids[0]})")
    assert (ran.exit_code, "the old session is still at work" in ran.stderr, before) == (4, True, 0), ran.stderr


@pytest.mark.soak
def test_grants_and_a_standby_that_does_not_confirm(replicated: Shop) -> None:
    replicated.environment(timeouts={"commit": "1s"})
    replicated.database.execute(f"grant delete on chunks to {replicated.role}")
    with dead_standby(replicated):
        ran = replicated.promote("grants", "--env", "test-prod", "--apply")
    assert (ran.exit_code, ran.stderr) == (1, ""), ran.stdout
    assert ran.stdout.endswith(f"{HERE_ONLY}\n")
