"""PostgreSQL's own grammar (libpg_query), behind one module: nothing else imports the package that binds it.

Parse trees are libpg_query's protobuf messages: nodes, fields and enumerations bear PostgreSQL's names, whatever
package hands them out. Another binding of libpg_query replaces this module and nothing more. The binding is imported
on first use, for most commands parse nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Tree = Any  # a protobuf message of libpg_query
Node = Any


class SqlSyntaxError(Exception):
    """The grammar refuses a text."""

    def __init__(self, message: str, cursorpos: int = 0) -> None:
        super().__init__(message)
        self.message = message  # in PostgreSQL's words: 'syntax error at or near "from"'
        self.cursorpos = cursorpos  # in characters, from 1; 0 where it is not known


class NestingError(RecursionError):
    """A text is nested more deeply than a parse tree can be handed over."""


def parse(sql: str) -> Tree:
    """The parse tree, with ``stmts``. Raises SqlSyntaxError, and NestingError (a RecursionError) for its depth."""
    import postgast
    from google.protobuf.message import DecodeError

    try:
        return postgast.parse(sql)
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(error.message, error.cursorpos) from None
    except DecodeError:
        raise NestingError("nested too deeply") from None


def parse_plpgsql(sql: str) -> Any:
    """The bodies of CREATE FUNCTION statements in PL/pgSQL, as nested lists and mappings. Raises SqlSyntaxError."""
    import postgast

    try:
        return postgast.parse_plpgsql(sql)
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(error.message, error.cursorpos) from None


def deparse(tree: Tree) -> str:
    """A parse tree as SQL."""
    import postgast

    return str(postgast.deparse(tree))


def scan(sql: str) -> list[Any]:
    """The tokens, each with ``start`` and ``end`` in bytes. Raises SqlSyntaxError."""
    import postgast

    try:
        return list(postgast.scan(sql).tokens)
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(error.message, error.cursorpos) from None


def split(script: str) -> list[str]:
    """The statements of a script. Raises SqlSyntaxError."""
    import postgast

    try:
        return list(postgast.split(script))
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(error.message, error.cursorpos) from None


def walk(tree: Tree) -> Iterator[Node]:
    """Every node below and including ``tree``."""
    import postgast

    return (node for _, node in postgast.walk(tree))


def enum_name(enumeration: str, value: int) -> str:
    """The name of an enumeration's value: ``enum_name("ObjectType", 20)`` is "OBJECT_INDEX"."""
    import postgast

    return str(getattr(postgast.pg_query_pb2, enumeration).Name(value))


def enum_value(name: str) -> int:
    """The number of an enumeration's value: ``enum_value("SORTBY_DESC")``."""
    import postgast

    return int(getattr(postgast.pg_query_pb2, name))
