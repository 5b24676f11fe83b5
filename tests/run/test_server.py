"""A server that is stopped, crashes, has no room, is a standby, or asks for a password."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minerva_promote.config.url import parse_url
from tests.conftest import Ran
from tests.run.conftest import Shop, shop_on
from tests.run.exports import Export
from tests.run.private import Private
from tests.run.reports import findings
from tests.run.sessions import holding, row_of_another, wait_until_it_waits
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
@pytest.mark.parametrize("first", ["67108864", "0"], ids=["validated-first", "while-it-goes-in"])
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
