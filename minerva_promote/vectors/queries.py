"""Vectors to search with, drawn anew from the neighbourhoods of stored ones.

A search for a stored vector is easier than a search for one that is not there: a graph has links from it to its
neighbours, and the centres of lists were made of it. With 30,000 vectors of 1,536 dimensions an hnsw index found 97 %
for stored vectors and 85 % for others of the same distribution; an ivfflat index 82 % and 71 % (benchmarks/search.py's
data). So each query is a mixture of the neighbours of a stored vector, with weights of both signs whose sum and whose
sum of squares are 1: of neighbours that are spread around a centre, that is one more, as far from each as they are
from one another.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from minerva_promote.database.query import Connection, configured, fetch
from minerva_promote.vectors.indexes import VectorIndex
from minerva_promote.vectors.plans import FORCED
from minerva_promote.vectors.searching import Budget

NEIGHBOURS = 20
_SEED = 42
_MIXED = ("vector", "halfvec")  # types that are written as a list of numbers


def drawn(connection: Connection, index: VectorIndex, stored: Sequence[str], budget: Budget) -> list[str]:
    """As many vectors as are stored ones given, as text, the same each time; sparse and bit vectors as they are.

    One search a vector, by the index. Raises QueryError.
    """
    if index.base_type not in _MIXED:
        return list(stored)
    import numpy as np

    random = np.random.default_rng(_SEED)
    found = []
    with configured(connection, FORCED):
        for vector in stored:
            budget.limit()
            rows = fetch(connection, index.neighbours(NEIGHBOURS), [vector]).rows
            near = np.array([json.loads(row[0]) for row in rows])
            if len(near) < 3:
                found.append(vector)
                continue
            away = random.standard_normal(len(near))
            away -= away.mean()
            weights = 1 / len(near) + np.sqrt(1 - 1 / len(near)) * away / np.linalg.norm(away)
            found.append("[" + ",".join(f"{number:.8g}" for number in (weights @ near).tolist()) + "]")
    return found
