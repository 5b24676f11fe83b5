"""The ledger events of one run, and when each is written.

A dry run leaves none; nor does a run of which nobody can know how it ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from minerva_promote.config.fingerprint import fingerprint
from minerva_promote.database.advisory_lock import with_lock_holder
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import import_session
from minerva_promote.errors import TargetError
from minerva_promote.exportfile.report import REPAIRED
from minerva_promote.ledger.embedding_model import DETAIL, model_details
from minerva_promote.ledger.events import ENDED, FOREIGN_RUN, Event, Kind, add_event, add_event_separately
from minerva_promote.ledger.install import LEDGER_VERSION, ledger_version
from minerva_promote.ledger.run_rows import store_run_rows
from minerva_promote.ledger.unfinished_runs import ABANDONED_REASON, UnfinishedRun, read_unfinished_runs
from minerva_promote.load.load_result import LoadResult
from minerva_promote.promotion import report
from minerva_promote.promotion.state import RunState
from minerva_promote.results import Finding, StepResult

FINDINGS = 20  # that an event keeps
_WAITED = "55P03"


def target_reached(state: RunState) -> None:
    """The target was reached: from now on the end of the run is recorded in its ledger, where it has one."""
    if not any(step.outcome.closes_gate for step in state.log.steps):
        state.ledger.reachable = True
        return
    with suppress(TargetError), import_session(state.project, state.environment) as conn:
        state.ledger.reachable = ledger_version(conn) == LEDGER_VERSION


def record_abandoned(conn: Connection, state: RunState) -> None:
    """Report earlier runs without an end; those that can no longer end are recorded as abandoned."""
    abandoned = [run for run in read_unfinished_runs(conn) if _mark_abandoned(conn, state, run)]
    if abandoned:
        state.log.record(report.unfinished_runs_step(abandoned))


def _mark_abandoned(conn: Connection, state: RunState, run: UnfinishedRun) -> bool:
    """Record a run as abandoned where that is so; False when it has an end after all."""
    if run.alive or run.committed is not None or state.request.dry_run:
        return True
    event = Event("abandoned", run.run_id, run.environment, file_name=run.file_name or None, reason=ABANDONED_REASON)
    try:
        _add(conn, event)
    except TargetError as error:
        if error.sqlstate == ENDED:
            return False
        if error.sqlstate != FOREIGN_RUN:
            raise
    return True


def started(conn: Connection, state: RunState) -> None:
    """In a transaction of its own, before that of the rows. Raises TargetError."""
    if state.request.dry_run:
        return
    try:
        _add(conn, _event(state, "started"))
    except TargetError as error:
        error.message += "; nothing was changed"
        raise


def committed(conn: Connection, state: RunState) -> None:
    """In the transaction of the rows, as its last act. Raises TargetError."""
    digest = store_run_rows(conn, state.request.run_id, state.inserted)
    event = _event(state, "committed")
    _add(conn, replace(event, details={**event.details, "types": state.types}), digest)


def _add(conn: Connection, event: Event, rows_digest: str | None = None) -> None:
    try:
        add_event(conn, event, rows_digest)
    except TargetError as error:
        if error.sqlstate != _WAITED or conn.info.transaction_status:
            raise
        raise with_lock_holder(conn, error) from error


def finished(state: RunState) -> None:
    """The checks after COMMIT have ended."""
    _record_separately(state, _event(state, "finished", rows=None))


def unchanged(state: RunState) -> None:
    """Every row was there, and all checks were made."""
    _record_separately(state, _event(state, "unchanged"))


def refused(state: RunState) -> None:
    """The gate is closed; the steps say why."""
    closing = [step for step in state.log.steps if step.outcome.closes_gate]
    reason = "; ".join(map(_why, closing))
    _record_separately(state, _event(state, "refused", reason=reason, findings=_findings(closing)))


def failed(state: RunState, reason: str) -> None:
    """It could not finish, and nothing was stored."""
    _record_separately(state, _event(state, "failed", reason=reason))


def _record_separately(state: RunState, event: Event) -> None:
    """Record how the run ended; where that is not possible, a warning is logged and the result stays as it is."""
    if state.ledger.ended or not state.ledger.reachable:
        return
    state.ledger.ended = True
    try:
        why_not = add_event_separately(state.project, state.environment, event, conn=state.session)
    except KeyboardInterrupt:
        why_not = "stopped"
    if why_not:
        state.log.record(report.unrecorded_event_step(event.kind, why_not))


def _event(
    state: RunState, kind: Kind, *, reason: str | None = None, findings: Sequence[Mapping[str, Any]] = (), **more: Any
) -> Event:
    """An event with all that is known by now; every check is recorded once."""
    if state.ledger.configuration is None:
        state.ledger.configuration = fingerprint(state.project, state.environment)
    request, validation = state.request, state.validation
    manifest = validation.manifest if validation else None
    checks = [step for step in state.log.steps if step.step == "check"]
    details = dict(state.evidence.details)
    if (embedding := state.project.contract.embedding) is not None:
        details[DETAIL] = model_details(state.project.name, embedding.model)
    if validation and kind != "started":
        details["repaired"] = _repaired([finding for finding in validation.warnings if finding.code == REPAIRED])
    if findings:
        details["findings"] = [
            {name: _redacted(state, value) for name, value in finding.items()} for finding in findings
        ]
    event = Event(
        kind,
        request.run_id,
        request.environment,
        file_name=os.fsencode(request.file.name).decode("utf-8", "backslashreplace"),  # a name may be no text
        file_sha256=manifest.sha256 if manifest else None,
        file_bytes=manifest.size if manifest else None,
        roots=manifest.roots if manifest else None,
        rows=more.get("rows", _rows(state.loaded)),
        checks=None if kind == "started" else [_check(step) for step in checks[state.ledger.checks_recorded :]],
        seconds=None if kind == "started" else time.perf_counter() - state.begun,
        reason=None if reason is None else _redacted(state, reason),
        configuration=state.ledger.configuration,
        details=details,
    )
    if kind != "started":
        state.ledger.checks_recorded = len(checks)
    return event


def _redacted(state: RunState, value: Any) -> Any:
    return state.project.redact(value) if isinstance(value, str) else value


def _repaired(warnings: Sequence[Finding]) -> list[str]:
    more = [f"… {len(warnings) - FINDINGS:,} more"] if len(warnings) > FINDINGS else []
    return [*(finding.message for finding in warnings[:FINDINGS]), *more]


def _rows(loaded: LoadResult | None) -> dict[str, dict[str, int]] | None:
    if loaded is None:
        return None
    return {table: {"new": n["new"], "identical": n["identical"]} for table, n in loaded.as_numbers().items()}


def _check(step: StepResult) -> dict[str, Any]:
    return {"name": step.name, "outcome": str(step.outcome), "values": step.data.get("values", {})}


def _why(step: StepResult) -> str:
    """Why a step closed the gate, in one line."""
    first = step.findings[0] if step.findings else None
    parts = [step.detail, f"{first.code}: {first.message}" if first else ""]
    more = f" (and {len(step.findings) - 1} more)" if len(step.findings) > 1 else ""
    return f"{step.step} {step.name}: {', '.join(filter(None, parts))}{more}"


def _findings(steps: Iterable[StepResult]) -> list[dict[str, Any]]:
    findings = [finding for step in steps for finding in step.findings]
    return [
        {"code": finding.code, "fact": finding.message, "at": str(finding.location or "")}
        for finding in findings[:FINDINGS]
    ]
