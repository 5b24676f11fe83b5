"""pg_dump: which program to use, how to run it without showing secrets, and how it ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from minerva_promote.config.conninfo import SECRETS
from minerva_promote.database.embedded.files import binary
from minerva_promote.database.psql import client_environment
from minerva_promote.errors import ServerError, TargetError
from minerva_promote.signals import current

_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)[\w.]*)")
_POLL = 0.05  # seconds between two checks of a program that runs
_GRACE = 5  # seconds that a program has after SIGTERM
_MAX_LINES = 3  # of its error output, in a message


@dataclass(frozen=True, slots=True)
class Program:
    """A pg_dump that can be started."""

    path: Path
    version: str  # "18.4"
    major: int
    restore: str  # how a shell calls the pg_restore that belongs to it


def find_pg_dump(configured: str, server_version: int, setting: str) -> Program:
    """The program to dump a server with: the configured one, or the first that is not older than the server.

    ``server_version`` is server_version_num; ``setting`` says where a program is configured. Raises TargetError.
    """
    wanted = server_version // 10_000
    programs = [program_at(Path(configured), setting)] if configured else list(_installed())
    hint = f"install the client programs of PostgreSQL {wanted} or later, or name one: {setting}"
    if not programs:
        raise TargetError("no pg_dump: neither in PATH nor beside the embedded server", hint=hint)
    for program in programs:
        if program.major >= wanted:
            return program
    have = f"{wanted}.{server_version % 10_000}"
    raise TargetError(
        f"pg_dump {programs[0].version} ({programs[0].path}) cannot dump a server of PostgreSQL {have}", hint=hint
    )


def program_at(path: Path, setting: str) -> Program:
    """The program at a path. Raises TargetError when it is none."""
    try:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
        raise TargetError(f"pg_dump cannot be started: {path}: {reason}", hint=f"correct {setting}") from error
    version = _VERSION.search(output)
    if version is None:
        raise TargetError(f"{path} does not say that it is pg_dump of PostgreSQL", hint=f"correct {setting}")
    sibling = path.with_name("pg_restore")
    in_path = shutil.which("pg_restore")
    same = in_path is not None and Path(in_path) == sibling
    return Program(path, version[1], int(version[2]), "pg_restore" if same or not sibling.is_file() else str(sibling))


def _installed() -> Iterator[Program]:
    """Those that can be started, the user's own first."""
    places = [Path(in_path)] if (in_path := shutil.which("pg_dump")) else []
    with suppress(ServerError):
        places.append(binary("pg_dump"))
    for path in places:
        with suppress(TargetError):
            yield program_at(path, "PATH")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a dump ended."""

    problem: str  # empty when it is whole
    output: str  # what the program wrote on stderr, in one line; not yet redacted


def dump(
    program: Program,
    params: Mapping[str, str],
    file: Path,
    *,
    lock_timeout: str,
    timeout: float,
    tick: Callable[[int], None],
) -> Ended:
    """Dump a whole database in the custom format into a file that is there already, and is empty.

    The password goes by the environment. A program that takes longer than ``timeout`` seconds (0: no bound) is ended,
    and so is one that an exception interrupts. ``tick`` is called with the bytes so far.
    """
    rest, env = client_environment(params, os.environ)
    command = [str(program.path), "--format=custom", "--no-password", f"--lock-wait-timeout={lock_timeout}"]
    command += [f"--file={file}", *([f"--dbname={rest}"] if rest else [])]
    env |= {"LC_ALL": "C", "LC_MESSAGES": "C"}
    begun = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process: subprocess.Popen[bytes] | None = None
        try:
            with current().deferred():  # a signal inside Popen would leave a program that nothing ends
                process = _start(command, env, errors)
            late = _wait(process, file, begun + timeout if timeout else None, tick)
        except _NotStartedError as error:
            return Ended(f"{program.path} cannot be started: {error}", "")
        except BaseException:
            if process is not None:
                _end(process)
            raise
        errors.seek(0)
        output = _lines(errors.read())
    if late:
        return Ended(f"not done after {timeout:g} s", output)
    if process.returncode < 0:
        return Ended(f"pg_dump was ended by {_signal(-process.returncode)}", output)
    if process.returncode:
        return Ended(f"pg_dump ended with exit code {process.returncode}", output)
    return Ended("", output)


class _NotStartedError(Exception):
    """The program cannot be started; the reason in the system's words."""


def _start(command: Sequence[str], env: Mapping[str, str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: Ctrl-C is for promote, which ends it."""
    try:
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    except OSError as error:
        raise _NotStartedError((error.strerror or str(error)).lower()) from error


def _wait(process: subprocess.Popen[bytes], file: Path, deadline: float | None, tick: Callable[[int], None]) -> bool:
    """Wait for the end; True when the deadline was earlier."""
    while True:
        try:
            process.wait(_POLL)
            return False
        except subprocess.TimeoutExpired:
            pass
        tick(file.stat().st_size if file.exists() else 0)
        if deadline is not None and time.monotonic() > deadline:
            _end(process)
            return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _lines(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").splitlines()
    return "; ".join(line.removeprefix("pg_dump: ").strip() for line in lines[:_MAX_LINES] if line.strip())


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def open_params(params: Mapping[str, str]) -> dict[str, str]:
    """The libpq keywords that a shown command needs: where and as whom; nothing secret."""
    left_out = ("keepalives", "tcp_user_timeout", "connect_timeout", "application_name", "client_encoding")
    return {
        key: value for key, value in params.items() if value and key not in SECRETS and not key.startswith(left_out)
    }
