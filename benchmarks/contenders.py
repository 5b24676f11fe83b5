"""What is measured against what; each contender is a process of its own, so that its memory can be told apart.

Run as a module, this file is the contenders that are no command: ``parse``, ``validate`` (in process) and ``copy``.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.target import ROOT, TABLES, Target, promote

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Contender:
    """One column of the comparison."""

    name: str
    title: str
    writes: bool  # needs a fresh database
    command: Callable[[Target, Path, Path], list[str]]  # target, export file, folder of COPY files
    inside: bool = False  # its time is what it prints, without the start of the interpreter


def _module(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.contenders", *arguments]


def _psql(target: Target, file: Path, rows: Path) -> list[str]:
    from minerva_promote.database.embedded.server import binary

    return [str(binary("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target.dsn(), "-f", str(file)]


def _run(target: Target, file: Path, rows: Path) -> list[str]:
    return [promote(), "run", "--env", target.environment, "--file", str(file), "--format", "json"]


def _validate(target: Target, file: Path, rows: Path) -> list[str]:
    return [promote(), "validate", str(file), "--format", "json"]


CONTENDERS = (
    Contender("run", "promote run", True, _run),
    Contender("psql", "psql -f", True, _psql),
    Contender("copy", "binary COPY", True, lambda t, f, rows: _module("copy", t.dsn(), str(rows)), inside=True),
    Contender("validate", "promote validate", False, _validate),
    Contender("validate-in", "validate, in process", False, lambda t, f, r: _module("validate", str(f)), inside=True),
    Contender("parse", "postgast, whole file", False, lambda t, f, r: _module("parse", str(f))),
    Contender("parse-in", "postgast, in process", False, lambda t, f, r: _module("parse", str(f)), inside=True),
)


def parse(file: str) -> float:
    """Seconds of parsing the file whole with PostgreSQL's grammar; the tree is looked at for its length only."""
    import postgast

    text = Path(file).read_text("utf-8")
    started = time.perf_counter()
    tree = postgast.parse(text)
    seconds = time.perf_counter() - started
    if not len(tree.stmts):
        raise SystemExit("the parser found no statement")
    return seconds


def validate(file: str) -> float:
    """Seconds of `promote validate` once everything is imported."""
    from minerva_promote.cli.main import main

    def call(name: str) -> float:
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main(["validate", name, "--format", "json"])
        return time.perf_counter() - started

    # `main` always exits; whether the file is accepted is measured, and asserted, with the command itself
    call(str(ROOT / "examples" / "lighthouse.sql"))
    return call(file)


def copy(dsn: str, folder: str) -> float:
    """Seconds of one transaction that copies the prepared rows of all tables."""
    import psycopg

    started = time.perf_counter()
    with psycopg.connect(dsn) as connection:
        for table in TABLES:
            statement = f"copy {table} from stdin (format binary)".encode()
            with (Path(folder) / table).open("rb") as rows, connection.cursor().copy(statement) as sink:
                while block := rows.read(BLOCK):
                    sink.write(block)
        connection.commit()
    return time.perf_counter() - started


def main() -> None:
    """Do what the first argument names and print its seconds as JSON."""
    work: dict[str, Callable[..., float]] = {"parse": parse, "validate": validate, "copy": copy}
    print(json.dumps({"seconds": work[sys.argv[1]](*sys.argv[2:])}))


if __name__ == "__main__":
    main()
