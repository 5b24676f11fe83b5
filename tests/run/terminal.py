"""A command as a person runs it: in a process of its own, with or without a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.material import REPOSITORY

PATIENCE = 30  # seconds


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a process that runs the repository's code."""
    places = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": places, "TERM": "xterm", **(more or {})}


class Terminal:
    """A command on a terminal of its own; what it prints arrives in ``text``."""

    def __init__(self, *args: str | Path, cwd: Path, stdout: int | None = None) -> None:
        self.master, slave = os.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minerva_promote", *map(str, args)],
            cwd=cwd,
            env=environment(),
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def until(self, wanted: str) -> None:
        """Read until this text has appeared."""
        end = time.monotonic() + PATIENCE
        while wanted not in self.text:
            assert time.monotonic() < end, self.text
            assert self._read(), self.text

    def type(self, text: str) -> None:
        """Type on the keyboard; "\\x03" is Ctrl-C."""
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self.master)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], PATIENCE)
        assert ready, self.text
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:  # the other end was closed
            data = b""
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)


_PIECE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")


def without_bars(text: str) -> str:
    """What is left on the screen in the end: movements and erased lines carried out, colours taken away."""
    lines, row, column = [""], 0, 0
    for piece in _PIECE.findall(text):
        if piece == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\r":
            column = 0
        elif piece.startswith("\x1b"):
            if piece.endswith("A"):
                row = max(0, row - int(piece[2:-1] or 1))
            elif piece.endswith("K"):
                lines[row] = "" if piece == "\x1b[2K" else lines[row][:column]
        else:
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return "\n".join(line.rstrip() for line in lines)


@contextlib.contextmanager
def started(*args: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command in the background; killed at the end when it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "minerva_promote", *map(str, args)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
