"""What a client said of an event, in the shape in which promote says it.

Whoever may add events may add any value to them, and nobody can take it away again: one of another shape must not stand
in the way of reading all the others. What is no number is left out; a check that cannot be read has not passed.
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
    said = {name: None if row[name] is None else _parsed(row[name]) for name in ("rows", "checks", "details")}
    roots, seconds = row["roots"], row["seconds"]
    return {
        **row,
        "roots": None if roots is None else tuple(map(str, roots)),
        "rows": None if row["rows"] is None else _rows(_mapping(said["rows"])),
        "checks": None if row["checks"] is None else tuple(map(_check, _list(said["checks"]))),
        "seconds": seconds if seconds is not None and math.isfinite(seconds) else None,
        "details": _details(_mapping(said["details"])),
    }


def _parsed(text: str) -> Any:
    """What the text says; None where Python cannot read it: jsonb is deeper, and its numbers are longer."""
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
    """By table, what is a count of something."""
    return {
        table: {what: count for what, count in _mapping(counts).items() if _is_count(count)}
        for table, counts in rows.items()
    }


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _check(check: Any) -> dict[str, Any]:
    found = _mapping(check)
    outcome = found.get("outcome")
    known = isinstance(outcome, str) and outcome in _OUTCOMES
    return {
        **found,
        "name": str(found.get("name", "?")),
        "outcome": outcome if known else str(Outcome.ERROR),
        "values": _mapping(found.get("values")),
    }


def _details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The same, its lists of findings and of repairs as they are shown."""
    found = dict(details)
    if "findings" in found:
        found["findings"] = [_finding(_mapping(each)) for each in _list(found["findings"])]
    if "repaired" in found:
        found["repaired"] = [str(each) for each in _list(found["repaired"])]
    return found


def _finding(finding: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(finding.get(name, "?")) for name in _FINDING}
