"""Durations in the configuration: their form, and their length in seconds."""

from __future__ import annotations

import re

DURATION = re.compile(r"0|[0-9]{1,9} ?(us|ms|s|min|h|d)")  # as PostgreSQL spells it, the unit always given
DURATION_HINT = "a number and a unit: 500ms, 30s, 10min, 2h; or 0 for no limit"
PERIOD = re.compile(r"[0-9]{1,5} ?(s|min|h|d|w)")
PERIOD_HINT = "a number and a unit: 12h, 7d"

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def in_seconds(text: str) -> float:
    """The seconds of a text that DURATION or PERIOD matches."""
    number = re.match(r"[0-9]+", text)
    assert number is not None
    return int(number[0]) * _SECONDS.get(text[number.end() :].strip(), 0)
