"""Golden queries, demanded from a target: the rows that were recorded, in their order, in time."""

from __future__ import annotations

from minerva_promote.checks.golden_file import GoldenFault, GoldenFile, agreement, read
from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.probe_report import describe_golden
from minerva_promote.checks.probes.common import (
    Measured,
    NothingToMeasure,
    settings_of,
    times_of,
    vectors_of,
)
from minerva_promote.checks.thresholds import Value
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import read_only, run_query
from minerva_promote.search.query_shape import limit_of
from minerva_promote.search.recall import interval
from minerva_promote.search.search_runner import Budget, found_with_distance, search


def measure_golden(conn: Connection, prepared: PreparedCheck) -> Measured:
    """Recall@k over the recorded rows, how far their order agrees (Kendall's tau), and how long the searches took.

    Rows that the target does not have are missing, named, and not counted as missed; rows that are further away than
    the k-th row found are displaced by rows that the record does not know. Raises QueryError, NothingToMeasure and
    TargetError.
    """
    try:
        golden = read(prepared.root / prepared.check.golden, prepared.check.golden)
    except GoldenFault as fault:
        raise NothingToMeasure(str(fault)) from fault
    with read_only(conn, prepared.timeout, one_snapshot=True):
        budget = Budget(conn)
        settings = settings_of(conn, prepared)
        _require_same_space(conn, prepared, golden)
        recorded = sorted({key for query in golden.queries for key, _ in query.rows})
        there = frozenset(row[0] for row in run_query(conn, prepared.ids_sql, [recorded]).rows)
        missing = [key for key in recorded if key not in there]
        if not there:
            raise NothingToMeasure(f"none of the {len(recorded):,} recorded rows is there: {_origin(golden)}")
        vectors = [query.text for query in golden.queries]
        first = search(conn, prepared.sql, vectors, settings, 1, budget=budget)
        answers = found_with_distance(conn, prepared.sql, vectors, settings, budget=budget)
        spent = budget.spent
    k = min(golden.k, limit_of(prepared.sql) or golden.k)
    pairs = zip(golden.queries, answers, strict=True)
    agreements = [agreement(query, answer, there, k) for query, answer in pairs]
    counted = [one for one in agreements if one.expected]
    if not counted:
        raise NothingToMeasure(f"no recorded row is among the {k} nearest any more; record anew: {_origin(golden)}")
    mean, low, _ = interval([one.matched / one.expected for one in counted], sum(one.expected for one in counted))
    ranks = [one.rank for one in agreements if one.rank is not None]
    times = times_of([answer.seconds * 1000 for answer in answers], first[0].seconds * 1000)
    values: dict[str, Value] = {
        "recall_at_k": round(mean, 4),
        "low": round(low, 4),
        "rank_agreement": round(sum(ranks) / len(ranks), 4) if ranks else 1.0,
        "queries": len(counted),
        "missing": len(missing),
        "displaced": sum(one.displaced for one in agreements),
        **times,
    }
    detail = describe_golden(values, counted, k, missing, len(recorded), settings)
    more = {
        "k": k,
        "rank_measure": "Kendall's tau",
        "missing_rows": missing,
        "recorded": {"environment": golden.environment, "at": golden.recorded_at, "models": list(golden.models)},
        "search": dict(settings.values),
        "spent_ms": round(spent, 1),
    }
    return detail, values, more


def _require_same_space(conn: Connection, prepared: PreparedCheck, golden: GoldenFile) -> None:
    """Raise NothingToMeasure when the target's vectors cannot be compared with the recorded ones."""
    length = vectors_of(conn, prepared)[0].count(",") + 1
    if length != golden.dimensions:
        raise NothingToMeasure(
            f"recorded with vectors of {golden.dimensions:,}, the target's have {length:,}: {_origin(golden)}"
        )
    if prepared.model_sql and golden.models:
        models = [str(row[0]) for row in run_query(conn, prepared.model_sql).rows]
        absent = [model for model in golden.models if model not in models]
        if absent:
            raise NothingToMeasure(
                f"recorded with {', '.join(absent)}, the target has {', '.join(models) or 'none'}: {_origin(golden)}"
            )


def _origin(golden: GoldenFile) -> str:
    return f"recorded from {golden.environment}, {golden.recorded_at}"
