"""The vector indexes of a database as values: what each is over, how it was made, and the search that it answers.

Nothing here changes anything. Names are as the catalog has them, unquoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from minerva_promote.database import read_only as reads
from minerva_promote.database.catalog import Row, fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, sql_text

TEMPORARY = "promote_new_"  # of an index that is being built anew; followed by the number of the one it replaces
_LEFT_BY_REINDEX = re.compile(r"_cc(new|old)[0-9]*$")
COUNT_ALL = 1_000_000  # rows by estimate, up to which they are counted
SAMPLED = 20_000  # rows of the sample from which the rows at build are estimated
DEFAULTS = {"ivfflat": {"lists": 100}, "hnsw": {"m": 16, "ef_construction": 64}}


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """One ivfflat or hnsw index."""

    oid: int
    schema: str
    name: str
    table: str
    method: str  # "ivfflat", "hnsw"
    opclass: str
    opclass_schema: str
    expression: str  # what is indexed, as SQL: "embedding", "((embedding)::halfvec(3))"
    type: str  # of that, with its length: "vector(1536)"
    base_type: str  # "vector", "halfvec", "sparsevec", "bit"
    dimensions: int  # -1: any
    is_expression: bool
    column: str  # that it is over, also inside an expression; empty when that is not one vector column
    predicate: str  # of a partial index
    operator: str  # that it answers: "<=>"
    options: Mapping[str, int]  # as they are in force: lists; m, ef_construction
    tablespace: str  # empty: the database's
    valid: bool  # and ready, and live
    building: bool  # it is not valid yet: another session builds it
    of_partition: bool  # attached to an index of the partitioned table
    pages: int
    size: int  # bytes
    filenode: int
    estimate: int  # rows of the table, by its statistics
    readable: bool  # the current role may SELECT from the table
    comment: str

    @property
    def qualified(self) -> str:
        """The name with its schema, as SQL."""
        return sql_text(sql.Identifier(self.schema, self.name))

    @property
    def table_sql(self) -> str:
        """The table with its schema, as SQL."""
        return sql_text(sql.Identifier(self.schema, self.table))

    @property
    def over(self) -> str:
        """What it is over, for a sentence: "chunks.embedding", "chunks.((embedding)::halfvec(3))"."""
        return f"{self.table}.{self.column if not self.is_expression else self.expression}"

    @property
    def parameters(self) -> str:
        """ "lists = 100", "m = 16, ef_construction = 64"."""
        return ", ".join(f"{name} = {value}" for name, value in self.options.items())

    @property
    def lists(self) -> int:
        """Of an ivfflat index; 0 for another."""
        return self.options.get("lists", 0)

    @property
    def leftover(self) -> bool:
        """What an interrupted REINDEX CONCURRENTLY, or an interrupted build of ours, left behind."""
        if self.building:
            return False
        return self.name.startswith(TEMPORARY) or (not self.valid and bool(_LEFT_BY_REINDEX.search(self.name)))

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a check reports of it, for JSON."""
        return {
            "schema": self.schema,
            "index": self.name,
            "table": self.table,
            "method": self.method,
            "opclass": self.opclass,
            "valid": self.valid,
            "operator": self.operator,
            "column": self.expression,
            "predicate": self.predicate,
            "pages": self.pages,
        }

    def search(self, limit: int) -> bytes:
        """The search that the index was made for: the nearest rows to $1, and nothing around the distance."""
        where = f" WHERE {self.predicate}" if self.predicate else ""
        near = f"ORDER BY {self.expression} {self.operator} $1::{self.type}"
        return f"SELECT ctid::text AS row FROM {self.table_sql}{where} {near} LIMIT {limit}".encode()

    def sample(self, count: int) -> bytes:
        """Stored vectors to search with, as text; the same ones each time, as long as the rows stay where they are."""
        some = ""
        if self.estimate > 10 * SAMPLED:
            some = f" TABLESAMPLE BERNOULLI ({100 * SAMPLED / self.estimate:.6f}) REPEATABLE (42)"
        where = f"{self.present}{f' AND ({self.predicate})' if self.predicate else ''}"
        # Rows are chosen by their place alone: the vectors of all others stay unread.
        chosen = (
            f"SELECT ctid FROM {self.table_sql}{some} WHERE {where} ORDER BY pg_catalog.md5(ctid::text) LIMIT {count}"
        )
        return f"SELECT ({self.expression})::text FROM {self.table_sql} WHERE ctid = ANY (ARRAY({chosen}))".encode()

    @property
    def present(self) -> str:
        """The condition that a row has a vector; of an expression over one column, that column: no vector is read."""
        return f"{sql_text(ident(self.column)) if self.column else f'({self.expression})'} IS NOT NULL"


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """A column of one of pgvector's types."""

    schema: str
    table: str
    column: str
    base_type: str
    type: str
    dimensions: int
    readable: bool
    estimate: int


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows that an index is about."""

    rows: int  # with a vector, and inside the predicate
    without: int  # without a vector: no index finds them
    built: int | None  # with a vector when the index was built; None: unknown
    recorded: bool  # built is what promote recorded; otherwise it is estimated from the rows' transactions
    exact: bool  # False: rows by statistics


def read_indexes(conn: Connection, tables: Iterable[str] | None = None) -> tuple[VectorIndex, ...]:
    """All vector indexes, or those of tables given by name, with the schema or (of public) without; one query."""
    wanted = None if tables is None else {name if "." in name else f"public.{name}" for name in tables}
    indexes = (_index(row) for row in fetch(conn, query("indexes", __package__)))
    return tuple(index for index in indexes if wanted is None or f"{index.schema}.{index.table}" in wanted)


def read_columns(conn: Connection) -> tuple[VectorColumn, ...]:
    """All columns that hold vectors; one query."""
    return tuple(VectorColumn(**row) for row in fetch(conn, query("columns", __package__)))


def _index(row: Row) -> VectorIndex:
    declared = dict(option.split("=", 1) for option in row["options"])
    known = DEFAULTS[row["method"]]
    options = {name: int(declared.get(name, default)) for name, default in known.items()}
    return VectorIndex(**{**row, "options": options})


def placeholder_index(column: VectorColumn, operator: str) -> VectorIndex:
    """Stands in for the index of a column that has none, so that its searches can be made; it has no method."""
    return VectorIndex(
        oid=0, schema=column.schema, name="", table=column.table, method="", opclass="", opclass_schema="",
        expression=sql_text(ident(column.column)), type=column.type, base_type=column.base_type,
        dimensions=column.dimensions, is_expression=False, column=column.column, predicate="", operator=operator,
        options={}, tablespace="", valid=False, building=False, of_partition=False, pages=0, size=0, filenode=0,
        estimate=column.estimate, readable=column.readable, comment="",
    )  # fmt: skip


def count_rows(conn: Connection, index: VectorIndex, count_all: int = COUNT_ALL) -> RowCounts:
    """Rows now and at build. Two queries; for a big table they are estimated from its statistics and a sample.

    Without a record, a row counts as there at build when its transaction is not younger than the index's. That holds
    for frozen rows too, and errs towards more rows where the index was renamed since.
    """
    recorded = _recorded(conn, index)
    percent = 100.0 if index.estimate <= count_all else max(0.0001, 100 * SAMPLED / index.estimate)
    whole = percent >= 100
    some = "" if whole else f" TABLESAMPLE SYSTEM ({percent:.6f})"
    where = f" WHERE {index.predicate}" if index.predicate else ""
    counts = reads.run_query(
        conn,
        f"SELECT count(*), count(*) FILTER (WHERE {index.present}),"
        f" count(*) FILTER (WHERE {index.present} AND pg_catalog.age(xmin) >= {_AGE})"
        f" FROM {index.table_sql}{some}{where}".encode(),
        [index.oid],
    )
    every, rows, old = counts.rows[0]
    scale = 1.0 if whole else 100 / percent
    return RowCounts(
        rows=round(rows * scale),
        without=round((every - rows) * scale),
        built=recorded if recorded is not None else round(old * scale),
        recorded=recorded is not None,
        exact=whole,
    )


# Of the transaction that made or rebuilt the index; ages can be compared within one statement only.
_AGE = "(SELECT pg_catalog.age(i.xmin) FROM pg_catalog.pg_class AS i WHERE i.oid = $1::oid)"
_RECORD = b"""
select rows from promote.vector_indexes
where schema_name = $1 and filenode = $3 and (index_name = $2 or table_name = $4) order by index_name <> $2 limit 1
"""
RECORDS = b"""
select pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT') as readable
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'promote' and c.relname = 'vector_indexes'
"""


def _recorded(conn: Connection, index: VectorIndex) -> int | None:
    """The rows that promote recorded when it built the index; None for another build. The name may have changed."""
    if reads.run_query(conn, RECORDS).rows != ((True,),):
        return None
    parameters = [index.schema, index.name, index.filenode, f"{index.schema}.{index.table}"]
    rows = reads.run_query(conn, _RECORD, parameters).rows
    return int(rows[0][0]) if rows else None
