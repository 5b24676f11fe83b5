"""The steps and verdicts of a run and of its plan, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.run import nothing_checked
from minerva_promote.config.models.project import Contract
from minerva_promote.errors import Location, PromoteError, TargetError
from minerva_promote.load.load_result import LoadResult
from minerva_promote.load.sequences import SequenceState
from minerva_promote.promotion.existing_keys import KeyCounts
from minerva_promote.promotion.plan_digest import Digest, PlannedTarget
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.second_pass import lines_of
from minerva_promote.promotion.state import RunState, known
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.signals import signal_name
from minerva_promote.text_format import counted, shell_word, size

NOTHING = "nothing was changed"
_BEFORE_OR_AFTER = {"before_commit": "before COMMIT", "after_commit": "after COMMIT"}
_HINTS = {
    "different": "the target has another row under this key: find out which is right; nothing overwrites it",
    "blocked": "find out which is right; nothing is overwritten",
    "appended": "what was promoted is not appended to: export it whole under a new key, or leave it",
}


def preflight_step(findings: tuple[Finding, ...]) -> StepResult:
    """What was found before the first row; an error among it closes the gate."""
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
    fact = f"{sequence.sequence} is {behind}: the next rows that take a value from it will fail"
    finding = Finding("sequence-behind", fact, hint=sequence.statement, severity=Severity.WARN)
    return StepResult("import", name, Outcome.WARN, behind, findings=(finding,))


def table_steps(
    request: PromotionRequest, contract: Contract, loaded: LoadResult, seconds: float
) -> tuple[StepResult, ...]:
    """One step a table; the last one has the time of all, for batches of several tables are under way at once."""
    lines = lines_of(request.file, [clash.offset for clash in loaded.clashes])
    steps = []
    shown_tables = [table for table in contract.tables if sum(loaded.counts[table].values())]
    numbers = loaded.as_numbers()
    for table in shown_tables:
        findings = tuple(
            Finding(
                clash.kind,
                f"{table} {clash.key}: {clash.fact}",
                Location(str(request.file), lines.get(clash.offset, 0)),
                _HINTS[clash.kind],
            )
            for clash in loaded.clashes
            if clash.table == table
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


def planned_target_step(planned: PlannedTarget) -> StepResult:
    """The target of a plan."""
    major, minor = divmod(planned.facts.version_num, 10_000)
    revision = ", ".join(planned.revisions or ()) or "unknown"
    last = f"last changed by {planned.changes[0].description}" if planned.changes else "nothing was promoted to it yet"
    which = f"server {planned.where.system_identifier}" if planned.where.known else "a server that does not say which"
    detail = (
        f"{planned.facts.role} on {which}, PostgreSQL {major}.{minor}, pgvector {planned.facts.vector_version},"
        f" revision {revision}; {last}"
    )
    data = {
        "database": planned.where.database,
        "system_identifier": planned.where.system_identifier,
        "version": planned.facts.version_num,
        "revision": list(planned.revisions or ()),
        "role": planned.facts.role,
        "last_change": planned.changes[0].run_id if planned.changes else "",
    }
    return StepResult("target", planned.where.database, Outcome.OK, detail, data=data)


def planned_table_step(table: str, counts: KeyCounts) -> StepResult:
    """What would become of the rows of one table."""
    detail = f"{counts.new:,} new, {counts.there:,} already there"
    if not counts.known:
        detail = f"{counts.new:,} in the file; this role may not look which are there"
    data = {"new": counts.new, "there": counts.there, "known": counts.known}
    return StepResult("import", table, Outcome.WILL, detail, data=data)


def planned_space_step(database_bytes: int, file_bytes: int) -> StepResult:
    """The room that the database takes now, and the size of the file."""
    detail = f"{size(database_bytes)} now; the file has {size(file_bytes)} of text"
    return StepResult("space", "database", Outcome.WILL, detail, data={"bytes": database_bytes})


def planned_index_step(index: VectorIndex, counts: Mapping[str, KeyCounts], *, rebuilds: bool) -> StepResult:
    """What would become of a vector index."""
    after = "rebuilt after COMMIT if it is stale" if rebuilds else "looked at after COMMIT"
    new = counted(counts[index.table].new, "new rows")
    return StepResult("index", index.name, Outcome.WILL, f"{index.method}, {index.parameters}; {new}; {after}")


def planned_embedding_step() -> StepResult:
    """The comparison with the target's embedding space."""
    detail = f"{_BEFORE_OR_AFTER['before_commit']}: of the model that the target's vectors are of"
    return StepResult("check", "embedding space", Outcome.WILL, detail)


def planned_check_steps(checks: Sequence[PreparedCheck], *, warn_if_none: bool) -> Iterator[StepResult]:
    """The checks of a stage with their thresholds; with a warning when none would be made, if that is wanted."""
    for prepared in checks:
        if prepared.skip:
            yield StepResult("check", prepared.check.name, Outcome.SKIP, prepared.skip, location=prepared.at)
        else:
            detail = f"{_BEFORE_OR_AFTER[prepared.check.stage]}: {prepared.bounds.said}"
            yield StepResult("check", prepared.check.name, Outcome.WILL, detail, location=prepared.at)
    if warn_if_none and all(prepared.skip for prepared in checks):
        yield nothing_checked(len(checks), "before_commit")


def planned_step(step: str, name: str, detail: str) -> StepResult:
    """A step that a run will take."""
    return StepResult(step, name, Outcome.WILL, detail)


def plan_verdict(state: RunState, digest: Digest | None) -> str:
    """The last line of a plan: the command that does what was shown."""
    if digest is None:
        return "gate closed: a run would change nothing"
    environment, request = state.environment, state.request
    file = shell_word(str(request.file)) + (" --repair" if request.repair else "")
    yes = f" --yes {environment.name}" if environment.protected else ""
    command = f"promote run --env {environment.name} --file {file}{yes} --plan {digest}"
    return f"gate open so far; to do exactly this: {command}"
