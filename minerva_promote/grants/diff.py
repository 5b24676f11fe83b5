"""Compares granted with declared privileges: two subtractions, and a statement for every difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from minerva_promote.grants.grant_sql import grant_statement, revoke_as_grantor, revoke_statement
from minerva_promote.grants.live_state import AclEntry, LiveState
from minerva_promote.grants.model import PUBLIC, Drift, Phase, Slot, grantee_name, split_default_privileges_name
from minerva_promote.grants.privilege_text import CollectedPrivileges, describe_privileges
from minerva_promote.grants.wanted import Wanted

MAY_GRANT_ON = "it may give this on to any role"

_PrivilegesByGrantor = dict[str, CollectedPrivileges]  # grantor, "" for owner and admin identity -> what it granted


def _no_privileges() -> CollectedPrivileges:
    return defaultdict(set)


def _no_privileges_by_grantor() -> _PrivilegesByGrantor:
    return defaultdict(_no_privileges)


@dataclass
class _Difference:
    """The differences of one grantee on one object and its columns."""

    missing: CollectedPrivileges = field(default_factory=_no_privileges)
    lost: CollectedPrivileges = field(default_factory=_no_privileges)  # wanted, revoked by a REVOKE on the table
    extra: _PrivilegesByGrantor = field(default_factory=_no_privileges_by_grantor)
    options: _PrivilegesByGrantor = field(default_factory=_no_privileges_by_grantor)  # undeclared grant options


def find_privilege_drift(live: LiveState, wanted: Wanted) -> Iterator[Drift]:
    """Privileges that are missing, undeclared, granted by other roles, or held WITH GRANT OPTION."""
    chain = _GrantChain(live)
    for slot, difference in sorted(_differences(live, wanted).items()):
        yield from _drifts(live, wanted, slot, difference, chain)


def _differences(live: LiveState, wanted: Wanted) -> dict[Slot, _Difference]:
    differences: dict[Slot, _Difference] = defaultdict(_Difference)
    granted: dict[Slot, set[str]] = defaultdict(set)
    for entry in live.entries:
        slot, whole = entry.slot, entry.slot.whole
        if not _is_compared(wanted, slot.grantee):
            continue
        # what a declared role granted is revoked with its grant option, which an owner keeps
        if entry.grantor not in wanted.roles or entry.grantor == _owner(live, slot):
            granted[slot] |= entry.privileges
        # a privilege on a column is not extra when it is declared for the whole table
        declared = wanted.held.get(slot, frozenset()) | wanted.held.get(whole, frozenset())
        extra = entry.privileges - entry.initial - declared
        options = entry.options - entry.initial - extra
        grantor = entry.grantor if _has_other_grantor(live, entry) else ""
        if extra:
            differences[whole].extra[grantor][slot.column] |= extra
        if options:
            differences[whole].options[grantor][slot.column] |= options
    for slot, privileges in wanted.held.items():
        whole = slot.whole
        if not _is_compared(wanted, slot.grantee) or slot.grantee == _owner(live, slot):
            continue
        if missing := privileges - granted.get(slot, set()):
            differences[whole].missing[slot.column] |= missing
        if slot.column and whole in differences:
            lost = (privileges - missing) & differences[whole].extra.get("", {}).get("", set())
            if lost:
                differences[whole].lost[slot.column] |= lost
    return differences


def _is_compared(wanted: Wanted, name: str) -> bool:
    return wanted.public_declared if name == PUBLIC else name in wanted.roles


def _owner(live: LiveState, slot: Slot) -> str:
    """The owner of the object, or of the objects that default privileges are for; "" for an unread object."""
    if slot.kind.startswith("default "):
        return split_default_privileges_name(slot.name)[0]
    database_object = live.objects.get((slot.whole.kind, slot.name))
    return database_object.owner if database_object is not None else ""


def _has_other_grantor(live: LiveState, entry: AclEntry) -> bool:
    """Whether neither owner nor admin identity granted it, so that a REVOKE by them has no effect."""
    database_object = live.objects.get((entry.slot.whole.kind, entry.slot.name))
    return database_object is not None and entry.grantor not in (database_object.owner, live.admin)


class _GrantChain:
    """Which role granted something on an object to which, as far as it was read."""

    def __init__(self, live: LiveState) -> None:
        self._grantees: dict[Slot, set[str]] = defaultdict(set)  # slot of a grantor -> its grantees
        self._grantors: dict[Slot, set[str]] = defaultdict(set)
        for entry in live.entries:
            slot = entry.slot.whole
            self._grantees[slot._replace(grantee=entry.grantor)].add(slot.grantee)
            self._grantors[slot].add(entry.grantor)

    def grantees(self, slot: Slot) -> list[str]:
        """The roles to which the slot's grantee granted something on the object."""
        return sorted(self._grantees.get(slot, ()))

    def depth(self, slot: Slot, visited: frozenset[str] = frozenset()) -> int:
        """The length of the longest chain of grantors up to the slot's grantee."""
        grantors = self._grantors.get(slot, set()) - visited
        depths = (self.depth(slot._replace(grantee=grantor), visited | {slot.grantee}) for grantor in grantors)
        return 1 + max(depths, default=0)


def _drifts(
    live: LiveState, wanted: Wanted, slot: Slot, difference: _Difference, chain: _GrantChain
) -> Iterator[Drift]:
    location = wanted.location(slot)
    role, grantees, depth = slot.grantee, chain.grantees(slot), chain.depth(slot)
    dependents = _dependents_clause(grantees)
    for grantor, by_column in sorted(difference.extra.items()):
        what, statement = (
            describe_privileges(by_column, slot),
            revoke_statement(live, slot, by_column, cascade=bool(grantees)),
        )
        if grantor:
            drift = Drift("other-grantor", role, what, f"nothing declares it{dependents}", (statement,), depth=depth)
            yield revoke_as_grantor(live, drift, grantor)
        else:
            code, message = _why_extra(live, slot, by_column)
            yield Drift(code, role, what, f"{message}{dependents}", (statement,), location=location, phase=Phase.REVOKE)
    for grantor, by_column in sorted(difference.options.items()):
        what, statement = (
            describe_privileges(by_column, slot),
            revoke_statement(live, slot, by_column, option_only=True, cascade=bool(grantees)),
        )
        drift = Drift(
            "grant-option",
            role,
            what,
            f"{MAY_GRANT_ON}{dependents}",
            (statement,),
            location=location,
            phase=Phase.REVOKE_GRANT_OPTION,
        )
        if grantor:
            drift = revoke_as_grantor(live, replace(drift, what=f"{what}, given by {grantor}", depth=depth), grantor)
        yield drift
    for by_column, message in (
        (difference.missing, "declared, and not given"),
        (difference.lost, "declared, and taken along by the REVOKE on the whole table"),
    ):
        if by_column:
            yield Drift(
                "missing",
                role,
                describe_privileges(by_column, slot),
                message,
                (grant_statement(live, slot, by_column),),
                location=location,
                phase=Phase.GRANT,
            )


def _dependents_clause(others: list[str]) -> str:
    """The end of a sentence: the roles that lose what this role granted to them."""
    if not others:
        return ""
    names = ", ".join(map(grantee_name, others))
    has, loses = ("has", "loses") if len(others) == 1 else ("have", "lose")
    return f"; {names} {has} it from this role, and {loses} it"


def _why_extra(live: LiveState, slot: Slot, extra: CollectedPrivileges) -> tuple[str, str]:
    database_object = live.objects.get((slot.kind, slot.name))
    if slot.kind.startswith("default "):
        return "default-privileges", "every such object that the owner makes from now on will be given to it"
    if slot.kind == "parameter":
        if slot.name == "session_replication_role":
            return "parameter", "set to replica, it switches off foreign keys and triggers"
        return "parameter", "it may change a setting that only a superuser changes otherwise"
    if database_object is not None and database_object.builtin:
        code = "restricted-function" if slot.kind == "function" else "restricted-relation"
        return code, "the server keeps this from ordinary roles"
    if slot.kind == "database" and slot.grantee == PUBLIC and extra.get("") == {"CONNECT"}:
        return "undeclared", "every role of the server may connect"
    return "undeclared", "nothing declares it"
