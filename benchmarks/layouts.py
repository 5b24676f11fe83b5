"""Measures `promote run` against `psql -f` for tables of other projects: documents with vectors, and a shop's orders.

python -m benchmarks.layouts [--rows 5000] [--repeats 3]

Both import the same file into fresh databases of the embedded server, which they take in turns; medians are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

from benchmarks.measure import measure
from benchmarks.target import promote
from minerva_promote.database.embedded.server import EmbeddedServer, binary


@dataclass(frozen=True, slots=True)
class Layout:
    """Tables, their contract, and a generator of INSERT statements."""

    schema: str
    tables: dict[str, Any]  # of the contract
    rows: Callable[[int, random.Random], Iterator[str]]


def _documents(count: int, dice: random.Random) -> Iterator[str]:
    for number in range(count):
        vector = "[" + ",".join(f"{dice.gauss(0, 1):.6f}" for _ in range(384)) + "]"
        metadata = json.dumps({"source": "docs/a.md", "page": number, "tags": ["a", "b"], "score": dice.random()})
        text = " ".join(f"word{dice.randrange(5000)}" for _ in range(120))
        yield (
            "insert into document (id, content, metadata, embedding) values"
            f" ('doc/{number}', '{text}', '{metadata}', '{vector}') on conflict (id) do nothing;"
        )


def _orders(count: int, dice: random.Random) -> Iterator[str]:
    for number in range(count):
        yield (
            "insert into orders (id, placed_at, total, email, tags, prefs) values"
            f" ({number}, '2026-01-{1 + number % 28:02d} 08:30:00+01', {dice.randrange(10**6) / 100:.2f},"
            f" 'c{number}@example.org', '{{a,\"b c\"}}', '{{\"n\": {number}}}') on conflict (id) do nothing;"
        )
    for number in range(3 * count):
        order, line = divmod(number, 3)
        yield (
            "insert into lines (order_id, line_no, sku, qty, price, weight) values"
            f" ({order}, {line}, 'sku-{dice.randrange(1000)}', {line + 1}, {dice.randrange(10**4) / 100}, 0.25)"
            " on conflict (order_id, line_no) do nothing;"
        )


LAYOUTS = {
    "documents": Layout(
        "create table document (id text primary key, content text, metadata jsonb, embedding vector(384))",
        {"document": {"key": ["id"], "columns": {"embedding": {"text": "content"}}}},
        _documents,
    ),
    "orders": Layout(
        "create table orders (id bigint primary key, placed_at timestamptz not null, total numeric(12,2) not null,"
        " email text not null, tags text[], prefs jsonb);"
        "create table lines (order_id bigint not null references orders, line_no integer, sku text not null,"
        " qty integer not null, price numeric(10,2) not null, weight real, primary key (order_id, line_no))",
        {
            "orders": {"key": ["id"]},
            "lines": {"key": ["order_id", "line_no"], "references": {"order_id": "orders"}},
        },
        _orders,
    ),
}


class Bench:
    """A project folder for one layout, and its databases on the embedded server."""

    def __init__(self, folder: Path, name: str, rows: int) -> None:
        self.layout, self.root = LAYOUTS[name], folder
        self.file = folder / f"{name}.sql"
        statements = self.layout.rows(rows, random.Random(1))
        self.file.write_text("\n".join(("begin;", *statements, "commit;", "")), "utf-8")
        server = EmbeddedServer(folder).ensure_running()
        self.params: dict[str, Any] = {"host": server.host, "port": server.port, "user": server.superuser}
        for part in ("environments", "checks"):
            (folder / part).mkdir(exist_ok=True)
        contract = {"tables": self.layout.tables}
        project = {"project": "bench", "version": 2, "migrations": "none", "extensions": {"vector": "0.5"}}
        self._write("promote.yaml", {**project, "contract": contract})
        self._write("checks/any.yaml", {"checks": [{"name": "any", "sql": "select 1", "expect": {"equals": 1}}]})
        grants = {
            "database": ["CONNECT"],
            "schemas": {"public": ["USAGE"]},
            "tables": {table: ["SELECT", "INSERT"] for table in self.layout.tables},
        }
        role = {"login": True, "ledger": "write", "grants": grants}
        urls = {"url": "embedded://importer@/bench_target", "admin_url": "embedded:///bench_target"}
        self._write("environments/target.yaml", {**urls, "roles": {"importer": role}})

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self.root / name).write_text(yaml.safe_dump(content), "utf-8")

    def fresh(self, database: str) -> None:
        """Make the database anew, with its tables."""
        with psycopg.connect(**self.params, dbname="postgres", autocommit=True) as conn:
            conn.execute(f"drop database if exists {database} with (force)".encode())
            conn.execute(f"create database {database}".encode())
        with psycopg.connect(**self.params, dbname=database, autocommit=True) as conn:
            conn.execute(f"create extension vector; {self.layout.schema}".encode())
            conn.execute("checkpoint")

    def run(self) -> float:
        """Seconds of `promote run` into a target that is set up."""
        self.fresh("bench_target")
        measure([promote(), "setup", "--env", "target"], self.root, os.environ)
        command = [promote(), "run", "--env", "target", "--file", str(self.file)]
        return measure(command, self.root, os.environ).seconds

    def psql(self) -> float:
        """Seconds of `psql -f` of the same file."""
        self.fresh("bench_psql")
        url = psycopg.conninfo.make_conninfo(**self.params, dbname="bench_psql")
        command = [str(binary("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", str(self.file)]
        return measure(command, self.root, os.environ).seconds


def main() -> None:
    """Print the medians and their ratio, a line for each layout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layouts", description=__doc__)
    parser.add_argument("--rows", type=int, default=5000, help="documents, or orders with three lines each")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'layout':<12}{'MB':>8}{'promote run':>14}{'psql -f':>10}{'ratio':>8}")
    for name in LAYOUTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            Path(folder).chmod(0o755)  # the server may run as another user
            bench = Bench(Path(folder), name, options.rows)
            try:
                rounds = [(bench.run(), bench.psql()) for _ in range(options.repeats)]
            finally:
                EmbeddedServer(Path(folder)).reset()
            ours, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
            size = bench.file.stat().st_size / 1e6 if bench.file.exists() else 0
            print(f"{name:<12}{size:>8.1f}{ours:>12.2f} s{theirs:>8.2f} s{theirs / ours:>8.2f}")


if __name__ == "__main__":
    main()
