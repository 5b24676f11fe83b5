"""What a role gave that is not the object's owner."""

from __future__ import annotations

from dataclasses import replace

from minerva_promote.grants.grant_sql import as_role, grantee
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import Drift, Phase


def revoke_as_grantor(live: LiveState, drift: Drift, grantor: str) -> Drift:
    """The same of what another role gave: a REVOKE takes away only what its own role gave."""
    message = f"{drift.message}; given by {grantor}, so that only {grantor} can take it back"
    (statement,) = drift.statements
    if live.admin_may_become(grantor):
        return replace(drift, message=message, statements=as_role(grantor, statement), phase=Phase.REVOKE_AS_GRANTOR)
    hint = f"as {grantor}, or as an administrator after SET ROLE {grantee(grantor)}: {statement}"
    return replace(drift, message=message, statements=(), hint=hint, automatic=False, phase=Phase.REVOKE_AS_GRANTOR)
