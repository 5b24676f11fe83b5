"""Thresholds in words, and distances as golden files have them."""

from __future__ import annotations

import math

from minerva_promote.checks.golden_file import _rounded
from minerva_promote.checks.threshold_report import describe_thresholds
from minerva_promote.config.models.project import Threshold


def test_both_ends_of_a_range() -> None:
    assert describe_thresholds(Threshold(between=(1, 3)), None) == "must be >= 1, must be <= 3"
    assert describe_thresholds(None, {"rows": Threshold(min=2)}) == "warns: rows must be >= 2"
    assert describe_thresholds(None, None) == "no threshold"


def test_distances_have_six_digits_and_no_negative_zero() -> None:
    assert _rounded(0.12345678) == 0.123457
    assert math.copysign(1, _rounded(-0.0)) == 1
