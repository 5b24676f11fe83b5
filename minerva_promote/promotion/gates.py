"""What must hold before the first row besides the target itself: another environment's run, a plan, a backup."""

from __future__ import annotations

import shlex
from pathlib import Path

from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import read_database_identity
from minerva_promote.ledger.recent_changes import describe_changes, latest_changes
from minerva_promote.load.load_result import LoadResult
from minerva_promote.promotion.backup import backup_steps
from minerva_promote.promotion.plan_digest import Digest, digest_of, parse_digest, plan_differences
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.required_environment import required_step
from minerva_promote.promotion.second_pass import file_changed_error, hash_of
from minerva_promote.promotion.state import GateEvidence, RunState, known
from minerva_promote.results import Finding, Outcome, StepResult


def before_rows(conn: Connection, state: RunState) -> GateEvidence:
    """Pass all gates, outside any transaction. Raises GateClosed when one is shut, and FileError.

    A file that is validated while its rows go in is hashed first where `requires` asks for its hash.
    """
    environment, request = state.environment, state.request
    wanted = parse_digest(request.digest) if request.digest else None
    details: dict[str, object] = {}
    sha256 = ""
    if environment.requires is not None or wanted is not None:
        sha256 = state.validation.manifest.sha256 if state.validation else hash_of(request.file)
    if environment.requires is not None:
        step = required_step(state.project, environment, read_database_identity(conn), request.file, sha256)
        state.log.record(step)
        details["requires"] = dict(step.data)
    if wanted is not None:
        state.log.record(_compare_with_plan(conn, state, wanted, sha256))
        details["plan"] = str(wanted)
    state.log.stop_if_closed()
    backup = backup_steps(
        state.project, environment, conn, request.run_id, state.log.listener, rehearsal=request.dry_run
    )
    for step in backup:
        state.log.record(step)
        if "bytes" in step.data:
            details["backup"] = {"file": Path(step.data["file"]).name, "bytes": step.data["bytes"]}
    state.log.stop_if_closed()
    return GateEvidence(sha256, state.planned if wanted is not None else None, details)


def before_commit(conn: Connection, state: RunState, loaded: LoadResult) -> None:
    """Compare once more under the lock: what was promised is what was done. Raises FileError and GateClosed."""
    evidence, manifest = state.evidence, known(state.validation).manifest
    if evidence.sha256 and manifest.sha256 != evidence.sha256:
        raise file_changed_error(state.request.file)
    planned = evidence.planned
    if planned is None:
        return
    since = [change for change in latest_changes(conn) if change not in planned.changes]
    numbers = loaded.as_numbers()
    others = [name for name, keys in planned.counts.items() if keys.known and keys.new != numbers[name]["new"]]
    fact = ""
    if since:
        fact = f"the target has had {describe_changes(since)} since"
    elif others:
        fact = (
            f"other rows are new than was planned: {', '.join(others)}; somebody else has written to the target since"
        )
    if fact:
        state.log.record(_plan_step(state.request, Finding("plan-target", fact)))
        state.log.stop_if_closed()


def _compare_with_plan(conn: Connection, state: RunState, wanted: Digest, sha256: str) -> StepResult:
    """Compute the digest again from what this run has read, and compare it with the one that was given."""
    planned = known(state.planned)
    backup = backup_steps(state.project, state.environment, conn, "00000000", state.log.listener, rehearsal=True)
    if state.log.failed or any(step.outcome.closes_gate for step in backup):
        return _plan_step(state.request, Finding("plan", "no plan can be made any more: promote plan says why"))
    digest = digest_of(state.project, state.environment, sha256, planned, repair=state.request.repair)
    findings = plan_differences(wanted, digest, planned, state.request.file.name, state.environment.name)
    return _plan_step(state.request, *findings)


def _plan_step(request: PromotionRequest, *findings: Finding) -> StepResult:
    if not findings:
        return StepResult("plan", request.digest, Outcome.OK, "file, configuration and target are as planned")
    file = shlex.quote(str(request.file)) + (" --repair" if request.repair else "")
    hint = f"look at it again: promote plan --env {request.environment} --file {file}"
    return StepResult("plan", request.digest, Outcome.FAIL, hint=hint, findings=findings)
