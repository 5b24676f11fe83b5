"""What roles shall be allowed, as a set of single grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minerva_promote.config.models import Grants

PUBLIC = "public"  # the grantee PUBLIC; no role can have this name


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One privilege of one role on one object."""

    grantee: str  # role name; "public" for PUBLIC
    kind: str  # "database", "schema", "table", "sequence", "column"
    name: str  # unquoted; tables and sequences with their schema: "public.chunks"
    privilege: str
    column: str = ""  # of kind "column" only

    def __str__(self) -> str:
        what = f"{self.privilege} ({self.column})" if self.column else self.privilege
        kind = "table" if self.kind == "column" else self.kind
        return f"{what} on {kind} {self.name} to {self.grantee}"


def wanted_grants(grantee: str, grants: Grants, database: str) -> frozenset[Grant]:
    """The grants that a declaration means, for one role in one database."""
    found: set[Grant] = set()
    for kind, objects in (
        ("database", {database: grants.database}),
        ("schema", grants.schemas),
        ("table", {_with_schema(name): privileges for name, privileges in grants.tables.items()}),
        ("sequence", {_with_schema(name): privileges for name, privileges in grants.sequences.items()}),
    ):
        for name, privileges in objects.items():
            found |= {Grant(grantee, kind, name, privilege) for privilege in privileges}
    return frozenset(found)


def column_grants(grantee: str, table: str, privilege: str, columns: Iterable[str]) -> frozenset[Grant]:
    """One privilege on some columns of a table."""
    return frozenset(Grant(grantee, "column", _with_schema(table), privilege, column) for column in columns)


def _with_schema(name: str) -> str:
    return name if "." in name else f"public.{name}"
