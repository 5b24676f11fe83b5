"""Commands in processes of their own that are there at once: copies of one that has imported everything already."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.conftest import Ran
from tests.ledger.wire import Stop, Wire, until
from tests.material import REPOSITORY
from tests.run.conftest import Shop

PATIENCE = 60  # seconds
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["minerva_promote.cli.main", "minerva_promote.cli.live_report", "minerva_promote.promotion.run", __name__, "pytest"]
)


@dataclass(frozen=True)
class Client:
    """One command that is at work."""

    process: ForkServerProcess
    out: Path
    err: Path

    def kill(self) -> None:
        """SIGKILL; it is gone afterwards."""
        self.process.kill()
        self.process.join(PATIENCE)

    def end(self) -> Ran:
        """Wait for its end; what it left behind."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        assert code is not None, f"still at work: {self.out.read_text('utf-8')}"
        return Ran(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))


@contextlib.contextmanager
def client(shop: Shop, *args: str | Path, cwd: Path | None = None) -> Iterator[Client]:
    """``promote ARGS`` in the background; killed at the end when it is still there."""
    number = len(list(shop.root.glob("*.out")))
    out, err = shop.root / f"{number}.out", shop.root / f"{number}.err"
    for path in (out, err):
        path.touch()
    what = ([str(arg) for arg in args], str(cwd or shop.root), dict(os.environ), str(out), str(err))
    process = _context.Process(target=_command, args=what, daemon=True)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), before]))  # of the first: it forks
    try:
        process.start()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    try:
        yield Client(process, out, err)
    finally:
        if process.is_alive():
            process.kill()
            process.join(PATIENCE)


def kill_after(shop: Shop, wire: Wire, messages: int, *args: str | Path) -> bool:
    """Kill ``promote ARGS`` when so many of its messages have arrived; False when it has ended before."""
    stop = wire.arm(Stop(messages))
    with client(shop, *args) as running:
        until(lambda: stop.reached.is_set() or not running.process.is_alive())
        reached = stop.reached.is_set()
        if reached:
            running.kill()
        wire.cut()
        if not reached:
            assert running.end().exit_code == 0
    return reached


def _command(args: list[str], cwd: str, env: Mapping[str, str], out: str, err: str) -> None:
    from minerva_promote.cli.main import main

    for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))
    main(args)
