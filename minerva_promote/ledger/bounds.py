"""The largest values that the ledger keeps, and how larger ones are shortened.

A row of the ledger cannot be removed again, so constraints.sql limits every value that a client writes. The values of a
run are shortened here to fit: texts end in their hash, lists in a count. A large value makes no run fail.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NAME = 300  # characters of a name: of an environment, a machine, a user
FILE_NAME = 1_100  # characters: 255 bytes, each written as \\xff at worst
ROOT = 1_000  # bytes of the key of a root
ROOTS = 100  # roots that an event lists; run_roots has all of them
REASON = 2_000  # characters; a server may quote a whole row
ROWS = 300_000  # bytes of the counts by table
CHECKS = 1_000_000  # bytes of the outcomes of checks
DETAILS = 1_000_000  # bytes
TEXT = 2_000  # characters of one text inside of checks and details
ITEMS = 100  # of one list inside of checks and details
_HASH = 64
_LEVELS = 12
_EXPONENT = re.compile(r"\de[+-]\d")


def fold(text: str, limit: int) -> str:
    """The text; a longer one than ``limit`` characters is cut and ends in its hash."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - _HASH - 1]}…{hashlib.sha256(text.encode()).hexdigest()}"


def fold_root(root: str) -> str:
    """The key of a root as run_roots has it: an index entry can be no longer."""
    data = storable(root).encode()
    if len(data) <= ROOT:
        return data.decode()
    begin = data[: ROOT - _HASH - 3].decode("utf-8", "ignore")
    return f"{begin}…{hashlib.sha256(data).hexdigest()}"


def first_roots(roots: Iterable[str]) -> list[str]:
    """The roots that an event lists."""
    return [fold_root(root) for root, _ in zip(roots, range(ROOTS), strict=False)]


def storable(text: str) -> str:
    """The text with what PostgreSQL's type text cannot hold replaced."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def counts_json(rows: Mapping[str, Mapping[str, int]]) -> str:
    """Counts by table as JSON; the tables that do not fit are added up as the table "…"."""
    kept: dict[str, Any] = {}
    rest: dict[str, int] = {}
    size = 0
    for table, counts in rows.items():
        size += len(_dump({table: counts}).encode()) + len(counts) + 2
        if size <= ROWS - 1_000:
            kept[table] = dict(counts)
            continue
        for outcome, count in counts.items():
            rest[outcome] = rest.get(outcome, 0) + count
    return _dump({**kept, "…": rest} if rest else kept)


def checks_json(checks: Sequence[Mapping[str, Any]]) -> str:
    """Checks with their outcomes as JSON; where it is too long without values, and then only ITEMS of each outcome."""
    plain = [_bounded(check, _LEVELS) for check in checks]
    text = _dump(plain)
    if _fits(text, CHECKS):
        return text
    short: list[dict[str, Any]] = [
        {"name": fold(str(check.get("name")), NAME), "outcome": check.get("outcome")} for check in checks
    ]
    text = _dump(short)
    if _fits(text, CHECKS):
        return text
    by_outcome: dict[str, list[dict[str, Any]]] = {}
    for check in short:
        by_outcome.setdefault(str(check["outcome"]), []).append(check)
    entries: list[dict[str, Any]] = []
    for outcome, some in by_outcome.items():
        entries += some[:ITEMS]
        if len(some) > ITEMS:
            entries.append({"name": f"… {len(some) - ITEMS:,} more", "outcome": outcome})
    return _dump(entries)


def details_json(details: Mapping[str, Any]) -> str:
    """The details as JSON; where it is too long, hashes replace the longest values."""
    kept: dict[str, Any] = _bounded(details, _LEVELS)
    texts = {name: _dump(value) for name, value in kept.items()}
    for name in sorted(texts, key=lambda key: -len(texts[key])):
        if _fits(_dump(kept), DETAILS):
            break
        kept[name] = {"sha256": hashlib.sha256(texts[name].encode()).hexdigest(), "left_out": True}
    return _dump(kept)


def _bounded(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return fold(storable(value), TEXT)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Mapping):
        if not levels:
            return "…"
        return {fold(storable(str(name)), NAME): _bounded(inner, levels - 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        if not levels:
            return "…"
        items = list(value)
        more = [f"… {len(items) - ITEMS:,} more"] if len(items) > ITEMS else []
        return [*(_bounded(inner, levels - 1) for inner in items[:ITEMS]), *more]
    return fold(storable(str(value)), TEXT)


def _fits(text: str, limit: int) -> bool:
    """Whether the text is short enough as jsonb prints it, which writes out numbers like 1e+300."""
    return len(text.encode()) + 330 * len(_EXPONENT.findall(text)) <= limit


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
