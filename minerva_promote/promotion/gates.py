"""What must hold before the first row besides the target itself: another environment's run, model, plan, backup."""

from __future__ import annotations

from pathlib import Path

from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import read_database_identity
from minerva_promote.ledger.embedding_model import last_model_run
from minerva_promote.ledger.recent_changes import latest_changes
from minerva_promote.load.load_result import LoadResult
from minerva_promote.promotion import gate_report as report
from minerva_promote.promotion.backup import backup_steps
from minerva_promote.promotion.plan_digest import Digest, digest_of, parse_digest, plan_differences
from minerva_promote.promotion.required_environment import required_step
from minerva_promote.promotion.second_pass import file_changed_error, hash_of
from minerva_promote.promotion.state import GateEvidence, RunState, known
from minerva_promote.results import Finding, StepResult


def before_rows(conn: Connection, state: RunState) -> GateEvidence:
    """Pass all gates, outside any transaction. Raises GateClosed when one is shut, and FileError.

    A file that is validated while its rows go in is hashed first where `requires` asks for its hash.
    """
    environment, request = state.environment, state.request
    planned_digest = parse_digest(request.digest) if request.digest else None
    details: dict[str, object] = {}
    sha256 = ""
    if environment.requires is not None or planned_digest is not None:
        sha256 = state.validation.manifest.sha256 if state.validation else hash_of(request.file)
    if environment.requires is not None:
        step = required_step(state.project, environment, read_database_identity(conn), request.file, sha256)
        state.log.record(step)
        details["requires"] = dict(step.data)
    if (compared := model_step(conn, state)) is not None:
        state.log.record(compared)
    if planned_digest is not None:
        state.log.record(_compare_with_plan(conn, state, planned_digest, sha256))
        details["plan"] = str(planned_digest)
    state.log.stop_if_closed()
    backup = backup_steps(
        state.project, environment, conn, request.run_id, state.log.listener, rehearsal=request.dry_run
    )
    for step in backup:
        state.log.record(step)
        if "bytes" in step.data:
            details["backup"] = {"file": Path(step.data["file"]).name, "bytes": step.data["bytes"]}
    state.log.stop_if_closed()
    return GateEvidence(sha256, state.planned if planned_digest is not None else None, details)


def before_commit(conn: Connection, state: RunState, loaded: LoadResult) -> None:
    """Compare file, target and new rows with the evidence again, under the lock. Raises FileError and GateClosed."""
    evidence, manifest = state.evidence, known(state.validation).manifest
    if evidence.sha256 and manifest.sha256 != evidence.sha256:
        raise file_changed_error(state.request.file)
    step = model_step(conn, state)
    if step is not None and step.outcome.closes_gate:  # another run has been committed meanwhile
        state.log.record(step)
        state.log.stop_if_closed()
    planned = evidence.planned
    if planned is None:
        return
    since = [change for change in latest_changes(conn) if change not in planned.changes]
    numbers = loaded.as_numbers()
    others = [name for name, keys in planned.counts.items() if keys.known and keys.new != numbers[name]["new"]]
    finding: Finding | None = None
    if since:
        finding = report.target_changed_finding(since)
    elif others:
        finding = report.other_rows_finding(others)
    if finding is not None:
        state.log.record(report.plan_step(state.request, [finding]))
        state.log.stop_if_closed()


def model_step(conn: Connection, state: RunState) -> StepResult | None:
    """Whether the last run named the same embedding model; None where the contract names none. Raises TargetError."""
    embedding = state.project.contract.embedding
    if embedding is None:
        return None
    last = last_model_run(conn, state.project.name)
    return report.model_step(embedding.model, last, warn=state.environment.space == "warn")


def _compare_with_plan(conn: Connection, state: RunState, planned_digest: Digest, sha256: str) -> StepResult:
    """Compute the digest again from what this run has read, and compare it with the one that was given."""
    planned = known(state.planned)
    backup = backup_steps(state.project, state.environment, conn, "00000000", state.log.listener, rehearsal=True)
    if state.log.failed or any(step.outcome.closes_gate for step in backup):
        return report.plan_step(state.request, [report.unplannable_finding()])
    digest = digest_of(state.project, state.environment, sha256, planned, repair=state.request.repair)
    findings = plan_differences(planned_digest, digest, planned, state.request.file.name, state.environment.name)
    return report.plan_step(state.request, findings)
