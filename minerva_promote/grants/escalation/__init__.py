"""Ways in which a role can do more than is declared for it, other than privileges granted to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minerva_promote.grants.escalation.attributes import find_attribute_drift, find_user_mapping_drift
from minerva_promote.grants.escalation.effective_privileges import DeclaredPrivileges, EffectivePrivileges
from minerva_promote.grants.escalation.memberships import find_membership_drift
from minerva_promote.grants.escalation.other_databases import find_other_database_drift
from minerva_promote.grants.escalation.ownership import find_ownership_drift
from minerva_promote.grants.escalation.public_grants import find_public_drift
from minerva_promote.grants.escalation.security_definer import find_routine_drift
from minerva_promote.grants.escalation.settings import find_setting_drift
from minerva_promote.grants.escalation.triggers_and_rules import find_trigger_and_rule_drift
from minerva_promote.grants.escalation.unchecked import find_unchecked_drift
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import Drift
from minerva_promote.grants.other_environments import OtherEnvironments, no_other_environments

__all__ = ["ESCALATION_CHECKS", "find_escalations"]

ESCALATION_CHECKS = (
    find_attribute_drift,
    find_membership_drift,
    find_ownership_drift,
    find_public_drift,
    find_routine_drift,
    find_trigger_and_rule_drift,
    find_unchecked_drift,
    find_user_mapping_drift,
    find_other_database_drift,
    find_setting_drift,
)


def find_escalations(
    live: LiveState,
    wanted: DeclaredPrivileges,
    roles: Iterable[str],
    other_environments: OtherEnvironments = no_other_environments,
) -> Iterator[Drift]:
    """Run all escalation checks on these roles, in a stable order; roles that do not exist yet are skipped.

    ``other_environments`` is what other environments declare for other databases of the server.
    """
    role_names = set(roles)
    if live.admin in role_names:
        yield _admin_drift(live.admin)
    effective = EffectivePrivileges(live, wanted, role_names, other_environments)
    for check in ESCALATION_CHECKS:
        yield from check(effective)


def _admin_drift(name: str) -> Drift:
    message = "it is the role that makes and gives everything here: whatever it lacks, it gives itself"
    hint = "name another role in url and in roles, and keep this one for admin_url"
    return Drift("admin-identity", name, f"role {name}", message, hint=hint, automatic=False)
