"""Measures `promote schema diff` where there is much to compare, beside pg_dump --schema-only of both sides and diff.

python -m benchmarks.schema [--tables 1000]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.measure import CommandError
from benchmarks.table import table
from benchmarks.target import Target, promote, target

SECONDS = 5.0  # a comparison of 1,000 tables, at most

MAKE = """
do $$
declare i int;
begin
    for i in 1..{tables} loop
        execute format('create table t%1$s (id serial primary key, parent int, name varchar(80) not null,'
            ' status text default ''new'' constraint t%1$s_status check (status in (''new'', ''done'')), size bigint,'
            ' made timestamptz default now(), notes jsonb, embedding vector(8), unique (name, parent))', i);
        execute format('create index on t%s (made desc) where size > 0', i);
        execute format('create index on t%s using hnsw (embedding vector_cosine_ops) with (m=4)', i);
        if i % 10 = 0 then
            execute format('create view v%1$s as select id, name from t%1$s where status in (''new'', ''done'')', i);
        end if;
    end loop;
end $$
"""
PLANTED = (
    "alter table t7 alter embedding type vector(8), alter size set not null",
    "drop index t9_embedding_idx",
    "alter table t11 drop constraint t11_status",
)


def fill(target: Target, database: str, tables: int) -> None:
    """A database with so many tables: eight columns, four constraints and five indexes each, and a view on some."""
    with target.connect() as connection:
        connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(database)))
    with psycopg.connect(dsn(target, database), autocommit=True) as connection:
        connection.execute("create extension vector")
        connection.execute(MAKE.format(tables=tables).encode())
        for number in range(2, tables + 1):
            name = psycopg.sql.Identifier(f"t{number}")
            connection.execute(psycopg.sql.SQL("alter table {} add foreign key (parent) references t1").format(name))


def dsn(target: Target, database: str) -> str:
    """How to reach another database of the same server."""
    return psycopg.conninfo.make_conninfo(target.dsn(), dbname=database)


def timed(run: Callable[[], str], repeats: int) -> tuple[float, str]:
    """The median of its seconds, and what it said last."""
    seconds, said = [], ""
    for _ in range(repeats):
        started = time.perf_counter()
        said = run()
        seconds.append(time.perf_counter() - started)
    return median(seconds), said


def by_promote(target: Target, *names: str) -> str:
    """The last line of `promote schema diff`."""
    command = [promote(), "schema", "diff", "--from", names[0], "--to", names[1]]
    done = subprocess.run(command, cwd=target.root, env=target.environ, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise CommandError(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr[-1500:]}")
    return done.stdout.rstrip().rpartition("\n")[2]


def by_dump(target: Target, folder: Path, *databases: str) -> str:
    """What a user would do: both schemas as text, and the lines that are not in both."""
    from minerva_promote.database.embedded.server import binary

    texts = []
    for database in databases:
        out = folder / f"{database}.sql"
        command = [str(binary("pg_dump")), "--schema-only", f"--file={out}", f"--dbname={dsn(target, database)}"]
        subprocess.run(command, check=True)
        texts.append(str(out))
    done = subprocess.run(["diff", *texts], capture_output=True, text=True, check=False)
    return f"{sum(line.startswith(('<', '>')) for line in done.stdout.splitlines()):,} lines"


def main() -> None:
    """Compare two equal schemas, then two with some differences, in both ways."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schema", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    rows: list[tuple[str, float, str]] = []
    with tempfile.TemporaryDirectory() as folder, target(Path(folder) / "work", "test-prod") as ready:
        ready.setup()
        for name in ("one", "other"):
            fill(ready, f"bench_{name}", asked.tables)
            url = f"embedded:///bench_{name}"
            (ready.root / "environments" / f"{name}.yaml").write_text(f"url: {url}\nadmin_url: {url}\n")
        for what in ("equal", "different"):
            if what == "different":
                with psycopg.connect(dsn(ready, "bench_other"), autocommit=True) as connection:
                    for statement in PLANTED:
                        connection.execute(statement.encode())
            rows.append(
                (f"promote schema diff, {what}", *timed(lambda: by_promote(ready, "one", "other"), asked.repeats))
            )
            dumped = timed(lambda: by_dump(ready, Path(folder), "bench_one", "bench_other"), asked.repeats)
            rows.append((f"pg_dump of both and diff, {what}", *dumped))
    print(f"{asked.tables:,} tables a side")
    print(table(["", "seconds", ""], [[what, f"{seconds:.2f}", said] for what, seconds, said in rows]))
    ours = max(row[1] for row in rows if row[0].startswith("promote"))
    theirs = max(row[1] for row in rows if not row[0].startswith("promote"))
    print(f"\n{'ok    ' if ours <= SECONDS else 'MISSED'} promote takes {ours:.2f} s, at most {SECONDS:.0f}; ", end="")
    print(f"the dumps take {theirs / ours:.1f} times as long")


if __name__ == "__main__":
    main()
