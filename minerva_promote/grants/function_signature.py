"""Resolves a function declared as "publish(uuid, int)"; the server's own parser raises an error on unknown types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from minerva_promote.database.quote import DEFAULT_SCHEMA

# Type names that PostgreSQL's grammar translates; all others keep their name.
_TYPE_ALIASES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "bool": "boolean",
    "dec": "numeric",
    "decimal": "numeric",
    "float": "double precision",
    "float8": "double precision",
    "float4": "real",
    "char": "character",
    "nchar": "character",
    "national char": "character",
    "national character": "character",
    "bpchar": "character",
    "varchar": "character varying",
    "char varying": "character varying",
    "nchar varying": "character varying",
    "national char varying": "character varying",
    "national character varying": "character varying",
    "varbit": "bit varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
}
_PARTS = re.compile(r'"(?:[^"]|"")*"|\([^()]*\)|[^,"()]+|,')  # of the arguments
_ARRAY = re.compile(r"(?: ?\[\d*\])+$| array(?: ?\[\d*\])?$")


@dataclass(frozen=True, slots=True)
class Signature:
    """A function by its name and the types of its arguments."""

    text: str  # as it was read
    name: str  # unquoted: "public.publish"
    types: tuple[str, ...]  # as the server writes them, without "pg_catalog."; without a schema it may be in any

    @classmethod
    def read(cls, text: str) -> Signature:
        """Parse the text; without parentheses the function takes no arguments."""
        name, _, rest = text.partition("(")
        name = name.strip()
        arguments = rest.rpartition(")")[0].strip()
        types = tuple(map(_type, _split(arguments))) if arguments else ()
        return cls(text, name if "." in name else f"{DEFAULT_SCHEMA}.{name}", types)

    def among(self, candidates: Iterable[Signature]) -> Signature | None:
        """The candidate of the same name with exactly these types, or the only one with them in some schema."""
        matches = [
            other
            for other in candidates
            if len(other.types) == len(self.types) and all(map(_same, self.types, other.types))
        ]
        exact = [other for other in matches if other.types == self.types]
        return exact[0] if exact else matches[0] if len(matches) == 1 else None


def _split(arguments: str) -> list[str]:
    """The arguments one by one: a comma in quotes or parentheses does not end one."""
    parts = [""]
    for part in _PARTS.findall(arguments):
        if part == ",":
            parts.append("")
        elif not part.startswith("("):  # numeric(10,2) is numeric
            parts[-1] += part if part.startswith('"') else part.lower()
    return parts


def _type(text: str) -> str:
    text = " ".join(text.split())
    element = _ARRAY.sub("", text)
    name = element.removeprefix("pg_catalog.")
    return _TYPE_ALIASES.get(name, name) + ("[]" if element != text else "")


def _same(requested: str, existing: str) -> bool:
    return existing == requested or existing.endswith(f".{requested}")
