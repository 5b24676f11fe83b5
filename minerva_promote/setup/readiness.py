"""Whether an environment is ready for an import; an embedded one is set up on first use."""

from __future__ import annotations

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import existing_roles
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import admin_session, import_session
from minerva_promote.ledger.install import ledger_version, version_problem
from minerva_promote.migrations.state import MigrationState, MigrationStatus, migration_state
from minerva_promote.results import StepResult
from minerva_promote.setup.create_database import database_exists
from minerva_promote.setup.report import (
    ledger_version_step,
    missing_database_step,
    missing_roles_step,
    not_migrated_step,
)


def ensure_ready(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    """Set up an embedded environment if necessary and return the steps; else no step, or failed ones with a hint.

    An embedded environment is set up when its database, all its migrations, its ledger or a role is missing. One that
    is only behind, and any other environment, gets failed steps that name the command to run.
    """
    if not environment.url.embedded:
        with import_session(project, environment) as conn:
            return _failed_steps(conn, environment, migration_state(conn, project))
    if not database_exists(project, environment):
        return _run_setup(project, environment)
    with admin_session(project, environment) as conn:
        state = migration_state(conn, project)
        declared = {name for name, role in environment.roles.items() if not role.absent}
        missing = not ledger_version(conn) or declared - existing_roles(conn, declared)
        if state.status is not MigrationStatus.NOT_MIGRATED and not (state.is_current and missing):
            return _failed_steps(conn, environment, state)
    return _run_setup(project, environment)


def readiness_failures(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    """The failed steps of an environment that is not ready for an import; sets nothing up."""
    if environment.url.embedded and not database_exists(project, environment):
        return (missing_database_step(environment),)
    # The import role of an embedded environment may be missing.
    session = admin_session if environment.url.embedded else import_session
    with session(project, environment) as conn:
        if steps := _failed_steps(conn, environment, migration_state(conn, project)):
            return steps
        declared = {name for name, role in environment.roles.items() if not role.absent}
        missing = sorted(declared - existing_roles(conn, declared)) if environment.url.embedded else []
    return (missing_roles_step(environment, missing),) if missing else ()


def _run_setup(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    from minerva_promote.setup.command import setup  # imports Alembic

    return setup(project, environment).steps


def _failed_steps(conn: Connection, environment: Environment, state: MigrationState) -> tuple[StepResult, ...]:
    if not state.is_current:
        return (not_migrated_step(environment, state),)
    problem = version_problem(ledger_version(conn), environment.name)
    return (ledger_version_step(*problem),) if problem else ()
