"""The tables whose rows are removed or restored, as the database has them; keys as array parameters of statements."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from psycopg import sql

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, name_of, split
from minerva_promote.database.server_errors import execute
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
    missing_privileges: tuple[str, ...]  # of SELECT, INSERT, UPDATE, DELETE: those that the current role lacks
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

    def format_key(self, key: Sequence[Wire], columns: Sequence[str]) -> str:
        """The values of some columns as messages show them."""
        return ", ".join(display(value, self.columns[name].type) for name, value in zip(columns, key, strict=True))


def read_tables(conn: Connection, names: Iterable[str]) -> dict[str, Table]:
    """Those of the named tables that exist, by the name that messages use."""
    pairs = sorted({split(name) for name in names})
    parameters = {"schemas": [schema for schema, _ in pairs], "names": [name for _, name in pairs]}
    tables = {}
    for row in fetch(conn, query_text("tables"), parameters):
        columns = {column["name"]: Column(**column) for column in row["columns"]}
        name = name_of(row["schema"], row["name"])
        tables[name] = Table(
            name,
            row["oid"],
            row["schema"],
            row["name"],
            row["partitioned"],
            row["row_security"],
            tuple(row["missing_privileges"]),
            columns,
            tuple(row["key"]),
        )
    return tables


def lock_tables(conn: Connection, tables: Iterable[Table]) -> None:
    """Keep others from writing these tables until the transaction ends; they go on reading."""
    for table in sorted(tables, key=lambda table: table.name):
        statement = sql.SQL("lock table {} in share row exclusive mode").format(table.source)
        execute(conn, statement, f"locking {table.name}")


def encode_array(oid: int, values: Sequence[Wire]) -> bytes:
    """The wire form of a one-dimensional array of values of the type ``oid``."""
    if not values:
        return struct.pack(">iii", 0, 0, oid)
    return struct.pack(">iiiii", 1, int(None in values), oid, len(values), 1) + b"".join(map(encode_value, values))


def encode_value(value: Wire) -> bytes:
    """A value behind its length, as arrays and COPY have it; length -1 for NULL."""
    return b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value


@dataclass(frozen=True, slots=True)
class KeyArrays:
    """Values of some columns of many rows, as parameters: one array for each column, unnested in parallel."""

    types: list[int]
    values: list[Wire]
    alias: str
    columns: tuple[str, ...]
    first: int  # the number of the first parameter

    @property
    def source(self) -> sql.Composable:
        """``unnest($1, $2) as wanted (k0, k1)``."""
        numbers = [sql.SQL(f"${self.first + index}") for index in range(len(self.types))]
        names = [ident(f"k{index}") for index in range(len(self.types))]
        return sql.SQL("unnest({}) as {} ({})").format(
            sql.SQL(", ").join(numbers), ident(self.alias), sql.SQL(", ").join(names)
        )

    def equal(self, table: str) -> sql.Composable:
        """``wanted.k0 = t.id and …``."""
        return sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(sql.Identifier(self.alias, f"k{index}"), sql.Identifier(table, column))
            for index, column in enumerate(self.columns)
        )


def key_arrays(
    table: Table, columns: Sequence[str], rows: Sequence[Key], *, alias: str = "wanted", first: int = 1
) -> KeyArrays:
    """Values of these columns of a table as parameters, the first of them ``$first``."""
    described = [table.columns[name] for name in columns]
    values: list[Wire] = [
        encode_array(column.oid, [row[index] for row in rows]) for index, column in enumerate(described)
    ]
    return KeyArrays([column.array_oid for column in described], values, alias, tuple(columns), first)


def column_list(columns: Sequence[str], table: str | None = None) -> sql.Composable:
    """``id, book_id``, or ``t.id, t.book_id`` of a table."""
    return sql.SQL(", ").join(ident(name) if table is None else sql.Identifier(table, name) for name in columns)


def statement_bytes(statement: sql.Composable) -> bytes:
    """The statement as the wire protocol takes it."""
    return statement.as_bytes(None)


def table_name(conn: Connection, oid: int) -> str:
    """The name of the table with this oid as messages use it."""
    statement = (
        b"select n.nspname::text as schema, c.relname::text as name from pg_catalog.pg_class c"
        b" join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = %(oid)s"
    )
    row = fetch(conn, statement, {"oid": oid})[0]
    return name_of(row["schema"], row["name"])


class Batches:
    """Slices of ``count`` rows, each some megabytes in size: a row may be some bytes or many megabytes."""

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
        """Fit the size of the next batches to the rows of the last one."""
        size = sum(len(value) for row in rows for value in row if value is not None)
        self._rows = max(1, min(self.MOST_ROWS, self.BYTES * len(rows) // max(1, size)))
