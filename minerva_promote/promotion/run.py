"""One promotion, from the file to COMMIT or to nothing.

The stages of the tuple in stages.py run in four phases: before there is a session, in the session, in one transaction
of the import role under the target's lock, and after COMMIT. A dry run carries out all but the last and rolls back.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock, announce_run
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import begin, import_session, rollback
from minerva_promote.errors import OutcomeUnknown, PromoteError, TargetError
from minerva_promote.exportfile.byte_window import open_export
from minerva_promote.ledger.commit_proof import session_name
from minerva_promote.preflight.target_state import require_unchanged
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion import report
from minerva_promote.promotion import run_recorder as recorder
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.stages import stages_of
from minerva_promote.promotion.state import LedgerProgress, Phase, RunState, known
from minerva_promote.promotion.step_log import GateClosed, StepLog
from minerva_promote.results import RunResult


def promote(
    project: Project, environment: Environment, request: PromotionRequest, listener: ProgressListener
) -> RunResult:
    """Carry out a request; what the target refuses or a check finds closes the gate and is in the result.

    Raises FileError, TargetError (nothing was changed) and OutcomeUnknown.
    """
    state = RunState(project, environment, request, StepLog(listener), LedgerProgress(ended=request.dry_run))
    try:
        _execute_all(state)
        verdict = report.run_verdict(state)
    except GateClosed:
        verdict = report.closed_verdict(state)
        recorder.refused(state)
    except OutcomeUnknown:
        raise  # a later run finds out, and records it
    except (KeyboardInterrupt, PromoteError) as stop:
        if not state.committed:
            recorder.failed(state, report.stop_reason(stop))
            raise
        state.log.record(report.unfinished_checks_step(state, stop))
        state.interrupted = isinstance(stop, KeyboardInterrupt)
        verdict = report.unfinished_verdict(state, stop)
        recorder.finished(state)
    except Exception as error:
        if not state.committed:
            recorder.failed(state, f"a fault of promote itself: {type(error).__name__}")
        raise
    if state.notices is not None:
        state.log.record_all(state.notices.steps("notices"))
    return RunResult(
        "run",
        environment.name,
        request.run_id,
        state.title,
        tuple(state.log.steps),
        verdict,
        changed=state.committed,
        interrupted=state.interrupted,
        data={"dry_run": request.dry_run, "seconds": round(time.perf_counter() - state.begun, 3)},
    )


def _execute_all(state: RunState) -> None:
    open_export(state.request.file).close()  # a path that leads nowhere is an error before anything is begun
    _execute(state, "connect")
    name = session_name(state.request.run_id)
    with import_session(state.project, state.environment, application=name) as conn:
        state.session = conn
        _execute(state, "prepare")
        _execute_transaction(conn, state)
        if state.request.dry_run:
            return
        again = import_session(state.project, state.environment, application=name) if conn.closed else nullcontext(conn)
        with again as session:
            state.session = session
            _execute(state, "after")


def _execute_transaction(conn: Connection, state: RunState) -> None:
    """Everything between BEGIN and COMMIT, under the target's lock; rolled back unless it was committed."""
    begin(conn)
    state.in_transaction = True
    try:
        announce_run(conn, state.request.run_id)
        acquire_target_lock(conn)
        require_unchanged(conn, state.project, known(state.target))
        _execute(state, "transaction")
    except TargetError as error:
        if report.NOTHING not in error.message:
            error.message += f"; {report.NOTHING} (rolled back)"
        raise
    finally:
        if not state.committed:
            rollback(conn)


def _execute(state: RunState, phase: Phase) -> None:
    for stage in stages_of(phase):
        stage.execute(state)
