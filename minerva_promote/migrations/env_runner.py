"""Running an env.py, ours or another project's: its folder, its variables, the connections that it opens itself.

One that takes ``config.attributes["connection"]`` works on a connection of ours. Every other one connects by itself,
as Alembic's own templates do: it is given the URL of the target in each way that such files ask for one, and each of
its connections has to prove that it is in the very database that is to be migrated, before its first statement.
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

from psycopg import Connection as Driver
from sqlalchemy import Connection, Engine, event

from minerva_promote.config.project import Environment
from minerva_promote.database.catalog import fetch
from minerva_promote.database.notices import Notices
from minerva_promote.database.session import Connection as Session
from minerva_promote.database.sibling_connection import same_database_query, sqlalchemy_url
from minerva_promote.database.waiting import watch, watch_of
from minerva_promote.errors import TargetError
from minerva_promote.migrations.tree_files import TreeFiles


@contextlib.contextmanager
def at_home(files: TreeFiles) -> Iterator[None]:
    """As if alembic was run by the tree's own people: their folder, their modules; nothing of it goes to stdout."""
    path, level = sys.path[:], logging.root.manager.disable
    quiet = contextlib.ExitStack()
    with quiet:
        quiet.enter_context(contextlib.chdir(files.home))
        sys.path_importer_cache.pop(".", None)  # it remembers which folder that was
        quiet.enter_context(contextlib.redirect_stdout(sys.stderr))
        # The logging that an alembic.ini declares is of another program.
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
def variables(files: TreeFiles, conn: Session) -> Iterator[str]:
    """The variables of the process from which an env.py takes its URL name the database of ``conn``; that URL."""
    url, password = sqlalchemy_url(conn)
    given = dict.fromkeys(files.variables, url)
    if password:
        given["PGPASSWORD"] = password
    with patch.dict(os.environ, given):
        yield url


@contextlib.contextmanager
def own_connections(files: TreeFiles, conn: Session, environment: Environment, notices: Notices) -> Iterator[None]:
    """Every connection that is opened inside proves where it is, waits no longer than ours, and its notices are heard.

    ``conn`` has a transaction open, which holds a lock as the proof.
    """
    key = secrets.randbits(62)
    # Without parameters: the portal of an extended query stays open, and with it a snapshot, for whose end
    # CREATE INDEX CONCURRENTLY would wait.
    fetch(conn, f"SELECT pg_catalog.pg_advisory_xact_lock({key})".encode())
    question = same_database_query(conn.server_pid, key)

    def opened(connection: Any, _: object) -> None:
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
        if isinstance(driver, Driver) and watch_of(driver) is None:
            watch(driver, environment.timeouts)

    with _listening("connect", opened):
        yield


_COMMIT = re.compile(r"\s*(commit|end)\b", re.IGNORECASE)


class Executed:
    """What was sent, and which of it is committed: a statement of an autocommit block is so at once."""

    def __init__(self) -> None:
        self.at = ""  # the revision that is under way
        self.committed: list[tuple[str, str]] = []  # revision, statement
        self.last = ""  # statement that was begun
        self.together = False  # all of it is one transaction of ours, which no revision may end
        self._open: list[tuple[str, str]] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Executed:
        self._stack.enter_context(_listening("before_cursor_execute", self._begin))
        self._stack.enter_context(_listening("after_cursor_execute", self._done))
        self._stack.enter_context(_listening("commit", self._commit))
        self._stack.enter_context(_listening("rollback", lambda _: self._open.clear()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _begin(self, _conn: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if self.together and _COMMIT.match(statement):
            raise TargetError(
                f"migration {self.at}: it sends {statement.strip()}, and its file does not show it",
                hint="put what has to be committed into a block: with op.get_context().autocommit_block():",
            )
        self.last = statement

    def _done(self, conn: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if conn.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            self.committed.append((self.at, statement))
        elif _COMMIT.match(statement):
            self._commit(conn)
        else:
            self._open.append((self.at, statement))

    def _commit(self, _: Connection) -> None:
        self.committed += self._open
        self._open.clear()


@contextlib.contextmanager
def _listening(name: str, function: Callable[..., None]) -> Iterator[None]:
    event.listen(Engine, name, function)
    try:
        yield
    finally:
        event.remove(Engine, name, function)
