"""The steps and verdicts of a run."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.config.models.project import Contract
from minerva_promote.errors import Location, PromoteError, TargetError
from minerva_promote.ledger.events import Kind
from minerva_promote.ledger.unfinished_runs import UnfinishedRun
from minerva_promote.load.load_result import LoadResult
from minerva_promote.load.sequences import SequenceState
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.state import RunState, known
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.signals import signal_name
from minerva_promote.text_format import counted

NOTHING = "nothing was changed"
_HINTS = {
    "different": "the target has another row under this key: find out which is right; nothing overwrites it",
    "blocked": "find out which is right; nothing is overwritten",
    "appended": "what was promoted is not appended to: export it whole under a new key, or leave it",
}


def preflight_step(findings: tuple[Finding, ...]) -> StepResult:
    """The findings before the first row; an error among them closes the gate."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    outcome = Outcome.FAIL if errors else Outcome.WARN if findings else Outcome.OK
    detail = counted(errors, "findings") if errors else ""
    return StepResult("preflight", "schema, privileges, settings", outcome, detail, findings=findings)


def refused_step(name: str, detail: str, error: TargetError) -> StepResult:
    """The target does not take the data."""
    finding = Finding("refused", error.message, hint=error.hint or "correct the data, or the target")
    return StepResult("import", name, Outcome.FAIL, detail, findings=(finding,))


def sequence_step(sequence: SequenceState, last: int | None) -> StepResult:
    """What was done about a sequence that is behind its column; ``last``: the value it gave out last, when advanced."""
    name = f"sequence {sequence.sequence}"
    if last is not None:
        detail = f"advanced to {last:,} for {sequence.table}.{sequence.column}; a rollback does not take it back"
        return StepResult("import", name, Outcome.OK, detail, data={"value": last})
    behind = f"behind {sequence.table}.{sequence.column}, which has {sequence.reached:,}"
    if sequence.can_advance:
        return StepResult("import", name, Outcome.OK, f"{behind}: a run would advance it")
    message = f"{sequence.sequence} is {behind}: the next rows that take a value from it will fail"
    finding = Finding("sequence-behind", message, hint=sequence.statement, severity=Severity.WARN)
    return StepResult("import", name, Outcome.WARN, behind, findings=(finding,))


def table_steps(
    request: PromotionRequest, contract: Contract, loaded: LoadResult, seconds: float
) -> tuple[StepResult, ...]:
    """One step a table; the last one has the time of all, for batches of several tables are under way at once."""
    lines: dict[int, int] = {}
    if loaded.conflicts:
        from minerva_promote.exportfile.row_lines import lines_of

        lines = lines_of(request.file, [conflict.offset for conflict in loaded.conflicts])
    steps = []
    shown_tables = [table for table in contract.tables if sum(loaded.counts[table].values())]
    numbers = loaded.as_numbers()
    for table in shown_tables:
        findings = tuple(
            Finding(
                conflict.kind,
                f"{table} {conflict.key}: {conflict.message}",
                Location(str(request.file), lines.get(conflict.offset, 0)),
                _HINTS[conflict.kind],
            )
            for conflict in loaded.conflicts
            if conflict.table == table
        )
        counts = numbers[table]
        detail = f"{counts['new']:,} new, {counts['identical']:,} already there, {counts['different']:,} different"
        for kind in ("blocked", "appended"):
            if counts[kind]:
                detail += f", {counts[kind]:,} {kind}"
        outcome = Outcome.FAIL if findings or counts["different"] else Outcome.OK
        elapsed = seconds if table == shown_tables[-1] else 0.0
        steps.append(StepResult("import", table, outcome, detail, elapsed, findings=findings, data=dict(counts)))
    return tuple(steps)


def run_verdict(state: RunState) -> str:
    """The last line of a run that came to its end, by what it loaded and what failed after COMMIT."""
    loaded, dry_run, failed = known(state.loaded), state.request.dry_run, state.log.failed
    gate = "dry run: gate open" if dry_run else "gate open"
    some = "one of the checks" if failed == 1 else f"{failed} of the checks"
    new = loaded.total("new")
    if not new:
        unchanged = f"{NOTHING}, all {loaded.total('identical'):,} rows are already there, identical"
        return f"{unchanged}, but {some} failed: see above" if failed else f"{gate}: {unchanged}"
    if dry_run:
        return f"{gate}, {counted(new, 'rows')} would be new; {NOTHING} (rolled back)"
    if failed:
        return f"{committed_as(state)}, but {some} after COMMIT failed: see above"
    return f"{gate}: {committed_as(state)}{state.commit_proof}{known(state.searches).left_to_do}"


def closed_verdict(state: RunState) -> str:
    """The last line of a run whose gate is closed."""
    return f"gate closed: {NOTHING}" + (" (rolled back)" if state.in_transaction else "")


def committed_as(state: RunState) -> str:
    """That the rows are committed, with the number of the run."""
    return f"committed as run {state.request.run_id[:8]}"


def unfinished_checks_step(state: RunState, stop: KeyboardInterrupt | PromoteError) -> StepResult:
    """The checks after COMMIT that could not be finished."""
    hint = f"promote check --env {state.environment.name} --stage after_commit"
    return StepResult("check", "after_commit", Outcome.ERROR, stop_reason(stop), hint=hint)


def unfinished_verdict(state: RunState, stop: KeyboardInterrupt | PromoteError) -> str:
    """The last line of a run that was committed and whose last checks could not be finished."""
    committed = f"{committed_as(state)}, but the checks after COMMIT could not be finished"
    if isinstance(stop, PromoteError):
        return f"{committed}: see above"
    return f"{stop_reason(stop)}, did not finish: {committed}"


def stop_reason(stop: KeyboardInterrupt | PromoteError) -> str:
    """What stopped a run: the message of an error, or the name of a signal."""
    return stop.message if isinstance(stop, PromoteError) else f"stopped by {signal_name(stop)}"


def unfinished_runs_step(runs: Iterable[UnfinishedRun]) -> StepResult:
    """Earlier runs that have no end in the ledger."""
    findings = tuple(
        Finding("open-run", run.description, severity=Severity.WARN, hint=_unfinished_run_hint(run)) for run in runs
    )
    return StepResult("ledger", "runs without end", Outcome.WARN, findings=findings)


def _unfinished_run_hint(run: UnfinishedRun) -> str:
    if run.committed is not None:
        return "run the same file again: nothing is changed, and the checks are made"
    return "wait for it, or end it" if run.alive else "run its file again when you like"


def unrecorded_event_step(kind: Kind, reason: str) -> StepResult:
    """An event that the ledger did not take."""
    return StepResult("ledger", kind, Outcome.WARN, f"could not be recorded: {reason}")
