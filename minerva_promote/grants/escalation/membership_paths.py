"""The roles that a role reaches through memberships, the path to each, and what the predefined ones allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from minerva_promote.grants.live_state import LiveState, MembershipRow

UNKNOWN_ROLE = "it comes with the server and allows what only administrators may do otherwise"

PREDEFINED: Mapping[str, str] = {
    "pg_checkpoint": "it may make the server write everything to disk, as often as it likes",
    "pg_create_subscription": "with CREATE on the database it subscribes to other servers, which then fill tables here",
    "pg_database_owner": "it is what the owner of the database is, who owns schema public",
    "pg_execute_server_program": "it runs programs on the server's machine as the server's user: COPY … PROGRAM",
    "pg_maintain": "it may lock, rewrite, reindex and vacuum every table and materialized view",
    "pg_monitor": "it reads every setting and all statistics, among them statements of other roles",
    "pg_read_all_data": "it reads every table, view and sequence in every schema, whatever is granted",
    "pg_read_all_settings": "it reads every setting, also those that are kept from ordinary roles",
    "pg_read_all_stats": "it reads all statistics, among them statements of other roles with their values",
    "pg_read_server_files": "it reads any file that the server can, among them keys and the tables' own files",
    "pg_signal_autovacuum_worker": "it may cancel the vacuuming of any table, again and again",
    "pg_signal_backend": "it may cancel the statements and end the sessions of every role that is no superuser",
    "pg_stat_scan_tables": "its monitoring functions hold locks on tables for as long as they take",
    "pg_use_reserved_connections": "it gets in when all ordinary connections are taken, and takes the reserved ones",
    "pg_write_all_data": "it inserts, updates and deletes in every table of every schema, whatever is granted",
    "pg_write_server_files": "it writes any file that the server can: with that, it becomes superuser",
}

INCLUDED_ROLES: Mapping[str, tuple[str, ...]] = {  # predefined role -> the roles that it is a member of
    "pg_monitor": ("pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables"),
}

# member -> group -> the rows of this membership, one for each grantor
MembershipRows = Mapping[str, Mapping[str, tuple[MembershipRow, ...]]]


@dataclass(frozen=True, slots=True)
class Edge:
    """One membership, by whichever roles it was granted."""

    rows: tuple[MembershipRow, ...]

    @property
    def group(self) -> str:
        return self.rows[0].group

    @property
    def member(self) -> str:
        return self.rows[0].member


def membership_rows(live: LiveState) -> MembershipRows:
    """All memberships of the server by member and group."""
    rows: dict[str, dict[str, tuple[MembershipRow, ...]]] = defaultdict(dict)
    for row in sorted(live.members, key=lambda row: (row.member, row.group, row.grantor)):
        rows[row.member][row.group] = (*rows[row.member].get(row.group, ()), row)
    return rows


def paths_to_groups(rows: MembershipRows, role: str) -> dict[str, tuple[Edge, ...]]:
    """Group -> the shortest path to it, for all groups whose rights the role can have.

    With SET or ADMIN the role becomes the group itself (with ADMIN it grants itself SET). With INHERIT alone it has the
    rights of the group: those of the groups that this one inherits from, and the right to grant the memberships that
    this one has ADMIN of.
    """
    paths: dict[tuple[str, bool], tuple[Edge, ...]] = {}  # (group, becomes it) -> way
    level: list[tuple[str, bool, tuple[Edge, ...]]] = [(role, True, ())]
    while level:
        next_level = []
        for member, is_itself, path in level:
            for group, group_rows in rows.get(member, {}).items():
                becomes = any(row.admin or (row.set and is_itself) for row in group_rows)
                has_rights = becomes or any(row.inherit for row in group_rows)
                is_known = (group, True) in paths or ((group, False) in paths and not becomes)
                if group == role or not has_rights or is_known:
                    continue
                paths[group, becomes] = (*path, Edge(group_rows))
                next_level.append((group, becomes, paths[group, becomes]))
        level = next_level
    shortest: dict[str, tuple[Edge, ...]] = {}
    for (group, _), path in paths.items():  # in the order of their lengths
        shortest.setdefault(group, path)
    return shortest


def is_predefined(group: str) -> bool:
    """Whether PostgreSQL reserves the name for roles of its own."""
    return group.startswith("pg_")


def describe_predefined_role(group: str) -> str:
    """What a member of a predefined role can do, in a sentence about the member."""
    return PREDEFINED.get(group, UNKNOWN_ROLE)
