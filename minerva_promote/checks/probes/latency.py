"""The latency of a search, seen from the client, in one session or in several at the same time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from threading import Barrier, BrokenBarrierError

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.probe_report import describe_latency
from minerva_promote.checks.probes.common import (
    Measured,
    NothingToMeasure,
    settings_of,
    times_of,
    vectors_of,
)
from minerva_promote.database.connection import Connection
from minerva_promote.database.parallel import run_in_parallel
from minerva_promote.database.read_only import QueryError, in_transaction, read_only
from minerva_promote.errors import TargetError
from minerva_promote.search.query_shape import limit_of
from minerva_promote.search.recall import Answer
from minerva_promote.search.search_runner import Budget, Settings, exact_results, search


def measure_latency(conn: Connection, prepared: PreparedCheck) -> Measured:
    """How long searches take, seen from the client: nearest-rank percentiles over ``samples`` searches.

    Every search is planned anew with its own vector, as a client without prepared statements does it. The first of
    all is told apart; ``warm_up`` more are left out. With ``concurrency`` so many sessions of the import role search
    at the same time; not inside of a transaction, whose rows they would not see. All of it together takes no longer
    than the check's timeout. Raises QueryError, NothingToMeasure and TargetError.
    """
    check = prepared.check
    sessions = 1 if in_transaction(conn) else check.concurrency
    with read_only(conn, prepared.timeout, one_snapshot=True):
        budget = Budget(conn)
        settings = settings_of(conn, prepared)
        vectors = vectors_of(conn, prepared)
        first = search(conn, prepared.sql, vectors, settings, 1, budget=budget)
        warm = search(conn, prepared.sql, vectors[1:] + vectors[:1], settings, check.warm_up, budget=budget)
        begun = time.perf_counter()
        if sessions > 1:
            measured, took = _search_in_sessions(prepared, vectors, settings, sessions)
        else:
            measured = search(conn, prepared.sql, vectors, settings, check.samples, budget=budget)
            took = time.perf_counter() - begun
        every = [*first, *warm, *measured]
        least = min(len(answer.rows) for answer in every)
        if not least:
            raise NothingToMeasure("a search for a stored vector found no row; the search or its index is broken")
        missing = _missing(conn, prepared, vectors, measured, budget)
        spent = budget.spent
    values = times_of([answer.seconds * 1000 for answer in measured], first[0].seconds * 1000) | {
        "samples": len(measured),
        "rows": least,
        "rows_missing": missing,
        "concurrency": sessions,
        "per_second": round(len(measured) / took, 1),
    }
    more = {"vectors": len(vectors), "search": dict(settings.values), "spent_ms": round(spent, 1)}
    return describe_latency(values, len(vectors), check.concurrency, settings), values, more


def _missing(
    conn: Connection, prepared: PreparedCheck, vectors: Sequence[str], answers: Sequence[Answer], budget: Budget
) -> int:
    """How many rows fewer than exact search the worst search found; exact search is asked only below the LIMIT."""
    limit = limit_of(prepared.sql)
    worst = min(range(len(answers)), key=lambda number: len(answers[number].rows))
    rows = len(answers[worst].rows)
    if limit is not None and rows >= limit:
        return 0
    (exact,) = exact_results(conn, prepared.sql, [vectors[worst % len(vectors)]], budget=budget)
    return max(0, len(exact.rows) - rows)


def _search_in_sessions(
    prepared: PreparedCheck, vectors: Sequence[str], settings: Settings, sessions: int
) -> tuple[list[Answer], float]:
    """The answers of all sessions, the first session's first, and how long it took them; connecting is left out."""
    counts = [prepared.check.samples // sessions + (n < prepared.check.samples % sessions) for n in range(sessions)]
    ready = Barrier(sessions)
    connect = prepared.connect
    assert connect is not None

    def session(number: int) -> tuple[list[Answer], float, float]:
        own = [vectors[(number + step * sessions) % len(vectors)] for step in range(max(1, counts[number]))]
        try:
            with connect() as conn, read_only(conn, prepared.timeout, one_snapshot=True):
                search(conn, prepared.sql, own, settings, 1)  # a session's first search fills its caches
                ready.wait()
                begun = time.perf_counter()
                answers = search(conn, prepared.sql, own, settings, counts[number])
                return answers, begun, time.perf_counter()
        except BaseException:
            ready.abort()
            raise

    futures = run_in_parallel([partial(session, number) for number in range(sessions)])
    failures = [error for future in futures if (error := future.exception())]
    for error in sorted(failures, key=lambda error: isinstance(error, BrokenBarrierError)):
        if isinstance(error, TargetError):
            raise QueryError(f"{sessions} sessions at the same time: {error.message}") from error
        raise error
    results = [future.result() for future in futures]
    took = max(end for _, _, end in results) - min(begun for _, begun, _ in results)
    width = max(counts)
    ordered = [answers[step] for step in range(width) for answers, _, _ in results if step < len(answers)]
    return ordered, took
