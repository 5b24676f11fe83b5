"""Attributes of a role, by which it needs no privileges."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import quoted
from minerva_promote.grants.live_state import LiveRole, LiveState
from minerva_promote.grants.model import ATTRIBUTES, Drift


def attribute_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Each attribute that a role has and that no declaration can ask for."""
    live = standing.live
    for name in standing.roles:
        role = live.roles[name]
        if role.predefined:
            yield from _of_the_server(role)
            continue
        if role.superuser:
            fact = "no privilege, no ownership and no row security is asked of it: it may do everything on this server"
            yield _drift(live, name, "superuser", "SUPERUSER", fact, by_superuser=True)
        if role.create_role:
            yield _drift(live, name, "create-role", "CREATEROLE", _create_role(live), by_superuser=False)
        if role.create_database:
            fact = "it owns the databases that it makes, and fills the server's disk with copies of others"
            yield _drift(live, name, "create-database", "CREATEDB", fact, by_superuser=False)
        if role.replication:
            fact = "by streaming replication it reads every table of every database, passwords of roles included"
            yield _drift(live, name, "replication", "REPLICATION", fact, by_superuser=True)
        if role.bypass_row_security:
            fact = "no row security policy holds for it: in tables that have one it sees and writes every row"
            yield _drift(live, name, "bypass-row-security", "BYPASSRLS", fact, by_superuser=True)


def _of_the_server(role: LiveRole) -> Iterator[Drift]:
    if not role.superuser:
        return
    fact = "it is the superuser that the server was made with: it may do everything, and stays what it is"
    help_ = "name another role in url and in roles; keep this one for administration"
    yield Drift("superuser", role.name, "superuser", fact, help=help_, automatic=False, phase=ATTRIBUTES)


def _create_role(live: LiveState) -> str:
    if live.version >= 16:
        return "it may make roles, and alter, drop and join every role that it has ADMIN of"
    return "it may alter, drop and join every role that is no superuser: the owner of the tables, pg_write_all_data"


def _drift(live: LiveState, name: str, code: str, keyword: str, fact: str, *, by_superuser: bool) -> Drift:
    help_ = "" if live.admin_superuser or not by_superuser else "only a superuser may take it away"
    statement = f"ALTER ROLE {quoted(name)} NO{keyword}"
    return Drift(code, name, code.replace("-", " "), fact, (statement,), help=help_, phase=ATTRIBUTES)
