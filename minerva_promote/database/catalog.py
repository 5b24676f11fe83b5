"""Facts about a database: each function sends one query, or as many as it says, whatever the number of tables.

Everything is schema-qualified, so search_path does not matter. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import psycopg
from psycopg.rows import dict_row

from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of, qualified, split
from minerva_promote.database.server_errors import target_errors

REVISION_TABLE = "public.alembic_version"
REVISION_VIEW = "promote.revision"  # the same rows, for roles that may not read the table


@dataclass(frozen=True, slots=True)
class Server:
    """Who is asking, and where; about the current role unless it says otherwise."""

    version_num: int  # 180004
    in_recovery: bool  # a standby
    read_only: bool
    database: str
    encoding: str  # "UTF8"
    session_user: str
    role: str
    superuser: bool
    create_role: bool
    create_database: bool
    bypass_row_security: bool
    owns_database: bool  # itself or as a member of the owner
    may_create_schemas: bool
    may_create_temporary: bool
    vector_version: str | None  # None: the extension is not there
    vector_schema: str | None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view that exists."""

    name: str  # "public.books"
    readable: bool
    owned: bool  # by the current role, itself or as a member


@dataclass(frozen=True, slots=True)
class TablePrivileges:
    """What the current role may do with one table, however it came to it."""

    whole: frozenset[str]  # "SELECT", "INSERT", ...
    columns: Mapping[str, frozenset[str]]  # privilege -> columns; every column where the table as a whole has it

    def allows(self, privilege: str, columns: Iterable[str]) -> bool:
        """True when the role may do it with all of these columns."""
        return privilege in self.whole or frozenset(columns) <= self.columns.get(privilege, frozenset())


@dataclass(frozen=True, slots=True)
class SideEffect:
    """Something that happens, or may be prevented, when a row is written."""

    table: str
    kind: str  # "trigger", "rule", "row security"
    name: str
    definition: str


@cache
def query(name: str, package: str = __package__ or "") -> bytes:
    """The text of ``sql/NAME.sql`` of a package."""
    return resources.files(package).joinpath("sql", f"{name}.sql").read_bytes()


Row = dict[str, Any]  # by column name


def fetch(
    conn: Connection,
    statement: Any,
    parameters: Mapping[str, Any] | Sequence[Any] | None = None,
    doing: str = "reading the catalog",
) -> list[Row]:
    """All rows of a query, by column name; a driver error becomes a TargetError."""
    with target_errors(doing), conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def server(conn: Connection) -> Server:
    """The server, the database and the current role."""
    return Server(**fetch(conn, query("server"))[0])


def relations(conn: Connection, names: Iterable[str]) -> Mapping[str, Relation]:
    """Those of the named tables and views that exist, by qualified name."""
    rows = fetch(conn, query("relations"), _split_all(names))
    return {
        name: Relation(name, row["readable"], row["owned"])
        for row in rows
        for name in [f"{row['schema']}.{row['name']}"]
    }


def live_snapshot(conn: Connection, tables: Iterable[str]) -> Snapshot:
    """Columns, keys and unique sets of tables; one that is missing is left out. Two queries."""
    wanted = table_parameters(sorted(set(tables)))
    columns: dict[str, dict[str, Column]] = {}
    for row in fetch(conn, query("columns"), wanted):
        table = row.pop("table")
        columns.setdefault(table, {})[row["name"]] = Column(**{**row, "labels": tuple(row["labels"])})
    primary: dict[str, tuple[str, tuple[str, ...]]] = {}
    unique: dict[str, list[tuple[str, ...]]] = {}
    for row in fetch(conn, query("keys"), wanted):
        if row["is_primary"]:
            primary[row["table"]] = (row["name"], tuple(row["columns"]))
        else:
            unique.setdefault(row["table"], []).append(tuple(row["columns"]))
    snapshot_tables = {}
    for name, its_columns in columns.items():
        key_name, key = primary.get(name, ("", ()))
        snapshot_tables[name] = Table(name, its_columns, key, key_name, tuple(unique.get(name, ())))
    return Snapshot(snapshot_tables, conn.info.dbname)


def revisions(conn: Connection, table: str = REVISION_TABLE) -> tuple[str, ...] | None:
    """The migration revisions the database says it is at: one, none, or several; None when the role may not look.

    Read from Alembic's table, or from the ledger's view of it. Two queries.
    """
    present = relations(conn, (table, REVISION_VIEW))
    if not present:
        return ()
    readable = next((name for name in (table, REVISION_VIEW) if name in present and present[name].readable), None)
    if readable is None:
        return None
    rows = fetch(conn, _select("version_num", readable))
    return tuple(sorted(row["version_num"] for row in rows))


def table_privileges(conn: Connection, tables: Iterable[str]) -> Mapping[str, TablePrivileges]:
    """What the current role may do with those of the tables that exist, by qualified name."""
    whole: dict[str, set[str]] = {}
    columns: dict[str, dict[str, frozenset[str]]] = {}
    for row in fetch(conn, query("privileges"), _split_all(tables)):
        name = f"{row['schema']}.{row['name']}"
        privileges = whole.setdefault(name, set())
        if row["whole"]:
            privileges.add(row["privilege"])
        columns.setdefault(name, {})[row["privilege"]] = frozenset(row["columns"])
    return {name: TablePrivileges(frozenset(whole[name]), columns[name]) for name in whole}


def side_effects(conn: Connection, tables: Iterable[str]) -> tuple[SideEffect, ...]:
    """Enabled triggers, rules and row security of tables."""
    rows = fetch(conn, query("side_effects"), table_parameters(sorted(set(tables))))
    return tuple(SideEffect(**row) for row in rows)


def definitions(conn: Connection, tables: Iterable[str]) -> tuple[str, ...]:
    """What tables do with a row beyond types and keys, one definition after the other."""
    parameters = table_parameters(sorted(set(tables)))
    return tuple(row["definition"] for row in fetch(conn, query("definitions"), parameters))


def existing_roles(conn: Connection, names: Iterable[str]) -> frozenset[str]:
    """Those of the named roles that the server has."""
    statement = b"SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY (%(names)s::text[])"
    return frozenset(row["name"] for row in fetch(conn, statement, {"names": sorted(set(names))}))


def databases(conn: Connection) -> frozenset[str]:
    """The databases of the server."""
    return frozenset(row["datname"] for row in fetch(conn, b"SELECT datname::text FROM pg_catalog.pg_database"))


def table_parameters(tables: Iterable[str]) -> Mapping[str, list[str]]:
    """The parameters of the queries over tables: their names as the contract has them, and the parts of these."""
    names = [name_of(*split(table)) for table in tables]
    parts = [split(name) for name in names]
    return {
        "tables": names,
        "schemas": [schema for schema, _ in parts],
        "relations": [relation for _, relation in parts],
    }


def _split_all(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    pairs = sorted({split(name) for name in names})
    return {"schemas": [schema for schema, _ in pairs], "names": [name for _, name in pairs]}


def _select(column: str, relation: str) -> psycopg.sql.Composed:
    return psycopg.sql.SQL("SELECT {}::text FROM {}").format(psycopg.sql.Identifier(column), qualified(relation))
