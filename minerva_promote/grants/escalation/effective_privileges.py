"""The declared and the effective privileges of the declared roles, with those through groups and PUBLIC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, PrivilegesBySlot, Slot
from minerva_promote.grants.other_environments import OtherEnvironments, no_other_environments

Tables = dict[str, dict[str, set[str]]]  # grantee -> table -> privileges on it, or on some column of it


class Options(Protocol):
    """The options of a membership."""

    @property
    def inherit(self) -> bool: ...
    @property
    def set(self) -> bool: ...
    @property
    def admin(self) -> bool: ...


Memberships = Mapping[str, Mapping[str, Options]]  # role -> group -> options


class DeclaredPrivileges(Protocol):
    """The parts of a declaration that escalation checks compare with."""

    @property
    def held(self) -> PrivilegesBySlot: ...
    @property
    def memberships(self) -> Memberships: ...
    @property
    def settings(self) -> Mapping[str, Mapping[str, str]]: ...  # role -> its settings in this database
    @property
    def public_declared(self) -> bool: ...


class EffectivePrivileges:
    """The roles to check, and their privileges, those through declared groups and PUBLIC included."""

    def __init__(
        self,
        live: LiveState,
        wanted: DeclaredPrivileges,
        roles: Iterable[str],
        other_environments: OtherEnvironments = no_other_environments,
    ) -> None:
        self.live = live
        self.other_environments = other_environments
        self.wanted = wanted
        self.roles = tuple(sorted(name for name in set(roles) if name in live.roles and name != live.admin))
        self.memberships = wanted.memberships
        self.settings = wanted.settings
        self.groups = {name: _closure(name, self.memberships) for name in self.roles}
        self._tables: Tables = defaultdict(lambda: defaultdict(set))
        for slot, privileges in wanted.held.items():
            if slot.kind in ("table", "column"):
                self._tables[slot.grantee][slot.name] |= privileges
        self._live_tables: Tables = defaultdict(lambda: defaultdict(set))
        self._schemas: Tables = defaultdict(lambda: defaultdict(set))
        self._database: dict[str, set[str]] = defaultdict(set)
        for entry in live.entries:
            slot = entry.slot
            if slot.kind in ("table", "column"):
                self._live_tables[slot.grantee][slot.name] |= entry.privileges
            elif slot.kind == "schema":
                self._schemas[slot.grantee][slot.name] |= entry.privileges
            elif slot.kind == "database":
                self._database[slot.grantee] |= entry.privileges

    def sources(self, role: str) -> tuple[str, ...]:
        """The grantees whose privileges a role has by declaration: itself, its groups, PUBLIC."""
        return (role, *sorted(self.groups[role]), PUBLIC)

    def declared(self, role: str, kind: str, name: str, column: str = "") -> frozenset[str]:
        """The declared privileges of a role on an object or column, from all sources."""
        held, privileges = self.wanted.held, frozenset[str]()
        for source in self.sources(role):
            if column:
                privileges |= held.get(Slot(source, "table", name), frozenset())
            privileges |= held.get(Slot(source, kind, name, column), frozenset())
        return privileges

    def declared_elsewhere(self, database: str, role: str) -> frozenset[str]:
        """The privileges of a role on another database that other environments declare."""
        return self.other_environments(self.live.version).get(database, {}).get(role, frozenset())

    def declared_on_table(self, role: str, table: str) -> frozenset[str]:
        """The declared privileges of a role on a table or on any of its columns."""
        return frozenset[str]().union(*(self._tables[source].get(table, ()) for source in self.sources(role)))

    def effective_on_table(self, role: str, table: str) -> frozenset[str]:
        """The declared privileges of a role on a table or any of its columns, and those that it has now."""
        more = (self._live_tables[source].get(table, ()) for source in self.sources(role))
        return self.declared_on_table(role, table).union(*more)

    def roles_that_may_create_in(self, schema: str) -> list[str]:
        """Those of the roles and PUBLIC that may create objects in a schema."""
        owners = [role for role in self.roles if self.owns(role, "schema", schema)]
        grantees = [role for role in (*self.roles, PUBLIC) if "CREATE" in self._schemas[role].get(schema, ())]
        return sorted({*owners, *grantees})

    def may_create(self, role: str) -> bool:
        """Whether the role may create anything: a schema, a temporary table, an object in any schema."""
        sources = self.sources(role)
        creating = {"CREATE", "TEMPORARY"}
        return (
            any(creating & self._database[source] for source in sources)
            or any("CREATE" in privileges for source in sources for privileges in self._schemas[source].values())
            or any(owned.role == role and owned.kind in ("database", "schema") for owned in self.live.owned)
            or any(
                privileges & creating and slot.kind in ("database", "schema")
                for slot, privileges in self.wanted.held.items()
                if slot.grantee in sources
            )
        )

    def owns(self, role: str, kind: str, name: str) -> bool:
        """Whether the role owns an object; what pg_database_owner owns belongs to the owner of the database."""
        database_object = self.live.objects.get((kind, name))
        if database_object is None:
            return False
        return database_object.owner == role or (
            database_object.owner == "pg_database_owner" and self.live.database_owner == role
        )


def _closure(role: str, memberships: Memberships) -> frozenset[str]:
    """The groups that a role is declared to be a member of, directly or indirectly."""
    groups, next_level = set[str](), {role}
    while next_level:
        next_level = {group for member in next_level for group in memberships.get(member, ())} - groups
        groups |= next_level
    return frozenset(groups - {role})
