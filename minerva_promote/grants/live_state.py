"""How things are with the roles of one database: everything that decides what a role can do, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from minerva_promote.grants.model import Slot


@dataclass(frozen=True, slots=True)
class AclEntry:
    """What one grantor gave to one grantee on one object, column, or as a default privilege."""

    slot: Slot
    grantor: str
    privileges: frozenset[str]
    options: frozenset[str]  # those of them that may be given on
    initial: frozenset[str]  # those of them that the server or an extension gives by itself, and nobody else changed


@dataclass(frozen=True, slots=True)
class DatabaseObject:
    """Something of this database that privileges can be given on."""

    kind: str  # "database", "schema", "table" (views and foreign tables too), "sequence", "function", "type", ...
    name: str  # as in Slot.name
    sql: str  # as it stands in a statement, quoted by the server: public.books, public.f(uuid)
    owner: str
    builtin: bool  # part of the server or of an extension: "*" does not mean it
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
    follows: bool  # changes its owner together with another object: the sequence of a serial column
    extension: str = ""  # that it is part of; "" for none


@dataclass(frozen=True, slots=True)
class Caller:
    """Something that runs a function without looking at EXECUTE on it, by itself or by way of other callers."""

    kind: str  # in PostgreSQL's words (pg_identify_object): "operator", "aggregate", "table", "type"
    name: str  # of a relation or function as in Slot.name; else its identity in PostgreSQL's words
    part: str  # what of it runs the next one: "trigger audit on public.books"; "" when it does so itself
    fires: bool  # whether that part is a trigger and the next one is its function
    next: int | None  # the next caller on the way to the function, its place in Routine.callers; None: the function
    privileges: frozenset[str]  # of a relation: those with which a role sets it off
    executors: frozenset[str] | None  # of a function: as in Routine; None: it has no access list that is looked at


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or procedure with which more can be done than the caller may do, by somebody beside its owner."""

    name: str  # as in Slot.name
    sql: str
    owner: str
    security_definer: bool
    untrusted: str  # its language, when that is not trusted and the function is part of no extension; else ""
    extension: str  # that it is part of; "" for none
    executors: frozenset[str]  # of the roles asked for and PUBLIC ("public"), who has EXECUTE; the owner left out
    callers: tuple[Caller, ...] = ()  # sorted

    @property
    def has_elevated_rights(self) -> bool:
        """Whether it does more than its caller may: those of an extension in an untrusted language are its business."""
        return self.security_definer or bool(self.untrusted and not self.extension)


@dataclass(frozen=True, slots=True)
class TableEffect:
    """Something of a table that happens, is hidden or is not checked when rows of it are read or written."""

    kind: str  # "trigger", "event trigger", "rule", "row security", "constraint", "cascade"
    table: str  # "public.books"; "" for an event trigger
    name: str  # of the trigger, rule or constraint; of row security: the table
    events: frozenset[str]  # which privileges set it off: "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"
    owner: str  # whose rights it runs with: of a SECURITY DEFINER function, a rule's or a cascade's table; "" for none
    state: str  # see the comment in sql/effects.sql for each kind
    definition: str  # in the server's words
    other: str = ""  # of a cascade: the table that it changes
    source: str = field(default="", compare=False)  # of a trigger's function: its settings, and its body in a new line


@dataclass(frozen=True, slots=True)
class UserMapping:
    """Credentials for a foreign server."""

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
    privileges: Mapping[str, frozenset[str]]  # of the roles asked for and PUBLIC ("public")
    changeable: bool = field(compare=False)  # whether the role that asked has the rights of its owner


@dataclass(frozen=True, slots=True)
class LiveState:
    """All of it, of one moment."""

    version: int  # major: 18
    database: str
    database_owner: str
    admin: str  # the role that asked
    admin_superuser: bool
    extension_schemas: tuple[str, ...]  # where extensions are, public and pg_catalog left out: "extensions"
    vector_schema: str | None  # where pgvector is; None: it is not installed
    objects: Mapping[tuple[str, str], DatabaseObject]  # (kind, name); of system schemas only what the rest speaks of
    roles: Mapping[str, LiveRole]  # all of the server
    members: tuple[MembershipRow, ...]  # all of the server
    entries: tuple[
        AclEntry, ...
    ]  # whose grantee is one of the roles asked for or PUBLIC, or whose grantor is one of them
    owned: tuple[OwnedObject, ...]  # by the roles asked for
    routines: tuple[Routine, ...]
    effects: tuple[TableEffect, ...]
    mappings: tuple[UserMapping, ...]  # of the roles asked for and PUBLIC
    settings: tuple[ServerSetting, ...]
    declared_functions: Mapping[str, str]  # as it was asked for ("f(int)") -> Slot.name ("public.f(integer)")

    # owned by the roles asked for, or with privileges of theirs or PUBLIC's
    other_databases: tuple[OtherDatabase, ...] = ()
    text_bodies: int = 0  # functions, not of extensions or the ledger, whose body is text: no catalogue has its calls
    large_objects: bool = False  # whether every role may create them

    def admin_may_become(self, role: str) -> bool:
        """Whether the role that asked may SET ROLE to another one; a superuser may become any."""
        return self.admin_superuser or role in self._groups_of_admin(lambda membership: membership.set)

    def admin_has_rights_of(self, role: str) -> bool:
        """Whether the role that asked has the rights of another one without SET ROLE; a superuser has all."""
        return self.admin_superuser or role in self._groups_of_admin(lambda membership: membership.inherit)

    def _groups_of_admin(self, follows: Callable[[MembershipRow], bool]) -> set[str]:
        groups, new = set[str](), {self.admin}
        while new:
            groups |= new
            new = {
                membership.group for membership in self.members if membership.member in new and follows(membership)
            } - groups
        return groups
