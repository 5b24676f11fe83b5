"""The text of GRANT, REVOKE, ALTER DEFAULT PRIVILEGES and ALTER ROLE … SET statements."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from psycopg import sql

from minerva_promote.database.quote import ident, literal, qualified, sql_text
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Drift, Phase, Slot, split_default_privileges_name
from minerva_promote.grants.privilege_text import PrivilegesByColumn, columns_by_privilege, format_privileges

KEYWORDS = {
    "database": "DATABASE",
    "schema": "SCHEMA",
    "table": "TABLE",
    "sequence": "SEQUENCE",
    "function": "ROUTINE",  # functions, procedures and aggregates alike
    "type": "TYPE",
    "language": "LANGUAGE",
    "foreign data wrapper": "FOREIGN DATA WRAPPER",
    "foreign server": "FOREIGN SERVER",
    "large object": "LARGE OBJECT",
    "parameter": "PARAMETER",
    "tablespace": "TABLESPACE",
}
LISTS = ("search_path", "local_preload_libraries", "session_preload_libraries", "temp_tablespaces")
_PART = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^,]*?))\s*(?P<comma>,|\Z)')


def grant_statement(live: LiveState, slot: Slot, by_column: PrivilegesByColumn) -> str:
    """The GRANT of these privileges to the slot's grantee."""
    return _statement(live, slot, "GRANT", by_column, "TO")


def revoke_statement(
    live: LiveState, slot: Slot, by_column: PrivilegesByColumn, *, option_only: bool = False, cascade: bool = False
) -> str:
    """The REVOKE of these privileges, or of their grant option only; ``cascade``: and of grants that depend on them."""
    verb = "REVOKE GRANT OPTION FOR" if option_only else "REVOKE"
    return _statement(live, slot, verb, by_column, "FROM") + (" CASCADE" if cascade else "")


def as_role(role: str, statement: str) -> tuple[str, ...]:
    """The statements that execute ``statement`` as another role inside a transaction."""
    return (f"SET LOCAL ROLE {sql_text(ident(role))}", statement, "RESET ROLE")


def revoke_as_grantor(live: LiveState, drift: Drift, grantor: str) -> Drift:
    """The drift, whose one statement revokes what ``grantor`` granted, with that statement executed as this role.

    A REVOKE revokes only what its own role granted. A person runs it when the admin identity cannot become the role.
    """
    message = f"{drift.message}; given by {grantor}, so that only {grantor} can take it back"
    (statement,) = drift.statements
    if live.admin_may_become(grantor):
        return replace(drift, message=message, statements=as_role(grantor, statement), phase=Phase.REVOKE_AS_GRANTOR)
    hint = f"as {grantor}, or as an administrator after SET ROLE {quote_grantee(grantor)}: {statement}"
    return replace(drift, message=message, statements=(), hint=hint, automatic=False, phase=Phase.REVOKE_AS_GRANTOR)


@cache  # few roles, many objects
def quote_grantee(name: str) -> str:
    """A role, or PUBLIC, as it stands in a statement."""
    return "PUBLIC" if name == PUBLIC else sql_text(ident(name))


def alter_role_setting(role: str, database: str, key: str, value: str | None) -> str:
    """ALTER ROLE … IN DATABASE … SET, or RESET where the value is None."""
    start = f"ALTER ROLE {sql_text(ident(role))} IN DATABASE {sql_text(ident(database))}"
    name = quote_parameter(key)
    return f"{start} RESET {name}" if value is None else f"{start} SET {name} TO {_setting_value(key, value)}"


def quote_parameter(key: str) -> str:
    """The name of a setting as it stands in a statement; that of an extension's setting has a dot."""
    return sql_text(sql.SQL(".").join(map(ident, key.split("."))))


def setting_parts(key: str, value: str) -> tuple[str, ...]:
    """The value of a setting; of a list of names its elements, so that quotes and blanks make no difference."""
    if key not in LISTS:
        return (value,)
    parts: list[str] = []
    comma, end = ",", 0
    while comma and (match := _PART.match(value, end)):
        parts.append(match["plain"] if match["quoted"] is None else match["quoted"].replace('""', '"'))
        comma, end = match["comma"], match.end()
    return tuple(parts)


def _setting_value(key: str, value: str) -> str:
    return ", ".join(sql_text(literal(part)).strip() for part in setting_parts(key, value))


def _statement(live: LiveState, slot: Slot, verb: str, by_column: PrivilegesByColumn, preposition: str) -> str:
    what, who = (
        format_privileges(columns_by_privilege(by_column), lambda column: sql_text(ident(column))),
        quote_grantee(slot.grantee),
    )
    if slot.kind.startswith("default "):
        owner, schema = split_default_privileges_name(slot.name)
        where = f" IN SCHEMA {sql_text(ident(schema))}" if schema else ""
        kind = slot.kind.removeprefix("default ").upper()
        start = f"ALTER DEFAULT PRIVILEGES FOR ROLE {sql_text(ident(owner))}{where}"
        return f"{start} {verb} {what} ON {kind} {preposition} {who}"
    kind = slot.whole.kind
    return f"{verb} {what} ON {KEYWORDS[kind]} {_name(live, kind, slot.name)} {preposition} {who}"


def _name(live: LiveState, kind: str, name: str) -> str:
    database_object = live.objects.get((kind, name))
    if database_object is not None:
        return database_object.sql
    if kind == "parameter":
        return quote_parameter(name)
    if kind == "large object" and name.isdecimal():
        return name
    return sql_text(qualified(name) if kind in ("table", "sequence", "type") else ident(name))
