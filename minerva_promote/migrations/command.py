"""Showing and applying what a database lacks of the project's migrations."""

from __future__ import annotations

from sqlalchemy import Connection

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.connection import Connection as Session
from minerva_promote.database.extension import require_vector_available
from minerva_promote.database.notices import Notices
from minerva_promote.database.server_errors import execute
from minerva_promote.database.session import admin_session
from minerva_promote.errors import TargetError
from minerva_promote.migrations.alembic_tree import Revision, Tree, transaction_for_alembic
from minerva_promote.migrations.apply import RevisionRunner, needs_own_transaction
from minerva_promote.migrations.report import pending_steps
from minerva_promote.migrations.state import MigrationState, MigrationStatus, migration_state, shape_findings
from minerva_promote.migrations.tree_files import find_tree
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.search.index_builds import record_builds

MIGRATABLE = (MigrationStatus.UP_TO_DATE, MigrationStatus.BEHIND, MigrationStatus.NOT_MIGRATED)


def pending(conn: Session, project: Project, environment: Environment) -> tuple[Revision, ...]:
    """The revisions that the database lacks, oldest first. Raises TargetError where that cannot be said."""
    return _migratable(conn, project, environment).pending


def migrate(project: Project, environment: Environment, *, apply: bool = False) -> RunResult:
    """Show what is pending, one step a revision with what it locks, or apply it, as the owner.

    All of it is one transaction where env.py and the revisions allow that. A pending revision closes the gate as long
    as it is not applied. Raises TargetError when applying is impossible, with the database unchanged.
    """
    find_tree(project.migrations)
    with admin_session(project, environment) as conn:
        applied, whole = False, True
        if apply and pending(conn, project, environment):
            notices = Notices(conn, environment.name)
            with transaction_for_alembic(conn) as connection:
                steps = apply_pending(conn, connection, project, environment, notices)
                record_builds(conn)
            for step in steps:
                if step.data.get("applied"):
                    record_change(f"revision {step.name} applied")
            steps += notices.steps("migrate")
            whole = not any(step.outcome.closes_gate for step in steps)
            state = check_at_head(conn, project) if whole else migration_state(conn, project)
            applied = bool(steps)
        else:
            state = migration_state(conn, project)
            steps = _shown(conn, project, environment, state)
        steps += shape_steps(conn, project, environment, state)
    return RunResult(
        command="migrate",
        environment=environment.name,
        title=f"head {state.head}",
        steps=steps,
        verdict=_verdict(state, applied, whole),
        changed=applied,
        data={"standing": state.standing.name.lower(), "current": list(state.current), "head": state.head},
    )


def script(project: Project, environment: Environment) -> str:
    """What `--apply` would send, as SQL for psql; "" when nothing is pending. TargetError where that cannot be told."""
    find_tree(project.migrations)
    with admin_session(project, environment) as conn:
        state = _migratable(conn, project, environment)
        if not state.pending:
            return ""
        written = Tree(project).script(environment, state.current, conn)
    if written.why:
        raise TargetError(
            f"the SQL of revision {written.broken or 'none'} cannot be written down: {written.why}",
            hint=f"promote migrate --env {environment.name} --apply carries it out, where it can ask the database",
        )
    return written.text.rstrip()


def apply_pending(
    conn: Session,
    connection: Connection,
    project: Project,
    environment: Environment,
    notices: Notices,
) -> tuple[StepResult, ...]:
    """Apply what is pending in the transaction that is open on ``connection``, which wraps ``conn``; one step each.

    Revisions that commit by themselves do so in another session, while this one holds the lock.
    """
    acquire_target_lock(conn)
    waiting = pending(conn, project, environment)
    if not waiting:
        return ()
    if "vector" in project.extensions:
        require_vector_available(conn)
    record_builds(conn)  # a revision that renames an index would hide when it was built
    notices.drain()
    tree = Tree(project)
    applying = RevisionRunner(project, environment, tree, waiting, notices)
    if not needs_own_transaction(tree, waiting):
        return applying.together(conn, connection)
    # This session only waits meanwhile, for as long as an index takes to build.
    execute(conn, b"SET LOCAL idle_in_transaction_session_timeout = 0", "preparing the migrations")
    return applying.apart(conn, connection)


def check_at_head(conn: Session, project: Project) -> MigrationState:
    """Read the state again after a COMMIT; TargetError when the database is not at the head."""
    state = migration_state(conn, project)
    if not state.is_current:
        raise TargetError(
            f"the migrations ran, and the database is {state.fact}",
            hint="does the env.py of this tree commit, and reach the same database?",
        )
    return state


def shape_steps(
    conn: Session, project: Project, environment: Environment, state: MigrationState
) -> tuple[StepResult, ...]:
    """A failed step when a database at its head is not what today's configuration would make; nothing otherwise."""
    if not state.is_current:
        return ()
    return tuple(
        StepResult("migrate", "columns", Outcome.FAIL, finding.message, hint=finding.hint, findings=(finding,))
        for finding in shape_findings(conn, project, environment)
    )


def _migratable(conn: Session, project: Project, environment: Environment) -> MigrationState:
    state = migration_state(conn, project)
    if state.standing not in MIGRATABLE:
        raise TargetError(f"the database is {state.fact}", hint=state.hint(environment.name))
    return state


def _shown(conn: Session, project: Project, environment: Environment, state: MigrationState) -> tuple[StepResult, ...]:
    if state.standing not in MIGRATABLE:
        hint = state.hint(environment.name)
        return (StepResult("migrate", "revision", Outcome.FAIL, state.fact, hint=hint),)
    if not state.pending:
        return (StepResult("migrate", "revision", Outcome.OK, state.fact),)
    tree = Tree(project)
    return pending_steps(tree, environment, state.pending, tree.script(environment, state.current, conn))


def _verdict(state: MigrationState, applied: bool, whole: bool) -> str:
    if not whole:
        return f"stopped half way: the database is {state.fact}"
    if applied:
        return f"migrated to {state.head}"
    if state.pending:
        return f"{len(state.pending)} pending: nothing was changed"
    return f"{state.fact}: nothing was changed"
