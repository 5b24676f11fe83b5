"""Showing and applying what a database lacks of the project's migrations."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from sqlalchemy import Connection

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.lock import hold
from minerva_promote.database.notices import Notices
from minerva_promote.database.session import admin_session
from minerva_promote.errors import TargetError
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.schema.alembic_tree import Revision, Tree, transaction_for_alembic
from minerva_promote.schema.state import Standing, State, migration_state, shape_findings
from minerva_promote.vectors.records import record_builds

MIGRATABLE = (Standing.UP_TO_DATE, Standing.BEHIND, Standing.NOT_MIGRATED)


def pending(conn: psycopg.Connection, project: Project, environment: Environment) -> tuple[Revision, ...]:
    """The revisions that the database lacks, oldest first. Raises TargetError where that cannot be said."""
    state = migration_state(conn, project)
    if state.standing not in MIGRATABLE:
        raise TargetError(f"the database is {state.fact}", hint=state.hint(environment.name))
    return state.pending


def migrate(project: Project, environment: Environment, *, apply: bool = False) -> RunResult:
    """Show what is pending, one step a revision, or apply all of it in one transaction, as the owner.

    A pending revision closes the gate as long as it is not applied. Raises TargetError when applying is impossible,
    with the database unchanged.
    """
    with admin_session(project, environment) as conn:
        applied = False
        if apply and pending(conn, project, environment):
            notices = Notices(conn, environment.name)
            with transaction_for_alembic(conn) as connection:
                steps = apply_pending(conn, connection, project, environment, notices)
                record_builds(conn)
            state = check_at_head(conn, project)
            applied = bool(steps)
        else:
            state = migration_state(conn, project)
            steps = _shown(state, environment)
        steps += shape_steps(conn, project, environment, state)
    return RunResult(
        command="migrate",
        environment=environment.name,
        title=f"head {state.head}",
        steps=steps,
        verdict=_verdict(state, applied),
        changed=applied,
        data={"standing": state.standing.name.lower(), "current": list(state.current), "head": state.head},
    )


def apply_pending(
    conn: psycopg.Connection,
    connection: Connection,
    project: Project,
    environment: Environment,
    notices: Notices,
) -> tuple[StepResult, ...]:
    """Apply what is pending in the transaction that is open on ``connection``, which wraps ``conn``; one step each."""
    hold(conn)
    waiting = {revision.id: revision for revision in pending(conn, project, environment)}
    if not waiting:
        return ()
    notices.drain()
    steps: list[StepResult] = []
    begun = time.perf_counter()

    def applied(*, step: Any, **_: Any) -> None:
        nonlocal begun
        now = time.perf_counter()
        for revision in [waiting.pop(each, None) for each in step.up_revision_ids]:
            if revision is not None:
                steps.append(_step(revision, now - begun, notices))
        begun = now

    Tree(project).upgrade(connection, environment, applied)
    # Another tree's env.py need not know on_version_apply; then it only counts that it came through.
    steps += [_step(revision, 0.0, notices) for revision in waiting.values()]
    return tuple(steps)


def check_at_head(conn: psycopg.Connection, project: Project) -> State:
    """Read the state again after a COMMIT; TargetError when the database is not at the head."""
    state = migration_state(conn, project)
    if state.standing is not Standing.UP_TO_DATE:
        raise TargetError(
            f"the migrations ran, and the database is {state.fact}",
            hint="does the env.py of this tree commit, and reach the same database?",
        )
    return state


def shape_steps(
    conn: psycopg.Connection, project: Project, environment: Environment, state: State
) -> tuple[StepResult, ...]:
    """A failed step when a database at its head is not what today's configuration would make; nothing otherwise."""
    if state.standing is not Standing.UP_TO_DATE:
        return ()
    return tuple(
        StepResult("migrate", "columns", Outcome.FAIL, finding.fact, hint=finding.help, findings=(finding,))
        for finding in shape_findings(conn, project, environment)
    )


def _shown(state: State, environment: Environment) -> tuple[StepResult, ...]:
    hint = state.hint(environment.name)
    if state.standing not in MIGRATABLE:
        return (StepResult("migrate", "revision", Outcome.FAIL, state.fact, hint=hint),)
    if not state.pending:
        return (StepResult("migrate", "revision", Outcome.OK, state.fact),)
    hint = f"promote migrate --env {environment.name} --apply"
    return tuple(
        StepResult("migrate", revision.id, Outcome.FAIL, f"pending: {revision.message}", hint=hint)
        for revision in state.pending
    )


def _step(revision: Revision, seconds: float, notices: Notices) -> StepResult:
    findings = notices.drain()
    return StepResult(
        "migrate",
        revision.id,
        Outcome.WARN if findings else Outcome.OK,
        f"applied: {revision.message}",
        seconds,
        findings=findings,
        data={"applied": revision.id},
    )


def _verdict(state: State, applied: bool) -> str:
    if applied:
        return f"migrated to {state.head}"
    if state.pending:
        return f"{len(state.pending)} pending: nothing was changed"
    return f"{state.fact}: nothing was changed"
