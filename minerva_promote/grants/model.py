"""The words of this layer: what a privilege is held on, by whom, and what of it is not as declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from minerva_promote.errors import Location

PUBLIC = "public"  # the grantee PUBLIC; no role can have this name


def grantee_name(grantee: str) -> str:
    """A role, or PUBLIC, as people read it."""
    return "PUBLIC" if grantee == PUBLIC else grantee


class Slot(NamedTuple):
    """Where privileges are held: one grantee, one object or column."""

    grantee: str  # role name; "public" for PUBLIC
    kind: str  # one of config/privileges.py in the singular: "table", "column", "foreign server", "default tables", ...
    name: str  # unquoted: "public.books", "public.f(uuid)"; of a default privilege see default_name
    column: str = ""  # of kind "column" only

    @property
    def whole(self) -> Slot:
        """The table of a column; else the same."""
        return self._replace(kind="table", column="") if self.kind == "column" else self


_DEFAULT_PRIVILEGES_NAME = re.compile(r"((?:[^/]|//)*)/(.*)", re.DOTALL)


def default_privileges_name(owner: str, schema: str) -> str:
    """The name of default privileges: "owner/schema", "owner/" for every schema; a "/" of the owner stands twice."""
    return f"{owner.replace('/', '//')}/{schema}"


def split_default_privileges_name(name: str) -> tuple[str, str]:
    """Owner and schema of such a name."""
    match = _DEFAULT_PRIVILEGES_NAME.fullmatch(name)
    return (match[1].replace("//", "/"), match[2]) if match else (name, "")


PrivilegesBySlot = Mapping[Slot, frozenset[str]]  # the privileges of every slot; a slot without any is left out


class Phase(IntEnum):
    """When the statements of a drift run: those of a lower phase first.

    A role exists before it is granted anything, and what other roles granted is revoked before their right to grant
    it. A REVOKE on a table also revokes the privileges on its columns, so that every GRANT comes after it.
    """

    CREATE_ROLE = 1
    ALTER_ROLE = 2
    CHANGE_OWNER = 3
    REVOKE_AS_GRANTOR = 4
    REVOKE = 5
    REVOKE_GRANT_OPTION = 6
    GRANT = 7
    LAST = 8


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a role is not what is declared, and what ends it."""

    code: str  # stable kebab-case: "missing", "undeclared", "superuser", "membership", "owns-object", ...
    role: str  # the declared role; "public" for PUBLIC
    what: str  # what it is about: "DELETE, UPDATE on table public.chunks"; with the code it names an `accept:` entry
    message: str  # why this is more, or less, than declared; one sentence, lower case
    statements: tuple[str, ...] = ()  # what ends it, in order; empty when nothing can, see help
    hint: str = ""  # the way out where statements are none, or must be run by a person
    automatic: bool = True  # whether --apply runs the statements; never what drops an object or checks stored rows
    location: Location | None = None  # where it is declared
    phase: Phase = Phase.REVOKE
    depth: int = 0  # of one phase the deepest run first: what was given on goes before what it was given from
