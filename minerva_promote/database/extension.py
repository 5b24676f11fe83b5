"""pgvector in a database: created where it is missing, and usable by the owner where it is in a schema of its own."""

from __future__ import annotations

from psycopg import sql

from minerva_promote.database.catalog import Server, fetch, server
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.database.server_errors import HINTS, StatementError, try_execute
from minerva_promote.errors import TargetError

NOT_PERMITTED = "42501"
_CREATE = sql.SQL("CREATE EXTENSION vector SCHEMA public")
_USABLE = b"select pg_catalog.has_schema_privilege(%(schema)s, 'USAGE') as usable"


def ensure_vector(conn: Connection) -> bool:
    """Create the extension if it is missing; whether it was.

    Raises TargetError with the server's own sentence and hint when the server refuses: a managed service says there
    how its extensions are allowed. Raises it too when pgvector is in a schema that the owner may not use.
    """
    facts = server(conn)
    if facts.vector_schema:
        if not fetch(conn, _USABLE, {"schema": facts.vector_schema})[0]["usable"]:
            grant = sql.SQL("GRANT USAGE ON SCHEMA {} TO {} WITH GRANT OPTION").format(
                ident(facts.vector_schema), ident(facts.role)
            )
            raise TargetError(
                f"pgvector is in schema {facts.vector_schema}, on which {facts.role} lacks USAGE",
                hint=f"as an administrator, in database {facts.database}: {sql_text(grant)}",
            )
        return False
    refused = try_execute(conn, _CREATE)
    if refused is not None:
        raise _creation_error(facts, refused)
    return True


def require_vector_available(conn: Connection) -> None:
    """Raise TargetError, in the server's words, where pgvector is missing and the server would refuse to create it.

    Nothing is created: a migration may want it in another schema. A role that lacks only the privilege is left to the
    migration, which may not need it. Inside the transaction that is open.
    """
    facts = server(conn)
    if facts.vector_schema:
        return
    with conn.transaction(force_rollback=True):
        refused = try_execute(conn, _CREATE)
    if refused is not None and refused.sqlstate != NOT_PERMITTED:
        raise _creation_error(facts, refused)


def _creation_error(facts: Server, refused: StatementError) -> TargetError:
    if refused.sqlstate == NOT_PERMITTED:
        more = "" if refused.hint == HINTS[NOT_PERMITTED] else f" {refused.hint}"
        return TargetError(
            f"extension vector is missing, and {facts.role} may not create it: {refused.message}{more}",
            hint=f"as an administrator, in database {facts.database}: CREATE EXTENSION vector SCHEMA public",
        )
    return TargetError(
        f"extension vector is missing, and the server did not create it: {refused.message}",
        hint=refused.hint or "install pgvector for this PostgreSQL release, then repeat the command",
        sqlstate=refused.sqlstate,
    )
