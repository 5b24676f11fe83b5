"""The texts of verdicts on vector indexes, and of the advice for each."""

from __future__ import annotations

from minerva_promote.index_health.advice import Advice, Remedy, Step
from minerva_promote.index_health.measure import QUERIES, K, Measured
from minerva_promote.index_health.model import InspectedIndex
from minerva_promote.index_health.verdict import STAYS, Health, Reason, Targets, Verdict, default_lists
from minerva_promote.search.pgvector_features import Version
from minerva_promote.search.pgvector_report import too_old
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.text_format import counted

_BROKEN = {
    Reason.BUILDING: "being built by another session: no search uses it yet",
    Reason.BUILD_FAILED: "its build failed or was interrupted: no search uses it, every insert pays for it",
    Reason.INVALID_LEFTOVER: "left behind by an interrupted build: no search uses it, every insert pays for it",
    Reason.COMPLETE_LEFTOVER: "left behind by an interrupted build: complete, and not yet in its place",
    Reason.NO_VECTORS: "no row has a vector: nothing to measure",
}
_ADVICE = {
    Remedy.NOTHING: "nothing to do",
    Remedy.TABLE_IS_SMALL: "nothing to do as long as the table is small",
    Remedy.WAIT_FOR_ROWS: "look again when the rows are there",
    Remedy.GROWS: "nothing to do: it grows with the rows",
    Remedy.MORE_TIME: "give it more time: --timeout 10min",
    Remedy.CORRECT_ERROR: "mend that, and look again",
    Remedy.WAIT_FOR_BUILD: "wait until it is built, and look again",
    Remedy.OTHER_OPERATOR: "build one for the operator of the searches, or drop it",
    Remedy.PLANNER_COSTS: (
        "the planner takes reading the table for cheaper: set random_page_cost = 1.1 where the disk is fast,"
        " or lower the targets"
    ),
    Remedy.LOWER_TARGETS: "lower the targets, or search fewer rows",
}


def describe_health(index: VectorIndex, measured: Measured, health: Health, targets: Targets) -> str:
    """Why an index has its verdict, with the numbers that tell."""
    rows, left_out = measured.counted.rows, measured.left_out
    match health.reason:
        case Reason.NOT_MEASURED:
            return left_out or "nothing was measured"
        case Reason.OTHER_OPERATOR:
            operators = " and ".join(sorted({search.operator for search in health.searches}))
            names = ", ".join(search.name for search in health.searches)
            return f"{index.opclass} answers {index.operator}, the searches use {operators} ({names})"
        case Reason.OTHER_INDEX:
            return f"the planner prefers {measured.now.uses if measured.now else 'another index'}"
        case Reason.TABLE_READ | Reason.TABLE_READ_SLOWLY:
            return _describe_table_read(measured, health, targets)
        case Reason.RECALL_UNKNOWN:
            return f"recall is unknown: {left_out}"
        case reason if reason in _BROKEN:
            return _BROKEN[reason]
    evidence = _describe_evidence(measured, targets)
    begin = _describe_misses(index, measured, health, rows)
    return f"{begin}; {evidence}" if begin else evidence


def _describe_misses(index: VectorIndex, measured: Measured, health: Health, rows: int) -> str:
    """What the evidence alone does not tell; empty where it tells everything."""
    built = measured.counted.built or 0
    one_list = f"nearly all rows are in one of its {index.lists} lists"
    match health.reason:
        case Reason.FEWER_ROWS_THAN_LISTS:
            return f"{built:,} rows when it was built, {rows:,} now: its {index.lists} lists are random"
        case Reason.ONE_LIST:
            return one_list
        case Reason.GROWN:
            return f"{built:,} rows when it was built, {rows:,} now"
        case Reason.UNUSUAL_LISTS:
            return f"{index.lists} lists for {rows:,} rows, usual are {default_lists(rows)}"
        case Reason.NOT_ALL_TRIED:
            return measured.left_out
        case Reason.FEW_SEARCHES:
            few = counted(measured.queries, "searches")
            return f"{few} are too few to tell: there was no time for {QUERIES} by exact search"
        case Reason.NO_SETTING:
            return "at every setting that was tried"
        case Reason.NO_SETTING_ALIKE:
            alike = f"{one_list}, and were when it was built: their vectors are alike"
            return f"at every setting that was tried; {alike}"
        case _:
            return ""


def _describe_table_read(measured: Measured, health: Health, targets: Targets) -> str:
    rows = measured.counted.rows
    all_rows = "the only row" if rows == 1 else f"all {rows:,} rows"
    instead = "" if health.verdict is Verdict.EXACT else " instead"
    time = f"exact search takes {measured.exact_p50:.1f} ms, p95 {measured.exact_p95:.1f} ms"
    slow = f", should be <= {targets.exact_enough:g}" if health.reason is Reason.TABLE_READ_SLOWLY else ""
    return f"the planner reads {all_rows}{instead}: {time}{slow}"


def _describe_evidence(measured: Measured, targets: Targets) -> str:
    """The present setting against the targets: "recall@10 0.440 (must be >= 0.95), p95 2.1 ms at ivfflat.probes = 1".

    Empty where no setting was measured.
    """
    trial = measured.now
    if trial is None:
        return ""
    parts = []
    if trial.recall is not None:
        must = "" if trial.recall.mean >= targets.recall else f" (must be >= {targets.recall:g})"
        parts.append(f"recall@{K} {trial.recall.mean:.3f}{must}")
    must = "" if trial.p95 <= targets.latency else f" (must be <= {targets.latency:g})"
    parts.append(f"p95 {trial.p95:.1f} ms{must}")
    if not targets.worthwhile(trial, measured, STAYS):
        faster = measured.exact_p50 / trial.p50
        parts.append(f"{faster:.1f} times faster than exact search (should be {targets.speedup:g})")
    return f"{', '.join(parts)} at {measured.setting} = {trial.setting}"


def describe_advice(inspected: InspectedIndex, version: Version = ()) -> str:
    """What to do about an index, in a few words: "rebuild it with lists = 10"."""
    index, advice = inspected.index, inspected.advice
    match advice.step:
        case Step.SETTING:
            return "set {} = {}".format(*advice.setting or ())
        case Step.REBUILD:
            return f"rebuild it with {_parameters(advice)}" if advice.options else "rebuild it"
        case Step.REPLACE:
            return _describe_replacement(index, advice)
        case Step.DROP:
            return "drop it"
        case Step.FINISH:
            return "put it in its place"
        case _:
            return _describe_remedy(inspected, version)


def _describe_remedy(inspected: InspectedIndex, version: Version) -> str:
    index, measured, advice = inspected.index, inspected.measured, inspected.advice
    match advice.remedy:
        case Remedy.GRANT_SELECT:
            return f"declare SELECT on {index.table} for the import role, then promote grants --apply"
        case Remedy.KEEP_ONE:
            return f"keep one of the two: {advice.statements[0]}"
        case Remedy.BY_HAND:
            words = _describe_replacement(index, advice)
            return f"{words}, by hand: it belongs to an index of a partitioned table"
        case Remedy.ROLE_SETTING:
            name, value = advice.setting or ("", 0)
            return f'the role sets {name} itself: declare settings: {{{name}: "{value}"}}, then promote grants --apply'
        case Remedy.EXACT_SEARCH:
            time = f"exact search of {measured.counted.rows:,} rows takes {measured.exact_p95:.1f} ms (p95)"
            return f"do without: {time}: {advice.statements[0]}"
        case Remedy.NEWER_PGVECTOR:
            return too_old("hnsw", version)
        case remedy:
            return _ADVICE[remedy]


def _describe_replacement(index: VectorIndex, advice: Advice) -> str:
    if advice.method != index.method:
        return f"replace it by {advice.method} {_parameters(advice)}"
    method = "" if advice.method == "ivfflat" else f"{advice.method} "
    return f"rebuild it with {method}{_parameters(advice)}"


def _parameters(advice: Advice) -> str:
    return ", ".join(f"{name} = {value}" for name, value in advice.options.items())
