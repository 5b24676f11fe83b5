"""The statements of the loader, for any table of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from psycopg import sql

from minerva_promote.database.quote import ident, qualified


@lru_cache(maxsize=256)
def insert(
    table: str, columns: Sequence[str], returned: Sequence[str], rows: int, *, overriding: bool = False
) -> bytes:
    """Insert this many rows; those that any unique constraint holds back are not in what it returns.

    ``overriding``: one of the columns is GENERATED ALWAYS AS IDENTITY.
    """
    return _bytes(
        sql.SQL("insert into {} ({}){} values {} on conflict do nothing returning {}").format(
            qualified(table),
            _names(columns),
            sql.SQL(" overriding system value" if overriding else ""),
            _parameters(rows, len(columns)),
            _names(returned),
        )
    )


@lru_cache(maxsize=256)
def select(table: str, columns: Sequence[str], where: Sequence[str], rows: int) -> bytes:
    """The columns of the rows that have one of this many values in the ``where`` columns."""
    return _bytes(
        sql.SQL("select {} from {} where ({}) in ({})").format(
            _names(columns), qualified(table), _names(where), _parameters(rows, len(where))
        )
    )


@lru_cache(maxsize=256)
def values(types: Sequence[str], rows: int) -> bytes:
    """This many rows of parameters as the server reads them; a type with a modifier has a cast, another is "" here."""
    numbers = iter(range(1, rows * len(types) + 1))
    lists = (", ".join(f"${next(numbers)}" + (f"::{name}" if name else "") for name in types) for _ in range(rows))
    return ("values " + ", ".join(f"({part})" for part in lists)).encode()


def types_of(table: str) -> bytes:
    """Name and type oid of every column."""
    return _bytes(
        sql.SQL(
            "select attname::text, atttypid::oid from pg_catalog.pg_attribute"
            " where attrelid = {}::pg_catalog.regclass and attnum > 0 and not attisdropped"
        ).format(sql.Literal(_text(qualified(table))))
    )


def _parameters(rows: int, width: int) -> sql.SQL:
    """($1, $2), ($3, $4) …"""
    numbers = iter(range(1, rows * width + 1))
    return sql.SQL(", ".join("(" + ", ".join(f"${next(numbers)}" for _ in range(width)) + ")" for _ in range(rows)))


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(ident, columns))


def _text(statement: sql.Composable) -> str:
    return statement.as_string(None)


def _bytes(statement: sql.Composable) -> bytes:
    return statement.as_bytes(None)
