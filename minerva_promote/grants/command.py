"""`promote grants`: the roles of an environment compared with their declaration, applied, proved or generated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minerva_promote.database.session import admin_session
from minerva_promote.grants.other_environments import read_other_environments
from minerva_promote.grants.plan import GrantPlan, plan_grants
from minerva_promote.grants.report import apply_result, plan_result

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.results import RunResult


def compare_grants(project: Project, environment: Environment) -> RunResult:
    """Show what is not as declared. Reads only, as the admin identity."""
    return plan_result(environment, _plan(project, environment))


def script_grants(project: Project, environment: Environment) -> tuple[str, int]:
    """The SQL script that --apply would run, and the exit code of the comparison."""
    from minerva_promote.grants.script import format_script

    plan = _plan(project, environment)
    return format_script(plan), plan_result(environment, plan).exit_code


def apply_grants(project: Project, environment: Environment, *, passwords: bool) -> RunResult:
    """Grant and revoke until all is as declared, in one transaction; see `apply.apply`."""
    from minerva_promote.grants.apply import apply

    return apply_result(environment, apply(project, environment, passwords=passwords))


def prove_grants(project: Project, environment: Environment) -> RunResult:
    """Compare, and try as every declared role what it must and must not be able to do. Nothing is changed."""
    from minerva_promote.grants.prove.report import proof_result
    from minerva_promote.grants.prove.runner import prove

    plan = _plan(project, environment)
    return proof_result(environment, plan, prove(project, environment, plan.live, plan.wanted.held))


def generate_grants(project: Project, environment: Environment) -> str:
    """The YAML declaration of what the database has; see `generate.generate`."""
    from minerva_promote.grants.generate import generate

    return generate(project, environment)


def _plan(project: Project, environment: Environment) -> GrantPlan:
    with admin_session(project, environment) as conn:
        return plan_grants(conn, environment, read_other_environments(project, environment))
