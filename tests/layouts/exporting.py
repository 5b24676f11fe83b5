"""Rows of a database as an export file: one INSERT a row, every value as the text that the server prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import sql

from tests.servers import Database

_COLUMNS = """
select a.attname::text from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
"""


def export(database: Database, tables: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    """The rows of these tables (as SQL names them, with their keys), as a file."""
    parts = ["begin;"]
    with database.connect() as conn:
        for table, key in tables:
            columns = [name for (name,) in conn.execute(_COLUMNS, (table,))]
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
            rows: list[Any] = conn.execute(
                sql.SQL("select {} from {} order by 1").format(texts, sql.SQL(table))
            ).fetchall()
            target = sql.SQL(", ").join(map(sql.Identifier, key)).as_string(None)
            for row in rows:
                values = ", ".join("NULL" if value is None else sql.quote(value) for value in row)
                parts.append(
                    f"insert into {table} ({names.as_string(None)}) values ({values}) on conflict ({target}) do nothing;"
                )
    return "\n".join((*parts, "commit;", ""))


def contents(database: Database, table: str) -> list[str]:
    """Every row of a table, as text."""
    with database.connect() as conn:
        return [text for (text,) in conn.execute(f"select t::text from {table} t order by 1")]
