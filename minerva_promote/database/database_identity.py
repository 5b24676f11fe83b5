"""Which database a session has reached, and whether that is the one which the environment says it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_error, target_errors
from minerva_promote.errors import TargetError

if TYPE_CHECKING:
    from minerva_promote.config.connection_url import Target
    from minerva_promote.config.models.project import DatabaseIdentityPin
    from minerva_promote.config.project import Environment

_IDENTIFIER = "select system_identifier::text from pg_catalog.pg_control_system()"
_DATABASE = "select pg_catalog.current_database()::text"
_MAY_ASK = (
    "select pg_catalog.has_function_privilege(p.oid, 'EXECUTE') from pg_catalog.pg_proc p"
    " where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = 'pg_control_system' and p.pronargs = 0"
)
_FUNCTION = "pg_catalog.pg_control_system()"


class WrongDatabase(TargetError):
    """A URL leads to another database than its environment's."""


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """The database that a session has reached."""

    database: str
    system_identifier: str  # of the server; empty where this role may not read it
    why_not: str = ""  # why it could not be read

    @property
    def known(self) -> bool:
        """Whether both are known."""
        return bool(self.system_identifier)


def read_database_identity(conn: Connection) -> DatabaseIdentity:
    """Where the session is; asks for nothing that the role may not have. In autocommit or inside a transaction."""
    with target_errors("asking which database this is"):
        database = str(conn.execute(_DATABASE).fetchall()[0][0])
        if not any(row[0] for row in conn.execute(_MAY_ASK).fetchall()):
            return DatabaseIdentity(database, "", f"this role may not execute {_FUNCTION}")
    try:
        with conn.transaction():  # a savepoint, if need be: a managed server may refuse for reasons of its own
            return DatabaseIdentity(database, str(conn.execute(_IDENTIFIER).fetchall()[0][0]))
    except psycopg.Error as error:
        failed = target_error(_FUNCTION, error)
        if conn.closed or conn.broken:
            raise failed from error
        return DatabaseIdentity(database, "", failed.message)


def require_identity(conn: Connection, environment: Environment, target: Target, *, maintenance: bool = False) -> None:
    """Raise WrongDatabase unless the session is on the database that the environment is pinned to.

    ``maintenance``: the session is on another database of the server, and the environment's own goes by its URL.
    """
    pin = environment.pin
    if pin is None:
        return
    identity = read_database_identity(conn)
    database = environment.admin_url.dbname if maintenance else identity.database
    at = environment.location("identity")
    if pin.system_identifier is not None and not identity.known:
        raise WrongDatabase(
            f"environment {environment.name} is server {pin.system_identifier},"
            f" and which one this is cannot be read: {identity.why_not}",
            at=at,
            hint=f"GRANT EXECUTE ON FUNCTION {_FUNCTION} TO {conn.info.user}; or pin only the database: take"
            f" identity.system_identifier out of {at.file}",
        )
    if pin.system_identifier in (None, identity.system_identifier) and pin.database in (None, database):
        return
    raise WrongDatabase(
        f"environment {environment.name} is {_pinned(pin)}, this URL leads to {_reached(pin, database, identity)}",
        at=at,
        hint=f"the URL is {target.redacted()}: correct it; or, if the database has moved, correct identity:"
        f" promote env ping --env {environment.name} shows the new one",
    )


def _pinned(pin: DatabaseIdentityPin) -> str:
    parts = (pin.database and f"database {pin.database}", pin.system_identifier and f"server {pin.system_identifier}")
    return " of ".join(filter(None, parts))


def _reached(pin: DatabaseIdentityPin, database: str, identity: DatabaseIdentity) -> str:
    """As much as is pinned."""
    if pin.database is None:
        return f"server {identity.system_identifier}"
    return f"{database} of {identity.system_identifier}" if pin.system_identifier else database


def identity_yaml(identity: DatabaseIdentity) -> str:
    """The pin as it stands in environments/NAME.yaml."""
    named = {"system_identifier": identity.system_identifier, "database": identity.database}
    parts = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in named.items() if value]
    return f"identity: {{{', '.join(parts).replace('${', '$${')}}}"
