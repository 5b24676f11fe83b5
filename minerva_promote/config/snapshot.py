"""Columns and keys of the contract's tables, recorded in a file or read from a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: str  # as format_type() prints it: "uuid", "character varying(255)", "vector(1536)", "uuid[]"
    not_null: bool = False
    has_default: bool = False  # a default, an identity, or generated
    generated: bool = False  # computed from other columns: not writable
    identity_always: bool = False  # GENERATED ALWAYS AS IDENTITY: written with OVERRIDING SYSTEM VALUE
    labels: tuple[str, ...] = ()  # of an enum, in order
    base: str = ""  # of a domain: the type below it; "" for any other type
    default: str = field(default="", compare=False)  # its expression, as the server prints it; "" without one

    @property
    def numbered(self) -> bool:
        """Whether a sequence gives the value of a row that names none: an identity or a serial column."""
        return self.has_default and (not self.default or self.default.startswith("nextval("))

    @property
    def value_type(self) -> str:
        """The type whose values the column holds: of a domain, the type below it."""
        return self.base or self.type


@dataclass(frozen=True, slots=True)
class Table:
    """One table of schema public."""

    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...] = ()
    primary_key_name: str = ""  # "books_pkey"
    unique: tuple[tuple[str, ...], ...] = ()  # other unique sets over plain columns


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tables that a contract names, as a database has them."""

    tables: Mapping[str, Table]
    source: str  # the file or the environment it was read from
    revision: tuple[str, ...] | None = field(default=None, compare=False)  # of its migrations; None: not read
    environment: str = field(default="", compare=False)  # that a file was written from
    kind: str = field(default="", compare=False)  # of that environment
