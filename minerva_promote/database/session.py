"""The one way to open a connection, and the one way to commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from minerva_promote.config.models import Timeouts
from minerva_promote.database.connecting import connection_error
from minerva_promote.database.connection import READ_COMMITTED, REPEATABLE_READ
from minerva_promote.database.connection import Connection as Connection
from minerva_promote.database.faults import target_error, target_errors
from minerva_promote.database.settings import settings
from minerva_promote.database.whereabouts import require_identity
from minerva_promote.errors import TargetError

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.config.url import Target

# A network that swallows everything is noticed within a minute; unknown to Unix sockets.
_NETWORK = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "60000"}
_LOST = ("08", "40003", "57P")  # sqlstates after which nobody knows what became of COMMIT


def connect(
    target: Target,
    root: Path,
    timeouts: Timeouts,
    *,
    environment: str = "",
    application: str = "promote",
) -> Connection:
    """An open connection whose every transaction has the settings; starts the embedded server where one is named.

    Raises TargetError with the reason and the way out.
    """
    if target.embedded:
        from minerva_promote.database.embedded import embedded_params

        params = dict(embedded_params(root, target))
    else:
        params = dict(target.params)
    params = {**_NETWORK, "connect_timeout": str(timeouts.connect), **params}
    params.update(application_name=application, client_encoding="UTF8")
    try:
        # Nothing is prepared behind our back: a pooler may give the next transaction another server process.
        conn = Connection.connect(**params, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise connection_error(target, environment, error) from None
    prepare(conn, timeouts, application)
    return conn


def prepare(conn: Connection, timeouts: Timeouts, application: str) -> None:
    """Have a new connection give its settings to every transaction; it is closed when the server refuses them."""
    try:
        conn.adopt(settings(timeouts, application))
    except psycopg.Error as error:
        conn.close()
        raise target_error("the session could not be prepared", error) from error


def import_session(
    project: Project, environment: Environment, *, application: str = "promote"
) -> AbstractContextManager[Connection]:
    """A connection as the import role, in autocommit; closed at the end."""
    return _session(project, environment, environment.url, application)


def admin_session(
    project: Project, environment: Environment, *, application: str = "promote"
) -> AbstractContextManager[Connection]:
    """A connection as the owner, in autocommit; closed at the end. Raises ConfigError when there is no admin_url."""
    return _session(project, environment, environment.admin_url, application)


def own_session(conn: Connection, timeouts: Timeouts, application: str) -> None:
    """Give the settings to the session itself. Raises TargetError."""
    with target_errors("preparing the session"):
        conn.keep_session(settings(timeouts, application, local=False))


def release_session(conn: Connection) -> None:
    """Leave nothing behind in a session that a pooler may give to somebody else."""
    if conn.pooled and not conn.closed:
        rollback(conn)
    if conn.pooled and not conn.closed:
        with suppress(psycopg.Error):
            conn.send(b"DISCARD ALL")


@contextmanager
def _session(project: Project, environment: Environment, target: Target, application: str) -> Iterator[Connection]:
    with closed_after(connect_to(project, environment, target, application=application)) as conn:
        yield conn


def connect_to(
    project: Project,
    environment: Environment,
    target: Target,
    *,
    application: str = "promote",
    maintenance: bool = False,
) -> Connection:
    """A connection in autocommit that belongs to an environment, whoever ``target`` logs in as.

    Raises WrongTarget when it is not the database that the environment says it is, before anything else is asked.
    ``maintenance`` is a session on another database of that server.
    """
    name, timeouts = environment.name, environment.timeouts
    conn = connect(target, project.root, timeouts, environment=name, application=application)
    try:
        require_identity(conn, environment, target, maintenance=maintenance)
    except BaseException:
        conn.close()
        raise
    return conn


@contextmanager
def closed_after(conn: Connection) -> Iterator[Connection]:
    """Close the connection at the end, also when the server has already gone."""
    try:
        yield conn
    finally:
        conn.close()


class CommitLost(TargetError):
    """The connection broke while COMMIT was under way: only the ledger knows."""


def begin(conn: Connection) -> None:
    """Start the transaction of an import: READ COMMITTED, read-write."""
    with target_errors("starting the transaction"):
        conn.start(READ_COMMITTED + b", read write")


def begin_view(conn: Connection) -> None:
    """Start a transaction that only looks, all of it at one moment."""
    with target_errors("starting the transaction"):
        conn.start(REPEATABLE_READ + b", read only")


def execute(conn: Connection, statement: bytes, doing: str) -> None:
    """One statement without parameters; a driver error becomes a TargetError."""
    try:
        conn.execute(statement)
    except psycopg.Error as error:
        raise target_error(doing, error) from error


def commit(conn: Connection) -> None:
    """Commit, and believe only the server's answer: COMMIT of a failed transaction answers ROLLBACK.

    Raises TargetError when it was rolled back, CommitLost when there was no answer.
    """
    try:
        cursor = conn.execute("commit")
    except psycopg.Error as error:
        if conn.closed or conn.broken or (error.sqlstate or "08").startswith(_LOST):
            raise CommitLost("the connection was lost at COMMIT") from error
        raise target_error("COMMIT was refused", error) from error
    if cursor.statusmessage != "COMMIT":
        raise TargetError(
            f"the server answered {cursor.statusmessage} to COMMIT: nothing was stored",
            hint="see the first error above; then run the command again",
        )


def rollback(conn: Connection) -> None:
    """Roll back if there is anything to roll back; a statement that is still under way is broken off first.

    Never raises for what the server says: a connection that cannot be rolled back is closed, which does the same.
    """
    conn.roll_back()
