"""Measures `promote grants` where there is much to compare: 1,000 tables, 20 roles, and one GRANT of each.

python -m benchmarks.grants [--tables 1000] [--roles 20]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg
import yaml

from benchmarks.measure import CommandError
from benchmarks.table import table
from benchmarks.target import Target, promote, target

SECONDS = 3.0  # a plan, at most


def declare(root: Path, tables: int, roles: int, database: str) -> None:
    """An environment in which every role may do something with every table."""
    names = {f"t{number:04}": ["SELECT", "INSERT"] if number % 2 else ["SELECT"] for number in range(tables)}
    grants = {"database": ["CONNECT"], "schemas": {"public": ["USAGE"]}, "tables": names}
    content = {
        "url": f"embedded://r00@/{database}",
        "admin_url": f"embedded:///{database}",
        "public": {"schemas": {"public": ["USAGE"]}},
        "roles": {
            f"r{number:02}": {"login": number == 0, "ledger": "none", "grants": grants} for number in range(roles)
        },
    }
    dumper = type("NoAliases", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
    (root / "environments" / "bench.yaml").write_text(
        yaml.dump(content, Dumper=dumper, default_flow_style=None), "utf-8"
    )


def fill(target: Target, tables: int) -> None:
    """The tables, each with a serial column."""
    with target.connect() as connection:
        for number in range(tables):
            name = psycopg.sql.Identifier(f"t{number:04}")
            connection.execute(psycopg.sql.SQL("create table {} (id serial primary key, a int, b text)").format(name))


def timed(target: Target, *arguments: str) -> tuple[float, int, str]:
    """Seconds, exit code and last line of one command."""
    started = time.perf_counter()
    command = [promote(), "grants", "--env", "bench", *arguments]
    done = subprocess.run(command, cwd=target.root, env=target.environ, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise CommandError(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr[-1500:]}")
    return seconds, done.returncode, done.stdout.rstrip().rpartition("\n")[2]


def measured(target: Target, repeats: int) -> list[tuple[str, float, int, str]]:
    """What was asked, the median of its seconds, exit code and last line."""
    asked: tuple[tuple[str, tuple[str, ...], int], ...] = (
        ("plan, everything missing", (), repeats),
        ("--apply", ("--apply",), 1),
        ("plan, in step", (), repeats),
    )
    found = []
    for what, arguments, times in asked:
        runs = [timed(target, *arguments) for _ in range(times)]
        found.append((what, median(run[0] for run in runs), runs[-1][1], runs[-1][2]))
    return found


def main() -> None:
    """Measure a plan with everything missing, the application of it, and a plan that is in step."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--roles", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, target(Path(folder) / "work", "test-prod") as ready:
        ready.setup()
        declare(ready.root, asked.tables, asked.roles, ready.database)
        fill(ready, asked.tables)
        rows = measured(ready, asked.repeats)
    print(f"{asked.tables:,} tables, {asked.roles} roles")
    print(table(["", "seconds", "exit", ""], [[what, f"{s:.2f}", str(code), said] for what, s, code, said in rows]))
    slowest = max(row[1] for row in rows if row[0].startswith("plan"))
    print(f"\n{'ok    ' if slowest <= SECONDS else 'MISSED'} a plan takes {slowest:.2f} s, at most {SECONDS:.0f}")


if __name__ == "__main__":
    main()
