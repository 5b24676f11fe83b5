"""The embedded server's data directory: made whole or not at all, with the settings that imports like."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from minerva_promote.database.embedded.files import SUPERUSER, Files, installation
from minerva_promote.database.embedded.process import INITDB_SECONDS, Launcher
from minerva_promote.errors import ServerError

LOCK_SECONDS = 200  # longer than initdb and a start together may take
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nothing is replicated, and a table filled where it was made needs no log
    "max_wal_senders": "0",
    "fsync": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "jit": "off",
    "client_connection_check_interval": "1s",  # the session of a killed client ends, and its lock is free
    "log_min_error_statement": "panic",  # a statement that failed may hold a password
}


@contextlib.contextmanager
def locked(files: Files) -> Iterator[None]:
    """One command at a time; the lock ends with the process that holds it."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        make_base(files)
        descriptor = os.open(files.lock, os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            if not _lock(descriptor, deadline):
                raise ServerError(
                    f"another command has held the lock of the embedded server for {LOCK_SECONDS} s",
                    hint=f"wait for it or end it; `fuser {files.lock}` names it",
                )
            with contextlib.suppress(FileNotFoundError):
                if files.lock.stat().st_ino == os.fstat(descriptor).st_ino:  # not deleted while we waited
                    yield
                    return
        finally:
            os.close(descriptor)


def lock_in_use_file(files: Files, deadline: float) -> int:
    """A descriptor whose lock says that no process of the server is left; to be handed on to the new server.

    A session of a killed server may be at work for a moment, and a server in another container has a number and
    a socket that are not to be seen from here.
    """
    descriptor = os.open(files.in_use, os.O_RDONLY | os.O_CREAT, 0o600)
    if _lock(descriptor, deadline):
        return descriptor
    os.close(descriptor)
    raise ServerError(
        f"{files.data} is in use by a server that does not answer",
        hint=f"is it in another container? `fuser {files.in_use}` names its processes",
    )


def _lock(descriptor: int, deadline: float) -> bool:
    import fcntl  # not on Windows, where only remote servers can be used

    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def make_base(files: Files) -> None:
    """The folder that holds everything, kept out of git."""
    if not files.base.is_dir():
        files.base.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            files.base.chmod(0o755)  # the server's user has to get to its data
    ignore = files.base / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", "ascii")


def initialise(files: Files, launcher: Launcher) -> None:
    """Make the data directory where there is none; needs the lock.

    It is made beside its place and renamed. What an interrupted attempt left is removed; a directory at the place
    itself that no server can use is moved aside, never deleted.
    """
    for leftover in files.base.glob(f"{files.data.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # its initdb may still run: the rest goes at the next start
    if files.initialised:
        return
    if files.data.exists():
        files.data.rename(files.data.with_name(f"{files.data.name}.broken-{time.time_ns()}"))
    new = Path(tempfile.mkdtemp(prefix=f"{files.data.name}.new-", dir=files.base))
    try:
        if launcher.account.is_other:
            os.chown(new, launcher.account.uid, launcher.account.gid)
        _initdb(files, launcher, new)
        new.rename(files.data)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _initdb(files: Files, launcher: Launcher, new: Path) -> None:
    # Sorts by bytes on every system alike; from 17 on the builtin provider knows all letters by itself.
    letters = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if files.version >= 17 else []
    settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
    program = installation(files.version) / "bin" / "initdb"
    arguments = ["--encoding=UTF8", "--locale=C", *letters, "--auth-local=trust", "--auth-host=reject", *settings]
    try:
        done = launcher.run(
            [program, "-D", new, f"--username={SUPERUSER}", "--no-instructions", *arguments], seconds=INITDB_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ServerError(f"initdb did not end within {INITDB_SECONDS} s", hint="is the disk very slow?") from None
    if done.returncode != 0:
        last_lines = os.fsdecode(done.stdout).strip().splitlines()[-5:]
        raise ServerError(f"initdb ended with {done.returncode}", hint="\n".join(last_lines))
