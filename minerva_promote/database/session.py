"""The one way to open a connection, and the one way to commit.

Every session gets the same preamble, whatever a role's or a database's defaults say: literals are read as the
standard has them, times and numbers are written as programs read them, an acknowledged COMMIT is on disk, and waiting
is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import generators

from minerva_promote.config.models import Timeouts
from minerva_promote.database.connecting import connection_error
from minerva_promote.database.faults import target_error
from minerva_promote.database.whereabouts import require_identity
from minerva_promote.errors import TargetError

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.config.url import Target

Connection = psycopg.Connection[Any]

_IDLE_IN_TRANSACTION = "5min"
_CANCEL_SECONDS = 5

# Everything is named with its schema until search_path is ours: what a database's default finds first is not trusted.
_PREAMBLE = b"""
select pg_catalog.set_config('search_path', 'pg_catalog', false),
       pg_catalog.set_config('standard_conforming_strings', 'on', false),
       pg_catalog.set_config('quote_all_identifiers', 'off', false),
       pg_catalog.set_config('client_min_messages', 'notice', false),
       pg_catalog.set_config('TimeZone', 'UTC', false),
       pg_catalog.set_config('DateStyle', 'ISO, YMD', false),
       pg_catalog.set_config('IntervalStyle', 'iso_8601', false),
       pg_catalog.set_config('bytea_output', 'hex', false),
       pg_catalog.set_config('extra_float_digits', '1', false),
       pg_catalog.set_config('row_security', 'off', false),
       pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
       pg_catalog.set_config('lock_timeout', $1, false),
       pg_catalog.set_config('statement_timeout', $2, false),
       pg_catalog.set_config('idle_in_transaction_session_timeout', $3, false)
"""
# Not every release has each of these. A file is validated while the session waits, however long that takes.
_OTHERS = b"""
select set_config(name, case name when 'synchronous_commit' then 'on' else '0' end, false)
  from pg_settings
 where name = 'synchronous_commit' and setting = 'off'
    or name in ('transaction_timeout', 'idle_session_timeout') and setting <> '0'
"""
# public, and where pgvector lives when that is another schema; nothing that others could fill
_SEARCH_PATH = b"""
select set_config('search_path', concat_ws(', ', 'public', (
    select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'vector' and n.nspname <> 'public'), 'pg_temp'), false)
"""
# A network that swallows everything is noticed within a minute; unknown to Unix sockets.
_NETWORK = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "60000"}
_LOST = ("08", "40003", "57P")  # sqlstates after which nobody knows what became of COMMIT


def connect(
    target: Target,
    root: Path,
    timeouts: Timeouts,
    *,
    environment: str = "",
    autocommit: bool = False,
    application: str = "promote",
) -> Connection:
    """An open connection with the session preamble; starts the embedded server where the target names it.

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
        conn = psycopg.connect(**params, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise connection_error(target, environment, error) from None
    prepare(conn, timeouts)
    conn.autocommit = autocommit
    return conn


def prepare(conn: Connection, timeouts: Timeouts) -> None:
    """Give a new connection the settings of every session; it is closed when that fails."""
    try:
        cursor = psycopg.RawCursor(conn)
        cursor.execute(_PREAMBLE, [timeouts.lock, timeouts.statement, _IDLE_IN_TRANSACTION])
        cursor.execute(_OTHERS)
        cursor.execute(_SEARCH_PATH)
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
    conn = connect(target, project.root, timeouts, environment=name, autocommit=True, application=application)
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
    execute(conn, b"begin isolation level read committed, read write", "starting the transaction")


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
    try:
        if conn.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
            conn.cancel_safe(timeout=_CANCEL_SECONDS)
            conn.wait(generators.execute(conn.pgconn))
        if not conn.closed and conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            conn.execute("rollback")
    except psycopg.Error:
        conn.close()
