"""The verdict on one vector index, from what it is and what was measured; sends no query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from minerva_promote.index_health.measure import QUERIES, Measured, SettingTrial
from minerva_promote.search.vector_indexes import VectorIndex

GROWN = 2.0  # times as many rows as at build: the lists were made for others
MOST_PAGES = 0.5  # share of the pages: a search that touches more of an index with lists might as well read the table
LISTS_FACTOR = 4.0  # times more or fewer lists than usual that are tolerated
LEAST_ROWS = 10  # in a list, on average, of a table with finer lists than usual
LEAST_LISTS, MOST_LISTS = 10, 32_768
STAYS = 0.5  # share of the speed-up asked for at which an index stays as it is: no two measurements are the same
SMALL = 0.1  # share of the latency allowed within which exact search of a table needs no index at all


class Verdict(StrEnum):
    """The state of an index, as reports and JSON name it."""

    HEALTHY = "healthy"
    BUILT_EMPTY = "built empty"
    STALE = "stale"
    WRONG_LISTS = "wrong lists"
    WRONG_SETTING = "wrong setting"  # the index is good; sessions search with too low a setting
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


class Reason(Enum):
    """Why an index has its verdict; numbers are in the index and in what was measured."""

    BUILDING = auto()  # another session builds it
    BUILD_FAILED = auto()  # its build failed or was interrupted
    INVALID_LEFTOVER = auto()  # an interrupted build left it, incomplete
    COMPLETE_LEFTOVER = auto()  # an interrupted build left it, complete
    NOT_MEASURED = auto()  # it could not be measured
    NO_VECTORS = auto()  # no row has a vector
    OTHER_OPERATOR = auto()  # the declared searches use another operator
    OTHER_INDEX = auto()  # the planner prefers another index
    TABLE_READ = auto()  # the planner reads the table
    TABLE_READ_SLOWLY = auto()  # the planner reads the table, and takes longer than wanted
    FEWER_ROWS_THAN_LISTS = auto()  # it was built over fewer rows than it has lists
    RECALL_UNKNOWN = auto()  # exact search was not finished
    ON_TARGET = auto()  # it reaches the targets
    ONE_LIST = auto()  # nearly all rows are in one list
    GROWN = auto()  # there are far more rows than at build
    UNUSUAL_LISTS = auto()  # it has far more or far fewer lists than usual
    BETTER_SETTING = auto()  # another setting reaches the targets
    NOT_ALL_TRIED = auto()  # there was no time for every setting
    FEW_SEARCHES = auto()  # fewer searches were measured than wanted
    NO_SETTING = auto()  # no setting reaches the targets
    NO_SETTING_ALIKE = auto()  # no setting reaches the targets, and the vectors are alike


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
        """The same with the lower end of recall's 95 % interval, so that the next measurement agrees."""
        return self.met(trial) and trial.recall is not None and trial.recall.low >= self.recall

    def worthwhile(self, trial: SettingTrial, measured: Measured, share: float = 1.0) -> bool:
        """Whether an index saves what it should (or a share of that), where exact search is too slow."""
        in_time = not measured.exact_p95 > self.latency  # true where exact search is unknown, too
        return in_time or trial.p50 * self.speedup * share <= measured.exact_p50


@dataclass(frozen=True, slots=True)
class Search:
    """A search that the project declares, and the operator by which it orders the index's column."""

    name: str  # of the check or search
    operator: str


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict and why."""

    verdict: Verdict
    reason: Reason
    setting: int | None = None  # the one that reaches the targets, where that is what helps
    searches: tuple[Search, ...] = ()  # of OTHER_OPERATOR: the declared ones


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


def assess(index: VectorIndex, measured: Measured, targets: Targets, declared: Sequence[Search] = ()) -> Health:
    """The verdict: first what no measurement is needed for, then by measurement; the rules of thumb only say why."""
    rows, built, now = measured.counted.rows, measured.counted.built, measured.now
    if broken := _broken_build(index):
        return Health(Verdict.INVALID, broken)
    if not measured.statements:
        return Health(Verdict.UNKNOWN, Reason.NOT_MEASURED)
    if not rows:
        return Health(Verdict.EMPTY, Reason.NO_VECTORS)
    if declared and all(search.operator != index.operator for search in declared):
        return Health(Verdict.UNUSED, Reason.OTHER_OPERATOR, searches=tuple(declared))
    if now is None:
        return Health(Verdict.UNKNOWN, Reason.NOT_MEASURED)
    if not now.uses and measured.exact_p95 <= targets.latency:
        # An index that would be used with another setting is worth that, though exact search suffices.
        setting = None if measured.exact_p95 <= SMALL * targets.latency else best_setting(measured, targets)
        slow = measured.exact_p95 > targets.exact_enough
        return Health(Verdict.EXACT, Reason.TABLE_READ_SLOWLY if slow else Reason.TABLE_READ, setting)
    if index.lists and built is not None and built < min(index.lists, rows):
        return Health(Verdict.BUILT_EMPTY, Reason.FEWER_ROWS_THAN_LISTS)
    if not now.uses:
        return Health(Verdict.UNUSED, Reason.TABLE_READ, best_setting(measured, targets))
    if now.uses != index.name:
        return Health(Verdict.UNUSED, Reason.OTHER_INDEX)
    if now.recall is None:
        return Health(Verdict.UNKNOWN, Reason.RECALL_UNKNOWN)
    return _assess_used(index, measured, now, targets)


def _broken_build(index: VectorIndex) -> Reason | None:
    """Why no search uses an index, or why it is not yet in its place; None for one that was built to the end."""
    if index.building:
        return Reason.BUILDING
    if not index.valid:
        return Reason.INVALID_LEFTOVER if index.leftover else Reason.BUILD_FAILED
    return Reason.COMPLETE_LEFTOVER if index.leftover else None


def _assess_used(index: VectorIndex, measured: Measured, now: SettingTrial, targets: Targets) -> Health:
    """The verdict on an index that searches do use."""
    rows, built = measured.counted.rows, measured.counted.built
    whole = index.lists > 1 and now.share > MOST_PAGES and now.setting <= index.lists * MOST_PAGES
    good = targets.met(now) and targets.worthwhile(now, measured, STAYS)
    if good and not (whole and now.p50 > measured.exact_p50 / 2):
        return Health(Verdict.HEALTHY, Reason.ON_TARGET)
    if whole and not _is_fresh_build(index, measured):
        return Health(Verdict.STALE, Reason.ONE_LIST)
    if index.lists and built and rows >= GROWN * built:
        return Health(Verdict.STALE, Reason.GROWN)
    if index.lists * LEAST_ROWS > rows and lists_off(index, rows):
        return Health(Verdict.WRONG_LISTS, Reason.UNUSUAL_LISTS)
    better = best_setting(measured, targets)
    if better is not None and better != now.setting:
        return Health(Verdict.WRONG_SETTING, Reason.BETTER_SETTING, setting=better)
    if measured.left_out:  # what was not tried may be what helps
        return Health(Verdict.UNKNOWN, Reason.NOT_ALL_TRIED)
    if _too_few_searches(measured, targets):
        return Health(Verdict.UNKNOWN, Reason.FEW_SEARCHES)
    if lists_off(index, rows):
        return Health(Verdict.WRONG_LISTS, Reason.UNUSUAL_LISTS)
    return Health(Verdict.MISSES, Reason.NO_SETTING_ALIKE if whole else Reason.NO_SETTING)


def _is_fresh_build(index: VectorIndex, measured: Measured) -> bool:
    """Whether promote built it over these rows with as many lists as usual: doing it again changes nothing."""
    built = measured.counted.built if measured.counted.recorded else None
    return built is not None and measured.counted.rows < GROWN * built and not lists_off(index, measured.counted.rows)


def _too_few_searches(measured: Measured, targets: Targets) -> bool:
    """Whether a setting may well reach the targets, which fewer searches than wanted cannot tell."""
    return measured.queries < QUERIES and any(
        trial.chosen and trial.recall and trial.recall.high >= targets.recall and trial.p95 <= targets.latency
        for trial in measured.trials
    )


def best_setting(measured: Measured, targets: Targets) -> int | None:
    """The least setting that surely reaches the targets, or the one that finds most of those that just do.

    The planner has to take the index with it: where it would read the table whole, that has to cost next to nothing.
    """
    small = measured.exact_p95 <= SMALL * targets.latency
    good = [
        trial
        for trial in measured.trials
        if (trial.chosen or small) and targets.met(trial) and targets.worthwhile(trial, measured)
    ]
    surely = [trial.setting for trial in good if targets.surely_met(trial)]
    if surely:
        return min(surely)
    return max(good, key=lambda trial: trial.recall.mean if trial.recall else 0.0).setting if good else None
