"""The live state of roles and privileges of one database, as values: everything that decides what a role can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from minerva_promote.grants.model import Slot


@dataclass(frozen=True, slots=True)
class AclEntry:
    """What one grantor granted to one grantee on one object or column, or as default privileges."""

    slot: Slot
    grantor: str
    privileges: frozenset[str]
    options: frozenset[str]  # those of them held WITH GRANT OPTION
    initial: frozenset[str]  # those of them that initdb or an extension granted, and nobody changed


@dataclass(frozen=True, slots=True)
class DatabaseObject:
    """An object of this database that privileges can be granted on."""

    kind: str  # "database", "schema", "table" (views and foreign tables too), "sequence", "function", "type", ...
    name: str  # as in Slot.name
    sql: str  # as it stands in a statement, quoted by the server: public.books, public.f(uuid)
    owner: str
    builtin: bool  # part of the server or of an extension: a wildcard does not include it
    columns: tuple[str, ...] = ()  # of a table


@dataclass(frozen=True, slots=True)
class LiveRole:
    """One role of the server."""

    name: str
    login: bool
    superuser: bool
    create_role: bool
    create_database: bool
    replication: bool
    bypass_row_security: bool
    inherit: bool
    connection_limit: int  # -1: none
    predefined: bool  # comes with the server: pg_read_all_data, ...; also the role that initdb made
    settings: Mapping[str, str]  # ALTER ROLE … IN DATABASE this one
    settings_everywhere: Mapping[str, str]  # ALTER ROLE … without a database


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """One row of pg_auth_members."""

    group: str
    member: str
    grantor: str
    admin: bool
    inherit: bool  # before PostgreSQL 16: what the member's role attribute says
    set: bool  # before PostgreSQL 16: always


@dataclass(frozen=True, slots=True)
class OwnedObject:
    """An object of this database, the database itself or a tablespace, and the role that owns it."""

    role: str
    kind: str  # in PostgreSQL's words (pg_identify_object): "table", "function", "foreign-data wrapper", "extension"
    name: str  # its identity in those words, quoted: public.books
    follows: bool  # its owner changes with that of another object: the sequence of a serial column
    extension: str = ""  # name of the extension that it is part of, or ""


@dataclass(frozen=True, slots=True)
class Caller:
    """An object that runs a function without a check of EXECUTE on it, directly or through other callers."""

    kind: str  # in PostgreSQL's words (pg_identify_object): "operator", "aggregate", "table", "type"
    name: str  # of a relation or function as in Slot.name; else its identity in PostgreSQL's words
    part: str  # the part of it that runs the next one: "trigger audit on public.books"; "" for itself
    fires: bool  # whether that part is a trigger and the next one is its function
    next: int | None  # index in Routine.callers of the next caller on the path; None: the function itself
    privileges: frozenset[str]  # of a relation: those whose use runs it
    executors: frozenset[str] | None  # of a function: as in Routine; None: no access list is checked


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or procedure that can do more than its caller may, when another role than its owner calls it."""

    name: str  # as in Slot.name
    sql: str
    owner: str
    security_definer: bool
    untrusted: str  # its language, when untrusted and the function is part of no extension; else ""
    extension: str  # name of the extension that it is part of, or ""
    executors: frozenset[str]  # of the roles read and PUBLIC ("public"), those with EXECUTE; without the owner
    callers: tuple[Caller, ...] = ()  # sorted

    @property
    def has_elevated_rights(self) -> bool:
        """Whether it can do more than its caller; not an extension's function in an untrusted language."""
        return self.security_definer or bool(self.untrusted)


@dataclass(frozen=True, slots=True)
class TableEffect:
    """Something that happens, is hidden or is not checked when rows of a table are read or written."""

    kind: str  # "trigger", "event trigger", "rule", "row security", "constraint", "cascade"
    table: str  # "public.books"; "" for an event trigger
    name: str  # of the trigger, rule or constraint; of row security: the table
    events: frozenset[str]  # privileges whose use has this effect: "SELECT", "INSERT", "UPDATE", ...
    owner: str  # whose rights it runs with: the owner of the function, or of the table of a rule or cascade; or ""
    state: str  # its values are described in sql/effects.sql
    definition: str  # in the server's words
    other: str = ""  # of a cascade: the table that it changes
    source: str = field(default="", compare=False)  # of a trigger's function: settings, newline, body


@dataclass(frozen=True, slots=True)
class UserMapping:
    """A user mapping: stored credentials for a foreign server."""

    role: str  # "public" for PUBLIC
    server: str


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A setting that holds for every role: of the database, or of the server."""

    name: str
    value: str
    of_database: bool


@dataclass(frozen=True, slots=True)
class OtherDatabase:
    """Another database of the server."""

    name: str
    sql: str  # as it stands in a statement
    owner: str
    privileges: Mapping[str, frozenset[str]]  # of the roles read and PUBLIC ("public")
    changeable: bool = field(compare=False)  # whether the session role has the rights of its owner


@dataclass(frozen=True, slots=True)
class LiveState:
    """Everything that ``inspect`` reads, from one snapshot."""

    version: int  # major: 18
    database: str
    database_owner: str
    admin: str  # the session role, the admin identity
    admin_superuser: bool
    extension_schemas: tuple[str, ...]  # schemas of extensions other than public and pg_catalog: "extensions"
    vector_schema: str | None  # schema of pgvector; None: it is not installed
    objects: Mapping[tuple[str, str], DatabaseObject]  # (kind, name); of system schemas only what other fields name
    roles: Mapping[str, LiveRole]  # all of the server
    members: tuple[MembershipRow, ...]  # all of the server
    entries: tuple[AclEntry, ...]  # granted to, or by, one of the roles read or PUBLIC
    owned: tuple[OwnedObject, ...]  # by the roles read
    routines: tuple[Routine, ...]
    effects: tuple[TableEffect, ...]
    mappings: tuple[UserMapping, ...]  # of the roles read and PUBLIC
    settings: tuple[ServerSetting, ...]
    declared_functions: Mapping[str, str]  # as declared ("f(int)") -> Slot.name ("public.f(integer)")

    # that the roles read own, or on which they or PUBLIC have privileges
    other_databases: tuple[OtherDatabase, ...] = ()
    text_bodies: int = 0  # functions of users with a text body, whose calls no catalog records
    large_objects: bool = False  # whether PUBLIC may create them

    def admin_may_become(self, role: str) -> bool:
        """Whether the session role may SET ROLE to another one; a superuser may become any."""
        return self.admin_superuser or role in self._groups_of_admin(lambda membership: membership.set)

    def admin_has_rights_of(self, role: str) -> bool:
        """Whether the session role has the rights of another one without SET ROLE; a superuser has all."""
        return self.admin_superuser or role in self._groups_of_admin(lambda membership: membership.inherit)

    def _groups_of_admin(self, follows: Callable[[MembershipRow], bool]) -> set[str]:
        groups, next_level = set[str](), {self.admin}
        while next_level:
            groups |= next_level
            next_level = {
                membership.group
                for membership in self.members
                if membership.member in next_level and follows(membership)
            } - groups
        return groups
