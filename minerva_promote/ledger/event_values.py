"""The values that a client gave to an event, in the shape that promote writes.

A role that may add events may add any value, and nobody can remove it again: a value of another shape must not prevent
reading all the others. What is not a number is left out; a check that cannot be read has not passed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from minerva_promote.results import Outcome

BAD = (Outcome.FAIL, Outcome.ERROR)  # outcomes of a check with which a run has not passed
DEEPEST = 20  # levels of a value that are read
_OUTCOMES = frozenset(map(str, Outcome))
_MOST = 2**63 - 1  # rows that a table can have
_FINDING = ("code", "fact", "at")


def sanitize_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of promote.events with values that can be shown and counted; its jsonb comes as text."""
    values = {name: None if row[name] is None else _parsed(row[name]) for name in ("rows", "checks", "details")}
    roots, seconds = row["roots"], row["seconds"]
    return {
        **row,
        "roots": None if roots is None else tuple(map(str, roots)),
        "rows": None if row["rows"] is None else _rows(_mapping(values["rows"])),
        "checks": None if row["checks"] is None else tuple(map(_check, _list(values["checks"]))),
        "seconds": seconds if seconds is not None and math.isfinite(seconds) else None,
        "details": _details(_mapping(values["details"])),
    }


def _parsed(text: str) -> Any:
    """The value of a JSON text; None where Python cannot parse it: jsonb nests deeper and has longer numbers."""
    try:
        return _plain(json.loads(text), DEEPEST)
    except (ValueError, RecursionError):
        return None


def _plain(value: Any, levels: int) -> Any:
    if isinstance(value, (dict, list)) and not levels:
        return "…"
    if isinstance(value, dict):
        return {name: _plain(inner, levels - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, levels - 1) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _rows(rows: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The counts by table and outcome, without what is not a count."""
    return {
        table: {what: count for what, count in _mapping(counts).items() if _is_count(count)}
        for table, counts in rows.items()
    }


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _check(check: Any) -> dict[str, Any]:
    values = _mapping(check)
    outcome = values.get("outcome")
    known = isinstance(outcome, str) and outcome in _OUTCOMES
    return {
        **values,
        "name": str(values.get("name", "?")),
        "outcome": outcome if known else str(Outcome.ERROR),
        "values": _mapping(values.get("values")),
    }


def _details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details, their findings and repairs in the shape that reports show."""
    values = dict(details)
    if "findings" in values:
        values["findings"] = [_finding(_mapping(finding)) for finding in _list(values["findings"])]
    if "repaired" in values:
        values["repaired"] = [str(repair) for repair in _list(values["repaired"])]
    return values


def _finding(finding: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(finding.get(name, "?")) for name in _FINDING}
