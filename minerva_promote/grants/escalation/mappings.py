"""Credentials for other servers."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import quote_name
from minerva_promote.grants.grant_sql import grantee
from minerva_promote.grants.model import PUBLIC, Drift, Phase


def find_user_mapping_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """User mappings of the roles and of PUBLIC."""
    for mapping in sorted(effective.live.mappings, key=lambda each: (each.role, each.server)):
        if mapping.role != PUBLIC and mapping.role not in effective.roles:
            continue
        what = f"user mapping for server {mapping.server}"
        message = "with stored credentials it works on another server, where nothing of this declaration holds"
        if mapping.role == PUBLIC:
            message = (
                f"every role works on another server with these credentials, where {message.partition(', where ')[2]}"
            )
        statement = f"DROP USER MAPPING FOR {grantee(mapping.role)} SERVER {quote_name(mapping.server)}"
        hint = "it cannot be got back without its password: drop it yourself"
        yield Drift(
            "user-mapping", mapping.role, what, message, (statement,), hint=hint, automatic=False, phase=Phase.LAST
        )
