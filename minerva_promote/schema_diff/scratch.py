"""A database on the embedded server that is there for one comparison."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from minerva_promote.config.connection_url import parse_url
from minerva_promote.config.models.project import Timeouts
from minerva_promote.config.project import Project
from minerva_promote.database.catalog import databases, fetch
from minerva_promote.database.quote import ident
from minerva_promote.database.server_errors import attempt_outside, execute
from minerva_promote.database.session import Connection, closed_after, connect
from minerva_promote.errors import TargetError

PREFIX = "promote_scratch_"
MAINTENANCE = "postgres"
_KEY = int.from_bytes(b"scra", "big")  # of the advisory locks that say which scratch databases are in use


@contextmanager
def scratch(project: Project, schema: str = "public") -> Iterator[Connection]:
    """A session in a database with nothing but pgvector, in this schema; it is dropped at the end, however that comes.

    What a killed process left behind is dropped by the next one: as long as a scratch database is in use, a lock of
    its number is held, and that ends with the process.
    """
    with closed_after(_session(project, MAINTENANCE)) as keeper:
        _sweep(keeper)
        number = secrets.randbelow(1 << 31)
        name = f"{PREFIX}{number}"
        fetch(keeper, b"SELECT pg_catalog.pg_advisory_lock(%(key)s, %(number)s)", {"key": _KEY, "number": number})
        try:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(ident(name))
            refused = attempt_outside(keeper, create)
            if refused is not None:
                raise TargetError(f"making a scratch database: {refused.message}", hint=refused.hint)
            with closed_after(_session(project, name)) as conn:
                made = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(ident(schema))
                execute(conn, made, "preparing the scratch database")
                extension = sql.SQL("CREATE EXTENSION vector SCHEMA {}").format(ident(schema))
                execute(conn, extension, "preparing the scratch database")
                yield conn
        finally:
            if not keeper.closed:
                _drop(keeper, name)


def _session(project: Project, database: str) -> Connection:
    return connect(parse_url(f"embedded:///{database}", name="scratch"), project.root, Timeouts())


def _drop(keeper: Connection, name: str) -> None:
    """Drop the database; where that fails the next process does it."""
    attempt_outside(keeper, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(name)))


def _sweep(keeper: Connection) -> None:
    for name in databases(keeper):
        number = name.removeprefix(PREFIX)
        if name == number or not number.isascii() or not number.isdecimal() or int(number) >= 1 << 31:
            continue
        key = {"key": _KEY, "number": int(number)}
        if fetch(keeper, b"SELECT pg_catalog.pg_try_advisory_lock(%(key)s, %(number)s) AS free", key)[0]["free"]:
            _drop(keeper, name)
            fetch(keeper, b"SELECT pg_catalog.pg_advisory_unlock(%(key)s, %(number)s)", key)
