"""What a run would do, in its order, with the digest of all that it relies on. Reads only, and holds no lock."""

from __future__ import annotations

from dataclasses import replace

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.session import import_session
from minerva_promote.exportfile.byte_window import open_export
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion.plan_digest import Digest, digest_of
from minerva_promote.promotion.plan_report import plan_verdict
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.stages import PHASES, stages_of
from minerva_promote.promotion.state import RunState, known
from minerva_promote.promotion.step_log import GateClosed, StepLog
from minerva_promote.results import RunResult


def dry_plan(
    project: Project, environment: Environment, request: PromotionRequest, listener: ProgressListener
) -> RunResult:
    """The steps of a run that is not made. Raises FileError and TargetError."""
    state = RunState(project, environment, replace(request, run_id=""), StepLog(listener))
    digest: Digest | None = None  # None: the gate would close before the rows
    try:
        _plan_all(state)
        sha256 = known(state.validation).manifest.sha256
        digest = digest_of(project, environment, sha256, known(state.planned), repair=request.repair)
    except GateClosed:
        pass
    data = {"digest": str(digest or ""), "open": digest is not None}
    verdict = plan_verdict(state, digest)
    return RunResult("plan", environment.name, "", state.title, tuple(state.log.steps), verdict, data=data)


def _plan_all(state: RunState) -> None:
    open_export(state.request.file).close()
    connect, *others = PHASES
    for stage in stages_of(connect):
        stage.plan(state)
    with import_session(state.project, state.environment, application="promote plan") as conn:
        state.session = conn
        for phase in others:
            for stage in stages_of(phase):
                stage.plan(state)
        state.log.stop_if_closed()
