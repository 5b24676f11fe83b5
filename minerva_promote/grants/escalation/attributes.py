"""What a role has besides privileges: attributes by which it needs none, and credentials for other servers."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import quote_name
from minerva_promote.grants.grant_sql import quote_grantee
from minerva_promote.grants.live_state import LiveRole, LiveState
from minerva_promote.grants.model import PUBLIC, Drift, Phase


def find_attribute_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """The attributes that a role has and that no declaration can ask for."""
    live = effective.live
    for name in effective.roles:
        role = live.roles[name]
        if role.predefined:
            yield from _predefined_superuser(role)
            continue
        if role.superuser:
            message = (
                "no privilege, no ownership and no row security is asked of it: it may do everything on this server"
            )
            yield _drift(live, name, "superuser", "SUPERUSER", message, by_superuser=True)
        if role.create_role:
            yield _drift(live, name, "create-role", "CREATEROLE", _describe_create_role(live), by_superuser=False)
        if role.create_database:
            message = "it owns the databases that it makes, and fills the server's disk with copies of others"
            yield _drift(live, name, "create-database", "CREATEDB", message, by_superuser=False)
        if role.replication:
            message = "by streaming replication it reads every table of every database, passwords of roles included"
            yield _drift(live, name, "replication", "REPLICATION", message, by_superuser=True)
        if role.bypass_row_security:
            message = "no row security policy holds for it: in tables that have one it sees and writes every row"
            yield _drift(live, name, "bypass-row-security", "BYPASSRLS", message, by_superuser=True)


def _predefined_superuser(role: LiveRole) -> Iterator[Drift]:
    if not role.superuser:
        return
    message = "it is the superuser that the server was made with: it may do everything, and stays what it is"
    hint = "name another role in url and in roles; keep this one for administration"
    yield Drift("superuser", role.name, "superuser", message, hint=hint, automatic=False, phase=Phase.ALTER_ROLE)


def _describe_create_role(live: LiveState) -> str:
    if live.version >= 16:
        return "it may make roles, and alter, drop and join every role that it has ADMIN of"
    return "it may alter, drop and join every role that is no superuser: the owner of the tables, pg_write_all_data"


def _drift(live: LiveState, name: str, code: str, keyword: str, message: str, *, by_superuser: bool) -> Drift:
    hint = "" if live.admin_superuser or not by_superuser else "only a superuser may take it away"
    statement = f"ALTER ROLE {quote_name(name)} NO{keyword}"
    return Drift(code, name, code.replace("-", " "), message, (statement,), hint=hint, phase=Phase.ALTER_ROLE)


def find_user_mapping_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """The user mappings of the roles and of PUBLIC."""
    for mapping in sorted(effective.live.mappings, key=lambda mapping: (mapping.role, mapping.server)):
        if mapping.role != PUBLIC and mapping.role not in effective.roles:
            continue
        what = f"user mapping for server {mapping.server}"
        message = "with stored credentials it works on another server, where nothing of this declaration holds"
        if mapping.role == PUBLIC:
            message = (
                "every role works on another server with these credentials, where nothing of this declaration holds"
            )
        statement = f"DROP USER MAPPING FOR {quote_grantee(mapping.role)} SERVER {quote_name(mapping.server)}"
        hint = "it cannot be got back without its password: drop it yourself"
        yield Drift(
            "user-mapping", mapping.role, what, message, (statement,), hint=hint, automatic=False, phase=Phase.LAST
        )
