"""Names and values inside statements: the only place that quotes them, through psycopg.

Names come unquoted; one without a schema is in ``public``.
"""

from __future__ import annotations

import re

from psycopg import sql

DEFAULT_SCHEMA = "public"
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def split(name: str) -> tuple[str, str]:
    """Schema and object: ``("promote", "events")`` for "promote.events", ``("public", "books")`` for "books"."""
    schema, dot, rest = name.partition(".")
    return (schema, rest) if dot else (DEFAULT_SCHEMA, name)


def name_of(schema: str, relation: str) -> str:
    """What a table is called in the contract and in messages: without its schema where that is ``public``."""
    return relation if schema == DEFAULT_SCHEMA else f"{schema}.{relation}"


def full_name(name: str) -> str:
    """The table with its schema in any case: "public.books"."""
    return ".".join(split(name))


def sql_name(name: str) -> str:
    """The table for a statement that a person reads: parts in quotes only where they need them, all parts as given."""
    return ".".join(
        part if _PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in name.split(".", 1)
    )


def ident(name: str) -> sql.Identifier:
    """One name: a role, a database, a schema, a column."""
    return sql.Identifier(name)


def qualified(name: str) -> sql.Identifier:
    """A table or sequence with its schema."""
    return sql.Identifier(*split(name))


def literal(value: object) -> sql.Literal:
    """A constant, for statements that take no parameters (DDL)."""
    return sql.Literal(value)


def sql_text(statement: sql.Composable) -> str:
    """The statement as one reads it; without a connection, so only for names and plain ASCII constants."""
    return statement.as_string(None)
