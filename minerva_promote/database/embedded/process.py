"""The embedded server as a process: which user it runs as, how it is started, recognised and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minerva_promote.database.embedded.files import Files, installation
from minerva_promote.errors import ServerError

SYSTEM_ACCOUNTS = ("postgres", "pgserver", "_postgres")  # tried in this order when we are root
INITDB_SECONDS = 120
INHERITED = ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Root's server must look into folders that only root may enter, and nothing more. Without no_setuid_fixup the kernel
# drops the capability inside access(2), with which every PostgreSQL program looks for its own executable.
CAPABILITY = (
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)


@dataclass(frozen=True, slots=True)
class Account:
    """The user that the server runs as; PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether it is somebody else than who runs this command."""
        return self.uid != os.geteuid()


@dataclass(frozen=True, slots=True)
class Launcher:
    """How to run a program as the server's user."""

    account: Account
    prefix: tuple[str, ...] = ()  # a command that changes the user and then becomes the program
    options: Mapping[str, Any] = field(default_factory=dict)  # for subprocess

    def run(self, argv: Sequence[str | Path], *, seconds: float) -> subprocess.CompletedProcess[bytes]:
        """Wait for the program to end; what it says on both channels is in ``stdout``."""
        return subprocess.run(
            [*self.prefix, *map(str, argv)], timeout=seconds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            **self._common(),
        )  # fmt: skip

    def detach(self, argv: Sequence[str | Path], log: Path, *, keep_open: int) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that it outlives this command and hears no Ctrl-C.

        It and its children keep the descriptor ``keep_open``, and the lock on it, as long as they live.
        """
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                [*self.prefix, *map(str, argv)], stdout=descriptor, stderr=descriptor, start_new_session=True,
                pass_fds=(keep_open,), **self._common(),
            )  # fmt: skip
        finally:
            os.close(descriptor)

    def _common(self) -> dict[str, Any]:
        # A short environment: no password of ours, no PG* variable, and macOS needs a valid LC_ALL.
        env = {name: os.environ[name] for name in INHERITED if name in os.environ} | {"LC_ALL": "C"}
        return {"stdin": subprocess.DEVNULL, "cwd": "/", "env": env, "umask": 0o077, **self.options}


def account_for(data: Path) -> Account:
    """The user of the server with this data directory.

    Ourselves, or a system user when we are root. Raises ServerError when the data belongs to another one.
    """
    import pwd

    uid = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if uid != 0:
        if owner not in (None, uid):
            raise _foreign(data, owner)
        return Account(_user_name(uid), uid, os.getegid())
    for name in (*SYSTEM_ACCOUNTS, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if owner == entry.pw_uid or (owner is None and name != "nobody"):
                return Account(name, entry.pw_uid, entry.pw_gid)
    if owner is not None:
        raise _foreign(data, owner)
    return _new_account()


def launcher_for(account: Account, files: Files) -> Launcher:
    """How to run programs as ``account``; raises ServerError when it reaches neither its data nor its program."""
    if not account.is_other:
        return Launcher(account)
    candidates = [Launcher(account, options={"user": account.uid, "group": account.gid, "extra_groups": []})]
    if sys.platform == "linux" and (setpriv := shutil.which("setpriv")):
        change = (setpriv, f"--reuid={account.uid}", f"--regid={account.gid}", *CAPABILITY, "--")
        candidates.append(Launcher(account, prefix=change))
    postgres = installation(files.version) / "bin" / "postgres"
    attempt = 'cd -- "$1" && exec "$2" --version'
    for launcher in candidates:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if launcher.run(["/bin/sh", "-c", attempt, "sh", files.base, postgres], seconds=30).returncode == 0:
                return launcher
    closed = _closed_folder(files.base) or _closed_folder(postgres.parent) or files.base
    raise ServerError(
        f"the embedded server runs as the user {account.name}, who may not enter {closed}",
        hint="run promote as an ordinary user, install setpriv (util-linux), move the project and its virtualenv to a "
        f"folder that all may enter, or allow it: chmod o+x {closed}",
    )


def is_server(pid: int, files: Files) -> bool:
    """Whether a process is a live server of this data directory, and no other that got its number."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child of ours that ended would count as alive
    line = _commands(pid).get(pid, "")
    if "postgres" not in line:
        return False
    with contextlib.suppress(OSError):  # no /proc, not allowed, or the data is gone
        return (Path("/proc") / str(pid) / "cwd").samefile(files.data)
    return f"cluster_name={files.identity}" in line


def find_server(files: Files) -> int | None:
    """A live server of this data directory whose pid file, or whole folder, was deleted; else None."""
    name = f"cluster_name={files.identity}"
    return next((pid for pid, line in _commands().items() if name in line and is_server(pid, files)), None)


def end_server(pid: int, files: Files, *, crash_safe_at_once: bool = False, seconds: float = 60) -> None:
    """Stop a server: fast, and when that takes too long, at once (the next start then recovers from the log)."""
    signals = [(signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)]
    if not crash_safe_at_once:
        signals.insert(0, (signal.SIGINT, seconds))
    for number, patience in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not is_server(pid, files):
                return
            time.sleep(0.02)
    raise ServerError(f"process {pid} of the embedded server does not stop", hint=f"look at {files.log}")


def _commands(pid: int | None = None) -> dict[int, str]:
    """Command lines by process, of one process or of all that can be seen; a zombie has none."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        numbers = (
            [pid] if pid is not None else [int(folder.name) for folder in proc.iterdir() if folder.name.isdecimal()]
        )
        lines = {}
        for number in numbers:
            with contextlib.suppress(OSError):
                lines[number] = os.fsdecode((proc / str(number) / "cmdline").read_bytes()).replace("\0", " ")
        return lines
    which = ["-p", str(pid)] if pid is not None else ["-ax"]
    listing = subprocess.run(["ps", *which, "-ww", "-o", "pid=,stat=,command="], capture_output=True, check=False)
    rows = [line.split(None, 2) for line in os.fsdecode(listing.stdout).splitlines()]
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and not row[1].startswith("Z")}


def _closed_folder(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that others may not enter."""
    return next((folder for folder in (*reversed(path.parents), path) if not folder.stat().st_mode & 0o001), None)


def _foreign(data: Path, owner: int | None) -> ServerError:
    them, us = _user_name(owner or 0), _user_name(os.geteuid())
    before = "root" if owner is not None and them in (*SYSTEM_ACCOUNTS, "nobody") else them
    return ServerError(
        f"the embedded server's data {data} belongs to the user {them}, and this command runs as {us}",
        hint=f"run promote as {before}, as before; or have {before} delete it with `promote server reset`; "
        "or set PROMOTE_EMBEDDED_DIR to another folder",
    )


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _new_account() -> Account:
    """The system user `pgserver`, made now; `nobody` where there is no useradd."""
    import pwd

    name = "nobody"
    if useradd := shutil.which("useradd"):
        options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        subprocess.run([useradd, *options, "pgserver"], capture_output=True, check=False)
        name = "pgserver"
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ServerError(
            f"PostgreSQL does not run as root, and there is no user {name} to run it as",
            hint="run promote as an ordinary user, or make a user named pgserver",
        ) from None
    return Account(name, entry.pw_uid, entry.pw_gid)
