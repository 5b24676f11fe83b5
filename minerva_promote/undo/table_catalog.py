"""The tables whose rows go or come again, as the database has them now; keys as array parameters of statements."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from psycopg import sql

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, name_of, split
from minerva_promote.exportfile.value_display import display

Wire = bytes | None
Key = tuple[Wire, ...]

query_text = partial(query, package=__package__ or "")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: str  # as format_type() prints it
    oid: int  # of the type
    array_oid: int  # of its array type; 0 for a type without one
    is_array: bool
    generated: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the database."""

    name: str  # as the contract and messages call it: "books"; "other.notes" outside of schema public
    oid: int
    schema: str
    relation: str  # its name without the schema
    partitioned: bool
    row_security: bool  # rows could be hidden from the current role
    lacking: tuple[str, ...]  # privileges that a removal takes and the current role has not
    columns: Mapping[str, Column]
    key: tuple[str, ...]  # the primary key; empty where there is none

    @property
    def source(self) -> sql.Composable:
        """The table in a FROM: without tables that inherit from it, whose keys are their own."""
        name = sql.Identifier(self.schema, self.relation)
        return name if self.partitioned else sql.SQL("only {}").format(name)

    @property
    def stored(self) -> tuple[str, ...]:
        """The columns that hold what was written; generated ones follow from them."""
        return tuple(name for name, column in self.columns.items() if not column.generated)

    def shown(self, key: Sequence[Wire], columns: Sequence[str]) -> str:
        """The values of some columns as a person reads them."""
        return ", ".join(display(value, self.columns[name].type) for name, value in zip(columns, key, strict=True))


def read_tables(conn: Connection, names: Iterable[str]) -> dict[str, Table]:
    """Those of the named tables that exist, by the name they are called."""
    pairs = sorted({split(name) for name in names})
    wanted = {"schemas": [schema for schema, _ in pairs], "names": [name for _, name in pairs]}
    found = {}
    for row in fetch(conn, query_text("tables"), wanted):
        columns = {each["name"]: Column(**each) for each in row["columns"]}
        name = name_of(row["schema"], row["name"])
        found[name] = Table(
            name,
            row["oid"],
            row["schema"],
            row["name"],
            row["partitioned"],
            row["row_security"],
            tuple(row["lacking"]),
            columns,
            tuple(row["key"]),
        )
    return found


def encode_array(oid: int, values: Sequence[Wire]) -> bytes:
    """The wire form of a one-dimensional array of values of the type ``oid``."""
    if not values:
        return struct.pack(">iii", 0, 0, oid)
    parts = [struct.pack(">iiiii", 1, int(None in values), oid, len(values), 1)]
    for value in values:
        parts.append(b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value)
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class KeyArrays:
    """Values of some columns of many rows, as parameters: an array each column, unnested side by side."""

    types: list[int]
    values: list[Wire]
    alias: str
    columns: tuple[str, ...]
    first: int  # the number of the first parameter

    @property
    def source(self) -> sql.Composable:
        """``unnest($1, $2) as g (k1, k2)``."""
        numbers = [sql.SQL(f"${self.first + place}") for place in range(len(self.types))]
        names = [ident(f"k{place}") for place in range(len(self.types))]
        return sql.SQL("unnest({}) as {} ({})").format(
            sql.SQL(", ").join(numbers), ident(self.alias), sql.SQL(", ").join(names)
        )

    def equal(self, table: str, *, nulls: bool = False) -> sql.Composable:
        """``g.k1 = t.id and …``; with ``nulls``, those are equal too."""
        operator = sql.SQL(" is not distinct from " if nulls else " = ")
        return sql.SQL(" and ").join(
            sql.SQL("{}{}{}").format(sql.Identifier(self.alias, f"k{place}"), operator, sql.Identifier(table, column))
            for place, column in enumerate(self.columns)
        )


def key_arrays(
    table: Table, columns: Sequence[str], rows: Sequence[Key], *, alias: str = "going", first: int = 1
) -> KeyArrays:
    """The parameters for rows of these columns of a table."""
    types = [table.columns[name] for name in columns]
    values: list[Wire] = [encode_array(each.oid, [row[place] for row in rows]) for place, each in enumerate(types)]
    return KeyArrays([each.array_oid for each in types], values, alias, tuple(columns), first)


def column_list(columns: Sequence[str], table: str | None = None) -> sql.Composable:
    """``id, book_id``, of a table where one is given."""
    return sql.SQL(", ").join(ident(name) if table is None else sql.Identifier(table, name) for name in columns)


def statement_bytes(statement: sql.Composable) -> bytes:
    """The statement for the wire."""
    return statement.as_bytes(None)


def table_name(conn: Connection, oid: int) -> str:
    """How messages call the table with this oid."""
    statement = (
        b"select n.nspname::text as schema, c.relname::text as name from pg_catalog.pg_class c"
        b" join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = %(oid)s"
    )
    row = fetch(conn, statement, {"oid": oid})[0]
    return name_of(row["schema"], row["name"])


class Batches:
    """Places of rows, as many at a time as are some megabytes: a row may be some bytes or many megabytes."""

    MOST_ROWS = 250
    BYTES = 4 << 20

    def __init__(self, count: int) -> None:
        self._count = count
        self._rows = 10

    def __iter__(self) -> Iterator[slice]:
        begin = 0
        while begin < self._count:
            batch = slice(begin, min(begin + self._rows, self._count))
            yield batch
            begin = batch.stop

    def adapt(self, rows: Sequence[Key]) -> None:
        """How big the last ones were."""
        size = sum(len(value) for row in rows for value in row if value is not None)
        self._rows = max(1, min(self.MOST_ROWS, self.BYTES * len(rows) // max(1, size)))
