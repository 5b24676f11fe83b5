"""The command promote schema drift: a database against what its migrations create in a scratch database."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from minerva_promote.config.connection_url import parse_url
from minerva_promote.config.models.project import Timeouts
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import databases, fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import DEFAULT_SCHEMA, ident
from minerva_promote.database.server_errors import execute, try_execute_without_transaction
from minerva_promote.database.session import closed_after, connect, import_session
from minerva_promote.errors import TargetError
from minerva_promote.migrations.alembic_tree import Tree, transaction_for_alembic
from minerva_promote.migrations.apply import needs_own_transaction
from minerva_promote.migrations.state import MigrationStatus, migration_state
from minerva_promote.schema_diff.allowances import Side, apply_allowances
from minerva_promote.schema_diff.command import Comparison
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.report import comparison_report

SCRATCH_PREFIX = "promote_scratch_"
MAINTENANCE = "postgres"
_KEY = int.from_bytes(b"scra", "big")  # class of the advisory locks on scratch databases in use
MIGRATIONS = "migrations"  # name of that side in the report
SCRATCH_HINT = "it ran in a scratch database on the embedded server: roles and extensions it names have to be there"
IGNORED_ASPECTS = (("extension", "version"),)  # depend on the server, not on the migrations


def drift(project: Project, environment: Environment) -> Comparison:
    """Compare the environment's database with its migrations at its current revision.

    The migrations run in a scratch database of the embedded server, with the kind of this environment. Raises
    TargetError when the database is not at exactly one revision of this project.
    """
    tree = Tree(project)
    with import_session(project, environment) as conn:
        revision = _current_revision(conn, project, environment)
        live = Side(environment.name, inspect(conn), environment.name, environment.kind)
    with scratch_database(project, _schema_of_vector(live)) as conn:
        _run_migrations(tree, conn, environment, revision)
        migrated = Side(MIGRATIONS, inspect(conn), kind=environment.kind)
    classified, findings = apply_allowances(
        diff(migrated.schema, live.schema, ignored=IGNORED_ASPECTS), project.allowances, migrated, live
    )
    title = f"revision {revision} of {tree.files.name}, kind {environment.kind}"
    result = comparison_report(
        "schema drift", migrated, live, classified, findings, environment=environment.name, title=title
    )
    return Comparison(result, classified, migrated, live)


def _schema_of_vector(live: Side) -> str:
    """The schema in which an administrator created pgvector; migrations do not say it."""
    schemas = (
        str(extension.fact("in_schema")) for extension in live.schema.of_kind("extension") if extension.name == "vector"
    )
    return next(schemas, DEFAULT_SCHEMA)


def _run_migrations(tree: Tree, conn: Connection, environment: Environment, revision: str) -> None:
    """Run the migrations up to ``revision``; those that commit by themselves use a second session."""
    included = tree.ancestors([revision])
    separate_session = needs_own_transaction(tree, [step for step in tree.revisions if step.id in included])
    try:
        with transaction_for_alembic(conn) as connection:
            tree.upgrade(connection, environment, revision=revision, separate_session=separate_session)
    except TargetError as error:
        error.hint = error.hint or SCRATCH_HINT
        raise


def _current_revision(conn: Connection, project: Project, environment: Environment) -> str:
    state = migration_state(conn, project)
    if state.status in (MigrationStatus.UP_TO_DATE, MigrationStatus.BEHIND) and len(state.current) == 1:
        return state.current[0]
    raise TargetError(
        f"the database is {state.description}: there is no revision to compare it with",
        hint=state.hint(environment.name),
    )


@contextmanager
def scratch_database(project: Project, schema: str = "public") -> Iterator[Connection]:
    """A session in a new database with pgvector in ``schema`` and nothing else; the database is dropped at the end.

    A database that a killed process left is dropped by the next one: a scratch database in use has an advisory lock
    on its number, which ends with the process.
    """
    with closed_after(_session(project, MAINTENANCE)) as maintenance:
        _drop_leftovers(maintenance)
        number = secrets.randbelow(1 << 31)
        name = f"{SCRATCH_PREFIX}{number}"
        fetch(maintenance, b"SELECT pg_catalog.pg_advisory_lock(%(key)s, %(number)s)", {"key": _KEY, "number": number})
        try:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(ident(name))
            refusal = try_execute_without_transaction(maintenance, create)
            if refusal is not None:
                raise TargetError(f"making a scratch database: {refusal.message}", hint=refusal.hint)
            with closed_after(_session(project, name)) as conn:
                create_schema = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(ident(schema))
                execute(conn, create_schema, "preparing the scratch database")
                extension = sql.SQL("CREATE EXTENSION vector SCHEMA {}").format(ident(schema))
                execute(conn, extension, "preparing the scratch database")
                yield conn
        finally:
            if not maintenance.closed:
                _drop(maintenance, name)


def _session(project: Project, database: str) -> Connection:
    return connect(parse_url(f"embedded:///{database}", name="scratch"), project.root, Timeouts())


def _drop(maintenance: Connection, name: str) -> None:
    """Drop the database; the next process retries when that fails."""
    try_execute_without_transaction(maintenance, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(name)))


def _drop_leftovers(maintenance: Connection) -> None:
    for name in databases(maintenance):
        number = name.removeprefix(SCRATCH_PREFIX)
        if name == number or not number.isascii() or not number.isdecimal() or int(number) >= 1 << 31:
            continue
        key = {"key": _KEY, "number": int(number)}
        if fetch(maintenance, b"SELECT pg_catalog.pg_try_advisory_lock(%(key)s, %(number)s) AS free", key)[0]["free"]:
            _drop(maintenance, name)
            fetch(maintenance, b"SELECT pg_catalog.pg_advisory_unlock(%(key)s, %(number)s)", key)
