"""Vectors to search with, made from stored ones.

A search for a stored vector flatters a graph, which has links from it to its neighbours. On benchmarks/search.py's
data, 30,000 rows, an hnsw index (m = 16, ef_construction = 128, ef_search = 100) found 1.00 for stored vectors, 0.96
for others of the same distribution, 0.97 and 0.91 for stored ones that were moved 0.3 and 0.4 of the way towards
another. Lists are flattered by either kind (0.95 and 0.98, instead of 0.88), least by the stored ones as they are. What
is left of that is why a setting is chosen by the lower end of recall's interval.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

AWAY = 0.3  # of the way to another: flatters least, and not the other way round
_MOVED = ("vector", "halfvec")  # types that are written as a list of numbers


def queries_of(stored: Sequence[str], method: str, base_type: str) -> list[str]:
    """As many vectors as are given, as text: for a graph each moved towards the next; sparse and bit vectors stay."""
    if method != "hnsw" or base_type not in _MOVED:
        return list(stored)
    vectors = [json.loads(vector) for vector in stored]
    return [_between(one, other) for one, other in zip(vectors, [*vectors[1:], *vectors[:1]], strict=True)]


def _between(one: Sequence[float], other: Sequence[float]) -> str:
    return "[" + ",".join(f"{a + AWAY * (b - a):.8g}" for a, b in zip(one, other, strict=True)) + "]"
