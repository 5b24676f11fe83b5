"""A session as a role, for attempts: by logging in as the role, or from a session of the admin identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

from psycopg import sql

from minerva_promote.config.connection_url import Target
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.database_identity import WrongDatabase
from minerva_promote.database.savepoint_trial import trial_transaction
from minerva_promote.database.server_errors import execute
from minerva_promote.database.session import closed_after, connect_to
from minerva_promote.errors import ConfigError, PromoteError, TargetError
from minerva_promote.grants.live_state import LiveState

LOCK_TIMEOUT, STATEMENT_TIMEOUT = "500ms", "5s"
_ADMIN_IDENTITY_PARAMETERS = (
    "password",
    "passfile",
    "sslcert",
    "sslkey",
    "sslpassword",
    "service",
    "requirepeer",
)  # the admin's own


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A transaction as the role; everything in it is rolled back."""

    conn: Connection
    method: str  # how it became the role: "logged in (url)"
    logged_in: bool  # the session is the role's own: SET SESSION AUTHORIZATION can be tried
    is_session_user: bool  # the role is session_user: SET ROLE checks its memberships


class CannotBecomeRole(TargetError):
    """There is no way to become the role."""


@contextmanager
def become_role(project: Project, environment: Environment, live: LiveState, role: str) -> Iterator[RoleSession]:
    """A transaction as the role, rolled back at the end, by the first method that works.

    Raises CannotBecomeRole with the reasons, and TargetError when the server refuses a transaction.
    """
    conn, description, failures = _logged_in(project, environment, live, role)
    method = "; ".join([description, *failures])
    if conn is not None:
        with closed_after(conn), trial_transaction(conn, LOCK_TIMEOUT, STATEMENT_TIMEOUT):
            yield RoleSession(conn, method, logged_in=True, is_session_user=True)
        return
    conn = connect_to(project, environment, environment.admin_url)
    with closed_after(conn), trial_transaction(conn, LOCK_TIMEOUT, STATEMENT_TIMEOUT):
        if live.admin_superuser:
            set_statement, description = "SET LOCAL SESSION AUTHORIZATION {}", "SET SESSION AUTHORIZATION"
        elif _may_set(conn, live, role):
            set_statement, description = "SET LOCAL ROLE {}", "SET ROLE"
        else:
            reasons = "; ".join([*failures, f"{live.admin} is no superuser and may not SET ROLE {role}"])
            hint = f"give its password (roles.{role}.password), or an admin_url whose role may SET ROLE {role}"
            raise CannotBecomeRole(f"not tested: {reasons}", hint=hint)
        execute(conn, sql.SQL(set_statement).format(sql.Identifier(role)), f"becoming {role}")
        method = "; ".join([f"{description} by {live.admin}", *failures])
        yield RoleSession(conn, method, logged_in=False, is_session_user=live.admin_superuser)


def _logged_in(
    project: Project, environment: Environment, live: LiveState, role: str
) -> tuple[Connection | None, str, list[str]]:
    """A connection as the role, its method, and why other methods failed."""
    failures: list[str] = []
    if not live.roles[role].login:
        return None, "", ["it may not log in"]
    for how, target_of in _login_methods(environment, role):
        try:
            target = target_of()
            if target is None:
                continue
            conn = connect_to(project, environment, target)
        except WrongDatabase:
            raise
        except PromoteError as error:
            failures.append(f"not {how}: {error.message}")
            continue
        try:
            session = fetch(conn, b"SELECT session_user::text AS who, current_database()::text AS place")[0]
        except PromoteError:
            conn.close()
            raise
        if (session["who"], session["place"]) == (role, live.database):
            return conn, how, failures
        conn.close()
        failures.append(f"not {how}: it leads to {session['who']} in database {session['place']}")
    return None, "", failures or ["no password given"]


def _login_methods(environment: Environment, role: str) -> Iterator[tuple[str, Callable[[], Target | None]]]:
    """The methods of logging in: a description, and a function that returns the target or None where there is none."""

    def as_url() -> Target | None:
        try:
            return environment.url if environment.url.user == role else None
        except ConfigError:  # not set: only the URL of the owner is known here
            return None

    def embedded() -> Target | None:
        admin = environment.admin_url
        return replace(admin, user=role, params={**admin.params, "user": role}) if admin.embedded else None

    def with_password() -> Target | None:
        declared = environment.roles[role]
        password = environment.password(role) if declared.login else None
        admin = environment.admin_url
        if password is None or admin.embedded:
            return None
        params = {key: value for key, value in admin.params.items() if key not in _ADMIN_IDENTITY_PARAMETERS}
        params |= {"user": role, "password": password}
        return replace(admin, text=f"role {role}", user=role, params=MappingProxyType(params))

    yield "logged in (url)", as_url
    yield "logged in (embedded server)", embedded
    yield "logged in with its declared password", with_password


def _may_set(conn: Connection, live: LiveState, role: str) -> bool:
    """Whether the admin may SET ROLE to the role; before PostgreSQL 16 every member may."""
    privilege = "SET" if live.version >= 16 else "MEMBER"
    statement = b"SELECT pg_catalog.pg_has_role(%(role)s::pg_catalog.name, %(right)s) AS may"
    return bool(fetch(conn, statement, {"role": role, "right": privilege})[0]["may"])
