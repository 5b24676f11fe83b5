"""The steps and the verdict of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.run import nothing_checked
from minerva_promote.checks.threshold_report import describe_bounds
from minerva_promote.ledger.events import Kind
from minerva_promote.promotion.existing_keys import KeyCounts
from minerva_promote.promotion.plan_digest import Digest, PlannedTarget
from minerva_promote.promotion.state import RunState
from minerva_promote.results import Outcome, StepResult
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.text_format import counted, shell_word, size

_BEFORE_OR_AFTER = {"before_commit": "before COMMIT", "after_commit": "after COMMIT"}


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
            detail = f"{_BEFORE_OR_AFTER[prepared.check.stage]}: {describe_bounds(prepared.bounds)}"
            yield StepResult("check", prepared.check.name, Outcome.WILL, detail, location=prepared.at)
    if warn_if_none and all(prepared.skip for prepared in checks):
        yield nothing_checked(len(checks), "before_commit")


def planned_rehearsal_step() -> StepResult:
    """The rehearsal of an undo."""
    return StepResult("rehearsal", "undo", Outcome.WILL, "rows in, out again, and all is as before")


_LEDGER_EVENTS: dict[Kind, str] = {
    "started": "who, when, which file, before the first row",
    "committed": "the run and the keys of its rows, in their transaction",
    "finished": "the checks after COMMIT",
}


def planned_event_step(kind: Kind) -> StepResult:
    """An event of the ledger."""
    return StepResult("ledger", kind, Outcome.WILL, _LEDGER_EVENTS[kind])


def plan_verdict(state: RunState, digest: Digest | None) -> str:
    """The last line of a plan: the command that does what was shown."""
    if digest is None:
        return "gate closed: a run would change nothing"
    environment, request = state.environment, state.request
    file = shell_word(str(request.file)) + (" --repair" if request.repair else "")
    yes = f" --yes {environment.name}" if environment.protected else ""
    command = f"promote run --env {environment.name} --file {file}{yes} --plan {digest}"
    return f"gate open so far; to do exactly this: {command}"
