"""Measures how long `promote --version` takes, against an interpreter that does nothing.

python -m benchmarks.startup
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

from benchmarks.measure import CommandError
from benchmarks.table import table
from benchmarks.target import promote

TIMES = 10  # as long as the empty program, at most


def seconds(command: Sequence[str]) -> float:
    """Wall clock of one run."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure in turns and print both medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    try:
        commands = {"python -c pass": [sys.executable, "-c", "pass"]}
        commands |= {f"promote {option}": [promote(), option] for option in ("--version", "--help")}
    except CommandError as failure:
        raise SystemExit(str(failure)) from failure
    for command in commands.values():
        seconds(command)  # fills the caches
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            times[name].append(seconds(command))
    base = median(times["python -c pass"])
    rows = [[name, f"{1000 * median(t):.1f}", f"{median(t) / base:.1f}"] for name, t in times.items()]
    print(table(["", "ms", "times"], rows))
    ratio = median(times["promote --version"]) / base
    verdict = "ok    " if ratio <= TIMES else "MISSED"
    print(f"\n{verdict} promote --version takes {ratio:.1f} times python -c pass, at most {TIMES}")


if __name__ == "__main__":
    main()
