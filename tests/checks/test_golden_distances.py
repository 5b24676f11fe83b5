"""Distances of a golden file: six digits are kept, so that the last may differ."""

from __future__ import annotations

import pytest

from minerva_promote.checks.golden_file import _near as equal


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (0.0, 0.000009, True),
        (0.1, 0.100009, True),
        (0.1, 0.10002, False),
        (1.0, 1.00002, False),
        (1000.0, 1000.009, True),
        (1000.0, 1000.02, False),
        (-1000.0, -1000.009, True),
    ],
)
def test_equal_distances(left: float, right: float, expected: bool) -> None:
    assert equal(left, right) is expected
