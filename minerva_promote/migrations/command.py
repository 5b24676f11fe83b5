"""The command promote migrate: show, script or apply the revisions that a database lacks."""

from __future__ import annotations

from sqlalchemy import Connection as SqlAlchemyConnection

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.connection import Connection
from minerva_promote.database.extension import require_vector_available
from minerva_promote.database.notices import Notices
from minerva_promote.database.server_errors import execute
from minerva_promote.database.session import admin_session
from minerva_promote.errors import TargetError
from minerva_promote.migrations.alembic_tree import Revision, Tree, transaction_for_alembic
from minerva_promote.migrations.apply import RevisionRunner, needs_own_transaction
from minerva_promote.migrations.report import migrate_verdict, pending_steps, shape_step, state_step
from minerva_promote.migrations.state import MigrationState, MigrationStatus, migration_state, shape_findings
from minerva_promote.migrations.tree_files import find_tree
from minerva_promote.results import RunResult, StepResult
from minerva_promote.search.index_builds import record_builds

MIGRATABLE = (MigrationStatus.UP_TO_DATE, MigrationStatus.BEHIND, MigrationStatus.NOT_MIGRATED)


def pending(conn: Connection, project: Project, environment: Environment) -> tuple[Revision, ...]:
    """The revisions that the database lacks, oldest first. Raises TargetError when its state is not migratable."""
    return _require_migratable(conn, project, environment).pending


def migrate(project: Project, environment: Environment, *, apply: bool = False) -> RunResult:
    """Show the pending revisions with their locks, one step per revision, or apply them, as the owner.

    Revisions are applied in one transaction where env.py and the revisions allow that. A pending revision closes the
    gate until it is applied. Raises TargetError when applying is impossible; the database is unchanged then.
    """
    find_tree(project.migrations)
    with admin_session(project, environment) as conn:
        applied, complete = False, True
        if apply and pending(conn, project, environment):
            notices = Notices(conn, environment.name)
            with transaction_for_alembic(conn) as connection:
                steps = apply_pending(conn, connection, project, environment, notices)
                record_builds(conn)
            for step in steps:
                if step.data.get("applied"):
                    record_change(f"revision {step.name} applied")
            steps += notices.steps("migrate")
            complete = not any(step.outcome.closes_gate for step in steps)
            state = check_at_head(conn, project) if complete else migration_state(conn, project)
            applied = bool(steps)
        else:
            state = migration_state(conn, project)
            steps = _state_steps(conn, project, environment, state)
        steps += shape_steps(conn, project, environment, state)
    return RunResult(
        command="migrate",
        environment=environment.name,
        title=f"head {state.head}",
        steps=steps,
        verdict=migrate_verdict(state, applied=applied, complete=complete),
        changed=applied,
        data={"standing": state.status.name.lower(), "current": list(state.current), "head": state.head},
    )


def script(project: Project, environment: Environment) -> str:
    """The SQL that `--apply` would execute, for psql; "" when nothing is pending.

    Raises TargetError for a revision that cannot be written without a database.
    """
    find_tree(project.migrations)
    with admin_session(project, environment) as conn:
        state = _require_migratable(conn, project, environment)
        if not state.pending:
            return ""
        output = Tree(project).script(environment, state.current, conn)
    if output.reason:
        raise TargetError(
            f"the SQL of revision {output.failed_revision or 'none'} cannot be written down: {output.reason}",
            hint=f"promote migrate --env {environment.name} --apply carries it out, where it can ask the database",
        )
    return output.text.rstrip()


def apply_pending(
    conn: Connection,
    connection: SqlAlchemyConnection,
    project: Project,
    environment: Environment,
    notices: Notices,
) -> tuple[StepResult, ...]:
    """Apply the pending revisions in the transaction open on ``connection``, which wraps ``conn``; one step each.

    Revisions that commit by themselves run in another session, while this one holds the target's lock.
    """
    acquire_target_lock(conn)
    missing = pending(conn, project, environment)
    if not missing:
        return ()
    if "vector" in project.extensions:
        require_vector_available(conn)
    record_builds(conn)  # before a revision renames an index, whose build could not be matched to it afterwards
    notices.drain()
    tree = Tree(project)
    runner = RevisionRunner(project, environment, tree, missing, notices)
    if not needs_own_transaction(tree, missing):
        return runner.run_in_one_transaction(conn, connection)
    # This session is idle in its transaction while the other one builds indexes.
    execute(conn, b"SET LOCAL idle_in_transaction_session_timeout = 0", "preparing the migrations")
    return runner.run_separately(conn, connection)


def check_at_head(conn: Connection, project: Project) -> MigrationState:
    """Read the state again after a COMMIT. Raises TargetError when the database is not at the head."""
    state = migration_state(conn, project)
    if not state.is_current:
        raise TargetError(
            f"the migrations ran, and the database is {state.description}",
            hint="does the env.py of this tree commit, and reach the same database?",
        )
    return state


def shape_steps(
    conn: Connection, project: Project, environment: Environment, state: MigrationState
) -> tuple[StepResult, ...]:
    """A failed step per column of a database at its head that differs from what today's configuration would create."""
    if not state.is_current:
        return ()
    return tuple(map(shape_step, shape_findings(conn, project, environment)))


def _require_migratable(conn: Connection, project: Project, environment: Environment) -> MigrationState:
    state = migration_state(conn, project)
    if state.status not in MIGRATABLE:
        raise TargetError(f"the database is {state.description}", hint=state.hint(environment.name))
    return state


def _state_steps(
    conn: Connection, project: Project, environment: Environment, state: MigrationState
) -> tuple[StepResult, ...]:
    if state.status not in MIGRATABLE:
        return (state_step(state, environment, migratable=False),)
    if not state.pending:
        return (state_step(state, environment, migratable=True),)
    tree = Tree(project)
    return pending_steps(tree, environment, state.pending, tree.script(environment, state.current, conn))
