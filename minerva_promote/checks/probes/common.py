"""Probes: checks that measure a vector search instead of asking for one number. What they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.thresholds import Value
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, run_query
from minerva_promote.search.search_runner import Settings, percentile

Measured = tuple[str, Mapping[str, Value], Mapping[str, Any]]  # a line for the report, values by name, more for JSON


class NothingToMeasure(Exception):  # a fact about the target
    """There is nothing that a probe could measure; never a pass."""


class NotApplicable(Exception):  # a fact about the target
    """What a probe is about cannot be there, and nothing is wrong with that."""


def settings_of(conn: Connection, prepared: PreparedCheck) -> Settings:
    """The settings of the check's searches. Raises QueryError for one that this pgvector does not have."""
    settings = Settings.of(prepared.check.search)
    settings.require_known(conn)
    return settings


def vectors_of(conn: Connection, prepared: PreparedCheck) -> list[str]:
    """The vectors to search with, as text: those given, or stored ones, the same every time as long as the rows are."""
    if prepared.vectors:
        return list(prepared.vectors)
    sample = run_query(conn, prepared.sample_sql)
    vectors = [row[0] for row in sample.rows if row and row[0] is not None]
    if not vectors:
        raise NothingToMeasure("no row to search with: there is no stored vector")
    if not all(isinstance(vector, str) for vector in vectors):
        raise QueryError(f"the sample's first column is {sample.types[0]}; cast the vector to text")
    return vectors


def times_of(milliseconds: Sequence[float], first: float) -> dict[str, Value]:
    """The percentiles of searches, and the first of all, which is not among them."""
    ordered = sorted(milliseconds)
    return {
        "p50_ms": round(percentile(ordered, 0.50), 3),
        "p95_ms": round(percentile(ordered, 0.95), 3),
        "p99_ms": round(percentile(ordered, 0.99), 3),
        "max_ms": round(ordered[-1], 3),
        "first_ms": round(first, 3),
    }
