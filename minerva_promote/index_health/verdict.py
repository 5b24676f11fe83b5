"""The verdict on one vector index, from what it is and what was measured. Asks no database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from minerva_promote.index_health.measure import QUERIES, K, Measured, SettingTrial
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.text_format import counted

GROWN = 2.0  # times as many rows as at build: the lists were made for others
MOST_PAGES = 0.5  # share of the pages: a search that touches more of an index with lists might as well read the table
LISTS_FACTOR = 4.0  # times more or fewer lists than usual that are tolerated
LEAST_ROWS = 10  # in a list, on average, of a table with finer lists than usual
LEAST_LISTS, MOST_LISTS = 10, 32_768
STAYS = 0.5  # share of the speed-up asked for at which an index stays as it is: no two measurements are the same
SMALL = 0.1  # share of the latency allowed within which exact search of a table needs no index at all


class Verdict(StrEnum):
    """What is to be said of an index."""

    HEALTHY = "healthy"
    BUILT_EMPTY = "built empty"
    STALE = "stale"
    WRONG_LISTS = "wrong lists"
    WRONG_SETTING = "wrong setting"  # the index is good; sessions ask too little of it
    MISSES = "misses its targets"  # at every setting
    UNUSED = "unused"
    INVALID = "invalid"
    EMPTY = "empty"  # no row has a vector: nothing can be measured
    EXACT = "exact search suffices"  # the planner reads the table whole, in time
    UNKNOWN = "not measured"

    @property
    def good(self) -> bool:
        """Nothing has to be done."""
        return self in (Verdict.HEALTHY, Verdict.EXACT)


@dataclass(frozen=True, slots=True)
class Targets:
    """What a search has to reach."""

    recall: float = 0.95  # @10
    latency: float = 200.0  # milliseconds, p95
    speedup: float = 20.0  # times faster than exact search at the median, where that is too slow
    wanted: float | None = None  # milliseconds, p95: what a search should take; None: the latency allowed

    @property
    def exact_enough(self) -> float:
        """The p95 up to which reading a table whole needs no other index."""
        return self.latency if self.wanted is None else min(self.wanted, self.latency)

    def met(self, trial: SettingTrial) -> bool:
        """Whether a trial reaches both."""
        return trial.p95 <= self.latency and trial.recall is not None and trial.recall.mean >= self.recall

    def surely_met(self, trial: SettingTrial) -> bool:
        """The same with the lower end of recall's 95 % interval, so that the next look does not see it otherwise."""
        return self.met(trial) and trial.recall is not None and trial.recall.low >= self.recall

    def worthwhile(self, trial: SettingTrial, seen: Measured, share: float = 1.0) -> bool:
        """Whether an index saves what it should (or a share of that), where exact search is too slow."""
        in_time = not seen.exact_p95 > self.latency  # true where exact search is unknown, too
        return in_time or trial.p50 * self.speedup * share <= seen.exact_p50


@dataclass(frozen=True, slots=True)
class Search:
    """A search that the project declares, and the operator by which it orders the index's column."""

    name: str  # of the check or search
    operator: str


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict and why."""

    verdict: Verdict
    why: str
    setting: int | None = None  # the one that reaches the targets, where that is what helps
    cause: str = ""  # of an index that is not used, and should be: "operator", "another index", "planner"


def default_lists(rows: int) -> int:
    """pgvector's advice: a thousandth of the rows up to a million, their root beyond; at least ten."""
    return max(LEAST_LISTS, round(rows / 1000) if rows <= 1_000_000 else round(math.sqrt(rows)))


def finer_lists(rows: int) -> int:
    """So many that comparing with their centres costs about as much as with the rows of the some 30 lists to search.

    30 are what embeddings with clusters take for a recall@10 of 0.95, however many lists there are
    (benchmarks/search.py).
    """
    return min(MOST_LISTS, round(math.sqrt(30 * rows)))


def lists_off(index: VectorIndex, rows: int) -> bool:
    """Whether there are far more or far fewer lists than usual for these rows, and not the finer ones either."""
    usual, finer = default_lists(rows), finer_lists(rows)
    as_usual = usual / LISTS_FACTOR <= index.lists <= usual * LISTS_FACTOR
    as_finer = finer / math.sqrt(2) <= index.lists <= finer * 2 and rows >= LEAST_ROWS * index.lists
    return bool(index.lists) and not as_usual and not as_finer


def assess(index: VectorIndex, seen: Measured, targets: Targets, declared: Sequence[Search] = ()) -> Health:
    """The verdict: first what no measurement is needed for, then by measurement; the rules of thumb only say why."""
    rows, built = seen.counted.rows, seen.counted.built
    if index.building:
        return Health(Verdict.INVALID, "being built by another session: no search uses it yet")
    if not index.valid:
        what = "left behind by an interrupted build" if index.leftover else "its build failed or was interrupted"
        return Health(Verdict.INVALID, f"{what}: no search uses it, every insert pays for it")
    if index.leftover:
        return Health(Verdict.INVALID, "left behind by an interrupted build: complete, and not yet in its place")
    if not seen.statements:
        return Health(Verdict.UNKNOWN, seen.left_out)
    if not rows:
        return Health(Verdict.EMPTY, "no row has a vector: nothing to measure")
    others = sorted({search.operator for search in declared})
    if declared and index.operator not in others:
        names = ", ".join(search.name for search in declared)
        why = f"{index.opclass} answers {index.operator}, the searches use {' and '.join(others)} ({names})"
        return Health(Verdict.UNUSED, why, cause="operator")
    now = seen.now
    if now is None:
        return Health(Verdict.UNKNOWN, seen.left_out or "nothing was measured")
    chosen, exact_in_time = now.uses == index.name, seen.exact_p95 <= targets.latency
    evidence = describe_evidence(now, seen, targets)
    if not chosen and not now.uses and exact_in_time:
        # An index that would be used with another setting is worth that, though exact search suffices.
        setting = None if seen.exact_p95 <= SMALL * targets.latency else best_setting(seen, targets)
        slow = seen.exact_p95 > targets.exact_enough
        why = f"the planner reads {_all(rows)}: {describe_exact_search(seen)}"
        if slow:
            why += f", should be <= {targets.exact_enough:g}"
        return Health(Verdict.EXACT, why, setting, cause="planner" if slow else "")
    if index.lists and built is not None and built < min(index.lists, rows):
        there = f"{built:,} rows when it was built, {rows:,} now: its {index.lists} lists are random"
        return Health(Verdict.BUILT_EMPTY, f"{there}; {evidence}")
    if not chosen and now.uses:
        return Health(Verdict.UNUSED, f"the planner prefers {now.uses}", cause="another index")
    if not chosen:
        why = f"the planner reads {_all(rows)} instead: {describe_exact_search(seen)}"
        return Health(Verdict.UNUSED, why, best_setting(seen, targets), cause="planner")
    if now.recall is None:
        return Health(Verdict.UNKNOWN, f"recall is unknown: {seen.left_out}")
    return _measured(index, seen, targets, evidence)


def _measured(index: VectorIndex, seen: Measured, targets: Targets, evidence: str) -> Health:
    """The verdict on an index that searches do use."""
    now, rows, built = seen.now, seen.counted.rows, seen.counted.built
    assert now is not None
    whole = index.lists > 1 and now.share > MOST_PAGES and now.setting <= index.lists * MOST_PAGES
    good = targets.met(now) and targets.worthwhile(now, seen, STAYS)
    if good and not (whole and now.p50 > seen.exact_p50 / 2):
        return Health(Verdict.HEALTHY, evidence)
    heap = f"nearly all rows are in one of its {index.lists} lists"
    if whole and not _is_fresh_build(index, seen):
        return Health(Verdict.STALE, f"{heap}; {evidence}")
    if index.lists and built and rows >= GROWN * built:
        return Health(Verdict.STALE, f"{built:,} rows when it was built, {rows:,} now; {evidence}")
    if index.lists * LEAST_ROWS > rows and lists_off(index, rows):
        return _wrong_lists(index, rows, evidence)
    better = best_setting(seen, targets)
    if better is not None and better != now.setting:
        return Health(Verdict.WRONG_SETTING, evidence, setting=better)
    if doubt := seen.left_out or _too_few(seen, targets):  # what was not tried may be what helps
        return Health(Verdict.UNKNOWN, f"{doubt}; {evidence}")
    if lists_off(index, rows):
        return _wrong_lists(index, rows, evidence)
    alike = f"; {heap}, and were when it was built: their vectors are alike" if whole else ""
    return Health(Verdict.MISSES, f"at every setting that was tried{alike}; {evidence}")


def _is_fresh_build(index: VectorIndex, seen: Measured) -> bool:
    """Whether promote built it over these rows with as many lists as usual: doing it again changes nothing."""
    built = seen.counted.built if seen.counted.recorded else None
    return built is not None and seen.counted.rows < GROWN * built and not lists_off(index, seen.counted.rows)


def _wrong_lists(index: VectorIndex, rows: int, evidence: str) -> Health:
    usual = default_lists(rows)
    return Health(Verdict.WRONG_LISTS, f"{index.lists} lists for {rows:,} rows, usual are {usual}; {evidence}")


def _too_few(seen: Measured, targets: Targets) -> str:
    """That a setting may well reach the targets, which fewer searches than wanted do not tell."""
    open_ = [
        trial
        for trial in seen.trials
        if trial.chosen and trial.recall and trial.recall.high >= targets.recall and trial.p95 <= targets.latency
    ]
    if seen.queries >= QUERIES or not open_:
        return ""
    return f"{counted(seen.queries, 'searches')} are too few to tell: there was no time for {QUERIES} by exact search"


def best_setting(seen: Measured, targets: Targets) -> int | None:
    """The least setting that surely reaches the targets, or the one that finds most of those that just do.

    The planner has to take the index with it: where it would read the table whole, that has to cost next to nothing.
    """
    small = seen.exact_p95 <= SMALL * targets.latency
    good = [
        trial
        for trial in seen.trials
        if (trial.chosen or small) and targets.met(trial) and targets.worthwhile(trial, seen)
    ]
    surely = [trial.setting for trial in good if targets.surely_met(trial)]
    if surely:
        return min(surely)
    return max(good, key=lambda trial: trial.recall.mean if trial.recall else 0.0).setting if good else None


def describe_evidence(trial: SettingTrial, seen: Measured, targets: Targets) -> str:
    """The evidence in a few words: "recall@10 0.44, must be >= 0.95, p95 2.1 ms at ivfflat.probes = 1"."""
    recall = trial.recall
    parts = []
    if recall is not None:
        must = "" if recall.mean >= targets.recall else f" (must be >= {targets.recall:g})"
        parts.append(f"recall@{K} {recall.mean:.3f}{must}")
    must = "" if trial.p95 <= targets.latency else f" (must be <= {targets.latency:g})"
    parts.append(f"p95 {trial.p95:.1f} ms{must}")
    if not targets.worthwhile(trial, seen, STAYS):
        parts.append(f"{seen.exact_p50 / trial.p50:.1f} times faster than exact search (should be {targets.speedup:g})")
    return f"{', '.join(parts)} at {seen.setting} = {trial.setting}"


def _all(rows: int) -> str:
    return "the only row" if rows == 1 else f"all {rows:,} rows"


def describe_exact_search(seen: Measured) -> str:
    """How long exact search takes."""
    return f"exact search takes {seen.exact_p50:.1f} ms, p95 {seen.exact_p95:.1f} ms"
