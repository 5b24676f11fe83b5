"""The whole schema of one database, read from the catalogs in one snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import psycopg

from minerva_promote.config.schema_aspects import KINDS, ON_COLUMNS, Fact
from minerva_promote.database import catalog
from minerva_promote.database.catalog import Row
from minerva_promote.database.connection import REPEATABLE_READ, Connection
from minerva_promote.errors import TargetError
from minerva_promote.schema_diff.model import Entity, Schema, index_by_key
from minerva_promote.search.index_builds import applied_builds

OLDEST_MAJOR = 15  # major release; older catalogs lack columns that the queries read
ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
MATCHES = {"s": "simple", "f": "full", "p": "partial"}
_NAME = re.compile(r'"(?:[^"]|"")*"|[^\s.(]+')
HIGHEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}

# jit would take longer than it saves. PostgreSQL ignores a schema in search_path without USAGE on it.
_SETTINGS = b"""
WITH vector AS (
    SELECT pg_catalog.quote_ident(n.nspname) AS name, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector' AND n.nspname <> 'public'
)
SELECT pg_catalog.set_config('jit', 'off', true) AS jit,
    pg_catalog.set_config('search_path',
        pg_catalog.concat_ws(', ', 'public', (SELECT name FROM vector), 'pg_temp'), true) AS path,
    (SELECT name FROM vector WHERE NOT usable) AS unusable
"""


def inspect(conn: Connection) -> Schema:
    """Read every object outside the system schemas and the ledger's schema, for any role. Sixteen queries.

    The queries share one read-only snapshot unless ``conn`` is in a transaction already. Objects in public and in
    pgvector's schema are named without it, whatever search_path is. Raises TargetError.
    """
    with _snapshot_transaction(conn):
        server = catalog.server(conn)
        major = server.version_num // 10_000
        if major < OLDEST_MAJOR:
            raise TargetError(
                f"database {server.database} is on PostgreSQL {major}: schemas are compared from {OLDEST_MAJOR} on",
                hint="compare after the server was upgraded",
            )
        unusable = catalog.fetch(conn, _SETTINGS)[0]["unusable"]
        revisions = catalog.revisions(conn)
        entities = _entities(conn, revisions)
        return Schema(index_by_key(_unqualify_schema(unusable, entities) if unusable else entities), major, revisions)


def _unqualify_schema(schema: str, entities: Iterable[Entity]) -> Iterator[Entity]:
    """The objects with ``schema.`` removed from names and facts; the schema of each object stays."""
    prefix = re.compile(rf"""(?<![\w$".]){re.escape(schema)}\.""")

    def unqualified(value: Fact) -> Fact:
        if isinstance(value, tuple):
            return tuple(prefix.sub("", entity) for entity in value)
        return prefix.sub("", value) if isinstance(value, str) else value

    for entity in entities:
        facts = {aspect: unqualified(fact) for aspect, fact in entity.facts.items()}
        yield replace(entity, name=prefix.sub("", entity.name), facts=facts, sql=prefix.sub("", entity.sql))


@contextmanager
def _snapshot_transaction(conn: Connection) -> Iterator[None]:
    if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        yield
        return
    with conn.transaction(isolation=REPEATABLE_READ + b", read only"):
        yield


def _fetch(conn: Connection, name: str) -> list[Row]:
    return catalog.fetch(conn, catalog.query(name, __package__ or ""))


def _entities(conn: Connection, revisions: tuple[str, ...] | None) -> Iterator[Entity]:
    if revisions is not None:
        yield Entity("revision", "", "", "revision", _facts("revision", {"at": revisions}))
    for row in _fetch(conn, "schemas"):
        yield Entity("schema", "", "", row["name"])
    for row in _fetch(conn, "extensions"):
        row["in_schema"] = row.pop("schema")
        yield Entity("extension", "", "", row.pop("name"), _facts("extension", row))
    for row in _fetch(conn, "types"):
        yield from _standalone([row], "collation" if row["type"] == "collation" else "type")
    relations = _fetch(conn, "relations")
    relation_names = {(row["schema"], row["name"]) for row in relations}  # without those of extensions
    for row in relations:
        yield from _standalone([row], row.pop("kind"))
    for row in _rows_of_relations(relation_names, _fetch(conn, "columns")):
        yield _table_part(row, "column", (row["name"],))
    yield from map(_constraint, _rows_of_relations(relation_names, _fetch(conn, "constraints")))
    applied = applied_builds(conn)
    for row in _rows_of_relations(relation_names, _fetch(conn, "indexes")):
        row["applied"] = (row["schema"], row["name"]) in applied
        yield _table_part(row, "index", plain_columns(row["columns"]))
    yield from map(_sequence, _fetch(conn, "sequences"))
    yield from _standalone(_fetch(conn, "functions"), "function")
    for row in _rows_of_relations(relation_names | {("", "")}, _fetch(conn, "definitions")):
        row["definition"] = _definition_without_name(row)
        yield _table_part(row, row["kind"], ())


def _rows_of_relations(known: set[tuple[str, str]], rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if (row["schema"], row["table"]) in known)


def plain_columns(keys: Iterable[str]) -> tuple[str, ...]:
    """The columns among the keys of an index; the others are expressions."""
    names = ((first_name(key), key) for key in keys)
    return tuple(_unquoted(name) for name, key in names if name and key[len(name) :][:1] in ("", " "))


def _standalone(rows: Iterable[Row], kind: str) -> Iterator[Entity]:
    """Objects that are not part of a table."""
    for row in rows:
        yield Entity(kind, row["schema"], "", row["name"], _facts(kind, row), sql=row.get("sql") or "")


def _table_part(row: Row, kind: str, columns: tuple[str, ...]) -> Entity:
    sql = row.get("sql") or ""
    return Entity(kind, row["schema"], row["table"], row["name"], _facts(kind, row), columns, sql)


def _constraint(row: Row) -> Entity:
    kind, definition, columns = row["kind"], row["definition"], tuple(row["columns"])
    row["sql"] = definition
    if kind == "foreign key":
        row |= {"on_delete": ACTIONS[row["on_delete"]], "on_update": ACTIONS[row["on_update"]]}
        row |= {"match": MATCHES[row["match"]], "period": "PERIOD " in definition}
    elif kind == "check":
        row["expression"] = definition.partition("CHECK (")[2].rpartition(")")[0]
    else:
        row |= {"valid": row["index_valid"], "without_overlaps": "WITHOUT OVERLAPS" in definition}
        row["definition"] = definition.removesuffix(" INITIALLY DEFERRED").removesuffix(" DEFERRABLE")
    row["enforced"] = not definition.endswith(" NOT ENFORCED")
    if not row["enforced"]:
        row["valid"] = True  # validity has no meaning for a constraint that is not enforced
    return _table_part(row, kind, columns if kind in ON_COLUMNS else ())


def _sequence(row: Row) -> Entity:
    """A sequence; one that a column of the same schema owns has a generated name and is identified by the column."""
    highest = HIGHEST.get(row["type"], 0)
    descending = row["increment"] < 0
    defaults = (-highest - 1, -1, -1) if descending else (1, highest, 1)
    minimum, maximum, start = row["minimum"], row["maximum"], row["start"]
    row |= {
        "minimum": "" if minimum == defaults[0] else str(minimum),
        "maximum": "" if maximum == defaults[1] else str(maximum),
        "start": "1" if start == defaults[2] else str(start),
        "increment": str(row["increment"]),
        "cache": str(row["cache"]),
    }
    if row["column"] is None:
        return Entity("sequence", row["schema"], "", row["name"], _facts("sequence", row))
    if row["table_schema"] != row["schema"]:
        row["owned_by"] = f"{row['table_schema']}.{row['table']}.{row['column']}"
        return Entity("sequence", row["schema"], "", row["name"], _facts("sequence", row))
    facts = _facts("sequence", row)
    return Entity("sequence", row["schema"], row["table"], row["column"], facts, (row["column"],))


def _definition_without_name(row: Mapping[str, Any]) -> str:
    """The CREATE statement from behind the name of the object."""
    sql: str = row["sql"]
    for start in ("CREATE TRIGGER ", "CREATE CONSTRAINT TRIGGER ", "CREATE RULE ", "CREATE STATISTICS "):
        if sql.startswith(start):
            rest = sql.removeprefix(start)
            name = first_name(rest)
            if start.endswith("STATISTICS ") and rest[len(name) :].startswith("."):
                name += "." + first_name(rest[len(name) + 1 :])
            rest = rest[len(name) :].lstrip()
            if start == "CREATE RULE ":
                rest = rest.removeprefix("AS").lstrip()
            return f"CONSTRAINT {rest}" if "CONSTRAINT" in start else rest
    return sql


def first_name(text: str) -> str:
    """The identifier at the start of a text, with its quotes."""
    match = _NAME.match(text)
    return match[0] if match else ""


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') and name.endswith('"') else name


@cache
def _defaults(kind: str) -> tuple[tuple[str, Fact], ...]:
    kind_model = KINDS[kind]
    return tuple((aspect, kind_model.default(aspect)) for aspect in kind_model.facts.model_fields)


def _facts(kind: str, row: Mapping[str, Any]) -> dict[str, Fact]:
    """The facts of a row that differ from the default."""
    facts: dict[str, Fact] = {}
    for aspect, default in _defaults(kind):
        value = row.get(aspect)
        if value is None or value == default:
            continue
        if value.__class__ is list:
            value = tuple(value)
            if value == default:
                continue
        facts[aspect] = value
    return facts
