"""A database of its own for migrations: on the embedded server, or on the one that ``scratch_url:`` names."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from psycopg import sql

from minerva_promote.config.connection_url import Target, parse_url
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.models.project import Timeouts
from minerva_promote.config.project import Environment, Identity, Project
from minerva_promote.config.server_names import may_be_one_server
from minerva_promote.database.catalog import databases, fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import read_database_identity
from minerva_promote.database.quote import ident
from minerva_promote.database.server_errors import StatementError, execute, try_execute_without_transaction
from minerva_promote.database.session import closed_after, connect
from minerva_promote.errors import ConfigError, TargetError, UsageError

SCRATCH_PREFIX = "promote_scratch_"
_EMBEDDED = "embedded:///postgres"
_KEY = int.from_bytes(b"scra", "big")  # class of the advisory locks on scratch databases in use
_IDENTITIES: tuple[Identity, ...] = ("url", "admin_url", "direct_url")


@contextmanager
def scratch_database(
    project: Project, environment: Environment, schema: str = "public", *, live_server: str = ""
) -> Iterator[Connection]:
    """A session in a new database with pgvector in ``schema`` and nothing else; the database is dropped at the end.

    ``live_server`` is the system identifier of the environment's server, where it is known. Raises UsageError when
    ``scratch_url`` leads to the server of a protected environment, and TargetError.
    """
    target = _target(environment)
    if target.embedded:
        with _embedded_database(project) as (maintenance, name), _session(project, target, name) as conn:
            _prepare(conn, schema)
            yield conn
        return
    _require_unprotected(project, target)
    with closed_after(connect(target, project.root, Timeouts())) as maintenance:
        _require_other_server(maintenance, project, environment, live_server)
        name = f"{SCRATCH_PREFIX}{secrets.token_hex(8)}"
        _create(maintenance, name)
        try:
            with _session(project, target, name) as conn:
                _prepare(conn, schema)
                yield conn
        finally:
            refusal = _drop(maintenance, name) if not maintenance.closed else None
        if refusal is not None:
            raise TargetError(f"database {name} could not be dropped: {refusal.message}", hint=f"DROP DATABASE {name}")


def _target(environment: Environment) -> Target:
    """Where scratch databases are made: the maintenance database there."""
    setting = environment.scratch
    if setting is None:
        return parse_url(_EMBEDDED, name="scratch")
    target = parse_url(setting.resolve(), name=setting.name, at=setting.at)
    return parse_url(_EMBEDDED, name="scratch") if target.embedded else target


def _require_unprotected(project: Project, target: Target) -> None:
    for name in project.environment_names:
        other = read_environment(project, name)
        for identity in _IDENTITIES if other.protected else ():
            try:
                url = other.target(identity)
            except ConfigError:  # it has none, or it is not set on this machine
                continue
            if may_be_one_server(url, target):
                raise _refused(name)


def _require_other_server(conn: Connection, project: Project, environment: Environment, live_server: str) -> None:
    """Raise UsageError when the server is that of a protected environment by its system identifier."""
    server = read_database_identity(conn).system_identifier
    if not server:
        return
    if environment.protected and server == live_server:
        raise _refused(environment.name)
    for name in project.environment_names:
        other = read_environment(project, name)
        if other.protected and other.pin is not None and other.pin.system_identifier == server:
            raise _refused(name)


def _refused(name: str) -> UsageError:
    return UsageError(
        f"scratch_url leads to the server of {name}, which is protected",
        hint="name another server: a database is created and dropped there",
    )


@contextmanager
def _embedded_database(project: Project) -> Iterator[tuple[Connection, str]]:
    """A new database on the embedded server.

    A database that a killed process left is dropped by the next one: a scratch database in use has an advisory lock
    on its number, which ends with the process.
    """
    with _session(project, parse_url(_EMBEDDED, name="scratch"), "postgres") as maintenance:
        _drop_leftovers(maintenance)
        number = secrets.randbelow(1 << 31)
        name = f"{SCRATCH_PREFIX}{number}"
        fetch(maintenance, b"SELECT pg_catalog.pg_advisory_lock(%(key)s, %(number)s)", {"key": _KEY, "number": number})
        try:
            _create(maintenance, name)
            yield maintenance, name
        finally:
            if not maintenance.closed:
                _drop(maintenance, name)


def _create(maintenance: Connection, name: str) -> None:
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(ident(name))
    refusal = try_execute_without_transaction(maintenance, create)
    if refusal is not None:
        raise TargetError(f"making a scratch database: {refusal.message}", hint=refusal.hint)


def _prepare(conn: Connection, schema: str) -> None:
    create_schema = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(ident(schema))
    execute(conn, create_schema, "preparing the scratch database")
    extension = sql.SQL("CREATE EXTENSION vector SCHEMA {}").format(ident(schema))
    execute(conn, extension, "preparing the scratch database")


@contextmanager
def _session(project: Project, target: Target, database: str) -> Iterator[Connection]:
    params = MappingProxyType({**target.params, "dbname": database})
    with closed_after(connect(replace(target, dbname=database, params=params), project.root, Timeouts())) as conn:
        yield conn


def _drop(maintenance: Connection, name: str) -> StatementError | None:
    """Drop the database; the refusal when that fails."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(name))
    return try_execute_without_transaction(maintenance, drop)


def _drop_leftovers(maintenance: Connection) -> None:
    for name in databases(maintenance):
        number = name.removeprefix(SCRATCH_PREFIX)
        if name == number or not number.isascii() or not number.isdecimal() or int(number) >= 1 << 31:
            continue
        key = {"key": _KEY, "number": int(number)}
        if fetch(maintenance, b"SELECT pg_catalog.pg_try_advisory_lock(%(key)s, %(number)s) AS free", key)[0]["free"]:
            _drop(maintenance, name)
            fetch(maintenance, b"SELECT pg_catalog.pg_advisory_unlock(%(key)s, %(number)s)", key)
