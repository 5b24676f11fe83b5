"""The values of this package: a slot that privileges are held on, and a drift between declaration and database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from minerva_promote.errors import Location

PUBLIC = "public"  # the grantee PUBLIC; no role can have this name


def grantee_name(grantee: str) -> str:
    """The name of a role, or of PUBLIC, in messages."""
    return "PUBLIC" if grantee == PUBLIC else grantee


class Slot(NamedTuple):
    """What privileges are held on: one grantee and one object or column."""

    grantee: str  # role name; "public" for PUBLIC
    kind: str  # one of config/privileges.py in the singular: "table", "column", "foreign server", "default tables", ...
    name: str  # unquoted: "public.books", "public.f(uuid)"; of a default privilege see default_name
    column: str = ""  # of kind "column" only

    @property
    def whole(self) -> Slot:
        """The slot of the table for a column; for every other kind the slot itself."""
        return self._replace(kind="table", column="") if self.kind == "column" else self


_DEFAULT_PRIVILEGES_NAME = re.compile(r"((?:[^/]|//)*)/(.*)", re.DOTALL)


def default_privileges_name(owner: str, schema: str) -> str:
    """Slot.name of default privileges: "owner/schema", "owner/" for every schema; a "/" in the owner is doubled."""
    return f"{owner.replace('/', '//')}/{schema}"


def split_default_privileges_name(name: str) -> tuple[str, str]:
    """Owner and schema of a name that ``default_privileges_name`` made; schema is "" for every schema."""
    match = _DEFAULT_PRIVILEGES_NAME.fullmatch(name)
    return (match[1].replace("//", "/"), match[2]) if match else (name, "")


PrivilegesBySlot = Mapping[Slot, frozenset[str]]  # slots without privileges are left out


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
    """One difference between a role and its declaration, and the statements that end it."""

    code: str  # stable kebab-case: "missing", "undeclared", "superuser", "membership", "owns-object", ...
    role: str  # the declared role; "public" for PUBLIC
    what: str  # what it is about: "DELETE, UPDATE on table public.chunks"; `accept:` names it with the code
    message: str  # why this is more, or less, than declared; one sentence, lower case
    statements: tuple[str, ...] = ()  # that end it, in order; empty when no statement can, see hint
    hint: str = ""  # what a person can do when there is no statement, or must know before running it
    automatic: bool = True  # whether --apply runs the statements; False for all that drops objects or reads rows
    location: Location | None = None  # of the declaration
    phase: Phase = Phase.REVOKE
    depth: int = 0  # length of the chain of grantors; within a phase the statements of greater depth run first
