"""A database against what its own migrations make."""

from __future__ import annotations

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.quote import DEFAULT_SCHEMA
from minerva_promote.database.session import Connection, import_session
from minerva_promote.errors import TargetError
from minerva_promote.migrations.alembic_tree import Tree, transaction_for_alembic
from minerva_promote.migrations.apply import needs_own_transaction
from minerva_promote.migrations.state import MigrationStatus, migration_state
from minerva_promote.schema_diff.allowances import Side, apply_allowances
from minerva_promote.schema_diff.command import Compared
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.report import told
from minerva_promote.schema_diff.scratch import scratch

MIGRATIONS = "migrations"  # what the report calls the side that they make
SCRATCH_HINT = "it ran in a scratch database on the embedded server: roles and extensions it names have to be there"
IGNORED = (("extension", "version"),)  # what the server has installed, and no migration says


def drift(project: Project, environment: Environment) -> Compared:
    """The environment's database held against its migrations at the revision that it says it is at.

    They are run in a scratch database of the embedded server, as for this environment. Raises TargetError where the
    database does not say one revision of this project.
    """
    tree = Tree(project)
    with import_session(project, environment) as conn:
        revision = _revision(conn, project, environment)
        live = Side(environment.name, inspect(conn), environment.name, environment.kind)
    with scratch(project, _schema_of_vector(live)) as conn:
        _build(tree, conn, environment, revision)
        made = Side(MIGRATIONS, inspect(conn), kind=environment.kind)
    judged, findings = apply_allowances(diff(made.schema, live.schema, ignored=IGNORED), project.allowances, made, live)
    title = f"revision {revision} of {tree.files.name}, kind {environment.kind}"
    result = told("schema drift", made, live, judged, findings, environment=environment.name, title=title)
    return Compared(result, judged, made, live)


def _schema_of_vector(live: Side) -> str:
    """Where an administrator has put pgvector: no migration says it."""
    found = (str(each.fact("in_schema")) for each in live.schema.of_kind("extension") if each.name == "vector")
    return next(found, DEFAULT_SCHEMA)


def _build(tree: Tree, conn: Connection, environment: Environment, revision: str) -> None:
    """Run the migrations up to a revision; those that commit in between do so in a session beside ``conn``."""
    included = tree.ancestors([revision])
    separate_session = needs_own_transaction(tree, [step for step in tree.revisions if step.id in included])
    try:
        with transaction_for_alembic(conn) as connection:
            tree.upgrade(connection, environment, revision=revision, separate_session=separate_session)
    except TargetError as error:
        error.hint = error.hint or SCRATCH_HINT
        raise


def _revision(conn: Connection, project: Project, environment: Environment) -> str:
    state = migration_state(conn, project)
    if state.status in (MigrationStatus.UP_TO_DATE, MigrationStatus.BEHIND) and len(state.current) == 1:
        return state.current[0]
    raise TargetError(
        f"the database is {state.description}: there is no revision to compare it with",
        hint=state.hint(environment.name),
    )
