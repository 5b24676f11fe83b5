"""PgBouncer before a test's database, and clients of its pools that are busy while promote works."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.servers import PASSWORD, Database

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
PATIENCE = 20  # seconds for the program to start

# What a client before left in a process of the pool. PgBouncer itself sets what it follows for each client.
LEFT = """
select 'setting ' || name || ' = ' || setting from pg_catalog.pg_settings
where source = 'session' and setting is distinct from reset_val and name not in ('application_name', 'client_encoding')
union all select 'prepared statement ' || name from pg_catalog.pg_prepared_statements
union all select 'advisory lock' from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid()
union all select 'temporary table ' || relname from pg_catalog.pg_class
where relpersistence = 't' and relnamespace = pg_catalog.pg_my_temp_schema()
"""


@dataclass(frozen=True, slots=True)
class PgBouncer:
    """A pooler that runs."""

    database: Database
    port: int

    def url(self, user: str | None = None) -> str:
        """The database through the pooler, as a role or as the superuser."""
        params = self.database.server.params
        name, password = (user, PASSWORD) if user else (params.get("user", ""), params.get("password", ""))
        who = quote(name) + (f":{quote(password)}" if password else "")
        return (
            f"postgresql://{who}@127.0.0.1:{self.port}/{quote(self.database.name)}?sslmode=disable&gssencmode=disable"
        )


@contextlib.contextmanager
def pgbouncer(database: Database, mode: str, *users: str, size: int = 2) -> Iterator[PgBouncer]:
    """A PgBouncer with pools of this mode for some roles and the superuser; skips the test where it is not installed."""
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed, so nothing is known about poolers: apt-get install pgbouncer")
    params = database.server.params
    host, port = params.get("host", "localhost"), params.get("port", "5432")
    with socket.create_server(("127.0.0.1", 0)) as free:
        own_port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="promote-pgbouncer-"))
    passwords = {params.get("user", ""): params.get("password", ""), **dict.fromkeys(users, PASSWORD)}
    known = folder / "users.txt"
    known.write_text("".join(f'"{user}" "{password}"\n' for user, password in passwords.items()))
    ini = folder / "pgbouncer.ini"
    ini.write_text(
        f"[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own_port}\n"
        f"unix_socket_dir =\nauth_type = trust\nauth_file = {known}\npool_mode = {mode}\ndefault_pool_size = {size}\n"
        "server_fast_close = 1\n"
    )
    how: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root; the folder of the server's socket is private to its owner
        owner = Path(host).stat() if host.startswith("/") else None
        uid, gid = (owner.st_uid, owner.st_gid) if owner else (65534, 65534)
        for path in (folder, known, ini):
            os.chown(path, uid, gid)
        how = {"user": uid, "group": gid, "extra_groups": []}
    process = subprocess.Popen(
        [PROGRAM, str(ini)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how
    )
    try:
        bouncer = PgBouncer(database, own_port)
        _wait_for(bouncer)
        yield bouncer
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(bouncer: PgBouncer) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(bouncer.url(), connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.05)


@dataclass
class Neighbours:
    """What the other clients of the pools found."""

    left: set[str] = field(default_factory=set)
    looks: int = 0
    failed: list[str] = field(default_factory=list)


@contextlib.contextmanager
def neighbours(bouncer: PgBouncer, *users: str | None) -> Iterator[Neighbours]:
    """One busy client for each of these; every transaction of theirs looks at what was left behind."""
    found, over = Neighbours(), threading.Event()

    def work(user: str | None) -> None:
        with psycopg.connect(bouncer.url(user), autocommit=True, prepare_threshold=None) as conn:
            while not over.wait(0.002):
                found.left.update(what for (what,) in conn.execute(LEFT.encode()).fetchall())
                found.looks += 1

    def watch(user: str | None) -> None:
        try:
            work(user)
        except psycopg.Error as error:
            found.failed.append(str(error))

    threads = [threading.Thread(target=watch, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join()
