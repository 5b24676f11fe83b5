"""`promote grants --prove`: what the declared roles were seen to be able to do, and not to be able to do."""

from __future__ import annotations

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.session import admin_session
from minerva_promote.grants.plan import look
from minerva_promote.grants.prove import prove
from minerva_promote.grants.telling import nothing_declared
from minerva_promote.results import RunResult
from minerva_promote.words import counted


def proof(project: Project, environment: Environment) -> RunResult:
    """Be every declared role, and try. Nothing is changed: each attempt is rolled back, whatever became of it."""
    with admin_session(project, environment) as conn:
        plan = look(conn, environment)
    steps = (*nothing_declared(environment), *prove(project, environment, plan.live, plan.wanted.held))
    failed = sum(step.outcome.closes_gate for step in steps)
    roles = counted(len(plan.wanted.roles), "roles")
    if failed:
        verdict = f"not proved: {failed} of {counted(len(steps), 'steps')} failed; nothing was changed"
    else:
        verdict = f"proved: {roles} can do what is declared, and nothing else that was tried; nothing was changed"
    return RunResult(
        command="grants",
        environment=environment.name,
        title=f"database {plan.live.database}",
        steps=steps,
        verdict=verdict,
        data={"roles": sorted(plan.wanted.roles)},
    )
