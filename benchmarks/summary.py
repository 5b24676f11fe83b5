"""Records to tables: medians, ratios, growth, and the goals they are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.contenders import CONTENDERS
from benchmarks.table import table

Steps = dict[str, float]  # "import chunks" -> seconds
MEMORY_MB = 300  # of our own, at any size
TIMES_PSQL = 3.0
TIMES_PARSER = 3.0
RIVALS = (("run", "psql", TIMES_PSQL), ("validate", "parse", TIMES_PARSER), ("validate-in", "parse-in", TIMES_PARSER))
LINEAR = 1.25  # how much longer a chunk may take in the largest file than in the smallest
AGAINST = {"psql": "run", "copy": "run", "parse": "validate", "parse-in": "validate-in"}
SHARE = 0.005  # of a run: shorter steps are added up


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement."""

    size: int  # chunks
    megabytes: float
    contender: str
    turn: int
    seconds: float = 0.0
    peak_mb: float | None = None


def _of(records: Sequence[Record], size: int, name: str) -> list[Record]:
    return [record for record in records if (record.size, record.contender) == (size, name)]


def _median(records: Sequence[Record], size: int, name: str) -> float | None:
    found = [record.seconds for record in _of(records, size, name)]
    return median(found) if found else None


def _peak(records: Sequence[Record], size: int, name: str) -> float | None:
    return max((record.peak_mb for record in _of(records, size, name) if record.peak_mb), default=None)


def _sizes(records: Sequence[Record]) -> list[int]:
    return sorted({record.size for record in records})


def sizes_table(records: Sequence[Record]) -> str:
    """One block a size, one line a contender."""
    rows = []
    for size in _sizes(records):
        for entry in CONTENDERS:
            found = _of(records, size, entry.name)
            if not found:
                continue
            times = sorted(record.seconds for record in found)
            middle, peak = median(times), _peak(records, size, entry.name)
            rival = _median(records, size, AGAINST.get(entry.name, ""))
            rows.append([
                entry.title,
                f"{size:,}",
                f"{found[0].megabytes:,.0f}",
                f"{middle:.2f}",
                f"{times[0]:.2f}-{times[-1]:.2f}",
                f"{found[0].megabytes / middle:,.0f}",
                f"{size / middle:,.0f}",
                f"{middle / rival:.2f} x {AGAINST[entry.name].removesuffix('-in')}" if rival else "",
                f"{peak:,.0f}" if peak else "",
            ])  # fmt: skip
    return table(["", "chunks", "MB", "seconds", "from-to", "MB/s", "chunks/s", "ratio", "peak MB"], rows)


def linearity(records: Sequence[Record]) -> str:
    """Milliseconds a chunk, by size; nothing with fewer than two sizes."""
    sizes = _sizes(records)
    if len(sizes) < 2:
        return ""
    rows = []
    for entry in CONTENDERS:
        times = [_median(records, size, entry.name) for size in sizes]
        cells = [f"{1000 * time / size:.3f}" if time else "" for size, time in zip(sizes, times, strict=True)]
        if any(cells):
            rows.append([entry.title, *cells])
    return "milliseconds a chunk\n" + table(["", *(f"{size:,}" for size in sizes)], rows)


def steps_table(steps: Sequence[tuple[Record, Steps]]) -> str:
    """Where the median run of the largest file spent its time."""
    if not steps:
        return ""
    largest = max(record.size for record, _ in steps)
    runs = sorted((pair for pair in steps if pair[0].size == largest), key=lambda pair: pair[0].seconds)
    record, seconds = runs[len(runs) // 2]
    shown = {name: value for name, value in seconds.items() if value >= SHARE * record.seconds}
    lines = list(shown.items())
    if short := len(seconds) - len(shown):
        lines.append((f"{short} shorter steps", sum(seconds.values()) - sum(shown.values())))
    lines.append(("start, end and what no step counts", record.seconds - sum(seconds.values())))
    rows = [[name, f"{value:.2f}", f"{100 * value / record.seconds:.1f} %"] for name, value in lines]
    head = f"where promote run of {largest:,} chunks spends its {record.seconds:.2f} s"
    return f"{head}\n" + table(["", "seconds", "share"], rows)


def goals(records: Sequence[Record]) -> str:
    """What must hold, and whether it does."""
    lines = []
    for size in _sizes(records):
        for fast, slow, least in RIVALS:
            ours, theirs = _median(records, size, fast), _median(records, size, slow)
            if ours and theirs:
                fact = f"{size:,} chunks: {fast} is {theirs / ours:.1f} times as fast as {slow}, at least {least:g}"
                lines.append((theirs / ours >= least, fact))
        for name in ("run", "validate"):
            if peak := _peak(records, size, name):
                fact = f"{size:,} chunks: {name} takes {peak:,.0f} MB of memory, at most {MEMORY_MB}"
                lines.append((peak <= MEMORY_MB, fact))
    small, large = min(_sizes(records)), max(_sizes(records))
    for name in ("run", "validate"):
        first, last = _median(records, small, name), _median(records, large, name)
        if first and last and small < large:
            growth = (last / large) / (first / small)
            fact = f"{name}: a chunk of {large:,} takes {growth:.2f} times one of {small:,}, at most {LINEAR:g}"
            lines.append((growth <= LINEAR, fact))
    return "\n".join(f"{'ok    ' if holds else 'MISSED'} {fact}" for holds, fact in lines)
