"""What PUBLIC has and a role therefore too, where the declaration does not say what PUBLIC shall have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import listed
from minerva_promote.grants.grant_sql import take
from minerva_promote.grants.grantor import taken_by
from minerva_promote.grants.live_state import Entry, LiveState
from minerva_promote.grants.model import PUBLIC, TAKE, Drift, Slot
from minerva_promote.grants.privilege_text import Collected, in_words

ORDINARY = {  # what every role has on new objects; functions and languages that bring more are told elsewhere
    "function": frozenset({"EXECUTE"}),
    "type": frozenset({"USAGE"}),
    "language": frozenset({"USAGE"}),
    "default functions": frozenset({"EXECUTE"}),
    "default types": frozenset({"USAGE"}),
}
RESTRICTED = {"function": "restricted-function", "table": "restricted-relation"}  # of the server or an extension

Extra = dict[tuple[Slot, str], tuple[Collected, set[str]]]  # (object, grantor; "" for the owner) -> what, and for whom


def public_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """What some role has through PUBLIC and not by declaration, each object once."""
    if standing.wanted.public_declared:
        return
    extra: Extra = defaultdict(lambda: (defaultdict(set), set()))
    for entry in standing.live.entries:
        if entry.slot.grantee == PUBLIC:
            _add(standing, entry, extra)
    for (slot, grantor), (parts, roles) in sorted(extra.items(), key=lambda each: each[0]):
        yield _told(standing.live, slot, grantor, parts, sorted(roles))


def _add(standing: EffectivePrivileges, entry: Entry, extra: Extra) -> None:
    slot = entry.slot
    found = standing.live.objects.get((slot.whole.kind, slot.name))
    builtin = found is not None and found.builtin
    privileges = entry.privileges - entry.initial
    if not (builtin and slot.kind in RESTRICTED):
        privileges -= ORDINARY.get(slot.kind, frozenset())
    grantor = entry.grantor if found is not None and found.owner != entry.grantor else ""
    for role in standing.roles if privileges else ():
        more = privileges - standing.declared(role, slot.kind, slot.name, slot.column)
        if slot.kind == "database" and not standing.live.roles[role].login:
            more -= {"CONNECT"}
        if more:
            parts, roles = extra[slot.whole, grantor]
            parts[slot.column] |= more
            roles.add(role)


def _told(live: LiveState, slot: Slot, grantor: str, parts: Collected, roles: list[str]) -> Drift:
    found = live.objects.get((slot.kind, slot.name))
    code = RESTRICTED.get(slot.kind, "through-public") if found is not None and found.builtin else "through-public"
    what = in_words(parts, slot)
    why = f"every role has it, {listed(roles)} too"
    if code != "through-public":
        why += ", and the server or its extension keeps it from ordinary roles"
    help_ = "other roles lose it too: give it by name to those that need it"
    drift = Drift(code, PUBLIC, what, why, (take(live, slot, parts),), help=help_, phase=TAKE)
    return taken_by(live, drift, grantor) if grantor else drift
