"""Whether an environment can take an import at all; an embedded one is made ready on first use."""

from __future__ import annotations

import psycopg

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import existing_roles
from minerva_promote.database.session import admin_session, import_session
from minerva_promote.ledger.install import LEDGER_VERSION, ledger_version
from minerva_promote.results import Outcome, StepResult
from minerva_promote.schema.database import database_exists
from minerva_promote.schema.state import Standing, State, migration_state


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
        if state.standing is not Standing.NOT_MIGRATED and not (state.standing is Standing.UP_TO_DATE and missing):
            return _unready(conn, environment, state)
    return _set_up(project, environment)


def _set_up(project: Project, environment: Environment) -> tuple[StepResult, ...]:
    from minerva_promote.schema.setup import setup  # Alembic: only where it is needed

    return setup(project, environment).steps


def _unready(conn: psycopg.Connection, environment: Environment, state: State) -> tuple[StepResult, ...]:
    if state.standing is not Standing.UP_TO_DATE:
        fact = f"the database is {state.fact}"
        return (StepResult("preflight", "migrations", Outcome.FAIL, fact, hint=state.hint(environment.name)),)
    version = ledger_version(conn)
    if version == LEDGER_VERSION:
        return ()
    hint = f"promote setup --env {environment.name}"
    if version is None:
        fact = "this role may not read the ledger"
    elif version == 0:
        fact = "there is no ledger"
    else:
        fact = f"the ledger has version {version}, this release of promote knows {LEDGER_VERSION}"
        hint = "use the release of promote that made it, or a later one" if version > LEDGER_VERSION else hint
    return (StepResult("preflight", "ledger", Outcome.FAIL, fact, hint=hint),)
