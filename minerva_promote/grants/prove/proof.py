"""`promote grants --prove`: the comparison, and what the declared roles were seen to be able to do and not to do."""

from __future__ import annotations

from collections.abc import Sequence

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.session import admin_session
from minerva_promote.grants.escalation.phrases import join_words
from minerva_promote.grants.other_environments import read_other_environments
from minerva_promote.grants.plan import GrantPlan, plan_grants
from minerva_promote.grants.prove.runner import prove
from minerva_promote.grants.report import drift_steps, note_steps, nothing_declared
from minerva_promote.results import RunResult, StepResult
from minerva_promote.text_format import counted


def proof(project: Project, environment: Environment) -> RunResult:
    """Compare, be every declared role, and try. Nothing is changed: each attempt is rolled back.

    Drift is a failure although no attempt met it: what is tried is less than what is compared.
    """
    with admin_session(project, environment) as conn:
        plan = plan_grants(conn, environment, read_other_environments(project, environment))
    compared = (*nothing_declared(environment), *drift_steps(plan.drifts), *note_steps(plan))
    triable_events = prove(project, environment, plan.live, plan.wanted.held)
    return RunResult(
        command="grants",
        environment=environment.name,
        title=f"database {plan.live.database}",
        steps=(*compared, *triable_events),
        verdict=f"{_verdict(environment, plan, triable_events)}; nothing was changed",
        data={"roles": sorted(plan.wanted.roles), "drift": len(plan.drifts), "tested": _tested(triable_events)},
    )


def _tested(triable_events: Sequence[StepResult]) -> list[str]:
    return sorted({str(step.data["role"]) for step in triable_events if step.data.get("attempts")})


def _verdict(environment: Environment, plan: GrantPlan, triable_events: Sequence[StepResult]) -> str:
    faults = ["no role is declared"] if list(nothing_declared(environment)) else []
    if plan.drifts:
        faults.append(f"drift: {counted(len(plan.drifts), 'differences')}")
    if failed := sum(step.outcome.closes_gate for step in triable_events):
        faults.append(f"{failed} of {counted(len(triable_events), 'steps')} of the proof failed")
    if faults:
        return f"not proved: {'; '.join(faults)}"
    tested = _tested(triable_events)
    left = sorted(set(plan.wanted.roles) - set(tested))
    if not tested:
        return f"no drift, and no role was tested: {join_words(left)}" if left else "no drift, and no role to test"
    proved = f"proved: {counted(len(tested), 'roles')} can do what is declared, and nothing else that was tried"
    return f"{proved}; {join_words(left)} not tested" if left else proved
