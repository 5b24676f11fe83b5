"""The shapes of ``roles:`` and ``public:`` in environments/*.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from minerva_promote.config.privileges import DEFAULT_KINDS, KINDS, normalised

STRICT = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)  # of every configuration value

Privilege = Annotated[str, AfterValidator(normalised)]  # a name of config/privileges.py, or ALL
Privileges = tuple[Privilege, ...]

WILDCARDS = ("tables", "sequences", "functions")  # the keys under which "*" and "schema.*" mean all there are
IN_SCHEMAS = (*WILDCARDS, "columns", "types")  # the keys whose names may carry a schema


def is_wildcard(name: str) -> bool:
    """True for ``*`` (all in public) and ``schema.*``."""
    return name == "*" or name.endswith(".*")


def schema_of(name: str) -> str | None:
    """The schema that a name carries; the types of a function's arguments may have their own."""
    schema, dot, _ = name.partition("(")[0].partition(".")
    return schema if dot else None


def qualified(name: str, schema: str = "public") -> str:
    """The name with its schema: ``public.books``, ``public.*``, ``public.f(other.kind)``."""
    return name if schema_of(name) is not None else f"{schema}.{name}"


class _Model(BaseModel):
    model_config = STRICT


class AllExcept(_Model):
    """Privileges on everything that a ``"*"`` means, except some names."""

    model_config = ConfigDict(populate_by_name=False)

    privileges: Privileges  # what is granted on all of them
    except_: tuple[str, ...] = Field(default=(), alias="except")  # without a schema: in the schema of the "*"


class DefaultPrivileges(_Model):
    """Privileges on objects that ``owner`` makes later."""

    model_config = ConfigDict(populate_by_name=False)

    owner: str  # the role that will create the objects
    schema_: str | None = Field(default=None, alias="schema")  # None: in any schema
    tables: Privileges = ()  # on tables and views
    sequences: Privileges = ()  # on sequences
    functions: Privileges = ()  # on functions and procedures
    types: Privileges = ()  # on types
    schemas: Privileges = ()  # on schemas
    large_objects: Privileges = ()  # on large objects (PostgreSQL 18)

    def by_kind(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The kind as a key of PRIVILEGES ("default tables"), and the privileges; every kind, empty ones too."""
        for key, kind in DEFAULT_KINDS.items():
            yield kind, getattr(self, key)


class Declared(NamedTuple):
    """The privileges that one entry of ``grants`` names."""

    key: str  # of KINDS: "tables"
    name: str  # as it is written: "books", "promote.*", "publish(uuid)"; "" for the database
    privileges: tuple[str, ...]
    except_: tuple[str, ...] = ()  # of a wildcard: see AllExcept


class Grants(_Model):
    """Privileges of one role, or of PUBLIC, by kind of object; names are unquoted."""

    database: Privileges = ()  # on the database itself
    schemas: dict[str, Privileges] = {}  # by schema
    tables: dict[str, Privileges | AllExcept] = {}  # "books", "promote.runs", "*", "promote.*"
    columns: dict[str, dict[Privilege, tuple[str, ...]]] = {}  # table -> privilege -> columns
    sequences: dict[str, Privileges | AllExcept] = {}  # by sequence, or "*"
    functions: dict[str, Privileges | AllExcept] = {}  # "publish(uuid)": with the types of the arguments
    types: dict[str, Privileges] = {}  # by type
    languages: dict[str, Privileges] = {}  # by procedural language
    foreign_data_wrappers: dict[str, Privileges] = {}  # by wrapper
    foreign_servers: dict[str, Privileges] = {}  # by server
    large_objects: dict[str, Privileges] = {}  # by their number
    parameters: dict[str, Privileges] = {}  # by server parameter
    tablespaces: dict[str, Privileges] = {}  # by tablespace
    default_privileges: tuple[DefaultPrivileges, ...] = ()  # on objects that are created later

    def by_kind(self) -> Iterator[Declared]:
        """Every entry but those of ``columns`` and ``default_privileges``, which have shapes of their own."""
        for key in KINDS:
            if key == "columns":
                continue
            if key == "database":
                yield Declared(key, "", self.database)
                continue
            for name, value in getattr(self, key).items():
                if isinstance(value, AllExcept):
                    yield Declared(key, name, value.privileges, value.except_)
                else:
                    yield Declared(key, name, value)


class Membership(_Model):
    """How a role is a member of another."""

    inherit: bool = True  # has the other's privileges by itself
    set: bool = True  # may become the other
    admin: bool = False  # may give the membership to others


class Accept(_Model):
    """Drift that is known and intended: with this code, about this object, it is not reported."""

    code: str  # of config/drift_codes.py
    object: str  # as the report names it: "table public.notes"
    why: str  # the reason, for reports


class Role(_Model):
    """A role that the environment needs, and exactly what it may do; or one that must not exist."""

    login: bool = False  # the role may log in
    password: str | None = Field(default=None, repr=False)  # None: the role has none of its own
    connection_limit: int | None = Field(default=None, ge=-1, le=2**31 - 1)  # -1: no limit; None: not compared
    settings: dict[str, str] = {}  # of the role in this database, exactly these
    member_of: tuple[str, ...] | dict[str, Membership] = ()  # the roles that it is a member of
    ledger: Literal["none", "read", "write"] | None = None  # None: write for the import role, none for others
    grants: Grants = Grants()  # its privileges, by kind of object
    accept: tuple[Accept, ...] = ()  # drift that is known and intended
    absent: bool = False  # the role must not exist; it has no other key

    @property
    def memberships(self) -> Mapping[str, Membership]:
        """The roles that this one is a member of, and how."""
        if isinstance(self.member_of, tuple):
            return {group: Membership() for group in self.member_of}
        return self.member_of
