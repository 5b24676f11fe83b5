"""The whole schema of one database, read at once."""

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
from minerva_promote.schema_diff.model import Entity, Schema, indexed
from minerva_promote.search.index_builds import applied_builds

OLDEST = 15  # major release whose catalogs have all that is asked
ACTIONS = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
MATCHES = {"s": "simple", "f": "full", "p": "partial"}
_NAME = re.compile(r'"(?:[^"]|"")*"|[^\s.(]+')
HIGHEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}

# jit would take longer than it saves. A schema that the role may not use is in no search_path that has it.
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
    """Every object outside the server's own schemas and the ledger's; whichever role asks. Sixteen queries.

    All of it is of one moment and read-only, unless the connection is in a transaction of its own. Names of public and
    of pgvector's schema are told without it, whatever search_path is. Raises TargetError.
    """
    with _one_moment(conn):
        session = _fetch(conn, "session")[0]
        major = session["version_num"] // 10_000
        if major < OLDEST:
            raise TargetError(
                f"database {session['database']} is on PostgreSQL {major}: schemas are compared from {OLDEST} on",
                hint="compare after the server was upgraded",
            )
        unusable = catalog.fetch(conn, _SETTINGS)[0]["unusable"]
        revisions = catalog.revisions(conn)
        entities = _entities(conn, revisions)
        return Schema(indexed(_without(unusable, entities) if unusable else entities), major, revisions)


def _without(schema: str, entities: Iterable[Entity]) -> Iterator[Entity]:
    """The objects with the names of a schema told without it; it itself, and what is in it, as they are."""
    prefix = re.compile(rf"""(?<![\w$".]){re.escape(schema)}\.""")

    def bare(value: Fact) -> Fact:
        if isinstance(value, tuple):
            return tuple(prefix.sub("", each) for each in value)
        return prefix.sub("", value) if isinstance(value, str) else value

    for each in entities:
        facts = {aspect: bare(fact) for aspect, fact in each.facts.items()}
        yield replace(each, name=prefix.sub("", each.name), facts=facts, sql=prefix.sub("", each.sql))


@contextmanager
def _one_moment(conn: Connection) -> Iterator[None]:
    if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        yield
        return
    with conn.transaction(how=REPEATABLE_READ + b", read only"):
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
        yield from _standing([row], "collation" if row["type"] == "collation" else "type")
    relations = _fetch(conn, "relations")
    known = {(row["schema"], row["name"]) for row in relations}  # not those of extensions
    for row in relations:
        yield from _standing([row], row.pop("kind"))
    for row in _among(known, _fetch(conn, "columns")):
        yield _of_table(row, "column", (row["name"],))
    yield from map(_constraint, _among(known, _fetch(conn, "constraints")))
    applied = applied_builds(conn)
    for row in _among(known, _fetch(conn, "indexes")):
        row["applied"] = (row["schema"], row["name"]) in applied
        yield _of_table(row, "index", plain_columns(row["columns"]))
    yield from map(_sequence, _fetch(conn, "sequences"))
    yield from _standing(_fetch(conn, "functions"), "function")
    for row in _among(known | {("", "")}, _fetch(conn, "definitions")):
        row["definition"] = _without_name(row)
        yield _of_table(row, row["kind"], ())


def _among(known: set[tuple[str, str]], rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if (row["schema"], row["table"]) in known)


def plain_columns(keys: Iterable[str]) -> tuple[str, ...]:
    """The columns among the keys of an index; the others are expressions."""
    names = ((first_name(key), key) for key in keys)
    return tuple(_unquoted(name) for name, key in names if name and key[len(name) :][:1] in ("", " "))


def _standing(rows: Iterable[Row], kind: str) -> Iterator[Entity]:
    """Objects that stand for themselves."""
    for row in rows:
        yield Entity(kind, row["schema"], "", row["name"], _facts(kind, row), sql=row.get("sql") or "")


def _of_table(row: Row, kind: str, columns: tuple[str, ...]) -> Entity:
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
        row["valid"] = True  # what nobody enforces is never looked at
    return _of_table(row, kind, columns if kind in ON_COLUMNS else ())


def _sequence(row: Row) -> Entity:
    """Of a sequence that belongs to a column of its own schema the name is made up: it is told by the column."""
    highest = HIGHEST.get(row["type"], 0)
    down = row["increment"] < 0
    usual = (-highest - 1, -1, -1) if down else (1, highest, 1)
    minimum, maximum, start = row["minimum"], row["maximum"], row["start"]
    row |= {
        "minimum": "" if minimum == usual[0] else str(minimum),
        "maximum": "" if maximum == usual[1] else str(maximum),
        "start": "1" if start == usual[2] else str(start),
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


def _without_name(row: Mapping[str, Any]) -> str:
    """The statement without the name of the object, and without the schema public, which its table may carry."""
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
    """The name that a text begins with, in its quotes."""
    found = _NAME.match(text)
    return found[0] if found else ""


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') and name.endswith('"') else name


@cache
def _usual(kind: str) -> tuple[tuple[str, Fact], ...]:
    of = KINDS[kind]
    return tuple((aspect, of.default(aspect)) for aspect in of.facts.model_fields)


def _facts(kind: str, row: Mapping[str, Any]) -> dict[str, Fact]:
    """The facts of a row that are not as usual."""
    found: dict[str, Fact] = {}
    for aspect, usual in _usual(kind):
        value = row.get(aspect)
        if value is None or value == usual:
            continue
        if value.__class__ is list:
            value = tuple(value)
            if value == usual:
                continue
        found[aspect] = value
    return found
