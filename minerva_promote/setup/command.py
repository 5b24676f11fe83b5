"""Making an environment ready for its first import, and saying what was there already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sqlalchemy import Connection

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.catalog import Server, server
from minerva_promote.database.connection import Connection as Session
from minerva_promote.database.extension import ensure_vector
from minerva_promote.database.notices import Notices
from minerva_promote.database.session import admin_session
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import LEDGER_VERSION, install, ledger_version
from minerva_promote.ledger.repair import record_repair, repair_structure
from minerva_promote.ledger.structure_findings import repair_findings, repair_steps
from minerva_promote.migrations.alembic_tree import Tree, transaction_for_alembic
from minerva_promote.migrations.apply import needs_own_transaction
from minerva_promote.migrations.command import apply_pending, check_at_head, shape_steps
from minerva_promote.migrations.state import migration_state, version_table
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.search.index_builds import record_builds
from minerva_promote.setup.create_database import ensure_database
from minerva_promote.setup.privileges import ensure_privileges
from minerva_promote.setup.roles import ensure_roles

Part = Callable[[Connection], Iterable[StepResult]]


def setup(project: Project, environment: Environment, *, recreate: bool = False) -> RunResult:
    """Bring database, extension, roles, migrations, ledger and grants to what is declared, as the owner.

    The database is made on its own; everything else is one transaction under the target's lock, but for migrations
    that commit by themselves, and make three of it. What is there is
    left alone: a second run changes nothing. ``recreate`` drops the database first; UsageError where that may not be.
    """
    first = _timed(lambda: ensure_database(project, environment, recreate=recreate))
    with admin_session(project, environment) as conn:
        try:
            steps = (first, *_inside(conn, project, environment))
        except TargetError as error:
            if first.data["changed"]:
                said = f"{error.message} ({first.name} was {first.detail})"
                raise TargetError(said, hint=error.hint, sqlstate=error.sqlstate) from error
            raise
    changed = any(step.data.get("changed") or step.data.get("applied") for step in steps)
    ready = not any(step.outcome.closes_gate for step in steps)
    verdict = "ready" if ready else "not ready"
    return RunResult(
        command="setup",
        environment=environment.name,
        title=f"database {environment.admin_url.dbname}",
        steps=steps,
        verdict=verdict if changed else f"{verdict}: nothing was changed",
        changed=changed,
    )


def _inside(conn: Session, project: Project, environment: Environment) -> tuple[StepResult, ...]:
    _refuse_unfit(server(conn))
    notices = Notices(conn, environment.name)
    steps: list[StepResult] = []
    parts = (
        lambda _: [*_extension(conn, project), *ensure_roles(conn, environment)],
        lambda connection: _migrations(conn, connection, project, environment, notices),
        lambda _: [*_ledger(conn, project, environment), *ensure_privileges(conn, environment, notices)],
    )
    for together in _transactions(conn, project, parts):
        with transaction_for_alembic(conn) as connection:
            acquire_target_lock(conn)  # what is there is looked at only now: another setup may have been at work
            for part in together:
                steps += part(connection)
        for step in steps:
            if step.data.get("changed") or step.data.get("applied"):
                record_change(f"{step.name} {step.detail}")
        if any(step.outcome.closes_gate for step in steps):
            return (*steps, *notices.steps("setup"))
    state = check_at_head(conn, project)
    return (*steps, *notices.steps("setup"), *shape_steps(conn, project, environment, state))


def _transactions(conn: Session, project: Project, parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """All in one; migrations that commit by themselves in one of their own, as they have to see what came before."""
    waiting = migration_state(conn, project).pending
    apart = bool(waiting) and needs_own_transaction(Tree(project), waiting)
    return [(part,) for part in parts] if apart else [parts]


def _refuse_unfit(facts: Server) -> None:
    if facts.in_recovery or facts.read_only:
        what = "a standby" if facts.in_recovery else "read-only"
        raise TargetError(f"database {facts.database} is {what}", hint="use the primary server's address in admin_url")
    if facts.encoding != "UTF8":
        raise TargetError(
            f"database {facts.database} has encoding {facts.encoding}, must be UTF8",
            hint=f"CREATE DATABASE {facts.database} TEMPLATE template0 ENCODING 'UTF8', and move what is there",
        )


def _extension(conn: Session, project: Project) -> tuple[StepResult, ...]:
    """pgvector, where the project asks for it."""
    if not project.asks_for_vector:
        return ()
    begun = time.perf_counter()
    made = ensure_vector(conn)
    version = server(conn).vector_version
    detail = f"made ({version})" if made else f"already there ({version})"
    return (replace(_step("extension vector", detail, changed=made), seconds=time.perf_counter() - begun),)


def _migrations(
    conn: Session, connection: Connection, project: Project, environment: Environment, notices: Notices
) -> tuple[StepResult, ...]:
    if project.migrations is None:
        return ()
    applied = apply_pending(conn, connection, project, environment, notices)
    if applied:
        return tuple(replace(step, step="setup", name=f"migration {step.name}") for step in applied)
    return (_step("migrations", f"already there ({migration_state(conn, project).head})"),)


def _ledger(conn: Session, project: Project, environment: Environment) -> Iterator[StepResult]:
    """Create or upgrade the ledger, and bring its schema back to what this release creates."""
    table = version_table(project)
    yield _timed(lambda: _install(conn, table))
    repair = repair_structure(conn, table)
    if repair.done:
        record_repair(conn, environment.name, repair_findings(repair))
    yield from repair_steps(repair)


def _install(conn: Session, table: str) -> StepResult:
    before = ledger_version(conn)
    made = install(conn, table)
    record_builds(conn)
    how = f"upgraded from version {before}" if made and before else "made" if made else "already there"
    return _step("ledger", f"{how} (version {LEDGER_VERSION})", changed=made)


def _step(name: str, detail: str, *, changed: bool = False) -> StepResult:
    return StepResult("setup", name, Outcome.OK, detail, data={"changed": changed})


def _timed(step: Callable[[], StepResult]) -> StepResult:
    begun = time.perf_counter()
    return replace(step(), seconds=time.perf_counter() - begun)
