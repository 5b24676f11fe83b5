"""What a role may do by declaration, from all sources: what the results of attempts are compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minerva_promote.config.models.roles import Accept, Role
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, PrivilegesBySlot

_Key = tuple[str, str, str]  # kind, name, column


@dataclass(frozen=True, slots=True)
class ExpectedPrivileges:
    """The declared privileges of one role: its own, those of PUBLIC and of the groups that it inherits from."""

    role: str
    privileges: Mapping[_Key, frozenset[str]]  # declared: attempts must succeed
    initial: Mapping[_Key, frozenset[str]]  # granted by initdb or an extension: no drift
    by_column: Mapping[tuple[str, str], frozenset[str]]  # (table, privilege) -> columns that it is declared for by name
    groups: frozenset[str]  # that it is declared to be a member of, directly or indirectly
    becomes: frozenset[str]  # those of them that it may SET ROLE to
    accepted: tuple[Accept, ...]  # its own, those of PUBLIC and of the groups that it inherits from

    def privileges_on(self, kind: str, name: str, column: str = "") -> frozenset[str]:
        """All privileges that it may have on one object or column."""
        key = (kind, name, column)
        return self.privileges.get(key, frozenset()) | self.initial.get(key, frozenset())

    def columns(self, name: str, privilege: str) -> frozenset[str]:
        """The columns of a table that a privilege is declared for by name."""
        return self.by_column.get((name, privilege), frozenset())

    def accepts(self, target: str) -> bool:
        """Whether ``accept:`` has an entry about this object ("table public.notes")."""
        return any(entry.object == target or entry.object.endswith(f" {target}") for entry in self.accepted)


def expected_privileges(
    role: str,
    roles: Mapping[str, Role],
    held: PrivilegesBySlot,
    live: LiveState,
    public_accepts: tuple[Accept, ...] = (),
) -> ExpectedPrivileges:
    """What one declared role may do; ``public_accepts`` are the entries of ``accept:`` for PUBLIC."""
    grantees = {role, PUBLIC, *_declared_groups(role, roles, "inherit")}
    declared: dict[_Key, frozenset[str]] = defaultdict(frozenset)
    for slot, privileges in held.items():
        if slot.grantee in grantees:
            declared[slot.kind, slot.name, slot.column] |= privileges
    initial: dict[_Key, frozenset[str]] = defaultdict(frozenset)
    for entry in live.entries:
        # PUBLIC has TEMPORARY on a new database by default: that is more than declared
        if entry.slot.grantee in grantees and entry.slot.kind != "database":
            initial[entry.slot.kind, entry.slot.name, entry.slot.column] |= entry.initial
    by_column: dict[tuple[str, str], frozenset[str]] = defaultdict(frozenset)
    for privileges_by_key in (declared, initial):
        for (kind, table, column), privileges in privileges_by_key.items():
            for privilege in privileges if kind == "column" else ():
                by_column[table, privilege] |= {column}
    return ExpectedPrivileges(
        role,
        declared,
        initial,
        by_column,
        frozenset(_declared_groups(role, roles, "")),
        frozenset(_declared_groups(role, roles, "set")),
        (*(entry for name in sorted(grantees & set(roles)) for entry in roles[name].accept), *public_accepts),
    )


def _declared_groups(role: str, roles: Mapping[str, Role], option: str) -> Iterator[str]:
    """The declared groups of a role, directly or indirectly, by memberships that all have the option."""
    waiting, reached = [role], {role}
    while waiting:
        current = roles.get(waiting.pop())
        for group, membership in (current.memberships if current else {}).items():
            if group not in reached and (not option or getattr(membership, option)):
                reached.add(group)
                waiting.append(group)
                yield group
