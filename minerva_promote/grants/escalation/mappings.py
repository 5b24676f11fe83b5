"""Credentials for other servers."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import quoted
from minerva_promote.grants.grant_sql import grantee
from minerva_promote.grants.model import END, PUBLIC, Drift


def mapping_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """User mappings of the roles and of PUBLIC."""
    for mapping in sorted(standing.live.mappings, key=lambda each: (each.role, each.server)):
        if mapping.role != PUBLIC and mapping.role not in standing.roles:
            continue
        what = f"user mapping for server {mapping.server}"
        fact = "with stored credentials it works on another server, where nothing of this declaration holds"
        if mapping.role == PUBLIC:
            fact = f"every role works on another server with these credentials, where {fact.partition(', where ')[2]}"
        statement = f"DROP USER MAPPING FOR {grantee(mapping.role)} SERVER {quoted(mapping.server)}"
        help_ = "it cannot be got back without its password: drop it yourself"
        yield Drift("user-mapping", mapping.role, what, fact, (statement,), help=help_, automatic=False, phase=END)
