"""What a probe measured, in one line for a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minerva_promote.checks.golden_file import Agreement
from minerva_promote.checks.thresholds import Value
from minerva_promote.search.recall import Recall
from minerva_promote.search.search_runner import Settings
from minerva_promote.search.vector_indexes import VectorIndex

_NAMED = 3  # missing rows

Values = Mapping[str, Value]


def describe_recall(values: Values, result: Recall, k: int, index: VectorIndex | None, settings: Settings) -> str:
    """Recall with its interval, and the time of a search with the index and without."""
    few = f" (k is {k}, exact search finds {result.least_exact} rows)" if result.least_exact < k else ""
    if index is None:
        detail = f"1 at k = {values['k']}{few}: every row is read, {values['exact_ms']:.1f} ms"
    else:
        detail = (
            f"{values['recall_at_k']:.3f} at k = {values['k']}{few}, "
            f"95 % interval {values['low']:.3f} to {values['high']:.3f}; "
            f"{index.name} {values['p50_ms']:.1f} ms, exact {values['exact_ms']:.1f} ms, {result.queries} queries"
        )
    return detail + _settings(settings)


def describe_plan(
    order: str,
    indexes: Sequence[VectorIndex],
    chosen: VectorIndex | None,
    usable: VectorIndex | None,
    pages: int,
    settings: Settings,
) -> str:
    """Which index serves a search in this order, and how many of its pages one search reads."""
    if chosen:
        detail = f"{chosen.name} for {order}, {pages:,} of its {chosen.pages:,} pages touched"
    elif usable:
        detail = f"{usable.name} is usable; the planner prefers another plan, as for a small table"
    elif indexes:
        names = ", ".join(sorted(f"{index.name} ({index.opclass})" for index in indexes))
        detail = f"{order} cannot use {names}"
    else:
        detail = f"no ivfflat or hnsw index on the searched tables, for {order}"
    return detail + _settings(settings)


def describe_latency(values: Values, vectors: int, declared_sessions: int, settings: Settings) -> str:
    """Percentiles, and how many searches in how many sessions."""
    detail = f"p50 {values['p50_ms']:.1f} ms, p95 {values['p95_ms']:.1f} ms, first {values['first_ms']:.1f} ms, "
    detail += f"{values['samples']} searches with {vectors} vectors"
    if values["concurrency"] != 1:
        detail += f" in {values['concurrency']} sessions, {values['per_second']:,.0f} a second"
    elif declared_sessions > 1:
        detail += f" in 1 session instead of {declared_sessions}: no other sees the rows before COMMIT"
    return detail + _settings(settings)


def describe_golden(
    values: Values, counted: Sequence[Agreement], k: int, missing: Sequence[str], recorded: int, settings: Settings
) -> str:
    """How much of the recorded results was found again, and which recorded rows are not there."""
    hits, expected = sum(one.matched for one in counted), sum(one.expected for one in counted)
    detail = f"{hits:,} of {expected:,} rows at k = {k}, rank agreement {values['rank_agreement']:.3f}, "
    detail += f"p95 {values['p95_ms']:.1f} ms, {len(counted)} queries"
    if missing:
        names = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
        detail += f"; {len(missing):,} of {recorded:,} recorded rows are not there: {names}"
    if values["displaced"]:
        detail += f"; {values['displaced']:,} have nearer rows before them now"
    return detail + _settings(settings)


def _settings(settings: Settings) -> str:
    """The end of the line: the settings that were searched with."""
    return f", {settings}" if settings.values else ""
