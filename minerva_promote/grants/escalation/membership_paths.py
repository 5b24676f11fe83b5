"""Which roles a role gets to through memberships, and by which way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from minerva_promote.grants.live_state import LiveState, MembershipRow

MembershipRows = Mapping[
    str, Mapping[str, tuple[MembershipRow, ...]]
]  # member -> group -> its rows, one for each grantor


@dataclass(frozen=True, slots=True)
class Edge:
    """One membership, whoever gave it."""

    rows: tuple[MembershipRow, ...]

    @property
    def group(self) -> str:
        return self.rows[0].group

    @property
    def member(self) -> str:
        return self.rows[0].member


def membership_rows(live: LiveState) -> MembershipRows:
    """All memberships of the server, by member and group."""
    rows: dict[str, dict[str, tuple[MembershipRow, ...]]] = defaultdict(dict)
    for row in sorted(live.members, key=lambda row: (row.member, row.group, row.grantor)):
        rows[row.member][row.group] = (*rows[row.member].get(row.group, ()), row)
    return rows


def paths_to_groups(rows: MembershipRows, role: str) -> dict[str, tuple[Edge, ...]]:
    """Group -> the shortest way to it, for all groups whose rights the role can have.

    With SET or ADMIN it becomes the group itself (ADMIN: it gives itself the rest). With INHERIT alone it has the
    group's rights: those of the groups that this one inherits from, and the right to give what this one has ADMIN of.
    """
    paths: dict[tuple[str, bool], tuple[Edge, ...]] = {}  # (group, becomes it) -> way
    new: list[tuple[str, bool, tuple[Edge, ...]]] = [(role, True, ())]
    while new:
        next_level = []
        for member, is_itself, path in new:
            for group, group_rows in rows.get(member, {}).items():
                becomes = any(row.admin or (row.set and is_itself) for row in group_rows)
                has_rights = becomes or any(row.inherit for row in group_rows)
                is_known = (group, True) in paths or ((group, False) in paths and not becomes)
                if group == role or not has_rights or is_known:
                    continue
                paths[group, becomes] = (*path, Edge(group_rows))
                next_level.append((group, becomes, paths[group, becomes]))
        new = next_level
    shortest: dict[str, tuple[Edge, ...]] = {}
    for (group, _), path in paths.items():  # in the order of their lengths
        shortest.setdefault(group, path)
    return shortest
