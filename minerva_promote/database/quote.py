"""Names and values inside statements: the only place that quotes them, through psycopg.

Names come unquoted; one without a schema is in ``public``.
"""

from __future__ import annotations

from psycopg import sql

DEFAULT_SCHEMA = "public"


def split(name: str) -> tuple[str, str]:
    """Schema and object: ``("promote", "events")`` for "promote.events", ``("public", "books")`` for "books"."""
    schema, dot, rest = name.partition(".")
    return (schema, rest) if dot else (DEFAULT_SCHEMA, name)


def name_of(schema: str, relation: str) -> str:
    """What a table is called in the contract and in messages: without its schema where that is ``public``."""
    return relation if schema == DEFAULT_SCHEMA else f"{schema}.{relation}"


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
