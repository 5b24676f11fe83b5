"""The declared privileges of an environment, resolved to the objects of one live database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from minerva_promote.config.models.roles import (
    Accept,
    Declared,
    DefaultPrivileges,
    Grants,
    Membership,
    Role,
    is_wildcard,
    qualified,
    schema_of,
)
from minerva_promote.config.privileges import KINDS, available, expand
from minerva_promote.config.project import Environment
from minerva_promote.config.suggest import did_you_mean
from minerva_promote.config.yaml_source import Keys
from minerva_promote.errors import ConfigError, Location
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Drift, PrivilegesBySlot, Slot, default_privileges_name
from minerva_promote.ledger.install import CLIENT_COLUMNS, EVENTS_TABLE, LEDGER_GRANTS

KINDS_IN_SCHEMAS = ("table", "sequence", "function")  # kinds whose names have a schema, public where none is given
FULLY_READ_KINDS = (
    *KINDS_IN_SCHEMAS,
    "schema",
    "language",
    "foreign data wrapper",
    "foreign server",
    "tablespace",
)  # inspect reads them all
YAML_KEYS = {kind: key for key, kind in KINDS.items()}  # "table" -> "tables"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The declaration, with every wildcard replaced by the objects that match it in the live database."""

    held: PrivilegesBySlot
    roles: Mapping[str, Role]  # declared to exist
    absent: frozenset[str]
    public_declared: bool
    unknown: tuple[Drift, ...]  # declarations about objects that the database does not have
    environment: Environment

    @property
    def memberships(self) -> Mapping[str, Mapping[str, Membership]]:
        """Role -> the groups that it is declared to be a member of."""
        return {name: role.memberships for name, role in self.roles.items()}

    @property
    def settings(self) -> Mapping[str, Mapping[str, str]]:
        """Role -> its declared settings in this database."""
        return {name: role.settings for name, role in self.roles.items()}

    @property
    def accepts(self) -> Mapping[str, tuple[Accept, ...]]:
        """Role, or PUBLIC -> its entries of ``accept:``."""
        return {name: role.accept for name, role in self.roles.items()} | {PUBLIC: self.environment.accept}

    def location(self, slot: Slot) -> Location | None:
        """Where the privileges of a slot are, or would be, declared; None for a role that is not declared."""
        if slot.grantee != PUBLIC and slot.grantee not in self.roles:
            return None
        path = ("public",) if slot.grantee == PUBLIC else ("roles", slot.grantee, "grants")
        key = YAML_KEYS.get(slot.kind, "default_privileges")
        if slot.kind not in YAML_KEYS or slot.kind == "database":
            return self.environment.location(*path, key)
        grants = self.environment.public if slot.grantee == PUBLIC else self.roles[slot.grantee].grants
        short = slot.name.removeprefix("public.")
        name = short if grants is not None and short in getattr(grants, key) else slot.name
        return self.environment.location(*path, key, name)


def import_role(environment: Environment) -> str | None:
    """The import role: the user of ``url``, or else the declared one; None when neither is given.

    ``promote setup`` works without the URL of the import role.
    """
    try:
        return environment.url.user or environment.import_role
    except ConfigError:
        return environment.import_role


def with_groups(environment: Environment, role: str) -> frozenset[str]:
    """A declared role and the declared roles that it is a member of, directly or indirectly."""
    groups, next_level = set[str](), {role}
    while next_level:
        groups |= next_level
        parents = {group for name in next_level for group in environment.roles[name].memberships}
        next_level = (parents & set(environment.roles)) - groups
    return frozenset(groups)


def declared_functions(environment: Environment) -> frozenset[str]:
    """The functions named in the declaration, as they are written there."""
    grants = [role.grants for role in environment.roles.values()]
    grants += [environment.public] if environment.public is not None else []
    return frozenset(name for declared in grants for name in declared.functions if not is_wildcard(name))


def resolve_wanted(environment: Environment, live: LiveState, only: Iterable[str] | None = None) -> Wanted:
    """Resolve the declaration in a live database; ``only`` limits it to some roles."""
    names = set(environment.roles) if only is None else set(only) & set(environment.roles)
    roles = {name: environment.roles[name] for name in sorted(names) if not environment.roles[name].absent}
    resolver = _Resolver(live, environment)
    importing = import_role(environment)
    for name, role in roles.items():
        resolver.add(name, role.grants, ("roles", name, "grants"))
        need = role.ledger or ("write" if name == importing else "none")
        resolver.add(name, LEDGER_GRANTS[need], ("roles", name, "ledger"))
        if name == importing or _reads_or_writes(role.grants):
            resolver.add_vector_schema(name)
    if environment.public is not None:
        resolver.add(PUBLIC, environment.public, ("public",))
    resolver.keep_extension_schemas()
    return Wanted(
        held={slot: frozenset(privileges) for slot, privileges in resolver.held.items() if privileges},
        roles=roles,
        absent=frozenset(name for name in names if environment.roles[name].absent),
        public_declared=environment.public is not None,
        unknown=tuple(resolver.unknown),
        environment=environment,
    )


def _reads_or_writes(grants: Grants) -> bool:
    """Whether a role is granted anything on tables or functions, for which it may need pgvector's types."""
    return any(any(key.values()) for key in (grants.tables, grants.columns, grants.functions))


class _Resolver:
    """Collects the privileges that grants mean in a live database, and the objects that they name in vain."""

    def __init__(self, live: LiveState, environment: Environment) -> None:
        self.live = live
        self.environment = environment
        self.held: dict[Slot, set[str]] = {}
        self.unknown: list[Drift] = []
        version = live.version  # cached: few different lists of privileges, many objects
        self._expanded = cache(lambda privileges, key: expand(privileges, key, version))
        self._available = cache(lambda key: frozenset(available(key, version)))
        self.named: dict[str, dict[str, list[str]]] = {kind: {} for kind in KINDS_IN_SCHEMAS}  # kind -> schema -> names
        for (kind, name), database_object in live.objects.items():
            if kind in KINDS_IN_SCHEMAS and not database_object.builtin:
                self.named[kind].setdefault(schema_of(name) or "", []).append(name)

    def add(self, grantee: str, grants: Grants, path: Keys) -> None:
        """Add everything that one declaration grants to one grantee."""
        declared = list(grants.by_kind())
        named = {(entry.key, self._qualified_name(entry)) for entry in declared if not is_wildcard(entry.name)}
        for entry in declared:
            keys = (*path, entry.key, entry.name) if entry.name else (*path, entry.key)
            if not self._expanded(entry.privileges, entry.key) <= self._available(entry.key):
                self._add_unavailable(grantee, entry, keys)
            for name in self._matching_objects(grantee, entry, keys):
                if not is_wildcard(entry.name) or (entry.key, name) not in named:
                    self._add_privileges(Slot(grantee, KINDS[entry.key], name), entry.privileges, entry.key)
        for table, by_privilege in grants.columns.items():
            self._add_columns(grantee, table, by_privilege, (*path, "columns", table))
        for number, default in enumerate(grants.default_privileges):
            self._add_default_privileges(grantee, default, (*path, "default_privileges", number))
        self._restrict_ledger_insert(grantee)

    def add_vector_schema(self, grantee: str) -> None:
        """Add USAGE on the schema of pgvector, without which the role cannot name its types and operators.

        It is wanted where PUBLIC does not have it, and where the role has it already.
        """
        schema = self.live.vector_schema
        if schema in self.live.extension_schemas and (
            self._has_usage(grantee, schema) or not self._has_usage(PUBLIC, schema)
        ):
            self._add_privileges(Slot(grantee, "schema", schema), ("USAGE",), "schemas")

    def keep_extension_schemas(self) -> None:
        """Want the USAGE that PUBLIC has on schemas of extensions: other roles use the extensions through it."""
        for schema in self.live.extension_schemas:
            if self._has_usage(PUBLIC, schema):
                self._add_privileges(Slot(PUBLIC, "schema", schema), ("USAGE",), "schemas")

    def _has_usage(self, grantee: str, schema: str) -> bool:
        slot = Slot(grantee, "schema", schema)
        return any(entry.slot == slot and "USAGE" in entry.privileges for entry in self.live.entries)

    def _add_unavailable(self, grantee: str, entry: Declared, keys: Keys) -> None:
        """Add drift for privileges declared by name that this server version does not have."""
        for privilege in sorted(self._expanded(entry.privileges, entry.key) - self._available(entry.key)):
            what, message = (
                f"{privilege} on {entry.key}",
                f"PostgreSQL {self.live.version} has no privilege {privilege}",
            )
            hint = "leave it out; ALL means what the server has"
            self._add_drift(
                Drift(
                    "unknown-object", grantee, what, message, hint=hint, automatic=False, location=self._location(keys)
                )
            )

    def _qualified_name(self, entry: Declared) -> str:
        """The name of a declared object as in Slot.name."""
        kind = KINDS[entry.key]
        if kind == "database":
            return self.live.database
        if kind == "function":
            return self.live.declared_functions.get(entry.name, entry.name)
        return qualified(entry.name) if kind in KINDS_IN_SCHEMAS or kind == "type" else entry.name

    def _matching_objects(self, grantee: str, entry: Declared, keys: Keys) -> Iterator[str]:
        """The names of the objects that a declared name or wildcard matches."""
        kind, qualified_name = KINDS[entry.key], self._qualified_name(entry)
        if not is_wildcard(entry.name):
            if self._is_fully_read(kind, qualified_name) and (kind, qualified_name) not in self.live.objects:
                self._add_unknown_object(grantee, kind, qualified_name, self._names(kind), keys)
            else:
                yield qualified_name
            return
        schema = schema_of(entry.name) or "public"
        if ("schema", schema) not in self.live.objects:
            self._add_unknown_object(grantee, "schema", schema, self._names("schema"), keys)
        known = self.named[kind].get(schema, [])
        without = {qualified(name, schema) for name in entry.except_}
        for name in sorted(without - set(known)):
            self._add_unknown_object(grantee, kind, name, known, (*keys, "except"))
        yield from (name for name in known if name not in without)

    def _is_fully_read(self, kind: str, qualified_name: str) -> bool:
        """Whether inspect reads all such objects, so that one that it did not read does not exist."""
        system = self.live.objects.get(("schema", schema_of(qualified_name) or ""))
        return kind in FULLY_READ_KINDS or (kind == "type" and not (system is not None and system.builtin))

    def _names(self, kind: str) -> list[str]:
        return [name for (its_kind, name) in self.live.objects if its_kind == kind]

    def _add_columns(self, grantee: str, table: str, by_privilege: Mapping[str, tuple[str, ...]], keys: Keys) -> None:
        qualified_name = qualified(table)
        database_object = self.live.objects.get(("table", qualified_name))
        if database_object is None:
            self._add_unknown_object(grantee, "table", qualified_name, self._names("table"), keys)
            return
        for privilege, columns in by_privilege.items():
            for column in columns:
                if column in database_object.columns:
                    self._add_privileges(Slot(grantee, "column", qualified_name, column), (privilege,), "columns")
                else:
                    known = [f"{qualified_name}.{column_name}" for column_name in database_object.columns]
                    self._add_unknown_object(grantee, "column", f"{qualified_name}.{column}", known, (*keys, privilege))

    def _add_default_privileges(self, grantee: str, default: DefaultPrivileges, keys: Keys) -> None:
        if default.owner not in {*self.live.roles, *self.environment.roles}:
            self._add_unknown_object(grantee, "role", default.owner, self.live.roles, keys)
        elif default.schema_ and ("schema", default.schema_) not in self.live.objects:
            self._add_unknown_object(grantee, "schema", default.schema_, self._names("schema"), keys)
        else:
            for kind, privileges in default.by_kind():
                if not self._expanded(privileges, kind) <= self._available(kind):
                    self._add_unavailable(grantee, Declared(kind, "", privileges), keys)
                    continue
                self._add_privileges(
                    Slot(grantee, kind, default_privileges_name(default.owner, default.schema_ or "")), privileges, kind
                )

    def _restrict_ledger_insert(self, grantee: str) -> None:
        """Replace INSERT on the ledger by INSERT on the columns that a client may set, which who and when are not."""
        whole = self.held.get(Slot(grantee, "table", EVENTS_TABLE), set())
        if "INSERT" in whole and grantee != PUBLIC:
            whole.discard("INSERT")
            for column in CLIENT_COLUMNS:
                self._add_privileges(Slot(grantee, "column", EVENTS_TABLE, column), ("INSERT",), "columns")

    def _add_privileges(self, slot: Slot, privileges: tuple[str, ...], key: str) -> None:
        if privileges:
            self.held.setdefault(slot, set()).update(self._expanded(privileges, key))

    def _add_unknown_object(self, grantee: str, kind: str, name: str, known: Iterable[str], keys: Keys) -> None:
        ours = name == "promote" or name.startswith("promote.")
        message = f"the database has no {kind} {name}{did_you_mean(name, known, 0.8)}"
        hint = "correct the name, or have it created: by a migration, or by whoever makes the tables"
        if ours:
            hint = f"promote setup --env {self.environment.name}"
        what = f"{kind} {name}"
        self._add_drift(
            Drift("unknown-object", grantee, what, message, hint=hint, automatic=False, location=self._location(keys))
        )

    def _location(self, keys: Keys) -> Location:
        return self.environment.location(*keys)

    def _add_drift(self, drift: Drift) -> None:
        if drift not in self.unknown:
            self.unknown.append(drift)
