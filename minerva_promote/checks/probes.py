"""Probes: checks that measure a vector search instead of asking for one number."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from typing import Any

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.thresholds import Value
from minerva_promote.database.query import (
    Connection,
    QueryError,
    QueryTimeoutError,
    fetch,
    reading,
    set_statement_timeout,
    statement_timeout,
)

WARM_UP = 2  # searches before the measured ones; the first of them is first_ms
Measured = tuple[str, Mapping[str, Value], Mapping[str, Any]]  # a sentence, values by name, more for JSON


class NothingToMeasure(Exception):  # a fact about the target
    """There is nothing that a probe could measure; never a pass."""


def measure_latency(connection: Connection, prepared: PreparedCheck) -> Measured:
    """How long searches take, seen from the client: nearest-rank percentiles over ``samples`` searches, one at a time.

    Every search is planned anew with its own vector, as a client without prepared statements does it. All of it
    together takes no longer than the check's timeout. Raises QueryError, NothingToMeasure and TargetError.
    """
    with reading(connection, prepared.timeout):
        budget = _Budget(connection)
        vectors = _vectors(connection, prepared)
        wanted = prepared.check.samples
        seconds: list[float] = []
        least_rows: int | None = None
        for number in range(WARM_UP + wanted):
            budget.limit()
            try:
                found = fetch(connection, prepared.sql, [vectors[number % len(vectors)]])
            except QueryTimeoutError:
                done = f"{max(0, number - WARM_UP)} of {wanted} searches"
                raise QueryError(f"its timeout of {prepared.timeout} was over after {done}") from None
            seconds.append(found.seconds)
            least_rows = len(found.rows) if least_rows is None else min(least_rows, len(found.rows))
    if not least_rows:
        raise NothingToMeasure("a search for a stored vector found no row; the search or its index is broken")
    times = sorted(second * 1000 for second in seconds[WARM_UP:])
    values: dict[str, Value] = {
        "p50_ms": percentile(times, 0.50),
        "p95_ms": percentile(times, 0.95),
        "p99_ms": percentile(times, 0.99),
        "max_ms": round(times[-1], 3),
        "first_ms": round(seconds[0] * 1000, 3),
        "samples": len(times),
        "rows": least_rows,
    }
    detail = f"p50 {values['p50_ms']:.1f} ms, p95 {values['p95_ms']:.1f} ms, first {values['first_ms']:.1f} ms, "
    return f"{detail}{len(times)} searches with {len(vectors)} vectors", values, {"vectors": len(vectors)}


def measure_plan(connection: Connection, prepared: PreparedCheck) -> Measured:
    """Whether a search can use a vector index, and whether the planner chooses it by itself.

    index_chosen: the plan as it is has an ivfflat or hnsw index scan. index_usable: the same with sequential scans and
    sorts priced out, since a small table is rightly read whole; it is 0 where no index fits: another operator, an
    expression around the distance, no index. Raises QueryError, NothingToMeasure and TargetError.
    """
    explain = b"explain (verbose, format json) " + prepared.sql
    with reading(connection, prepared.timeout):
        vector = _vectors(connection, prepared)[:1]
        own = _plan(connection, explain, vector)
        fetch(connection, b"select set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)")
        forced = _plan(connection, explain, vector)
        indexes = _vector_indexes(connection, own)
    names = {(index["schema"], index["index"]): index for index in indexes}
    chosen, usable = _used(own, names), _used(forced, names)
    values: dict[str, Value] = {"index_usable": int(bool(usable)), "index_chosen": int(bool(chosen))}
    shape = _order(forced) or "no ORDER BY"
    if chosen:
        detail = f"{chosen} for {shape}"
    elif usable:
        detail = f"{usable} is usable; the planner prefers another plan, as for a small table"
    elif indexes:
        there = ", ".join(sorted(f"{index['index']} ({index['opclass']})" for index in indexes))
        detail = f"{shape} cannot use {there}"
    else:
        detail = f"no ivfflat or hnsw index on the searched tables, for {shape}"
    return detail, values, {"index": usable or chosen, "order_by": shape, "indexes": [dict(index) for index in indexes]}


class _Budget:
    """The time that a whole probe may take: the statement timeout it began with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._milliseconds = statement_timeout(connection)
        self._end = time.monotonic() + self._milliseconds / 1000

    def limit(self) -> None:
        """Bound the next statement by what is left: a millisecond when nothing is."""
        if self._milliseconds:
            set_statement_timeout(self._connection, max(1, round((self._end - time.monotonic()) * 1000)))


def _vectors(connection: Connection, prepared: PreparedCheck) -> list[str]:
    """Stored vectors to search with, as text; the same ones every time, as long as the rows are."""
    found = fetch(connection, prepared.sample_sql)
    vectors = [row[0] for row in found.rows if row and row[0] is not None]
    if not vectors:
        raise NothingToMeasure("no row to search with: there is no stored vector")
    if not all(isinstance(vector, str) for vector in vectors):
        raise QueryError(f"the sample's first column is {found.types[0]}; cast the vector to text")
    return vectors


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of ordered values."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


def _plan(connection: Connection, explain: bytes, vector: list[str]) -> list[Mapping[str, Any]]:
    """All nodes of a plan, the top one first."""
    waiting = [fetch(connection, explain, vector).rows[0][0][0]["Plan"]]
    nodes = []
    while waiting:
        node = waiting.pop(0)
        nodes.append(node)
        waiting.extend(node.get("Plans", ()))
    return nodes


def _vector_indexes(connection: Connection, nodes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The ivfflat and hnsw indexes of the tables that a plan reads."""
    from importlib.resources import files

    tables = sorted({f"{node['Schema']}.{node['Relation Name']}" for node in nodes if "Relation Name" in node})
    sql = files("minerva_promote.database").joinpath("sql/vector_indexes.sql").read_bytes()
    found = fetch(connection, sql, [tables])
    return [
        dict(zip(("schema", "index", "table", "method", "opclass", "valid"), row, strict=True)) for row in found.rows
    ]


def _used(nodes: list[Mapping[str, Any]], indexes: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """The vector index that a plan scans in the order of the search, or nothing."""
    for node in nodes:
        if (node.get("Schema", ""), node.get("Index Name", "")) in indexes and "Order By" in node:
            return str(node["Index Name"])
    return ""


def _order(nodes: list[Mapping[str, Any]]) -> str:
    """What the search is ordered by, as the planner writes it, the vector itself left out."""
    for node in nodes:
        order = node.get("Order By") or ", ".join(node.get("Sort Key", ()))
        if order:
            return "ORDER BY " + re.sub(r"'\[[^']*\]'", "'[…]'", order)
    return ""
