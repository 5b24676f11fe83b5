"""The command promote schema drift: a database against what its migrations create in a scratch database."""

from __future__ import annotations

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import read_database_identity
from minerva_promote.database.quote import DEFAULT_SCHEMA
from minerva_promote.database.session import import_session
from minerva_promote.errors import TargetError
from minerva_promote.migrations.alembic_tree import Tree, transaction_for_alembic
from minerva_promote.migrations.apply import needs_own_transaction
from minerva_promote.migrations.state import MigrationStatus, migration_state
from minerva_promote.schema_diff.allowances import Side, apply_allowances
from minerva_promote.schema_diff.command import Comparison
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.report import comparison_report
from minerva_promote.schema_diff.scratch_database import scratch_database

MIGRATIONS = "migrations"  # name of that side in the report
EMBEDDED_HINT = (
    "it ran in a scratch database on the embedded server: roles and extensions it names have to be there;"
    " scratch_url: of the environment names another server"
)
SCRATCH_HINT = (
    "it ran in a scratch database on the server of scratch_url: roles and extensions it names have to be there"
)
IGNORED_ASPECTS = (("extension", "version"),)  # depend on the server, not on the migrations


def drift(project: Project, environment: Environment) -> Comparison:
    """Compare the environment's database with its migrations at its current revision.

    The migrations run in a scratch database of the embedded server, or of the one that ``scratch_url`` names, with the
    kind of this environment. Raises TargetError when the database is not at exactly one revision of this project.
    """
    tree = Tree(project)
    with import_session(project, environment) as conn:
        revision = _current_revision(conn, project, environment)
        live = Side(environment.name, inspect(conn), environment.name, environment.kind)
        server = read_database_identity(conn).system_identifier if environment.scratch is not None else ""
    with scratch_database(project, environment, _schema_of_vector(live), live_server=server) as conn:
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
        error.hint = error.hint or (EMBEDDED_HINT if environment.scratch is None else SCRATCH_HINT)
        raise


def _current_revision(conn: Connection, project: Project, environment: Environment) -> str:
    state = migration_state(conn, project)
    if state.status in (MigrationStatus.UP_TO_DATE, MigrationStatus.BEHIND) and len(state.current) == 1:
        return state.current[0]
    raise TargetError(
        f"the database is {state.description}: there is no revision to compare it with",
        hint=state.hint(environment.name),
    )
