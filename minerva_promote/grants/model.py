"""The words of this layer: what a privilege is held on, by whom, and what of it is not as declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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


_DEFAULT = re.compile(r"((?:[^/]|//)*)/(.*)", re.DOTALL)


def default_name(owner: str, schema: str) -> str:
    """The name of default privileges: "owner/schema", "owner/" for every schema; a "/" of the owner stands twice."""
    return f"{owner.replace('/', '//')}/{schema}"


def default_parts(name: str) -> tuple[str, str]:
    """Owner and schema of such a name."""
    found = _DEFAULT.fullmatch(name)
    return (found[1].replace("//", "/"), found[2]) if found else (name, "")


PrivilegesBySlot = Mapping[Slot, frozenset[str]]  # the privileges of every slot; a slot without any is left out


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a role is not what is declared, and what ends it."""

    code: str  # stable kebab-case: "missing", "undeclared", "superuser", "membership", "owns-object", ...
    role: str  # the declared role; "public" for PUBLIC
    what: str  # what it is about: "DELETE, UPDATE on table public.chunks"; with the code it names an `accept:` entry
    fact: str  # why this is more, or less, than declared; one sentence, lower case
    statements: tuple[str, ...] = ()  # what ends it, in order; empty when nothing can, see help
    help: str = ""  # the way out where statements are none, or must be run by a person
    automatic: bool = True  # whether --apply runs the statements; never what drops an object or checks stored rows
    at: Location | None = None  # where it is declared
    phase: int = 5  # statements run in the order of the phases below
    depth: int = 0  # of one phase the deepest run first: what was given on goes before what it was given from


# Statements of a lower phase run first: a role exists before it gets anything, what others gave goes before the right
# to give, and a REVOKE on a table takes the privileges on its columns along, so that grants come after it.
MAKE, ATTRIBUTES, OWNERSHIP, OTHERS, TAKE, OPTIONS, GIVE, END = range(1, 9)
