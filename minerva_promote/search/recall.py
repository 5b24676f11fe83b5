"""Recall: how much of the exact answer a search finds, as a mean with a 95 % interval; the vectors to search with.

A search for a stored vector flatters a graph, which has links from it to its neighbours. On benchmarks/search.py's
data, 30,000 rows, an hnsw index (m = 16, ef_construction = 128, ef_search = 100) found 1.00 for stored vectors, 0.96
for others of the same distribution, 0.97 and 0.91 for stored ones that were moved 0.3 and 0.4 of the way towards
another. Lists are flattered by either kind (0.95 and 0.98, instead of 0.88), least by the stored ones as they are. What
is left of that is why a setting is chosen by the lower end of recall's interval.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Answer:
    """What one search returned."""

    rows: tuple[tuple[Any, ...], ...]  # in their order
    distances: tuple[float, ...] | None  # of the rows; None when the search does not order by one
    seconds: float  # as the client waited


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall@k over some queries."""

    mean: float
    low: float  # of the 95 % interval
    high: float
    queries: int
    least_rows: int  # that a search found
    least_exact: int  # that exact search found, at most k


def recall_of(answers: Sequence[Answer], exact: Sequence[Answer], k: int) -> Recall:
    """The recall of answers against the exact ones to the same vectors; queries without an exact row are left out."""
    shares, trials = [], 0
    pairs = [(mine, best) for mine, best in zip(answers, exact, strict=True) if best.rows]
    for mine, best in pairs:
        wanted = min(k, len(best.rows))
        shares.append(_hits(mine, best, wanted) / wanted)
        trials += wanted
    if not pairs:
        return Recall(math.nan, 0.0, 1.0, 0, 0, 0)
    mean, low, high = interval(shares, trials)
    least = min(len(mine.rows) for mine, _ in pairs)
    return Recall(mean, low, high, len(shares), least, min(min(k, len(best.rows)) for _, best in pairs))


def _hits(mine: Answer, best: Answer, wanted: int) -> int:
    """How many of the first ``wanted`` rows are among the exact ones, or as near as the last of these."""
    exact = {repr(row) for row in best.rows[:wanted]}  # a row may hold a list, which has no hash
    near = [repr(row) in exact for row in mine.rows[:wanted]]
    if mine.distances and best.distances:
        bound = best.distances[wanted - 1]
        near = [there or distance <= bound for there, distance in zip(near, mine.distances, strict=False)]
    return sum(near)


def interval(shares: Sequence[float], trials: int) -> tuple[float, float, float]:
    """Mean of the shares and Wilson's 95 % interval, for hits that come in groups.

    Rows of one query are found or missed together, so that k of them say less than k queries. Wilson's interval is
    taken for the effective number of trials, p (1 - p) over the variance of the mean as it is between the queries
    (Korn and Graubard, 1998); at least the number of queries, at most all ``trials``.
    """
    queries = len(shares)
    mean = math.fsum(shares) / queries
    spread = math.fsum((share - mean) ** 2 for share in shares) / max(1, queries - 1) / queries
    effective = float(trials)
    if spread > 0:
        effective = min(float(trials), max(float(queries), mean * (1 - mean) / spread))
    z2 = Z * Z
    middle = (mean + z2 / (2 * effective)) / (1 + z2 / effective)
    half = Z * math.sqrt(mean * (1 - mean) / effective + z2 / (4 * effective * effective)) / (1 + z2 / effective)
    return mean, max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))


AWAY = 0.3  # of the way to another: flatters least, and not the other way round
_MOVED = ("vector", "halfvec")  # types that are written as a list of numbers


def query_vectors(stored: Sequence[str], method: str, base_type: str) -> list[str]:
    """As many vectors as are given, as text: for a graph each moved towards the next; sparse and bit vectors stay."""
    if method != "hnsw" or base_type not in _MOVED:
        return list(stored)
    vectors = [json.loads(vector) for vector in stored]
    return [_interpolated(one, other) for one, other in zip(vectors, [*vectors[1:], *vectors[:1]], strict=True)]


def _interpolated(one: Sequence[float], other: Sequence[float]) -> str:
    return "[" + ",".join(f"{a + AWAY * (b - a):.8g}" for a, b in zip(one, other, strict=True)) + "]"
