"""GRANT, REVOKE and ALTER DEFAULT PRIVILEGES for slots: the words of each kind, and nothing about why."""

from __future__ import annotations

import re
from functools import cache

from psycopg import sql

from minerva_promote.database.quote import ident, literal, qualified, sql_text
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Slot, default_parts
from minerva_promote.grants.privilege_text import Parts, by_privilege, joined

WORDS = {
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


def give(live: LiveState, slot: Slot, parts: Parts) -> str:
    """The GRANT of these privileges to the slot's grantee."""
    return _statement(live, slot, "GRANT", parts, "TO")


def take(live: LiveState, slot: Slot, parts: Parts, *, option_only: bool = False, cascade: bool = False) -> str:
    """The REVOKE of these privileges, or of the right to give them on; ``cascade``: also from those who have it so."""
    verb = "REVOKE GRANT OPTION FOR" if option_only else "REVOKE"
    return _statement(live, slot, verb, parts, "FROM") + (" CASCADE" if cascade else "")


def as_role(role: str, statement: str) -> tuple[str, ...]:
    """The statement carried out by another role, inside a transaction."""
    return (f"SET LOCAL ROLE {sql_text(ident(role))}", statement, "RESET ROLE")


@cache  # few roles, many objects
def grantee(name: str) -> str:
    """A role as a statement names it."""
    return "PUBLIC" if name == PUBLIC else sql_text(ident(name))


def setting(role: str, database: str, key: str, value: str | None) -> str:
    """A role's setting in one database; None takes it away."""
    start = f"ALTER ROLE {sql_text(ident(role))} IN DATABASE {sql_text(ident(database))}"
    name = parameter(key)
    return f"{start} RESET {name}" if value is None else f"{start} SET {name} TO {_value(key, value)}"


def parameter(key: str) -> str:
    """A setting as a statement names it: an extension's has a dot."""
    return sql_text(sql.SQL(".").join(map(ident, key.split("."))))


def parts_of(key: str, value: str) -> tuple[str, ...]:
    """A setting's value; that of a list of names in its parts, so that quotes and blanks make no difference."""
    if key not in LISTS:
        return (value,)
    parts: list[str] = []
    comma, end = ",", 0
    while comma and (found := _PART.match(value, end)):
        parts.append(found["plain"] if found["quoted"] is None else found["quoted"].replace('""', '"'))
        comma, end = found["comma"], found.end()
    return tuple(parts)


def _value(key: str, value: str) -> str:
    return ", ".join(sql_text(literal(part)).strip() for part in parts_of(key, value))


def _statement(live: LiveState, slot: Slot, verb: str, parts: Parts, preposition: str) -> str:
    what, who = joined(by_privilege(parts), lambda column: sql_text(ident(column))), grantee(slot.grantee)
    if slot.kind.startswith("default "):
        owner, schema = default_parts(slot.name)
        where = f" IN SCHEMA {sql_text(ident(schema))}" if schema else ""
        kind = slot.kind.removeprefix("default ").upper()
        start = f"ALTER DEFAULT PRIVILEGES FOR ROLE {sql_text(ident(owner))}{where}"
        return f"{start} {verb} {what} ON {kind} {preposition} {who}"
    kind = slot.whole.kind
    return f"{verb} {what} ON {WORDS[kind]} {_name(live, kind, slot.name)} {preposition} {who}"


def _name(live: LiveState, kind: str, name: str) -> str:
    found = live.objects.get((kind, name))
    if found is not None:
        return found.sql
    if kind == "parameter":
        return parameter(name)
    if kind == "large object" and name.isdecimal():
        return name
    return sql_text(qualified(name) if kind in ("table", "sequence", "type") else ident(name))
