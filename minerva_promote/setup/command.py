"""The command promote setup: bring an environment to what is declared, as its owner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sqlalchemy import Connection as SqlAlchemyConnection

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.catalog import Server, server
from minerva_promote.database.connection import Connection
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
from minerva_promote.results import RunResult, StepResult
from minerva_promote.search.index_builds import record_builds
from minerva_promote.setup.create_database import ensure_database
from minerva_promote.setup.privileges import ensure_privileges
from minerva_promote.setup.report import extension_step, ledger_step, part_step, setup_verdict
from minerva_promote.setup.roles import ensure_roles

SetupPart = Callable[[SqlAlchemyConnection], Iterable[StepResult]]


def setup(project: Project, environment: Environment, *, recreate: bool = False) -> RunResult:
    """Bring database, extension, roles, migrations, ledger and grants to what is declared, as the owner.

    The database is created outside any transaction. Everything else is one transaction under the target's lock; three
    when migrations commit by themselves. What exists is left alone: a second run changes nothing. ``recreate`` drops
    the database first. Raises UsageError for a database that may not be dropped, and TargetError.
    """
    database_step = _timed(lambda: ensure_database(project, environment, recreate=recreate))
    with admin_session(project, environment) as conn:
        try:
            steps = (database_step, *_set_up_database(conn, project, environment))
        except TargetError as error:
            if database_step.data["changed"]:
                message = f"{error.message} ({database_step.name} was {database_step.detail})"
                raise TargetError(message, hint=error.hint, sqlstate=error.sqlstate) from error
            raise
    changed = any(step.data.get("changed") or step.data.get("applied") for step in steps)
    ready = not any(step.outcome.closes_gate for step in steps)
    return RunResult(
        command="setup",
        environment=environment.name,
        title=f"database {environment.admin_url.dbname}",
        steps=steps,
        verdict=setup_verdict(ready=ready, changed=changed),
        changed=changed,
    )


def _set_up_database(conn: Connection, project: Project, environment: Environment) -> tuple[StepResult, ...]:
    _require_usable_server(server(conn))
    notices = Notices(conn, environment.name)
    steps: list[StepResult] = []
    parts = (
        lambda _: [*_set_up_extension(conn, project), *ensure_roles(conn, environment)],
        lambda connection: _apply_migrations(conn, connection, project, environment, notices),
        lambda _: [*_set_up_ledger(conn, project, environment), *ensure_privileges(conn, environment, notices)],
    )
    for group in _group_into_transactions(conn, project, parts):
        with transaction_for_alembic(conn) as connection:
            acquire_target_lock(conn)  # the state is read only now: another setup may have run
            for part in group:
                steps += part(connection)
        for step in steps:
            if step.data.get("changed") or step.data.get("applied"):
                record_change(f"{step.name} {step.detail}")
        if any(step.outcome.closes_gate for step in steps):
            return (*steps, *notices.steps("setup"))
    state = check_at_head(conn, project)
    return (*steps, *notices.steps("setup"), *shape_steps(conn, project, environment, state))


def _group_into_transactions(
    conn: Connection, project: Project, parts: tuple[SetupPart, ...]
) -> list[tuple[SetupPart, ...]]:
    """All parts in one transaction; one each when migrations commit by themselves and must see what came before."""
    pending = migration_state(conn, project).pending
    separate = bool(pending) and needs_own_transaction(Tree(project), pending)
    return [(part,) for part in parts] if separate else [parts]


def _require_usable_server(info: Server) -> None:
    if info.in_recovery or info.read_only:
        kind = "a standby" if info.in_recovery else "read-only"
        raise TargetError(f"database {info.database} is {kind}", hint="use the primary server's address in admin_url")
    if info.encoding != "UTF8":
        raise TargetError(
            f"database {info.database} has encoding {info.encoding}, must be UTF8",
            hint=f"CREATE DATABASE {info.database} TEMPLATE template0 ENCODING 'UTF8', and move what is there",
        )


def _set_up_extension(conn: Connection, project: Project) -> tuple[StepResult, ...]:
    """Create pgvector if the project uses it."""
    if not project.asks_for_vector:
        return ()
    started = time.perf_counter()
    created = ensure_vector(conn)
    version = server(conn).vector_version
    return (replace(extension_step(version, created=created), seconds=time.perf_counter() - started),)


def _apply_migrations(
    conn: Connection, connection: SqlAlchemyConnection, project: Project, environment: Environment, notices: Notices
) -> tuple[StepResult, ...]:
    if project.migrations is None:
        return ()
    applied = apply_pending(conn, connection, project, environment, notices)
    if applied:
        return tuple(replace(step, step="setup", name=f"migration {step.name}") for step in applied)
    return (part_step("migrations", f"already there ({migration_state(conn, project).head})"),)


def _set_up_ledger(conn: Connection, project: Project, environment: Environment) -> Iterator[StepResult]:
    """Create or upgrade the ledger, and repair its structure."""
    table = version_table(project)
    yield _timed(lambda: _install_ledger(conn, table))
    repair = repair_structure(conn, table)
    if repair.done:
        record_repair(conn, environment.name, repair_findings(repair))
    yield from repair_steps(repair)


def _install_ledger(conn: Connection, table: str) -> StepResult:
    before = ledger_version(conn)
    changed = install(conn, table)
    record_builds(conn)
    return ledger_step(before, LEDGER_VERSION, changed=changed)


def _timed(step: Callable[[], StepResult]) -> StepResult:
    started = time.perf_counter()
    return replace(step(), seconds=time.perf_counter() - started)
