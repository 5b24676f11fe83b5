"""The surroundings in which an env.py runs: working directory, environment variables, connections, transaction.

An env.py that takes ``config.attributes["connection"]`` works on promote's connection. Any other connects by itself, as
Alembic's own templates do: it finds the target's URL in each place where such files look for one, and each of its
connections is proved to be in the target database before its first statement.
"""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os
import re
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection as SqlAlchemyConnection
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from minerva_promote.config.project import Environment
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.database.server_errors import target_error
from minerva_promote.database.session import commit_or_unknown
from minerva_promote.database.sibling_connection import same_database_query, sqlalchemy_url
from minerva_promote.database.wait_monitor import monitor_waits, wait_monitor_of
from minerva_promote.errors import TargetError
from minerva_promote.migrations.tree_files import TreeFiles
from minerva_promote.signals import interruption_behind


@contextlib.contextmanager
def alembic_environment(files: TreeFiles) -> Iterator[None]:
    """The working directory and sys.path of the tree's own alembic commands; stdout goes to stderr, logging is off."""
    path, level = sys.path[:], logging.root.manager.disable
    quiet = contextlib.ExitStack()
    with quiet:
        quiet.enter_context(contextlib.chdir(files.home))
        sys.path_importer_cache.pop(".", None)  # the import cache of the former working directory
        quiet.enter_context(contextlib.redirect_stdout(sys.stderr))
        # The logging configuration of an alembic.ini is not meant for promote.
        for name in ("fileConfig", "dictConfig"):
            quiet.enter_context(patch.object(logging.config, name, lambda *_, **__: None))
        logging.disable(logging.INFO)
        quiet.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            yield
        finally:
            logging.disable(level)
            sys.path[:] = path


@contextlib.contextmanager
def url_variables(files: TreeFiles, conn: Connection) -> Iterator[str]:
    """Set the environment variables from which env.py reads a URL to the database of ``conn``; yields that URL."""
    url, password = sqlalchemy_url(conn)
    values = dict.fromkeys(files.variables, url)
    if password:
        values["PGPASSWORD"] = password
    with patch.dict(os.environ, values):
        yield url


@contextlib.contextmanager
def checked_connections(
    files: TreeFiles, conn: Connection, environment: Environment, notices: Notices
) -> Iterator[None]:
    """Check every connection that SQLAlchemy opens inside: same database as ``conn``, its timeouts, its notices.

    ``conn`` has a transaction open; an advisory lock in it is the proof. Raises TargetError for another database.
    """
    key = secrets.randbits(62)
    # Without parameters: the portal of an extended query keeps its snapshot open, and CREATE INDEX CONCURRENTLY would
    # wait for it.
    fetch(conn, f"SELECT pg_catalog.pg_advisory_xact_lock({key})".encode())
    question = same_database_query(conn.server_pid, key)

    def prove_database(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(question)
        if cursor.fetchone() is None:
            connection.rollback()
            raise TargetError(
                f"env.py of {files.name} connects to another database than environment {environment.name} names:"
                " nothing was sent to it",
                hint="have it take the URL from DATABASE_URL or sqlalchemy.url, or the connection that it is given:"
                ' config.attributes["connection"]',
            )
        for name, value in (("lock_timeout", environment.timeouts.lock), ("client_min_messages", "notice")):
            cursor.execute(f"select pg_catalog.set_config('{name}', '{value}', false)")
        cursor.close()
        connection.commit()
        driver = getattr(connection, "driver_connection", connection)
        if hasattr(driver, "add_notice_handler"):
            notices.listen(driver)
        if isinstance(driver, PsycopgConnection) and wait_monitor_of(driver) is None:
            monitor_waits(driver, environment.timeouts)

    with _listening("connect", prove_database):
        yield


_COMMIT_STATEMENT = re.compile(r"\s*(commit|end)\b", re.IGNORECASE)


class StatementLog:
    """The statements that SQLAlchemy executed, and those that are committed; in an autocommit block that is at once."""

    def __init__(self) -> None:
        self.revision = ""  # being applied; empty between revisions
        self.committed: list[tuple[str, str]] = []  # (revision, statement)
        self.last_statement = ""  # sent, successful or not
        self.one_transaction = False  # promote's own, which no revision may end
        self._uncommitted: list[tuple[str, str]] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> StatementLog:
        self._stack.enter_context(_listening("before_cursor_execute", self._check))
        self._stack.enter_context(_listening("after_cursor_execute", self._finish))
        self._stack.enter_context(_listening("commit", self._commit))
        self._stack.enter_context(_listening("rollback", lambda _: self._uncommitted.clear()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _check(self, _conn: SqlAlchemyConnection, _cursor: Any, statement: str, *_: Any) -> None:
        if self.one_transaction and _COMMIT_STATEMENT.match(statement):
            raise TargetError(
                f"migration {self.revision}: it sends {statement.strip()}, and its file does not show it",
                hint="put what has to be committed into a block: with op.get_context().autocommit_block():",
            )
        self.last_statement = statement

    def _finish(self, conn: SqlAlchemyConnection, _cursor: Any, statement: str, *_: Any) -> None:
        if conn.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            self.committed.append((self.revision, statement))
        elif _COMMIT_STATEMENT.match(statement):
            self._commit(conn)
        else:
            self._uncommitted.append((self.revision, statement))

    def _commit(self, _: SqlAlchemyConnection) -> None:
        self.committed += self._uncommitted
        self._uncommitted.clear()


@contextlib.contextmanager
def _listening(name: str, function: Callable[..., None]) -> Iterator[None]:
    event.listen(Engine, name, function)
    try:
        yield
    finally:
        event.remove(Engine, name, function)


def engine_for_connection(conn: Connection) -> Engine:
    """An SQLAlchemy engine over ``conn``, which it does not close."""
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: conn,
        poolclass=StaticPool,
        pool_reset_on_return=None,
        use_native_hstore=False,
    )


@contextlib.contextmanager
def transaction_for_alembic(conn: Connection) -> Iterator[SqlAlchemyConnection]:
    """One transaction on the idle ``conn`` as an SQLAlchemy connection; committed unless the block raises.

    Statements on ``conn`` itself belong to the transaction after its first statement. The connection stays open.
    """
    before = _autocommit(conn, False)
    failure: BaseException | None = None
    try:
        with engine_for_connection(conn).connect() as connection, connection.begin():
            try:
                yield connection
                commit_or_unknown(conn, "", "promote migrate shows which revisions the database has")
            except BaseException as error:
                failure = error
                if isinstance(error, KeyboardInterrupt):
                    conn.roll_back()  # cancels a running statement; SQLAlchemy would wait for it
                raise
    except DBAPIError as error:
        if interruption := interruption_behind(error):
            raise interruption from None
        if failure is not None and failure is not error:  # SQLAlchemy's rollback failed too
            raise failure from None
        raise target_error("migrating", error.orig) from error
    finally:
        conn.roll_back()
        if not conn.closed:
            _autocommit(conn, before)


def _autocommit(conn: Connection, value: bool) -> bool:
    before = conn.autocommit
    if before != value:
        conn.autocommit = value
    return before
