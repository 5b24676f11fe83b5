"""Whether an environment can take an import at all; an embedded one is made ready on first use."""

from __future__ import annotations

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import existing_roles
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import admin_session, import_session
from minerva_promote.ledger.install import ledger_version, version_problem
from minerva_promote.migrations.state import MigrationState, MigrationStatus, migration_state
from minerva_promote.results import Outcome, StepResult
from minerva_promote.setup.create_database import database_exists


def ensure_ready(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    """The steps of the setup that an embedded environment needed; else nothing, or the steps that close the gate.

    An embedded environment is set up when its database, its migrations, its ledger or a role are missing
    altogether. One that is only behind, and every other environment, is told which command would help.
    """
    if not environment.url.embedded:
        with import_session(project, environment) as conn:
            return _unready(conn, environment, migration_state(conn, project))
    if not database_exists(project, environment):
        return _set_up(project, environment)
    with admin_session(project, environment) as conn:
        state = migration_state(conn, project)
        wanted = {name for name, role in environment.roles.items() if not role.absent}
        missing = not ledger_version(conn) or wanted - existing_roles(conn, wanted)
        if state.status is not MigrationStatus.NOT_MIGRATED and not (state.is_current and missing):
            return _unready(conn, environment, state)
    return _set_up(project, environment)


def readiness_failures(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    """The same without setting anything up: nothing, or why the environment cannot take an import yet."""
    if environment.url.embedded and not database_exists(project, environment):
        fact = f"there is no database {environment.url.dbname} yet: the first run would make it"
        hint = f"promote setup --env {environment.name}"
        return (StepResult("preflight", "database", Outcome.FAIL, fact, hint=hint),)
    opened = admin_session if environment.url.embedded else import_session  # its role may be missing
    with opened(project, environment) as conn:
        if steps := _unready(conn, environment, migration_state(conn, project)):
            return steps
        wanted = {name for name, role in environment.roles.items() if not role.absent}
        missing = sorted(wanted - existing_roles(conn, wanted)) if environment.url.embedded else []
    if not missing:
        return ()
    fact = f"the server has no role {', '.join(missing)}"
    return (StepResult("preflight", "roles", Outcome.FAIL, fact, hint=f"promote setup --env {environment.name}"),)


def _set_up(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    from minerva_promote.setup.command import setup  # Alembic: only where it is needed

    return setup(project, environment).steps


def _unready(conn: Connection, environment: Environment, state: MigrationState) -> tuple[StepResult, ...]:
    if not state.is_current:
        fact = f"the database is {state.description}"
        return (StepResult("preflight", "migrations", Outcome.FAIL, fact, hint=state.hint(environment.name)),)
    wrong = version_problem(ledger_version(conn), environment.name)
    return (StepResult("preflight", "ledger", Outcome.FAIL, wrong[0], hint=wrong[1]),) if wrong else ()
