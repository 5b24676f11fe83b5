"""The vectors that indexes are measured with."""

from __future__ import annotations

import json

import pytest

from minerva_promote.search.recall import AWAY, query_vectors

STORED = ["[1,0,0]", "[0,1,0]", "[0,0,2]"]


def test_a_graph_is_asked_for_vectors_that_it_does_not_hold() -> None:
    vectors = [json.loads(vector) for vector in query_vectors(STORED, "hnsw", "vector")]
    expected = [[1 - AWAY, AWAY, 0], [0, 1 - AWAY, 2 * AWAY], [AWAY, 0, 2 - 2 * AWAY]]
    assert [number for row in vectors for number in row] == pytest.approx(
        [number for row in expected for number in row]
    )
    assert query_vectors(["[3,4]"], "hnsw", "halfvec") == ["[3,4]"]
    assert query_vectors([], "hnsw", "vector") == []


@pytest.mark.parametrize(("method", "base_type"), [("ivfflat", "vector"), ("hnsw", "bit"), ("hnsw", "sparsevec")])
def test_others_are_asked_for_stored_ones(method: str, base_type: str) -> None:
    assert query_vectors(STORED, method, base_type) == STORED
