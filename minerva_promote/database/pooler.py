"""Whether a connection pooler is between here and the server, and sessions that it does not share.

There is a pooler when another process answers than the one whose id was given when the connection began. It pools
transactions when one process answers two open connections, or two processes answer one connection. A client cannot
see that it pools sessions: the environment says so, or has a URL that goes around the pooler.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minerva_promote.config.connection_url import FORMAT
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.database.session import closed_after, connect_to, own_session, release_session
from minerva_promote.database.sibling_connection import same_database_query
from minerva_promote.errors import ConfigError

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project

_PROBES = 3  # of the process behind each of two connections


@contextmanager
def owner_session(
    project: Project, environment: Environment, task: str, *, application: str = "promote"
) -> Iterator[Connection]:
    """An unshared session of the owner: for statements outside transactions, and for locks that outlive one.

    ``task`` begins the message: "index --apply". Raises ConfigError where a pooler gives none.
    """
    if environment.pooler == "transaction" and environment.session_identity == "admin_url":
        raise _pooler_error(environment, task, "which pools transactions")
    target = environment.target(environment.session_identity)
    with closed_after(connect_to(project, environment, target, application=application)) as conn:
        if conn.pooled and environment.pooler != "none":
            _require_unshared(project, environment, conn, task)
        if environment.session_identity != "admin_url":
            _require_same_database(project, environment, conn)
        own_session(conn, environment.timeouts, application)
        try:
            yield conn
        finally:
            release_session(conn)


def _require_same_database(project: Project, environment: Environment, conn: Connection) -> None:
    """Raise ConfigError unless a lock that is taken through admin_url is seen here: names do not prove it."""
    key = secrets.randbits(62)
    lock = f"select pg_catalog.pg_advisory_xact_lock({key})".encode()
    with (
        closed_after(connect_to(project, environment, environment.admin_url, application="promote")) as other,
        target_errors("looking whether direct_url and admin_url reach the same database"),
        other.transaction(),
    ):
        other.execute(lock)
        if conn.execute(same_database_query(other.server_pid, key).encode()).fetchall():
            return
    raise ConfigError(
        "direct_url and admin_url do not reach the same database",
        at=environment.location("direct_url"),
        hint="name the database of admin_url, and its server instead of the pooler",
    )


def _require_unshared(project: Project, environment: Environment, conn: Connection, task: str) -> None:
    target = environment.target(environment.session_identity)
    with closed_after(connect_to(project, environment, target, application="promote")) as other:
        if shared(conn, other):
            raise _pooler_error(environment, task, "which pools transactions")
    if environment.session_identity == "admin_url" and environment.pooler is None:
        raise _pooler_error(environment, task, "and whether that pools sessions or transactions cannot be seen")


def shared(first: Connection, second: Connection) -> bool:
    """Whether two open connections share processes of the server, or one of them changes its process."""
    with target_errors("looking for a connection pooler"):
        for _ in range(_PROBES):
            for conn in (first, second):
                conn.probe()
    return bool(first.pids & second.pids) or max(len(first.pids), len(second.pids)) > 1


def _pooler_error(environment: Environment, task: str, which: str) -> ConfigError:
    identity = environment.session_identity
    name = f"{environment.name}_DIRECT_DATABASE_URL".upper().replace("-", "_")
    hint = f"add the owner's URL that goes around it: direct_url: ${{{name}}}, and set {name}={FORMAT}"
    if identity == "direct_url":
        hint = "name the server itself in direct_url, not the pooler"
    elif "cannot be seen" in which:
        hint += "; or, if it pools sessions, say so: pooler: session"
    return ConfigError(
        f"{task} needs a session of its own, and {identity} leads through a connection pooler, {which}",
        at=environment.location(identity),
        hint=hint,
    )
