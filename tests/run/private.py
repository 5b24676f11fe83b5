"""A server that belongs to the tests of one worker: they stop it, fill its disk, and ask for passwords."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from minerva_promote.database.embedded.server import ServerInfo
from tests import servers
from tests.run.conftest import copy_of_ready, ready_database


class Private:
    """The server and what can be done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = 0
        self.server = self._reach(self.start())

    def start(self) -> ServerInfo:
        """Start it, if it is not running."""
        with servers.embedded_in(self.folder) as embedded:
            return embedded.ensure_running()

    def stop(self) -> None:
        """Stop it as an administrator does: sessions are ended."""
        with servers.embedded_in(self.folder) as embedded:
            embedded.stop()

    def _reach(self, info: ServerInfo) -> servers.Server:
        params = {"host": info.host, "port": str(info.port), "user": info.superuser}
        return servers.Server(params, self.folder)

    def database(self) -> servers.Database:
        """A new database that is ready for imports."""
        self._number += 1
        return copy_of_ready(self.server.create_database(f"own_{self._number}", ready_database(self.server)))

    def crash(self) -> None:
        """Kill the server's processes, all at once, and start it again."""
        os.kill(self.start().pid, signal.SIGQUIT)
        end = time.monotonic() + 30
        while _answers(self.server):
            assert time.monotonic() < end
            time.sleep(0.02)
        self.start()

    def ask_for_passwords(self, role: str) -> None:
        """Let a role in with a password only."""
        rules = self.start().data / "pg_hba.conf"
        text = rules.read_text("ascii")
        rules.write_text(f'local all "{role}" scram-sha-256\n{text}', "ascii")
        with self.server.connect() as conn:
            conn.execute("select pg_reload_conf()")
        time.sleep(0.1)

    def allow_standbys(self) -> None:
        """Let it have standbys, and a COMMIT wait for them: the embedded server has none by itself."""
        with self.server.connect() as conn:
            if conn.execute("show max_wal_senders").fetchone() != ("0",):
                return
            conn.execute("alter system set wal_level = replica")
            conn.execute("alter system set max_wal_senders = 2")
        self.stop()
        self.start()

    def standby(self, folder: Path) -> Callable[[], Private]:
        """A standby of this server, as it is now; call it to start it. This server is started again."""
        with self.server.connect() as conn:
            conn.execute("alter system set wal_level = replica")
        self.stop()
        self.start()
        self.stop()
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("run", "*.in-use", "*.lock"))
        data = next(folder.glob("postgres-*/PG_VERSION")).parent
        owner = next(self.folder.glob("postgres-*/PG_VERSION")).stat()
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        (data / "standby.signal").touch()
        os.chown(data / "standby.signal", owner.st_uid, owner.st_gid)
        self.start()
        return lambda: Private(folder)

    @contextmanager
    def full_disk(self, database: servers.Database, table: str) -> Iterator[None]:
        """Every new block of an empty table fails as on a full disk meanwhile: its file is /dev/full.

        The server may not come to a checkpoint with it.
        """
        with database.connect() as conn:
            conn.execute("checkpoint")
            found = conn.execute("select pg_relation_filepath(%s::regclass)", (table,)).fetchone()
            assert found is not None
            assert conn.execute("select pg_relation_size(%s::regclass)", (table,)).fetchone() == (0,)
        file = self.start().data / found[0]
        aside = file.rename(file.with_suffix(".aside"))
        file.symlink_to("/dev/full")
        try:
            yield
        finally:
            aside.replace(file)

    def end(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _answers(server: servers.Server) -> bool:
    try:
        server.connect().close()
    except psycopg.Error:
        return False
    return True
