"""The one way to open a connection, and the one way to commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from minerva_promote import commit_log
from minerva_promote.config.models.project import Timeouts
from minerva_promote.database.connection import READ_COMMITTED, REPEATABLE_READ, Connection
from minerva_promote.database.connection_errors import connection_error
from minerva_promote.database.database_identity import WrongDatabase, require_identity
from minerva_promote.database.server_errors import target_error, target_errors
from minerva_promote.database.settings import settings
from minerva_promote.database.wait_monitor import WaitMonitor, monitor_waits, wait_monitor_of
from minerva_promote.errors import ConfigError, OutcomeUnknown, TargetError
from minerva_promote.signals import Stop, current

if TYPE_CHECKING:
    from minerva_promote.config.connection_url import Target
    from minerva_promote.config.project import Environment, Project

# A network that drops every packet is noticed within a minute; Unix sockets ignore these.
_NETWORK = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "60000"}
_CANCELLED = "57014"
_LOST = ("08", "40003", "57P")  # sqlstates after which the outcome of COMMIT is unknown


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
        from minerva_promote.database.embedded.server import embedded_params

        params = dict(embedded_params(root, target))
    else:
        params = dict(target.params)
    params = {**_NETWORK, "connect_timeout": str(timeouts.connect), **params}
    params.update(application_name=application, client_encoding="UTF8")
    try:
        # The driver prepares nothing by itself: a pooler may give the next transaction another server process.
        conn = Connection.connect(**params, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise connection_error(target, environment, error) from None
    monitor_waits(conn, timeouts)
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


@contextmanager
def reading_session(
    project: Project, environment: Environment, *, application: str = "promote"
) -> Iterator[Connection]:
    """A connection that reads a structure: as the import role, or as the owner where that role cannot connect.

    So a database can be read before its roles exist. Raises what the import role met where there is no owner's URL.
    """
    try:
        conn = connect_to(project, environment, environment.url, application=application)
    except (ConfigError, TargetError) as error:
        if isinstance(error, WrongDatabase) or "admin_url" not in environment.settings:
            raise
        conn = connect_to(project, environment, environment.admin_url, application=application)
    with closed_after(conn):
        yield conn


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

    Raises WrongDatabase when it is not the database that the environment says it is, before anything else is asked.
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
    """COMMIT had no answer because the connection broke: only the database knows its outcome."""


class CommitStopped(CommitLost):
    """COMMIT had no answer because a second signal ended the wait for it."""


def begin(conn: Connection) -> None:
    """Start the transaction of an import: READ COMMITTED, read-write."""
    with target_errors("starting the transaction"):
        conn.start(READ_COMMITTED + b", read write")


def begin_view(conn: Connection) -> None:
    """Start a read-only transaction, all of whose queries see one snapshot."""
    with target_errors("starting the transaction"):
        conn.start(REPEATABLE_READ + b", read only")


def commit(conn: Connection, change: str = "") -> bool:
    """Commit, and check the server's answer: COMMIT of a failed transaction answers ROLLBACK.

    True when it is committed as the server was asked to; False when it is committed there, and the waiting for its
    synchronous standby was cancelled, by ``timeouts: commit`` or by a signal. ``change`` goes to the commit
    log, so that a command that is stopped later reports it.
    Raises TargetError when it was rolled back, Stop when a signal did that, CommitLost when there was no answer.
    """
    monitor = wait_monitor_of(conn)
    unconfirmed = monitor.unconfirmed if monitor else 0
    with current().held() as signals, _committing(monitor):
        try:
            answer = conn.execute("commit").statusmessage
        except KeyboardInterrupt:
            raise CommitStopped("stopped while COMMIT was under way") from None
        except psycopg.Error as error:
            if monitor is not None and monitor.unconfirmed > unconfirmed:  # and then the session was ended
                answer = "COMMIT"
            elif conn.closed or conn.broken or (error.sqlstate or "08").startswith(_LOST):
                raise CommitLost("the connection was lost at COMMIT") from error
            elif signals.pending is not None and error.sqlstate == _CANCELLED:
                raise Stop(signals.pending) from None
            else:
                raise target_error("COMMIT was refused", error) from error
        if answer != "COMMIT":
            raise TargetError(
                f"the server answered {answer} to COMMIT: nothing was stored",
                hint="see the first error above; then run the command again",
            )
        if change:
            commit_log.record_change(change)
    return monitor is None or monitor.unconfirmed == unconfirmed


def commit_or_unknown(conn: Connection, change: str, hint: str) -> bool:
    """`commit` where no ledger tells the outcome of a COMMIT without an answer: raises OutcomeUnknown with ``hint``."""
    try:
        return commit(conn, change)
    except CommitLost as error:
        raise OutcomeUnknown(f"{error.message}: whether it was committed is not known", hint=hint) from error


@contextmanager
def _committing(monitor: WaitMonitor | None) -> Iterator[None]:
    """A first signal inside cancels the wait for a standby; the server then reports that it ended."""
    if monitor is not None:
        monitor.committing = True
    try:
        yield
    finally:
        if monitor is not None:
            monitor.committing = False


def rollback(conn: Connection) -> None:
    """Roll back if there is anything to roll back; a statement that still runs is cancelled first.

    Never raises for what the server says: a connection that cannot be rolled back is closed, which does the same.
    """
    conn.roll_back()
