"""What `promote golden record` counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from minerva_promote.checks.record_golden import _count


@pytest.mark.parametrize(
    ("params", "statement"),
    [
        ({"table": "chunks", "column": "embedding"}, b"select count(embedding) from chunks"),
        ({"table": "chunks"}, b"select 0"),
        ({"column": "embedding"}, b"select 0"),
        ({}, b"select 0"),
    ],
)
def test_vectors_are_counted_where_their_column_is_known(params: dict[str, str], statement: bytes) -> None:
    prepared: Any = SimpleNamespace(check=SimpleNamespace(params=params))
    assert _count(prepared).replace(b'"', b"") == statement
