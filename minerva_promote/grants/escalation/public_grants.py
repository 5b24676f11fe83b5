"""Privileges that roles have through PUBLIC, where the environment does not declare those of PUBLIC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import join_words
from minerva_promote.grants.grant_sql import revoke_as_grantor, revoke_statement
from minerva_promote.grants.live_state import AclEntry, LiveState
from minerva_promote.grants.model import PUBLIC, Drift, Phase, Slot
from minerva_promote.grants.privilege_text import CollectedPrivileges, describe_privileges

DEFAULT_PRIVILEGES = {  # of PUBLIC on new objects; security_definer reports functions that allow more
    "function": frozenset({"EXECUTE"}),
    "type": frozenset({"USAGE"}),
    "language": frozenset({"USAGE"}),
    "default functions": frozenset({"EXECUTE"}),
    "default types": frozenset({"USAGE"}),
}
RESTRICTED_CODES = {"function": "restricted-function", "table": "restricted-relation"}  # of the server or an extension

ExtraPrivileges = dict[
    tuple[Slot, str], tuple[CollectedPrivileges, set[str]]
]  # (object, grantor; "" for the owner) -> what, and for whom


def find_public_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """Undeclared privileges that a role has through PUBLIC, one drift for an object and grantor."""
    if effective.wanted.public_declared:
        return
    extra: ExtraPrivileges = defaultdict(lambda: (defaultdict(set), set()))
    for entry in effective.live.entries:
        if entry.slot.grantee == PUBLIC:
            _collect(effective, entry, extra)
    for (slot, grantor), (by_column, roles) in sorted(extra.items(), key=lambda item: item[0]):
        yield _drift(effective.live, slot, grantor, by_column, sorted(roles))


def _collect(effective: EffectivePrivileges, entry: AclEntry, extra: ExtraPrivileges) -> None:
    slot = entry.slot
    database_object = effective.live.objects.get((slot.whole.kind, slot.name))
    builtin = database_object is not None and database_object.builtin
    privileges = entry.privileges - entry.initial
    if not (builtin and slot.kind in RESTRICTED_CODES):
        privileges -= DEFAULT_PRIVILEGES.get(slot.kind, frozenset())
    grantor = entry.grantor if database_object is not None and database_object.owner != entry.grantor else ""
    for role in effective.roles if privileges else ():
        more = privileges - effective.declared(role, slot.kind, slot.name, slot.column)
        if slot.kind == "database" and not effective.live.roles[role].login:
            more -= {"CONNECT"}
        if more:
            by_column, roles = extra[slot.whole, grantor]
            by_column[slot.column] |= more
            roles.add(role)


def _drift(live: LiveState, slot: Slot, grantor: str, by_column: CollectedPrivileges, roles: list[str]) -> Drift:
    database_object = live.objects.get((slot.kind, slot.name))
    code = (
        RESTRICTED_CODES.get(slot.kind, "through-public")
        if database_object is not None and database_object.builtin
        else "through-public"
    )
    what = describe_privileges(by_column, slot)
    message = f"every role has it, {join_words(roles)} too"
    if code != "through-public":
        message += ", and the server or its extension keeps it from ordinary roles"
    hint = "other roles lose it too: give it by name to those that need it"
    drift = Drift(
        code, PUBLIC, what, message, (revoke_statement(live, slot, by_column),), hint=hint, phase=Phase.REVOKE
    )
    return revoke_as_grantor(live, drift, grantor) if grantor else drift
