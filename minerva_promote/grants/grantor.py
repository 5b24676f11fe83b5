"""What a role gave that is not the object's owner."""

from __future__ import annotations

from dataclasses import replace

from minerva_promote.grants.grant_sql import as_role, grantee
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import OTHERS, Drift


def taken_by(live: LiveState, drift: Drift, grantor: str) -> Drift:
    """The same of what another role gave: a REVOKE takes away only what its own role gave."""
    fact = f"{drift.fact}; given by {grantor}, so that only {grantor} can take it back"
    (statement,) = drift.statements
    if live.admin_may_become(grantor):
        return replace(drift, fact=fact, statements=as_role(grantor, statement), phase=OTHERS)
    help_ = f"as {grantor}, or as an administrator after SET ROLE {grantee(grantor)}: {statement}"
    return replace(drift, fact=fact, statements=(), help=help_, automatic=False, phase=OTHERS)
