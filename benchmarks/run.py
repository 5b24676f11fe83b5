"""Measures `promote run` against psql and binary COPY, and `promote validate` against the full parser, in one run.

python -m benchmarks.run                    2,500, 5,000 and 10,000 chunks, three times each
python -m benchmarks.run --sizes 100000     2.4 GB, once; the full parser is left out
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.export import Request, write
from benchmarks.machine import machine
from benchmarks.measure import CommandError, measure
from benchmarks.summary import Record, Steps, goals, linearity, sizes_table, steps_table
from benchmarks.target import Target, target

HERE = Path(__file__).parent
BIG = 20_000  # chunks from which on a contender runs once, and the parser, whose tree takes 10 times the file, does not


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    sizes: tuple[int, ...]
    repeats: int
    names: tuple[str, ...]  # of contenders
    environment: str
    data: Path  # export files, and the server while it is needed
    seed: int


def bench(options: Options, target: Target) -> Iterator[tuple[Record, Steps]]:
    """All measurements, size by size; contenders take turns, and another one begins each round."""
    for size in options.sizes:
        file = options.data / f"{size}.sql"
        megabytes = round(write(Request(size, seed=options.seed), file) / 1e6, 1)
        contenders = [entry for entry in CONTENDERS if entry.name in options.names]
        contenders = [entry for entry in contenders if size <= BIG or not entry.name.startswith("parse")]
        rows, digest = options.data / "work" / "rows", ""
        if any(entry.writes for entry in contenders):
            digest = _prepare(target, file, rows)
        for turn in range(options.repeats if size <= BIG else 1):
            first = turn % len(contenders)
            for entry in contenders[first:] + contenders[:first]:
                _say(f"{size:,} chunks, round {turn + 1}: {entry.title} ...")
                yield _one(entry, target, file, rows, digest, Record(size, megabytes, entry.name, turn))


def _prepare(target: Target, file: Path, rows: Path) -> str:
    """Promote the file once, keep its rows for COPY, and say what the database must hold after every contender."""
    _say(f"preparing {file.name}")
    target.setup()
    run = next(entry for entry in CONTENDERS if entry.name == "run")
    measure(run.command(target, file, rows), target.root, target.environ)
    target.dump(rows)
    return target.digest()


def _one(entry: Contender, target: Target, file: Path, rows: Path, digest: str, empty: Record) -> tuple[Record, Steps]:
    if entry.writes:
        target.setup()
    sample = measure(entry.command(target, file, rows), target.root, target.environ)
    if entry.writes and target.digest() != digest:
        raise CommandError(f"{entry.title} stored other rows than promote run")
    seconds = float(json.loads(sample.output)["seconds"]) if entry.inside else sample.seconds
    record = replace(empty, seconds=round(seconds, 4), peak_mb=sample.peak_mb and round(sample.peak_mb, 1))
    return record, _steps(sample.output) if entry.name == "run" else {}


def _steps(output: str) -> Steps:
    """Seconds of every step of a run's JSON report, by kind and name."""
    seconds: Steps = {}
    for step in json.loads(output).get("steps", []):
        kind = step.get("step", "")
        name = kind if kind == "validate" else f"{kind} {step.get('name', '')}".strip()  # of validate it is a path
        seconds[name] = round(seconds.get(name, 0.0) + float(step.get("seconds", 0.0)), 4)
    return seconds


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(records: Sequence[Record], steps: Sequence[tuple[Record, Steps]], facts: dict[str, str]) -> str:
    """Everything as text."""
    parts = [", ".join(f"{name} {value}" for name, value in facts.items())]
    parts += [sizes_table(records), linearity(records), steps_table(steps), goals(records)]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Read the command line, measure, print, and keep the figures."""
    options, out = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    results: list[tuple[Record, Steps]] = []
    try:
        with target(options.data / "work", options.environment) as place:
            results.extend(bench(options, place))
            facts = {**machine(), **place.facts()}
    except CommandError as failure:
        raise SystemExit(f"benchmark stopped: {failure}") from failure
    records = [record for record, _ in results]
    print(report(records, [(record, steps) for record, steps in results if steps], facts))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    document: dict[str, Any] = {"format": 1, "when": when, "machine": facts, "seed": options.seed}
    document["samples"] = [{**asdict(record), **({"steps": steps} if steps else {})} for record, steps in results]
    out = out or HERE / "results" / f"{when[:10]}-{'-'.join(map(str, options.sizes))}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1, default=str) + "\n")


def _options() -> tuple[Options, Path | None]:
    names = tuple(entry.name for entry in CONTENDERS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_500, 5_000, 10_000], help="in chunks")
    parser.add_argument("--repeats", type=int, default=3, help=f"up to {BIG:,} chunks; the median counts")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--env", default="test-prod", help="an environment of the embedded server")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where the files and the server are put")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="of the figures; default: benchmarks/results/DATE-SIZES.json")
    a = parser.parse_args()
    return Options(tuple(a.sizes), a.repeats, tuple(a.only), a.env, a.data.resolve(), a.seed), a.out


if __name__ == "__main__":
    main()
