"""Golden queries: vectors with their exact nearest rows, recorded in one database and demanded from another."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from minerva_promote.config.files import UnreadableError, decoded, is_present, read_bounded
from minerva_promote.database.connection import Connection
from minerva_promote.search.recall import Answer
from minerva_promote.search.search_runner import Budget, exact_results

VERSION = 1
NEAR = 1e-5  # distances that differ by less, in relation to their size above 1, are equal: a file keeps six digits
MAX_BYTES = 64 << 20


class GoldenFault(Exception):
    """A golden file that cannot be used, or a database that none can be recorded from; says why and the way out."""


@dataclass(frozen=True, slots=True)
class Golden:
    """One query: a vector and the rows that are nearest to it, the nearest first."""

    vector: tuple[float, ...]  # float32
    rows: tuple[tuple[str, float], ...]  # id, distance

    @property
    def text(self) -> str:
        """The vector as pgvector reads it."""
        return "[" + ",".join(map(repr, self.vector)) + "]"


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """All queries, and what they were recorded from."""

    k: int
    queries: tuple[Golden, ...]
    models: tuple[str, ...]  # the embedding configs of the vectors: "text-embedding-3-small 1 (1,536)"
    environment: str
    table: str
    rows: int  # with a vector, then
    recorded_at: str  # UTC, to the second

    @property
    def dimensions(self) -> int:
        """The length of the vectors."""
        return len(self.queries[0].vector)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one answer agrees with what was recorded."""

    expected: int  # recorded rows that the target must find: there, and with fewer than k rows nearer
    matched: int  # of these
    displaced: int  # recorded rows that are there, and not among the k nearest any more: others are nearer
    rank: float | None  # Kendall's tau-b of the rows that both have; None when no two of them can be compared


def record(conn: Connection, sql: bytes, vectors: Sequence[str], k: int, budget: Budget) -> tuple[Golden, ...]:
    """The vectors with their exact results; runs inside `reading`. Raises QueryError and GoldenFault."""
    answers = exact_results(conn, sql, vectors, budget=budget)
    if len(answers) < len(vectors):
        raise GoldenFault(
            f"half of the timeout was over after {len(answers)} of {len(vectors)} exact searches: fewer --queries"
        )
    queries = []
    for vector, answer in zip(vectors, answers, strict=True):
        if answer.distances is None:
            raise GoldenFault("the search orders by no distance: no distances can be recorded")
        nearest = tuple(
            (str(row[0]), _rounded(distance)) for row, distance in zip(answer.rows[:k], answer.distances, strict=False)
        )
        if nearest:
            queries.append(Golden(tuple(_singles(vector)), nearest))
    if not queries:
        raise GoldenFault("exact search finds no row: there is nothing to record")
    return tuple(queries)


def agreement(recorded: Golden, answer: Answer, there: frozenset[str], k: int) -> Agreement:
    """How an answer agrees with a recorded query; ``there`` are the recorded ids that the target has.

    A recorded row that is further away than the k-th row found is displaced by nearer ones, not missed.
    """
    distances = answer.distances or ()
    nearest = {str(row[0]): distance for row, distance in zip(answer.rows[:k], distances, strict=False)}
    bound = list(nearest.values())[-1] if len(nearest) >= k else float("inf")
    present = [(key, distance) for key, distance in recorded.rows[:k] if key in there]
    hits = [(key, distance) for key, distance in present if key in nearest]
    displaced = sum(key not in nearest and (distance > bound or _near(distance, bound)) for key, distance in present)
    pairs = [(distance, nearest[key]) for key, distance in hits]
    return Agreement(len(present) - displaced, len(hits), displaced, kendall(pairs))


def kendall(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Kendall's tau of distances recorded and found; pairs of rows at the same distance on either side do not count."""
    same = total = 0
    for (left, left_found), (right, right_found) in combinations(pairs, 2):
        if not _near(left, right) and not _near(left_found, right_found):
            total += 1
            same += (left < right) == (left_found < right_found)
    return (2 * same - total) / total if total else None


def write(path: Path, golden: GoldenFile) -> bool:
    """Write the file, in an order that diffs well; False when it says so already, whatever the time of recording."""
    if is_present(path):
        if not path.is_file():  # a pipe would wait for a reader
            raise GoldenFault(f"{path.name} is not a regular file")
        try:
            before = read(path, path.name)
        except GoldenFault:
            before = None
        if before is not None and replace(before, recorded_at=golden.recorded_at) == golden:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(golden), "utf-8")
    return True


def render(golden: GoldenFile) -> str:
    """The file's text: a line for each vector (float32, little endian, base64) and one for each row."""
    head = {
        "version": VERSION,
        "environment": golden.environment,
        "recorded_at": golden.recorded_at,
        "table": golden.table,
        "rows": golden.rows,
        "models": list(golden.models),
        "dimensions": golden.dimensions,
        "k": golden.k,
    }
    lines = ["{", *(f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()), '  "queries": [']
    for number, query in enumerate(golden.queries, 1):
        rows = ",\n      ".join(json.dumps(list(row)) for row in query.rows)
        comma = "," if number < len(golden.queries) else ""
        lines.append(f'    {{"vector": "{_packed(query.vector)}",\n     "rows": [\n      {rows}]}}{comma}')
    return "\n".join([*lines, "  ]", "}", ""])


def read(path: Path, name: str) -> GoldenFile:
    """A golden file, called ``name`` in messages. Raises GoldenFault."""
    try:
        text = decoded(read_bounded(path, MAX_BYTES))
    except FileNotFoundError:
        raise GoldenFault(f"no file {name}; record it: promote golden record --env ENV") from None
    except UnreadableError as error:
        raise GoldenFault(f"{name} {error.message}") from None
    try:
        return _golden(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        raise GoldenFault(f"{name} is no golden file ({reason}); record it anew: promote golden record") from None


def now() -> str:
    """The time of a recording."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _golden(values: Mapping[str, Any]) -> GoldenFile:
    if values["version"] != VERSION:
        raise ValueError(f"version {values['version']}, expected {VERSION}")
    queries = tuple(
        Golden(_unpacked(query["vector"]), tuple((str(key), float(distance)) for key, distance in query["rows"]))
        for query in values["queries"]
    )
    k = values["k"]
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k is {k}")
    for number, query in enumerate(queries, 1):
        if fault := _fault(query, k):
            raise ValueError(f"query {number}: {fault}")
    lengths = {len(query.vector) for query in queries}
    if lengths != {int(values["dimensions"])}:
        raise ValueError("its vectors are not of the length that it names" if queries else "it has no query")
    return GoldenFile(
        k=k,
        queries=queries,
        models=tuple(map(str, values["models"])),
        environment=str(values["environment"]),
        table=str(values["table"]),
        rows=int(values["rows"]),
        recorded_at=str(values["recorded_at"]),
    )


def _fault(query: Golden, k: int) -> str:
    """What no recording has: another number of rows than 1 to k, or distances that fall or are no numbers."""
    distances = [distance for _, distance in query.rows]
    if not 0 < len(query.rows) <= k:
        return f"{len(query.rows)} rows, k is {k}"
    if not all(map(math.isfinite, (*distances, *query.vector))):
        return "not all of its numbers are finite"
    if any(later < earlier and not _near(earlier, later) for earlier, later in pairwise(distances)):
        return "its distances fall"
    return ""


def _singles(text: str) -> list[float]:
    import numpy as np

    singles: list[float] = np.array(text.strip("[]").split(","), dtype=np.float32).astype(float).tolist()
    return singles


def _packed(vector: Sequence[float]) -> str:
    import numpy as np

    return base64.b64encode(np.array(vector, dtype="<f4").tobytes()).decode()


def _unpacked(text: str) -> tuple[float, ...]:
    import numpy as np

    return tuple(np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(float).tolist())


def _near(left: float, right: float) -> bool:
    return abs(left - right) <= NEAR * max(1.0, abs(left))


def _rounded(distance: float) -> float:
    return float(f"{distance:.6g}") + 0.0
