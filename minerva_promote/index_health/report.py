"""The inspection and the repair of `promote index`, as results."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minerva_promote.config.project import Environment
from minerva_promote.errors import PromoteError
from minerva_promote.index_health.advice import Remedy, halfvec_index
from minerva_promote.index_health.measure import K, Measured, SettingTrial
from minerva_promote.index_health.verdict import Health, Reason, Targets, Verdict
from minerva_promote.index_health.verdict_report import describe_advice, describe_health
from minerva_promote.results import Finding, Outcome, RunResult, Severity, StepResult
from minerva_promote.search.pgvector_features import SINCE, unindexable_columns
from minerva_promote.search.pgvector_report import too_old, why_no_index
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.text_format import counted, seconds, size

if TYPE_CHECKING:
    from minerva_promote.index_health.model import IndexReport, InspectedIndex, UnindexedColumn

NOTHING = "nothing was changed"


def inspection_result(environment: Environment, report: IndexReport) -> RunResult:
    """The verdicts, and what --apply would do."""
    return _result(environment, report, (), changed=False, verdict=f"{_verdict(environment, report)}; {NOTHING}")


def repair_result(environment: Environment, report: IndexReport, done: tuple[StepResult, ...]) -> RunResult:
    """What was done, and the verdicts after it."""
    made = f"applied: {counted(len(done), 'changes')}" if done else NOTHING
    return _result(environment, report, done, changed=bool(done), verdict=f"{made}; {_verdict(environment, report)}")


def rebuild_failed_step(environment: Environment, error: PromoteError) -> StepResult:
    """A rebuild after an import that ended with an error: the import stays committed."""
    hint = error.hint or f"promote index --env {environment.name} --apply"
    return StepResult("index", "rebuild", Outcome.ERROR, error.message, hint=hint)


def build_step(inspected: InspectedIndex, took: float) -> StepResult:
    """One index that was rebuilt or replaced, in ``took`` seconds."""
    name, advice, rows = inspected.index.name, inspected.advice, inspected.measured.counted.rows
    detail = f"was {inspected.health.verdict}; built over {rows:,} rows: {describe_advice(inspected)}"
    data = {"index": name, "rows": rows, "statements": list(advice.statements)}
    return StepResult("build", name, Outcome.OK, detail, took, data=data)


def _result(
    environment: Environment, report: IndexReport, done: tuple[StepResult, ...], *, changed: bool, verdict: str
) -> RunResult:
    steps = list(done)
    steps += [report.unready] if report.unready else []
    for inspected in report.indexes:
        steps += _index_steps(environment, report, inspected)
    steps += [_column_step(report, unindexed) for unindexed in report.unindexed]
    if report.indexes or report.unindexed:
        steps.append(_cost(report))
    return RunResult(
        "index",
        environment.name,
        title=f"targets recall@{K} >= {report.targets.recall:g}, p95 <= {report.targets.latency:g} ms",
        steps=tuple(steps),
        verdict=verdict,
        changed=changed,
        data={"recall": report.targets.recall, "latency_ms": report.targets.latency, "pgvector": _dotted(report)},
    )


def _dotted(report: IndexReport) -> str:
    return ".".join(map(str, report.version))


def _index_steps(environment: Environment, report: IndexReport, inspected: InspectedIndex) -> Iterator[StepResult]:
    """The verdict, what the index is, and a line for each setting that was tried."""
    index, measured, health = inspected.index, inspected.measured, inspected.health
    yield StepResult(
        "index",
        index.name,
        outcome_of(health),
        f"{health.verdict}: {describe_health(index, measured, health, report.targets)}",
        hint=_hint(environment, report, inspected),
        findings=tuple(_findings(report, inspected)),
        data=_data(inspected),
    )
    yield StepResult("made", index.over, Outcome.OK, _made(index, measured))
    if not math.isnan(measured.exact_p50):
        yield _exact_step(measured, report.targets)
    if measured.now is not None:
        other = f"with {measured.now.uses}, " if measured.now.uses else "without an index, "
        as_it_is = "" if measured.now.uses == index.name else other
        yield _trial_step(measured, measured.now, report.targets, as_it_is)
    for trial in measured.trials:
        if trial.uses != index.name:
            detail = f"the planner takes {trial.uses or 'no index'} all the same"
            yield StepResult("search", f"{measured.setting} = {trial.setting}", Outcome.SKIP, detail)
        else:
            yield _trial_step(measured, trial, report.targets)


def outcome_of(health: Health) -> Outcome:
    """What a verdict does to the gate."""
    if health.verdict.good:
        return Outcome.OK
    if health.verdict is Verdict.EMPTY:
        return Outcome.WARN
    return Outcome.ERROR if health.verdict is Verdict.UNKNOWN else Outcome.FAIL


def _hint(environment: Environment, report: IndexReport, inspected: InspectedIndex) -> str:
    text = describe_advice(inspected, report.version)
    if inspected.advice.automatic:
        return f"{text}: promote index --env {environment.name} --apply"
    return "" if inspected.advice.remedy is Remedy.NOTHING else text


def _made(index: VectorIndex, measured: Measured) -> str:
    about = "" if measured.counted.exact else "about "
    built = measured.counted.built
    source = "" if measured.counted.recorded else " by their transactions"
    at_build = "unknown at build" if built is None else f"{built:,} at build{source}"
    rows = f"{about}{counted(measured.counted.rows, 'rows')}, {at_build}"
    return f"{index.method} ({index.parameters}), {index.opclass}, {rows}, {size(index.size)}"


def _exact_step(measured: Measured, targets: Targets) -> StepResult:
    detail = (
        f"p50 {measured.exact_p50:.1f} ms, p95 {measured.exact_p95:.1f} ms, {counted(measured.queries, 'searches')}"
    )
    outcome = Outcome.OK if measured.exact_p95 <= targets.latency else Outcome.WARN
    return StepResult("search", "exact", outcome, detail)


def _trial_step(measured: Measured, trial: SettingTrial, targets: Targets, as_it_is: str | None = None) -> StepResult:
    """The searches with one setting; ``as_it_is`` says how the planner goes about the present one."""
    recall = ""
    if trial.recall is not None:
        recall = f"recall@{K} {trial.recall.mean:.3f} ({trial.recall.low:.3f} to {trial.recall.high:.3f}), "
    pages = f", {trial.share:.1%} of its pages" if trial.share else ""
    forced = "" if trial.chosen else "; forced: the planner would not take the index"
    detail = f"{as_it_is or ''}{recall}p50 {trial.p50:.1f} ms, p95 {trial.p95:.1f} ms{pages}{forced}"
    outcome = Outcome.OK if targets.met(trial) and targets.worthwhile(trial, measured) else Outcome.WARN
    name = f"{measured.setting} = {trial.setting}{'' if as_it_is is None else ', as it is'}"
    return StepResult("search", name, outcome, detail)


def _findings(report: IndexReport, inspected: InspectedIndex) -> Iterator[Finding]:
    """What is worth knowing besides the verdict."""
    index, measured = inspected.index, inspected.measured
    rows, without = measured.counted.rows, measured.counted.without
    if without:
        message = f"{without:,} of {counted(rows + without, 'rows')} have no vector: no search by the index finds them"
        yield _note("no-vector", message)
    if 0 < rows < K:
        yield _note("few-rows", f"{counted(rows, 'rows')}, fewer than {K}: recall@{K} is over these")
    if index.predicate:
        message = f"only rows with {index.predicate} are in it: a search without that condition cannot use it"
        yield _note("partial-index", message)
    if index.is_expression:
        message = f"it is over {index.expression}: a search has to order by that to use it"
        yield _note("expression-index", message)
    same = [
        other.index.name
        for other in report.indexes
        if (other.index.schema, other.index.table, other.index.expression, other.index.operator, other.index.predicate)
        == (index.schema, index.table, index.expression, index.operator, index.predicate)
    ]
    if len(same) > 1:
        message = f"{index.over} has {len(same)} vector indexes for {index.operator}, {', '.join(same)}"
        yield _note("several-indexes", f"{message}: every insert pays for each, a search uses one")
    now = measured.now
    if now is not None and now.recall is not None and now.recall.least_rows < now.recall.least_exact:
        message = f"at {measured.setting} = {now.setting} a search finds as few as {now.recall.least_rows} of {K} rows"
        known = report.version >= SINCE["iterative scans"]
        goes_on = f"SET {index.method}.iterative_scan = relaxed_order: a search goes on until it has enough"
        yield _note("short-answer", message, goes_on if known else too_old("iterative scans", report.version))
    if (
        inspected.health.verdict is Verdict.EXACT
        and inspected.health.reason is Reason.TABLE_READ_SLOWLY
        and not inspected.advice.automatic
    ):
        message = f"the planner takes reading the table for cheaper than {index.name}"
        yield _note("planner", message, "ALTER DATABASE … SET random_page_cost = 1.1, where the disk is an SSD")
    if measured.left_out and inspected.health.verdict is not Verdict.UNKNOWN:
        yield _note("left-out", measured.left_out, "give it more time: --timeout 10min")


def _note(code: str, message: str, hint: str = "") -> Finding:
    return Finding(code, message, hint=hint, severity=Severity.WARN)


def _column_step(report: IndexReport, unindexed: UnindexedColumn) -> StepResult:
    """A column of vectors without an index."""
    column, measured = unindexed.column, unindexed.measured
    name = f"{column.table}.{column.column}"
    rows = measured.counted.rows
    data = {"table": f"{column.schema}.{column.table}", "column": column.column, "rows": rows}
    cannot = why_no_index(unindexable_columns([column], report.version))
    if not rows and not measured.left_out:
        return StepResult("index", name, Outcome.WARN, "no vector index, and no row has a vector", data=data)
    if math.isnan(measured.exact_p95):
        return StepResult("index", name, Outcome.ERROR, f"no vector index, and {measured.left_out}", data=data)
    data["exact_p95_ms"] = round(measured.exact_p95, 3)
    detail = f"no vector index; exact search of {counted(rows, 'rows')} takes {measured.exact_p50:.1f} ms"
    if measured.exact_p95 <= report.targets.latency:
        suffices = f"{detail}, p95 {measured.exact_p95:.1f} ms: it suffices{f'; {cannot}' if cannot else ''}"
        return StepResult("index", name, Outcome.OK, suffices, data=data)
    over = f"{detail}, p95 {measured.exact_p95:.1f} ms, must be <= {report.targets.latency:g}"
    if cannot and (cast := halfvec_index(column, unindexed.operator, report.version)):
        hint = f"{cannot}: {cast[0]}, in a migration; search by {cast[1]}"
        return StepResult("index", name, Outcome.FAIL, over, hint=hint, data=data)
    hint = cannot or f"make one in a migration, when the rows are there: an hnsw index for {unindexed.operator}"
    return StepResult("index", name, Outcome.FAIL, over, hint=hint, data=data)


def _cost(report: IndexReport) -> StepResult:
    statements = sum(inspected.measured.statements for inspected in report.indexes)
    statements += sum(unindexed.measured.statements for unindexed in report.unindexed)
    detail = f"{statements:,} queries, read-only, {seconds(report.seconds)}"
    return StepResult(
        "cost", "looking", Outcome.OK, detail, data={"seconds": round(report.seconds, 3), "queries": statements}
    )


def _verdict(environment: Environment, report: IndexReport) -> str:
    if report.unready:
        return "nothing was looked at"
    bad = [inspected for inspected in report.indexes if outcome_of(inspected.health).closes_gate]
    slow = [unindexed for unindexed in report.unindexed if _column_step(report, unindexed).outcome.closes_gate]
    if not bad and not slow:
        many, empty = (
            len(report.indexes),
            sum(inspected.health.verdict is Verdict.EMPTY for inspected in report.indexes),
        )
        if many and many == empty:
            return "nothing to measure yet: look again when the rows are there"
        later = f"; {empty} without rows: look again when they are there" if empty else ""
        return f"healthy: {counted(many - empty, 'vector indexes')}{later}" if many else "exact search suffices"
    mendable = sum(inspected.advice.automatic for inspected in bad)
    summary = f"{len(bad) + len(slow)} of {len(report.indexes) + len(report.unindexed)} not healthy"
    if not mendable:
        return f"{summary}; none of it can be mended by --apply"
    some = "mends it" if mendable == len(bad) + len(slow) else f"mends {mendable} of them"
    return f"{summary}; promote index --env {environment.name} --apply {some}"


def _data(inspected: InspectedIndex) -> dict[str, Any]:
    index, measured, health, advice = inspected.index, inspected.measured, inspected.health, inspected.advice
    return {
        "index": f"{index.schema}.{index.name}",
        "table": f"{index.schema}.{index.table}",
        "column": index.column,
        "method": index.method,
        "options": dict(index.options),
        "opclass": index.opclass,
        "operator": index.operator,
        "valid": index.valid,
        "predicate": index.predicate,
        "expression": index.expression if index.is_expression else "",
        "pages": index.pages,
        "bytes": index.size,
        "rows": measured.counted.rows,
        "rows_without_vector": measured.counted.without,
        "rows_at_build": measured.counted.built,
        "rows_at_build_recorded": measured.counted.recorded,
        "verdict": str(health.verdict),
        "advice": str(advice.step),
        "statements": list(advice.statements),
        "setting": measured.setting,
        "now": _trial(measured.now),
        "trials": [_trial(trial) for trial in measured.trials],
        "exact": _exact(measured),
        "query_vectors": measured.queries,
        "queries": measured.statements,
        "seconds": round(measured.seconds, 3),
        "left_out": measured.left_out,
    }


def _exact(measured: Measured) -> dict[str, float] | None:
    return None if math.isnan(measured.exact_p50) else {"p50_ms": measured.exact_p50, "p95_ms": measured.exact_p95}


def _trial(trial: SettingTrial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    recall = trial.recall
    return {
        "setting": trial.setting,
        "p50_ms": round(trial.p50, 3),
        "p95_ms": round(trial.p95, 3),
        "recall": None if recall is None else [recall.mean, recall.low, recall.high],
        "pages_share": round(trial.share, 4),
        "uses": trial.uses,
        "chosen": trial.chosen,
    }
