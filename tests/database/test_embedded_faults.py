"""The embedded server after accidents: crashes, leftovers, deleted files, other users."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from minerva_promote.database.embedded import process as embedded_process
from minerva_promote.database.embedded.server import EmbeddedServer, ServerInfo, binary
from minerva_promote.errors import ServerError
from tests.database.servers import MakeServer, ask, in_new_process, program

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def server(shared: EmbeddedServer) -> EmbeddedServer:
    """A running server with one row."""
    assert ask(shared.ensure_running(), "select x from kept") == 1
    return shared


def running(server: EmbeddedServer) -> ServerInfo:
    info = server.status()
    assert info is not None
    return info


def gone(pid: int) -> bool:
    """Whether a process has ended, waiting a little; a child of ours is reaped."""
    for _ in range(500):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def delete(folder: Path) -> None:
    """Delete a folder although a server goes on writing into it."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def stopped(server: EmbeddedServer) -> bool:
    """Whether nothing runs; children of a killed server that have not seen its end yet are ended first."""
    server.stop()
    return server.stop() is False


def recovered(server: EmbeddedServer, before: ServerInfo) -> ServerInfo:
    """The server that came after ``before``, with its data."""
    after = server.ensure_running()
    assert (after.started, after.pid != before.pid) == (True, True)
    assert ask(after, "select x from kept") == 1
    return after


def test_a_killed_server_recovers(server: EmbeddedServer) -> None:
    before = running(server)
    os.kill(before.pid, signal.SIGKILL)
    assert gone(before.pid)
    assert (server.data / "postmaster.pid").exists(), "the leftovers of a crash"
    assert Path(f"{before.host}/.s.PGSQL.5432.lock").exists()
    assert server.status() is None
    assert stopped(server)
    recovered(server, before)


@pytest.fixture
def bystander(server: EmbeddedServer) -> Iterator[int]:
    """A process of the server's user that has nothing to do with it."""
    owner = server.data.stat()
    user: dict[str, Any] = (
        {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    process = subprocess.Popen(["sleep", "60"], cwd="/", **user)
    yield process.pid
    assert process.poll() is None, "a process that is not the server was ended"
    process.kill()
    process.wait()


def test_the_number_of_a_killed_server_belongs_to_another_process(server: EmbeddedServer, bystander: int) -> None:
    before = running(server)
    os.kill(before.pid, signal.SIGKILL)
    assert gone(before.pid)
    for file in (server.data / "postmaster.pid", Path(f"{before.host}/.s.PGSQL.5432.lock")):
        text = file.read_text()
        file.write_text(text.replace(str(before.pid), str(bystander), 1))
    assert server.status() is None
    assert stopped(server)
    recovered(server, before)


def test_a_socket_of_another_process_is_not_ours(server: EmbeddedServer) -> None:
    before = running(server)
    os.kill(before.pid, signal.SIGKILL)
    assert gone(before.pid)
    path = f"{before.host}/.s.PGSQL.5432"
    Path(path).unlink()
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(path)
        impostor.listen()
        assert server.status() is None or not hasattr(socket, "SO_PEERCRED")
        recovered(server, before)


def test_a_cut_off_pid_file(server: EmbeddedServer) -> None:
    before = running(server)
    os.kill(before.pid, signal.SIGKILL)
    assert gone(before.pid)
    (server.data / "postmaster.pid").write_text("")
    recovered(server, before)


@pytest.mark.soak
def test_deleted_files_of_a_running_server(server: EmbeddedServer) -> None:
    before = running(server)
    Path(f"{before.host}/.s.PGSQL.5432").unlink()
    second = recovered(server, before)
    assert gone(before.pid)
    (server.data / "postmaster.pid").unlink()
    recovered(server, second)
    assert gone(second.pid)


@pytest.mark.parametrize(
    "folder", ["project", pytest.param("comma, so that the socket is elsewhere", marks=pytest.mark.soak)]
)
def test_deleted_data_of_a_running_server(
    make_server: MakeServer, short: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short))
    server = make_server(folder)
    before = server.ensure_running()
    delete(server.data.parent)
    after = server.ensure_running()
    assert gone(before.pid)
    assert (after.started, ask(after, "select 1")) == (True, 1)
    delete(server.data.parent)
    assert server.stop() is True
    assert gone(after.pid)
    assert not server.data.parent.exists() or not server.data.exists()


def test_a_server_that_shuts_down_is_waited_for(server: EmbeddedServer) -> None:
    before = running(server)
    session = psycopg.connect(host=before.host, port=before.port, user="postgres", dbname="postgres")
    os.kill(before.pid, signal.SIGTERM)  # it waits for the session
    while "stopping" not in (server.data / "postmaster.pid").read_text():
        time.sleep(0.01)
    threading.Timer(0.5, session.close).start()
    started = time.monotonic()
    recovered(server, before)
    assert time.monotonic() - started > 0.4


@pytest.mark.soak
def test_an_interrupted_first_use(make_server: MakeServer, short: Path) -> None:
    server = make_server()
    argv, env = program("EmbeddedServer(root).ensure_running()", short / "project")
    process = subprocess.Popen(argv, env=env)
    base = server.data.parent
    while not list(base.glob("*.new-*/global")):
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not server.data.exists()
    assert ask(server.ensure_running(), "select 1") == 1
    for _ in range(20):  # the initdb of the killed command may go on for a moment
        if not list(base.glob("*.new-*")):
            break
        time.sleep(0.2)
        server.stop()
        server.ensure_running()
    assert not list(base.glob("*.new-*"))


def test_half_a_data_directory_is_put_aside(make_server: MakeServer) -> None:
    server = make_server()
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        account = embedded_process.account_for(server.data.parent / "nothing")
        os.chown(server.data, account.uid, account.gid)
    assert ask(server.ensure_running(), "select 1") == 1
    assert [path.name for path in server.data.parent.glob("*.broken-*/*")] == ["PG_VERSION"]


def test_a_failing_initdb_says_why_and_leaves_nothing(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    monkeypatch.setattr("minerva_promote.database.embedded.data_directory.SETTINGS", {"no_such_setting": "1"})
    with pytest.raises(ServerError) as caught:
        server.ensure_running()
    assert caught.value.message == "initdb ended with 1"
    assert "no_such_setting" in caught.value.hint
    assert not list(server.data.parent.glob("postgres-*"))


@as_root
def test_root_is_not_the_servers_user(server: EmbeddedServer) -> None:
    info = running(server)
    owner = server.data.stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{info.pid}").stat().st_uid == owner or not Path("/proc").exists()
    assert server.data.parents[1].stat().st_mode & 0o777 == 0o700, "below a folder that its user may not enter"
    status = Path(f"/proc/{info.pid}/status").read_text()
    assert re.search(r"CapEff:\s+0*4\n", status), "and it may do nothing more than look"
    attempt = f"import socket; socket.socket(socket.AF_UNIX).connect({f'{info.host}/.s.PGSQL.5432'!r})"
    code = f"try:\n    {attempt}\nexcept PermissionError: print('refused')"
    assert in_new_process(code, Path("/"), user=NOBODY) == "refused"


@pytest.mark.soak
@as_root
def test_no_more_power_than_needed(make_server: MakeServer, short: Path) -> None:
    short.chmod(0o755)
    if any(not folder.stat().st_mode & 0o001 for folder in binary("postgres").parents):
        pytest.skip("the server's programs lie in a folder that is closed to others: it needs the power to get there")
    info = make_server().ensure_running()
    assert re.search(r"CapPrm:\s+0+\n", Path(f"/proc/{info.pid}/status").read_text())


@as_root
def test_without_setpriv_the_way_out_is_named(
    make_server: MakeServer, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ServerError) as caught:
        make_server().ensure_running()
    name = embedded_process.account_for(short / "nothing").name
    assert caught.value.message == f"the embedded server runs as the user {name}, who may not enter {short}"
    assert caught.value.hint.endswith(f"or allow it: chmod o+x {short}")


@pytest.mark.soak
@as_root
def test_root_and_others_do_not_share_data(make_server: MakeServer, short: Path) -> None:
    short.chmod(0o755)
    server = make_server()
    server.ensure_running()
    code = "try: EmbeddedServer(root).ensure_running()\nexcept Exception as e: print(e, '|', getattr(e, 'hint', e))"
    us = embedded_process.account_for(server.data).name
    assert in_new_process(code, short / "project", user=NOBODY) == (
        f"the embedded server's data {server.data} belongs to the user {us}, and this command runs as nobody | "
        "run promote as root, as before; or have root delete it with `promote server reset`; "
        "or set PROMOTE_EMBEDDED_DIR to another folder"
    )


@as_root
def test_an_ordinary_user_has_a_server_too(short: Path) -> None:
    short.chmod(0o755)
    root = short / "theirs with blanks"
    root.mkdir()
    os.chown(root, NOBODY, NOBODY)
    try:
        said = in_new_process("i = EmbeddedServer(root).ensure_running(); print(i.pid, databases(i))", root, NOBODY)
        pid = int(said.split()[0])
        assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
        assert "'postgres'" in said
        again = in_new_process("i = EmbeddedServer(root).ensure_running(); print(i.pid, i.started)", root, NOBODY)
        assert again == f"{pid} False"
    finally:
        assert in_new_process("print(EmbeddedServer(root).stop())", root, NOBODY) == "True"
    assert gone(pid)
    os.chown(root / ".promote" / "postgres-18", 12345, 12345)
    with pytest.raises(ServerError, match="belongs to the user 12345, and this command runs as root"):
        EmbeddedServer(root).ensure_running()
