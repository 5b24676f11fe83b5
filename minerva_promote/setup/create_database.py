"""The database of an environment: whether it exists, CREATE DATABASE, and dropping it for --recreate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from psycopg import sql

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import databases, server
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import WrongDatabase
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.database.server_errors import try_execute_without_transaction
from minerva_promote.database.session import admin_session, closed_after, connect_to
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.results import StepResult
from minerva_promote.setup.report import database_step

# Databases that every server has; a connection to one of them is enough to create another.
MAINTENANCE = ("postgres", "template1")
DUPLICATE = ("42P04", "23505")  # a concurrent setup created it


def database_exists(project: Project, environment: Environment) -> bool:
    """Whether the server has the environment's database. Raises TargetError when no database can be reached."""
    with maintenance_session(project, environment) as conn:
        if conn is not None:
            return environment.admin_url.dbname in databases(conn)
    with admin_session(project, environment):
        return True


def ensure_database(project: Project, environment: Environment, *, recreate: bool = False) -> StepResult:
    """Create the environment's database if it is missing; with ``recreate`` drop it first. Outside any transaction.

    Raises TargetError with the statement for an administrator when the admin identity lacks the privilege, and
    UsageError for a database that may not be dropped.
    """
    name = environment.admin_url.dbname
    if recreate and (environment.protected or name in (*MAINTENANCE, "template0")):
        reason = "protected" if environment.protected else f"database {name}, which belongs to the server"
        raise UsageError(
            f"environment {environment.name} is {reason}: its database is not made anew",
            hint="promote setup without --recreate changes only what is missing",
        )
    with maintenance_session(project, environment) as conn:
        if conn is None:
            return _require_connectable(project, environment, recreate)
        exists = name in databases(conn)
        if exists and not recreate:
            return database_step(name, "already there")
        if exists:
            _execute_or_raise(
                conn, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(ident(name)), f"dropping database {name}"
            )
            record_change(f"database {name} dropped")
        # From template0: without the objects and the encoding that template1 may have.
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(ident(name))
        refusal = try_execute_without_transaction(conn, create)
        if refusal is not None and refusal.sqlstate not in DUPLICATE:
            owner = sql.SQL("{} OWNER {}").format(create, ident(server(conn).role))
            raise TargetError(
                f"database {name} is missing, and could not be made: {refusal.message}",
                hint=f"as an administrator: {sql_text(owner)}",
            )
        if refusal is None:
            record_change(f"database {name} made")
        return database_step(name, "made anew" if exists else "made", sql_text(create))


@contextmanager
def maintenance_session(project: Project, environment: Environment) -> Iterator[Connection | None]:
    """A session of the admin identity on a maintenance database, in autocommit; None when none accepts it."""
    admin_url = environment.admin_url
    for name in MAINTENANCE:
        url = replace(admin_url, dbname=name, params=MappingProxyType({**admin_url.params, "dbname": name}))
        try:
            conn = connect_to(project, environment, url, maintenance=True)
        except WrongDatabase:
            raise
        except TargetError:
            continue
        with closed_after(conn):
            yield conn
        return
    yield None


def _require_connectable(project: Project, environment: Environment, recreate: bool) -> StepResult:
    """Connect to the database itself, as no maintenance database accepts the admin identity."""
    with admin_session(project, environment):
        pass
    name = environment.admin_url.dbname
    if recreate:
        raise TargetError(
            f"database {name} cannot be made anew: no connection to {' or '.join(MAINTENANCE)}",
            hint="let the admin identity connect to one of them",
        )
    return database_step(name, "already there")


def _execute_or_raise(conn: Connection, statement: sql.Composed, activity: str) -> None:
    refusal = try_execute_without_transaction(conn, statement)
    if refusal is not None:
        raise TargetError(f"{activity}: {refusal.message}", hint=f"as an administrator: {sql_text(statement)}")
