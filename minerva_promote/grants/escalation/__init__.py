"""Every way by which a role can do more than what is declared for it, beside privileges that it was given itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minerva_promote.grants.elsewhere import Elsewhere, nothing_elsewhere
from minerva_promote.grants.escalation.attributes import attribute_drift
from minerva_promote.grants.escalation.effective_privileges import DeclaredPrivileges, EffectivePrivileges
from minerva_promote.grants.escalation.mappings import mapping_drift
from minerva_promote.grants.escalation.memberships import membership_drift
from minerva_promote.grants.escalation.other_databases import database_drift
from minerva_promote.grants.escalation.ownership import ownership_drift
from minerva_promote.grants.escalation.public_grants import public_drift
from minerva_promote.grants.escalation.security_definer import routine_drift
from minerva_promote.grants.escalation.settings import is_weak, setting_drift
from minerva_promote.grants.escalation.triggers_and_rules import effect_drift
from minerva_promote.grants.escalation.unchecked import checking_drift
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import Drift

__all__ = ["is_weak", "reach"]

ESCALATION_CHECKS = (
    attribute_drift,
    membership_drift,
    ownership_drift,
    public_drift,
    routine_drift,
    effect_drift,
    checking_drift,
    mapping_drift,
    database_drift,
    setting_drift,
)


def find_escalations(
    live: LiveState, wanted: DeclaredPrivileges, roles: Iterable[str], elsewhere: Elsewhere = nothing_elsewhere
) -> Iterator[Drift]:
    """All of it for these roles, in a stable order. Roles that do not exist yet are passed over.

    ``elsewhere`` is what is declared for other databases of the server.
    """
    asked = set(roles)
    if live.admin in asked:
        yield _admin(live.admin)
    standing = EffectivePrivileges(live, wanted, asked, elsewhere)
    for way in ESCALATION_CHECKS:
        yield from way(standing)


def _admin(name: str) -> Drift:
    fact = "it is the role that makes and gives everything here: whatever it lacks, it gives itself"
    help_ = "name another role in url and in roles, and keep this one for admin_url"
    return Drift("admin-identity", name, f"role {name}", fact, help=help_, automatic=False)
