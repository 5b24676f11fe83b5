"""Runs a command and says how long it took and how much memory it and its children held at most."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL = 0.02  # seconds between two looks at the memory; the high-water mark is kept by the kernel, so little is missed
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one command."""

    seconds: float  # wall clock, start of the process included
    peak_mb: float | None  # VmHWM, summed over the process and its children; None where there is no /proc
    code: int
    output: str  # standard output
    errors: str


class CommandError(Exception):
    """A measured command did not end as it must."""


def measure(command: Sequence[str], cwd: Path, environ: Mapping[str, str], expect: int = 0) -> Sample:
    """Run ``command`` with no standard input; CommandError when its exit code is not ``expect``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=dict(environ), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        memory = _Memory(process.pid)
        code = process.wait()
        seconds = time.perf_counter() - started
        peak = memory.stop()
        out.seek(0)
        err.seek(0)
        sample = Sample(seconds, peak, code, out.read().decode(errors="replace"), err.read().decode(errors="replace"))
    if code != expect:
        tail = "\n".join((sample.errors or sample.output).strip().splitlines()[-12:])
        raise CommandError(f"exit {code}, expected {expect}: {' '.join(command)}\n{tail}")
    return sample


class _Memory:
    """Follows a process tree from a thread; every process counts with its own highest mark."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.marks: dict[int, int] = {}  # pid -> KiB
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def stop(self) -> float | None:
        """The sum of the marks in MB."""
        self.ended.set()
        self.thread.join()
        return sum(self.marks.values()) * 1024 / 1e6 if self.marks else None

    def _follow(self) -> None:
        while not self.ended.wait(POLL):
            for pid in _tree(self.pid):
                self.marks[pid] = max(self.marks.get(pid, 0), _high_water(pid))


def _tree(pid: int) -> list[int]:
    try:
        children = (PROC / str(pid) / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(found for child in children for found in _tree(int(child)))]


def _high_water(pid: int) -> int:
    """VmHWM in KiB; 0 when the process is gone."""
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
