"""What the ledger costs: the same run with and without its parts, in time and in bytes.

python -m benchmarks.ledger                     10,000 chunks, seven times each
python -m benchmarks.ledger --chunks 1000 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.export import Request, write
from benchmarks.machine import machine
from benchmarks.target import Target, target
from minerva_promote.config.load_environment import read_environment
from minerva_promote.results import StepResult

HERE = Path(__file__).parent
BYTES = """
select coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'promote' and c.relkind = 'r'
"""
ROWS = "select coalesce(sum(rows), 0)::bigint from promote.run_rows"
# What is left out of a run without a ledger: hashing rows, writing them and the events, looking for open runs.
PARTS = (
    "minerva_promote.load.load_result.Inserted.add",
    "minerva_promote.promotion.run_recorder.record_abandoned",
    "minerva_promote.promotion.run_recorder.started",
    "minerva_promote.promotion.run_recorder.committed",
    "minerva_promote.promotion.run_recorder.finished",
)


class Nobody:
    """Watches nothing."""

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """Not told."""

    def step(self, step: StepResult) -> None:
        """Not told."""

    def progress(self, doing: str, done: int, total: int) -> None:
        """Not told."""


@contextmanager
def parts(on: bool) -> Iterator[None]:
    """The ledger's parts of a run, or none of them."""
    with ExitStack() as stack:
        for part in () if on else PARTS:
            stack.enter_context(mock.patch(part, return_value=None))
        yield


def one(place: Target, file: Path, on: bool) -> dict[str, Any]:
    """One run into an empty database: seconds, and what the ledger has grown by."""
    from minerva_promote.config.load_project import load_project
    from minerva_promote.promotion.request import new_request
    from minerva_promote.promotion.run import promote

    place.setup()
    project = load_project(place.root)
    environment = read_environment(project, place.environment)
    plan = new_request(environment.name, file, repair=False, dry_run=False)
    before = _numbers(place)
    begun, worked = time.perf_counter(), time.process_time()
    with parts(on):
        result = promote(project, environment, plan, Nobody())
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    if not result.changed:
        why = [f"{step.name}: {step.detail}" for step in result.steps if step.outcome.closes_gate]
        raise SystemExit(f"benchmark stopped: {result.verdict}: {'; '.join(why)}")
    after = _numbers(place)
    return {
        "ledger": on,
        "seconds": round(seconds, 4),
        "cpu": round(work, 4),
        "bytes": after[0] - before[0],
        "rows": after[1] - before[1],
    }


def _numbers(place: Target) -> tuple[int, int]:
    with place.connect() as connection:
        (size,) = connection.execute(BYTES).fetchone() or (0,)
        (rows,) = connection.execute(ROWS).fetchone() or (0,)
    return int(size), int(rows)


def report(samples: list[dict[str, Any]]) -> str:
    """Medians, their ratio, and bytes for 10,000 rows."""
    with_, without = ([each["seconds"] for each in samples if each["ledger"] is on] for on in (True, False))
    slow, quick = statistics.median(with_), statistics.median(without)
    pairs = [one / other for one, other in zip(with_, without, strict=True)]
    cpu = {on: statistics.median(each["cpu"] for each in samples if each["ledger"] is on) for on in (True, False)}
    each = next(sample for sample in samples if sample["ledger"])
    cost, paired = ((value - 1) * 100 for value in (slow / quick, statistics.median(pairs)))
    return "\n".join(
        (
            f"with the ledger     {slow:.3f} s   ({min(with_):.3f} to {max(with_):.3f})",
            f"without             {quick:.3f} s   ({min(without):.3f} to {max(without):.3f})",
            f"costs               {cost:+.1f} %   (in pairs: {paired:+.1f} %)",
            f"of the client's CPU  {cpu[True]:.3f} s with, {cpu[False]:.3f} s without: {cpu[True] - cpu[False]:+.3f} s",
            f"the ledger grows by {each['bytes']:,} bytes for {each['rows']:,} rows:"
            f" {each['bytes'] / each['rows'] * 10_000:,.0f} bytes for 10,000",
        )
    )


def main() -> None:
    """Read the command line, measure in turns, print, and keep the figures."""
    from minerva_promote.cli.main import _tune

    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--env", default="test-prod", help="an environment of the embedded server")
    parser.add_argument("--data", type=Path, default=HERE / "data")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "ledger.json")
    a = parser.parse_args()
    _tune()
    data = a.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    file = data / f"{a.chunks}.sql"
    write(Request(a.chunks), file)
    samples: list[dict[str, Any]] = []
    with target(data / "work-ledger", a.env) as place:
        one(place, file, True)  # compiled, cached
        for turn in range(a.repeats):
            for on in (True, False) if turn % 2 else (False, True):
                print(f"round {turn + 1}: {'with' if on else 'without'} ...", file=sys.stderr, flush=True)
                samples.append(one(place, file, on))
        facts = {**machine(), **place.facts()}
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(report(samples))
    document = {"format": 1, "when": datetime.now(UTC).isoformat(timespec="seconds"), "chunks": a.chunks}
    a.out.write_text(json.dumps({**document, "machine": facts, "samples": samples}, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
