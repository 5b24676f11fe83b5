"""The database of an environment itself: whether it is there, making it, and making it anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from psycopg import sql

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import databases, server
from minerva_promote.database.database_identity import WrongDatabase
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.database.server_errors import attempt_outside
from minerva_promote.database.session import Connection, admin_session, closed_after, connect_to
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.results import Outcome, StepResult

# Databases that every server has: a connection to one of them is enough to make another.
MAINTENANCE = ("postgres", "template1")
DUPLICATE = ("42P04", "23505")  # another setup was quicker


def database_exists(project: Project, environment: Environment) -> bool:
    """Whether the server has the environment's database. Raises TargetError when that cannot be told."""
    with maintenance_session(project, environment) as conn:
        if conn is not None:
            return environment.admin_url.dbname in databases(conn)
    with admin_session(project, environment):
        return True


def ensure_database(project: Project, environment: Environment, *, recreate: bool = False) -> StepResult:
    """Make the environment's database if it is missing, or anew; not part of any transaction.

    Raises TargetError with the statement for an administrator when the admin identity may not.
    """
    name = environment.admin_url.dbname
    if recreate and (environment.protected or name in (*MAINTENANCE, "template0")):
        what = "protected" if environment.protected else f"database {name}, which belongs to the server"
        raise UsageError(
            f"environment {environment.name} is {what}: its database is not made anew",
            hint="promote setup without --recreate changes only what is missing",
        )
    with maintenance_session(project, environment) as conn:
        if conn is None:
            return _present_after_all(project, environment, recreate)
        there = name in databases(conn)
        if there and not recreate:
            return _step(name, "already there")
        if there:
            _must(conn, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(ident(name)), f"dropping database {name}")
            record_change(f"database {name} dropped")
        # From template0: no objects and no encoding that someone gave template1.
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(ident(name))
        refused = attempt_outside(conn, create)
        if refused is not None and refused.sqlstate not in DUPLICATE:
            owner = sql.SQL("{} OWNER {}").format(create, ident(server(conn).role))
            raise TargetError(
                f"database {name} is missing, and could not be made: {refused.message}",
                hint=f"as an administrator: {sql_text(owner)}",
            )
        if refused is None:
            record_change(f"database {name} made")
        return _step(name, "made anew" if there else "made", sql=sql_text(create))


@contextmanager
def maintenance_session(project: Project, environment: Environment) -> Iterator[Connection | None]:
    """The admin identity on a database that is always there, in autocommit; None when it is let into none."""
    target = environment.admin_url
    for name in MAINTENANCE:
        elsewhere = replace(target, dbname=name, params=MappingProxyType({**target.params, "dbname": name}))
        try:
            conn = connect_to(project, environment, elsewhere, maintenance=True)
        except WrongDatabase:
            raise
        except TargetError:
            continue
        with closed_after(conn):
            yield conn
        return
    yield None


def _present_after_all(project: Project, environment: Environment, recreate: bool) -> StepResult:
    """The database by connecting to it, where the maintenance databases let nobody in."""
    with admin_session(project, environment):
        pass
    name = environment.admin_url.dbname
    if recreate:
        raise TargetError(
            f"database {name} cannot be made anew: no connection to {' or '.join(MAINTENANCE)}",
            hint="let the admin identity connect to one of them",
        )
    return _step(name, "already there")


def _must(conn: Connection, statement: sql.Composed, doing: str) -> None:
    refused = attempt_outside(conn, statement)
    if refused is not None:
        raise TargetError(f"{doing}: {refused.message}", hint=f"as an administrator: {sql_text(statement)}")


def _step(name: str, detail: str, **done: str) -> StepResult:
    return StepResult(
        "setup", f"database {name}", Outcome.OK, detail, data={"statements": list(done.values()), "changed": bool(done)}
    )
