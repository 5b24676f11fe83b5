"""The recall of a search: how much of what exact search finds on the same snapshot."""

from __future__ import annotations

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.probe_report import describe_recall
from minerva_promote.checks.probes.common import Measured, NothingToMeasure, settings_of, vectors_of
from minerva_promote.checks.thresholds import Value
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import read_only
from minerva_promote.search.query_plan import plan_of
from minerva_promote.search.recall import Recall, recall_of
from minerva_promote.search.search_runner import Budget, exact_results, found_with_distance, percentile
from minerva_promote.search.vector_indexes import read_indexes


def measure_recall(conn: Connection, prepared: PreparedCheck) -> Measured:
    """Recall@k against exact search on the same snapshot, with a 95 % interval.

    Where the planner reads the rows without a vector index the search is exact: its recall is 1, and the searches
    are not made twice. Raises QueryError, NothingToMeasure and TargetError.
    """
    k, wanted = prepared.check.k, prepared.check.samples
    with read_only(conn, prepared.timeout, one_snapshot=True):
        budget = Budget(conn)
        settings = settings_of(conn, prepared)
        vectors = vectors_of(conn, prepared)[:wanted]
        with settings.applied(conn):
            plan = plan_of(conn, prepared.sql, vectors[:1])
        index = plan.used(read_indexes(conn, plan.tables))
        exact = exact_results(conn, prepared.sql, vectors, budget=budget)
        used = vectors[: len(exact)]
        answers = found_with_distance(conn, prepared.sql, used, settings, budget=budget) if index else exact
        spent = budget.spent
    result = recall_of(answers, exact, k)
    if not result.queries:
        raise NothingToMeasure("exact search finds no row: there is nothing that a search could miss")
    if index is None:
        result = Recall(1.0, 1.0, 1.0, result.queries, result.least_rows, result.least_exact)
    slow = round(percentile(sorted(answer.seconds * 1000 for answer in exact), 0.5), 3)
    fast = round(percentile(sorted(answer.seconds * 1000 for answer in answers), 0.5), 3)
    values: dict[str, Value] = {
        "recall_at_k": round(result.mean, 4),
        "low": round(result.low, 4),
        "high": round(result.high, 4),
        "k": min(k, result.least_exact),
        "queries": result.queries,
        "rows": result.least_rows,
        "p50_ms": fast,
        "exact_ms": slow,
        "speedup": round(slow / max(fast, 0.001), 2),
    }
    more = {
        "index": index.name if index else "",
        "vectors": len(vectors),
        "interval": "Wilson 95 %, effective number of trials",
        "search": dict(settings.values),
        "spent_ms": round(spent, 1),
    }
    return describe_recall(values, result, k, index, settings), values, more
