"""Measures vector searches: the index as migrated, after `promote index --apply`, HNSW, and exact, in one run.

python -m benchmarks.search                             1,000 and 10,000 chunks
python -m benchmarks.search --sizes 1000 10000 100000   some 12 minutes, 4 GB of disk
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.measure import CommandError
from benchmarks.search_data import (
    BATCH,
    COPY,
    Generator,
    Mixture,
    chunk_rows,
    copy_head,
    copy_tail,
    mixture_for,
)
from benchmarks.search_index import EF_CONSTRUCTION, INDEX, SEARCH, chosen, hnsw, rebuild
from benchmarks.search_plot import Point, goals, plot
from benchmarks.table import table
from benchmarks.target import ROOT, Target, target

HERE = Path(__file__).parent
PLOT = HERE.parent / "docs" / "explanation" / "search.svg"
K = 10
RECALL = 0.95  # asked of promote index
WARM_UP = 5  # searches
BIG = 20_000  # rows from which on fewer queries are searched for: exact search takes a second each
TITLES = {
    "shipped": "as migrated",
    "applied": "promote index --apply",
    "hnsw": "HNSW",
    "exact": "exact",
}
EF_SEARCH = 100
FORCED = "set enable_seqscan = off"


@dataclass(frozen=True, slots=True)
class Record:
    """One contender at one size; searches one at a time, seen from the client."""

    contender: str
    size: int
    queries: int
    p50_ms: float
    p95_ms: float
    recall: float  # @10, mean over the queries
    used: str  # the index that the planner chose by itself, or "sequential scan"
    built: float  # seconds that building took, looking included
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What searches found, and how long each took."""

    ids: tuple[tuple[uuid.UUID, ...], ...]
    seconds: tuple[float, ...]


def bench(sizes: Sequence[int], place: Target, mixture: Mixture, seed: int, queries: int) -> Iterator[Record]:
    """All contenders at all sizes."""
    for size in sizes:
        _say(f"{size:,} chunks: promote setup, then COPY")
        place.setup()
        begun = time.perf_counter()
        load(place, size, mixture, seed)
        loading = time.perf_counter() - begun
        _say(f"{size:,} chunks: loaded in {loading:.0f} s; exact search")
        count = queries if size <= BIG else max(20, queries * 3 // 5)
        vectors = [_text(vector) for vector in Generator(mixture, seed, "queries").batch(count)]
        exact = search(place, vectors, ["set enable_indexscan = off"])
        yield record("exact", size, exact, exact, "sequential scan", 0.0, "index scans switched off")
        _say(f"{size:,} chunks: the index as migrated")
        yield measured(place, "shipped", size, vectors, exact, loading, "built by the migration, before the rows")
        _say(f"{size:,} chunks: promote index --apply")
        begun = time.perf_counter()
        said = rebuild(place, RECALL)
        yield measured(place, "applied", size, vectors, exact, time.perf_counter() - begun, said)
        _say(f"{size:,} chunks: HNSW")
        begun = time.perf_counter()
        hnsw(place, size, mixture.dimensions)
        built = time.perf_counter() - begun
        note = f"m = 16, ef_construction = {EF_CONSTRUCTION}, hnsw.ef_search = {EF_SEARCH}"
        settings = ["select '[1]'::vector", f"set hnsw.ef_search = {EF_SEARCH}"]  # pgvector has to be there to be set
        if not chosen(place, vectors[0], settings):
            settings.append(FORCED)
            note += ", forced: the planner would read the table whole"
        yield measured(place, "hnsw", size, vectors, exact, built, note, settings)


def load(place: Target, size: int, mixture: Mixture, seed: int) -> None:
    """Fill the migrated tables with one book of ``size`` chunks; statistics are up to date afterwards."""
    book, config = uuid.UUID(int=1 << 124), uuid.UUID(int=2 << 124)
    generator = Generator(mixture, seed, "rows")
    with place.connect() as connection:
        connection.execute(
            "insert into embedding_configs values (%s, 'mixture', '1', %s, true, now())", [config, mixture.dimensions]
        )
        connection.execute(
            "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
            " values (%s, 'Searches', 'benchmarks.search', 'completed', now(), now())",
            [book],
        )
        with connection.cursor().copy(COPY.encode()) as sink:
            sink.write(copy_head())
            for first in range(1, size + 1, BATCH):
                vectors = generator.batch(min(BATCH, size + 1 - first))
                sink.write(b"".join(chunk_rows(vectors, first, book, config)))
                if (first - 1) % (BATCH * 10) == 0 and first > 1:
                    _say(f"  {first - 1:,} rows")
            sink.write(copy_tail())
        connection.execute("vacuum analyze chunks")
        connection.execute("checkpoint")


def search(place: Target, vectors: Sequence[str], settings: Sequence[str] = ()) -> Answers:
    """Search with every vector in a new session, which has the database's settings; a few searches warm it up."""
    import psycopg

    ids, seconds = [], []
    with place.connect() as connection, psycopg.RawCursor(connection) as cursor:
        for setting in settings:
            connection.execute(setting.encode())
        for number, vector in enumerate([*vectors[:WARM_UP], *vectors]):
            begun = time.perf_counter()
            cursor.execute(SEARCH, [vector], binary=True, prepare=False)
            found = cursor.fetchall()
            if number >= min(WARM_UP, len(vectors)):
                seconds.append(time.perf_counter() - begun)
                ids.append(tuple(row[0] for row in found))
    return Answers(tuple(ids), tuple(seconds))


def measured(
    place: Target,
    name: str,
    size: int,
    vectors: Sequence[str],
    exact: Answers,
    built: float,
    note: str,
    settings: Sequence[str] = (),
) -> Record:
    """What the searches of an application meet: the planner decides, and the database's settings hold."""
    used = INDEX if chosen(place, vectors[0], settings) else "sequential scan"
    return record(name, size, search(place, vectors, settings), exact, used, built, note)


def record(name: str, size: int, found: Answers, exact: Answers, used: str, built: float, note: str) -> Record:
    """The figures of one contender."""
    hits = sum(len(set(mine) & set(true)) for mine, true in zip(found.ids, exact.ids, strict=True))
    recall = hits / sum(len(true) for true in exact.ids)
    times = sorted(1000 * second for second in found.seconds)
    p50, p95 = (round(times[max(0, -(-len(times) * share // 100) - 1)], 3) for share in (50, 95))
    return Record(name, size, len(times), p50, p95, round(recall, 4), used, round(built, 1), note)


def report(records: Sequence[Record], mixture: Mixture, facts: dict[str, str]) -> str:
    """Everything as text."""
    head = ["", "p50 ms", "p95 ms", "recall@10", "times exact", "made in s", "plan"]
    exact = {each.size: each.p95_ms for each in records if each.contender == "exact"}
    parts = [", ".join(f"{name} {value}" for name, value in facts.items()), mixture.said]
    for size in sorted(exact):
        rows = [
            [
                f"{size:,} chunks, {TITLES[each.contender]}",
                f"{each.p50_ms:,.1f}",
                f"{each.p95_ms:,.1f}",
                f"{each.recall:.3f}",
                f"{exact[size] / each.p95_ms:.1f}",
                f"{each.built:.1f}",
                "index" if each.used.startswith("idx") else "table read whole",
            ]
            for each in records
            if each.size == size
        ]
        notes = [f"{TITLES[each.contender]}: {each.note}" for each in records if each.size == size]
        parts.append("\n".join([table(head, rows), *notes]))
    return "\n\n".join([*parts, goals(_points(records))]).rstrip()


def _points(records: Sequence[Record]) -> list[Point]:
    return [Point(each.contender, each.size, each.p95_ms, each.recall) for each in records]


def _text(vector: Any) -> str:
    return "[" + ",".join(f"{component:.8g}" for component in vector.tolist()) + "]"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Read the command line, measure, print, keep the figures and draw them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000], help="in chunks")
    parser.add_argument("--queries", type=int, default=100, help=f"vectors to search with; 3/5 of it above {BIG:,}")
    parser.add_argument("--env", default="test-prod", help="an environment of the embedded server")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where the server is put")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="where search.json is put")
    parser.add_argument("--plot", type=Path, default=PLOT, help="the picture in the documentation")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    a.data.mkdir(parents=True, exist_ok=True)
    a.out.mkdir(parents=True, exist_ok=True)
    mixture = mixture_for(_dimensions())
    records: list[Record] = []
    begun = time.perf_counter()
    try:
        with target(a.data.resolve() / "search", a.env) as place:
            for each in bench(sorted(a.sizes), place, mixture, a.seed, a.queries):
                records.append(each)
                _say(f"  {TITLES[each.contender]}: p95 {each.p95_ms:.1f} ms, recall@10 {each.recall:.3f}")
            facts = {**machine(), **place.facts()}
    except CommandError as failure:
        raise SystemExit(f"benchmark stopped: {failure}") from failure
    print(report(records, mixture, facts))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    document = {"format": 1, "when": when, "seconds": round(time.perf_counter() - begun), "machine": facts}
    document |= {"seed": a.seed, "mixture": asdict(mixture), "samples": [asdict(each) for each in records]}
    (a.out / "search.json").write_text(json.dumps(document, indent=1) + "\n")
    note = f"{facts.get('cores', '?')} cores, PostgreSQL {facts['postgresql']}, pgvector {facts['pgvector']}"
    note += f", {mixture.dimensions:,} dimensions"
    a.plot.write_text(plot(_points(records), TITLES, note))


def _dimensions() -> int:
    """The length of the project's vectors."""
    from minerva_promote.config.load_project import load_project

    return int(load_project(ROOT).variables["embedding_dimensions"])


if __name__ == "__main__":
    main()
