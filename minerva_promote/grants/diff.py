"""What roles were given against what is declared for them: two subtractions, and a statement for each remainder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from minerva_promote.grants.grant_sql import give, take
from minerva_promote.grants.grantor import taken_by
from minerva_promote.grants.live_state import Entry, LiveState
from minerva_promote.grants.model import GIVE, OPTIONS, PUBLIC, TAKE, Drift, Slot, default_parts, grantee_name
from minerva_promote.grants.privilege_text import Collected, in_words
from minerva_promote.grants.wanted import Wanted

GIVES_ON = "it may give this on to any role"

_Given = dict[str, Collected]  # who gave it, "" for owner and admin identity -> what


def _nothing() -> Collected:
    return defaultdict(set)


def _given_nothing() -> _Given:
    return defaultdict(_nothing)


@dataclass
class _Difference:
    """Of one grantee and one object, its columns included."""

    missing: Collected = field(default_factory=_nothing)
    lost: Collected = field(default_factory=_nothing)  # wanted, and taken along by a REVOKE on the table
    extra: _Given = field(default_factory=_given_nothing)
    options: _Given = field(default_factory=_given_nothing)  # of what is declared without


def privilege_drift(live: LiveState, wanted: Wanted) -> Iterator[Drift]:
    """Privileges that are missing, undeclared, given by somebody else, or that may be given on."""
    chain = _GrantChain(live)
    for slot, difference in sorted(_differences(live, wanted).items()):
        yield from _told(live, wanted, slot, difference, chain)


def _differences(live: LiveState, wanted: Wanted) -> dict[Slot, _Difference]:
    found: dict[Slot, _Difference] = defaultdict(_Difference)
    given: dict[Slot, set[str]] = defaultdict(set)
    for entry in live.entries:
        slot, whole = entry.slot, entry.slot.whole
        if not _compared(wanted, slot.grantee):
            continue
        # what a declared role gave on goes with its right to give, which an owner keeps
        if entry.grantor not in wanted.roles or entry.grantor == _owner(live, slot):
            given[slot] |= entry.privileges
        # on a column it is no more than on the table that is declared
        declared = wanted.held.get(slot, frozenset()) | wanted.held.get(whole, frozenset())
        extra = entry.privileges - entry.initial - declared
        options = entry.options - entry.initial - extra
        grantor = entry.grantor if _is_foreign(live, entry) else ""
        if extra:
            found[whole].extra[grantor][slot.column] |= extra
        if options:
            found[whole].options[grantor][slot.column] |= options
    for slot, privileges in wanted.held.items():
        whole = slot.whole
        if not _compared(wanted, slot.grantee) or slot.grantee == _owner(live, slot):
            continue
        if missing := privileges - given.get(slot, set()):
            found[whole].missing[slot.column] |= missing
        if slot.column and whole in found:
            lost = (privileges - missing) & found[whole].extra.get("", {}).get("", set())
            if lost:
                found[whole].lost[slot.column] |= lost
    return found


def _compared(wanted: Wanted, name: str) -> bool:
    return wanted.public_declared if name == PUBLIC else name in wanted.roles


def _owner(live: LiveState, slot: Slot) -> str:
    """Whose object it is, or will be; empty for one that was not read."""
    if slot.kind.startswith("default "):
        return default_parts(slot.name)[0]
    found = live.objects.get((slot.whole.kind, slot.name))
    return found.owner if found is not None else ""


def _is_foreign(live: LiveState, entry: Entry) -> bool:
    """Whether somebody beside owner and admin identity gave it, so that no REVOKE of theirs takes it away."""
    found = live.objects.get((entry.slot.whole.kind, entry.slot.name))
    return found is not None and entry.grantor not in (found.owner, live.admin)


class _GrantChain:
    """Who has something on an object from whom, as far as it was read."""

    def __init__(self, live: LiveState) -> None:
        self._takers: dict[Slot, set[str]] = defaultdict(set)  # the slot of a grantor -> who has it from that one
        self._givers: dict[Slot, set[str]] = defaultdict(set)
        for entry in live.entries:
            slot = entry.slot.whole
            self._takers[slot._replace(grantee=entry.grantor)].add(slot.grantee)
            self._givers[slot].add(entry.grantor)

    def takers(self, slot: Slot) -> list[str]:
        """Who has something on it from the slot's grantee."""
        return sorted(self._takers.get(slot, ()))

    def depth(self, slot: Slot, seen: frozenset[str] = frozenset()) -> int:
        """Through how many hands it came to the slot's grantee."""
        above = self._givers.get(slot, set()) - seen
        deeper = (self.depth(slot._replace(grantee=each), seen | {slot.grantee}) for each in above)
        return 1 + max(deeper, default=0)


def _told(live: LiveState, wanted: Wanted, slot: Slot, difference: _Difference, chain: _GrantChain) -> Iterator[Drift]:
    at = wanted.place(slot)
    role, others, depth = slot.grantee, chain.takers(slot), chain.depth(slot)
    along = _dependents_clause(others)
    for grantor, parts in sorted(difference.extra.items()):
        what, statement = in_words(parts, slot), take(live, slot, parts, cascade=bool(others))
        if grantor:
            drift = Drift("other-grantor", role, what, f"nothing declares it{along}", (statement,), depth=depth)
            yield taken_by(live, drift, grantor)
        else:
            code, fact = _why_extra(live, slot, parts)
            yield Drift(code, role, what, f"{fact}{along}", (statement,), at=at, phase=TAKE)
    for grantor, parts in sorted(difference.options.items()):
        what, statement = in_words(parts, slot), take(live, slot, parts, option_only=True, cascade=bool(others))
        drift = Drift("grant-option", role, what, f"{GIVES_ON}{along}", (statement,), at=at, phase=OPTIONS)
        if grantor:
            drift = taken_by(live, replace(drift, what=f"{what}, given by {grantor}", depth=depth), grantor)
        yield drift
    for parts, fact in (
        (difference.missing, "declared, and not given"),
        (difference.lost, "declared, and taken along by the REVOKE on the whole table"),
    ):
        if parts:
            yield Drift("missing", role, in_words(parts, slot), fact, (give(live, slot, parts),), at=at, phase=GIVE)


def _dependents_clause(others: list[str]) -> str:
    """The end of a sentence: who has something from the role, and loses it with it."""
    if not others:
        return ""
    names = ", ".join(map(grantee_name, others))
    has, loses = ("has", "loses") if len(others) == 1 else ("have", "lose")
    return f"; {names} {has} it from this role, and {loses} it"


def _why_extra(live: LiveState, slot: Slot, extra: Collected) -> tuple[str, str]:
    found = live.objects.get((slot.kind, slot.name))
    if slot.kind.startswith("default "):
        return "default-privileges", "every such object that the owner makes from now on will be given to it"
    if slot.kind == "parameter":
        if slot.name == "session_replication_role":
            return "parameter", "set to replica, it switches off foreign keys and triggers"
        return "parameter", "it may change a setting that only a superuser changes otherwise"
    if found is not None and found.builtin:
        code = "restricted-function" if slot.kind == "function" else "restricted-relation"
        return code, "the server keeps this from ordinary roles"
    if slot.kind == "database" and slot.grantee == PUBLIC and extra.get("") == {"CONNECT"}:
        return "undeclared", "every role of the server may connect"
    return "undeclared", "nothing declares it"
