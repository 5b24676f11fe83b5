"""Searches that are made and measured: with settings, timed, and held against exact search on the same snapshot.

Everything here runs inside `database.read_only.read_only`; outside of an import's transaction that is opened with
``one_snapshot=True``, so that exact and approximate search see the same rows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from minerva_promote.config.rules.searches import SEARCH_SETTINGS
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import (
    QueryError,
    QueryTimeoutError,
    local_settings,
    run_query,
    set_statement_timeout,
    statement_timeout,
)
from minerva_promote.search.query_shape import DISTANCE, with_distance
from minerva_promote.search.recall import Answer, Recall, recall_of

# With these a search reads every row: no index of any kind gives it its rows or their order.
EXACT: Mapping[str, str] = {
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "on",
    "enable_sort": "on",
}
LEAST_EXACT = 10  # queries; exact search stops at half of the budget, but not before so many are answered
_KNOWN = b"select name from pg_settings where name = any ($1::text[])"
_VERSION = b"select '[1]'::vector::text, (select extversion from pg_extension where extname = 'vector')"


@dataclass(frozen=True, slots=True)
class Settings:
    """pgvector's settings for a search: "ivfflat.probes", "hnsw.ef_search", iterative scans and their bounds."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, int | str]) -> Settings:
        """Settings as YAML has them, checked by `config.rules.searches`."""
        return cls({name: str(value) for name, value in given.items()})

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self.values.items()) or "default settings"

    def applied(self, conn: Connection) -> AbstractContextManager[None]:
        """A block of the transaction in which the settings hold. Raises QueryError."""
        return local_settings(conn, self.values)

    def require_known(self, conn: Connection) -> None:
        """Raise QueryError naming a setting that this pgvector does not have: PostgreSQL would accept and ignore it."""
        if not self.values:
            return
        version = run_query(conn, _VERSION).rows[0][1]  # the cast loads the library, which declares its settings
        known = {name for (name,) in run_query(conn, _KNOWN, [list(self.values)]).rows}
        for name in self.values:
            if name not in known:
                since = ".".join(map(str, SEARCH_SETTINGS[name].since))
                raise QueryError(
                    f"pgvector {version} does not know {name}: it came with {since}; update, or leave it out"
                )


DEFAULTS = Settings()


class BudgetExhaustedError(QueryError):
    """The time for a whole measurement was over before its last search."""


class Budget:
    """The time that a whole measurement may take: the statement timeout that it began with."""

    def __init__(self, conn: Connection) -> None:
        self._connection = conn
        self._milliseconds = statement_timeout(conn)
        self._begun = time.monotonic()

    @property
    def share_used(self) -> float:
        """0 at the beginning, 1 and more when nothing is left; always 0 without a timeout."""
        return self.spent / self._milliseconds if self._milliseconds else 0.0

    @property
    def spent(self) -> float:
        """Milliseconds so far."""
        return (time.monotonic() - self._begun) * 1000

    def limit(self) -> None:
        """Bound the next statement by what is left: a millisecond when nothing is."""
        if self._milliseconds:
            set_statement_timeout(self._connection, max(1, round(self._milliseconds - self.spent)))

    def exhausted(self, done: int, wanted: int) -> BudgetExhaustedError:
        """What to raise when the timeout broke a search off."""
        timeout = _duration(self._milliseconds)
        return BudgetExhaustedError(f"its timeout of {timeout} was over after {done} of {wanted} searches")


def _duration(milliseconds: int) -> str:
    for unit, size in (("min", 60_000), ("s", 1_000)):
        if milliseconds % size == 0 and milliseconds > size:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of ordered values; NaN of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def search_times(
    conn: Connection,
    sql: bytes,
    vectors: Sequence[str],
    settings: Settings,
    samples: int,
    *,
    parameters: Sequence[Any] = (),
    budget: Budget | None = None,
) -> list[float]:
    """How long each of ``samples`` searches took for the client, in milliseconds, in their order; none is left out."""
    return [answer.seconds * 1000 for answer in search(conn, sql, vectors, settings, samples, parameters, budget)]


def search(
    conn: Connection,
    sql: bytes,
    vectors: Sequence[str],
    settings: Settings = DEFAULTS,
    samples: int | None = None,
    parameters: Sequence[Any] = (),
    budget: Budget | None = None,
) -> list[Answer]:
    """The answers to so many searches (default: one for each vector), the vectors taken in turn, one after the other.

    Each is planned anew with its own vector ($1; ``parameters`` are $2 …), as a client without prepared statements
    does it. Raises QueryError, also when the time is over.
    """
    budget = budget or Budget(conn)
    wanted = len(vectors) if samples is None else samples
    answers: list[Answer] = []
    with settings.applied(conn):
        for number in range(wanted):
            budget.limit()
            try:
                result = run_query(conn, sql, [vectors[number % len(vectors)], *parameters])
            except QueryTimeoutError:
                raise budget.exhausted(number, wanted) from None
            answers.append(Answer(result.rows, None, result.seconds))
    return answers


def exact_results(
    conn: Connection,
    sql: bytes,
    vectors: Sequence[str],
    *,
    parameters: Sequence[Any] = (),
    budget: Budget | None = None,
) -> list[Answer]:
    """What each search finds when every row is read, with the distances where the search has an ORDER BY of its own.

    It stops early, after `LEAST_EXACT` vectors or more, when half of the time is gone: there may be fewer answers than
    vectors. Raises QueryError.
    """
    budget = budget or Budget(conn)
    with_distances = with_distance(sql)
    answers: list[Answer] = []
    with local_settings(conn, EXACT):
        for vector in vectors:
            if len(answers) >= LEAST_EXACT and budget.share_used > 0.5:
                break
            budget.limit()
            try:
                result = run_query(conn, with_distances or sql, [vector, *parameters])
            except QueryTimeoutError:
                raise budget.exhausted(len(answers), len(vectors)) from None
            answers.append(_answer(result.rows, result.seconds, with_distances is not None))
    return answers


def recall(
    conn: Connection,
    sql: bytes,
    vectors: Sequence[str],
    k: int,
    settings: Settings = DEFAULTS,
    *,
    parameters: Sequence[Any] = (),
    exact: Sequence[Answer] | None = None,
    budget: Budget | None = None,
) -> Recall:
    """Recall@k of the search with these settings; ``exact`` are the results of `exact_results`, if they are known.

    A row as near as the k-th exact one counts as found. Raises QueryError.
    """
    budget = budget or Budget(conn)
    if exact is None:
        exact = exact_results(conn, sql, vectors, parameters=parameters, budget=budget)
    answers = found_with_distance(conn, sql, vectors[: len(exact)], settings, parameters, budget)
    return recall_of(answers, exact, k)


def found_with_distance(
    conn: Connection,
    sql: bytes,
    vectors: Sequence[str],
    settings: Settings,
    parameters: Sequence[Any] = (),
    budget: Budget | None = None,
) -> list[Answer]:
    """`search` with the distance of every row, where the search has an ORDER BY of its own."""
    with_distances = with_distance(sql)
    answers = search(conn, with_distances or sql, vectors, settings, None, parameters, budget)
    return [_answer(answer.rows, answer.seconds, with_distances is not None) for answer in answers]


def _answer(rows: tuple[tuple[Any, ...], ...], seconds: float, has_distance: bool) -> Answer:
    """The answer with its last column, `DISTANCE`, taken out of the rows; a row without a vector is no neighbour."""
    if not has_distance:
        return Answer(rows, None, seconds)
    near = [row for row in rows if row[-1] is not None and not math.isnan(row[-1])]
    return Answer(tuple(row[:-1] for row in near), tuple(row[-1] for row in near), seconds)


__all__ = [
    "DEFAULTS",
    "DISTANCE",
    "EXACT",
    "Answer",
    "Budget",
    "BudgetExhaustedError",
    "Recall",
    "Settings",
    "exact_results",
    "found_with_distance",
    "percentile",
    "recall",
    "recall_of",
    "search",
    "search_times",
]
