"""Which roles a role gets to through memberships, and by which way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from minerva_promote.grants.live_state import LiveState, Member

Rows = Mapping[str, Mapping[str, tuple[Member, ...]]]  # member -> group -> its rows, one for each grantor


@dataclass(frozen=True, slots=True)
class Edge:
    """One membership, whoever gave it."""

    rows: tuple[Member, ...]

    @property
    def group(self) -> str:
        return self.rows[0].group

    @property
    def member(self) -> str:
        return self.rows[0].member


def rows_of(live: LiveState) -> Rows:
    """All memberships of the server, by member and group."""
    found: dict[str, dict[str, tuple[Member, ...]]] = defaultdict(dict)
    for row in sorted(live.members, key=lambda each: (each.member, each.group, each.grantor)):
        found[row.member][row.group] = (*found[row.member].get(row.group, ()), row)
    return found


def reached(rows: Rows, role: str) -> dict[str, tuple[Edge, ...]]:
    """Group -> the shortest way to it, for all groups whose rights the role can have.

    With SET or ADMIN it becomes the group itself (ADMIN: it gives itself the rest). With INHERIT alone it has the
    group's rights: those of the groups that this one inherits from, and the right to give what this one has ADMIN of.
    """
    ways: dict[tuple[str, bool], tuple[Edge, ...]] = {}  # (group, becomes it) -> way
    new: list[tuple[str, bool, tuple[Edge, ...]]] = [(role, True, ())]
    while new:
        following = []
        for member, itself, way in new:
            for group, found in rows.get(member, {}).items():
                becomes = any(row.admin or (row.set and itself) for row in found)
                has_rights = becomes or any(row.inherit for row in found)
                known = (group, True) in ways or ((group, False) in ways and not becomes)
                if group == role or not has_rights or known:
                    continue
                ways[group, becomes] = (*way, Edge(found))
                following.append((group, becomes, ways[group, becomes]))
        new = following
    shortest: dict[str, tuple[Edge, ...]] = {}
    for (group, _), way in ways.items():  # in the order of their lengths
        shortest.setdefault(group, way)
    return shortest
