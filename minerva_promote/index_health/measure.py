"""One vector index, measured: what a search costs and finds now, at other settings, and by exact search.

All of it reads one snapshot, and takes no longer than the timeout that it is given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, QueryTimeoutError, local_settings, read_only, run_query
from minerva_promote.search.query_plan import FORCED, pages_touched, plan_of
from minerva_promote.search.recall import Answer, Recall, query_vectors, recall_of
from minerva_promote.search.search_runner import (
    Budget,
    BudgetExhaustedError,
    Settings,
    exact_results,
    found_with_distance,
    percentile,
)
from minerva_promote.search.vector_indexes import RowCounts, VectorColumn, VectorIndex, count_rows, placeholder_index

K = 10
QUERIES = 30
SETTING = {"ivfflat": "ivfflat.probes", "hnsw": "hnsw.ef_search"}
ENOUGH = 0.9995  # recall after which no further setting is tried
WHOLE = 0.85  # share of the time after which no further setting is tried
_PRESENT = b"""
select '[1]'::vector::text, s.name, s.setting::int, s.source
from pg_catalog.pg_settings s where s.name = $1
"""


@dataclass(frozen=True, slots=True)
class SettingTrial:
    """Searches with one setting."""

    setting: int
    p50: float  # milliseconds
    p95: float
    recall: Recall | None  # None: exact search was not finished
    share: float  # of the index's pages that one search touches; 0 where the index was not used
    uses: str  # the index that the plan scans; empty: none
    chosen: bool = True  # the planner takes that plan by itself; else it was forced to


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one index."""

    counted: RowCounts
    setting: str = ""  # "ivfflat.probes"
    now: SettingTrial | None = None  # as a session of this role searches, the plan its own
    source: str = ""  # of the present setting: "default", "database", "user", "database user", "session"
    trials: tuple[SettingTrial, ...] = ()  # the index used by force
    exact_p50: float = math.nan
    exact_p95: float = math.nan
    queries: int = 0  # query vectors
    statements: int = 0  # that were sent
    seconds: float = 0.0
    left_out: str = ""  # what could not be measured, and why
    out_of_time: bool = False  # a longer timeout would measure it


class MeasurementBudget:
    """Counts the statements of a measurement beside the time."""

    def __init__(self) -> None:
        self.statements = 0
        self.begun = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self.begun


def measure(conn: Connection, index: VectorIndex, timeout: str, *, k: int = K, queries: int = QUERIES) -> Measured:
    """Measure an index: its rows, searches at several settings, and exact search.

    Raises QueryError where not even the rows can be counted, and TargetError.
    """
    cost = MeasurementBudget()
    with read_only(conn, timeout, one_snapshot=True):
        budget = Budget(conn)
        counted = count_rows(conn, index)
        cost.statements += 5
        if not index.valid or not counted.rows or not index.operator:
            return Measured(counted, statements=cost.statements, seconds=cost.seconds)
        try:
            with _savepoint(conn):
                return _measure(conn, index, counted, budget, cost, k, queries)
        except QueryError as error:
            return replace(not_measured(counted, error, timeout), statements=cost.statements, seconds=cost.seconds)


def not_measured(counted: RowCounts, error: QueryError, timeout: str) -> Measured:
    """The measurement that an error ended before it had a result."""
    over = isinstance(error, QueryTimeoutError)
    reason = f"the timeout of {timeout} was over before the first searches were done" if over else error.reason
    return Measured(counted, left_out=reason, out_of_time=_is_out_of_time(error))


def _is_out_of_time(error: QueryError) -> bool:
    return isinstance(error, (QueryTimeoutError, BudgetExhaustedError))


def _measure(
    conn: Connection,
    index: VectorIndex,
    counted: RowCounts,
    budget: Budget,
    cost: MeasurementBudget,
    k: int,
    queries: int,
) -> Measured:
    name = SETTING[index.method]
    budget.limit()
    stored = [str(row[0]) for row in run_query(conn, index.sample(queries)).rows]
    if not stored:
        return Measured(counted, name, statements=cost.statements, seconds=cost.seconds, left_out="no vector to search")
    vectors = query_vectors(stored, index.method, index.base_type)
    _, _, present, source = run_query(conn, _PRESENT, [name]).rows[0]
    now, answers = _search_trial(conn, index, k, vectors, present, Settings(), budget)
    exact, error = _exact(conn, index.search(k), vectors, budget)
    gaps = [] if error is None else [(f"exact search: {error.reason}", _is_out_of_time(error))]
    cost.statements += 6 + len(answers) + len(exact)
    trials: list[SettingTrial] = []
    for setting in candidates(index, present, k):
        if setting == present and now.uses == index.name:
            continue  # measured as it is
        if trials and trials[-1].recall and trials[-1].recall.mean >= ENOUGH:
            break
        if budget.share_used > WHOLE:
            gaps.append((f"no time for {name} = {setting} and more", True))
            break
        try:
            with _savepoint(conn):
                trial, tried_answers = _tried(conn, index, k, vectors[: len(exact) or None], setting, budget)
        except QueryError as error:
            gaps.append((f"{name} = {setting}: {error.reason}", _is_out_of_time(error)))
            break
        cost.statements += 5 + len(tried_answers)
        trials.append(_with_recall(trial, tried_answers, exact, k))
    times = sorted(answer.seconds * 1000 for answer in exact)
    left_out, out_of_time = gaps[0] if gaps else ("", False)
    return Measured(
        counted,
        setting=name,
        now=_with_recall(now, answers, exact, k),
        source=source,
        trials=tuple(trials),
        exact_p50=percentile(times, 0.5),
        exact_p95=percentile(times, 0.95),
        queries=len(exact) or len(vectors),
        statements=cost.statements,
        seconds=cost.seconds,
        left_out=left_out,
        out_of_time=out_of_time,
    )


def _exact(conn: Connection, sql: bytes, vectors: list[str], budget: Budget) -> tuple[list[Answer], QueryError | None]:
    """The exact answers, or the error that ended exact search."""
    try:
        with _savepoint(conn):
            return exact_results(conn, sql, vectors, budget=budget), None
    except QueryError as error:
        return [], error


@contextmanager
def _savepoint(conn: Connection) -> Iterator[None]:
    """A savepoint, so that a query that its timeout cancels leaves the transaction usable."""
    with local_settings(conn, {"transaction_read_only": "on"}):
        yield


def _tried(
    conn: Connection, index: VectorIndex, k: int, vectors: list[str], setting: int, budget: Budget
) -> tuple[SettingTrial, list[Answer]]:
    """Searches that are forced to use the index with a setting, and whether they would use it without being forced."""
    settings = Settings({SETTING[index.method]: str(setting)})
    with settings.applied(conn):
        budget.limit()
        chosen = planned_index(conn, index, vectors[0], k) == index.name
    with local_settings(conn, FORCED):
        trial, answers = _search_trial(conn, index, k, vectors, setting, settings, budget)
    return replace(trial, chosen=chosen), answers


def _search_trial(
    conn: Connection,
    index: VectorIndex,
    k: int,
    vectors: list[str],
    value: int,
    settings: Settings,
    budget: Budget,
) -> tuple[SettingTrial, list[Answer]]:
    """A trial of one setting, its recall still unknown, and its answers."""
    sql = index.search(k)
    found_with_distance(conn, sql, vectors[:1], settings, budget=budget)  # warms up
    with settings.applied(conn):
        budget.limit()
        uses = planned_index(conn, index, vectors[0], k)
        pages = pages_read(conn, index, vectors[0]) if uses == index.name else 0
    answers = found_with_distance(conn, sql, vectors, settings, budget=budget)
    times = sorted(answer.seconds * 1000 for answer in answers)
    share = min(1.0, pages / max(1, index.pages))
    return SettingTrial(value, percentile(times, 0.5), percentile(times, 0.95), None, share, uses), answers


def _with_recall(trial: SettingTrial, answers: list[Answer], exact: list[Answer], k: int) -> SettingTrial:
    return replace(trial, recall=recall_of(answers[: len(exact)], exact, k)) if exact else trial


def pages_read(conn: Connection, index: VectorIndex, vector: str) -> int:
    """The pages that the index's scan reads to find the first row; 0 where another plan is made after all.

    A page that is read twice counts twice, as an hnsw scan of a small index does it.
    """
    with local_settings(conn, FORCED):
        return pages_touched(conn, index.search(1), [vector], index)


def planned_index(conn: Connection, index: VectorIndex, vector: str, k: int = K) -> str:
    """The index that the planner chooses for the index's own search; empty for none."""
    return plan_of(conn, index.search(k), [vector]).scans


def candidates(index: VectorIndex, present: int, k: int = K) -> tuple[int, ...]:
    """The settings worth trying, the present one among them."""
    if index.method == "hnsw":
        return tuple(sorted({present, *(ef for ef in (40, 60, 100, 150, 200, 300, 400) if ef >= k)}))
    root = round(math.sqrt(index.lists))
    wanted = {1, 2, 5, 10, root, 2 * root, 4 * root, min(present, index.lists)}
    return tuple(sorted(probes for probes in wanted if 1 <= probes <= index.lists))


def measure_exact(
    conn: Connection, column: VectorColumn, operator: str, timeout: str, *, k: int = K, queries: int = QUERIES
) -> Measured:
    """How long a search takes where there is no index. Raises QueryError, TargetError."""
    cost = MeasurementBudget()
    with read_only(conn, timeout, one_snapshot=True):
        budget = Budget(conn)
        search = placeholder_index(column, operator)
        counted = count_rows(conn, search)
        vectors = [str(row[0]) for row in run_query(conn, search.sample(queries)).rows]
        exact, error = _exact(conn, search.search(k), vectors, budget)
    times = sorted(answer.seconds * 1000 for answer in exact)
    return Measured(
        counted,
        exact_p50=percentile(times, 0.5),
        exact_p95=percentile(times, 0.95),
        queries=len(exact),
        statements=5 + len(exact),
        seconds=cost.seconds,
        left_out="" if error is None else f"exact search: {error.reason}",
    )
