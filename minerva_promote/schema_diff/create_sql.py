"""The statements that make an object from its facts, and those that drop it; for reading, never executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from minerva_promote.schema_diff.model import Entity, Schema
from minerva_promote.schema_diff.sql_clauses import (
    column_clause,
    columns_of,
    constant,
    constraint_clause,
    listed,
    not_null_later,
    quoted,
    sequence_of,
    sequence_options,
    table_of,
)

CONSTRAINTS = ("primary key", "unique", "foreign key", "check", "exclusion")
VIEWS = ("view", "materialized view")
_DROPPED = (
    ("event trigger", "trigger", "rule", "policy"),
    VIEWS,
    ("foreign key",),
    ("statistics", "index", "check", "exclusion"),
    ("unique", "primary key"),
)  # in this order, before anything is made
_MADE = (
    ("schema",),
    ("extension",),
    ("collation",),
    ("type",),
    ("sequence",),
    ("function",),
    (),  # types that need functions
    ("table", "column"),
    (),  # functions that need tables
    ("primary key", "unique", "check", "exclusion", "index"),
    ("foreign key",),
    VIEWS,
    ("trigger", "rule", "policy", "statistics"),
    ("event trigger",),
)  # in this order
_RANKS = {kind: rank for rank, kinds in enumerate(_MADE) for kind in kinds}
_DROP_RANKS = {kind: rank - len(_DROPPED) for rank, kinds in enumerate(_DROPPED) for kind in kinds}
TYPES, TYPES_LATER = _RANKS["type"], _RANKS["function"] + 1
FUNCTIONS, FUNCTIONS_LATER, WITH_VIEWS = _RANKS["function"], _RANKS["table"] + 1, _RANKS["view"]
VIEWS_GONE = _DROP_RANKS["view"]
FIRST = _RANKS["sequence"]  # of what is altered: before anything else is
LAST = len(_MADE)  # what is dropped once nothing uses it any more


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One statement of a script."""

    text: str
    of: Entity  # that it makes, changes or drops
    rank: int  # its place among the others: what others need comes first

    @property
    def is_drop(self) -> bool:
        """Whether the object is gone afterwards."""
        return self.rank < 0 or self.rank == LAST


def statement_for(entity: Entity, text: str) -> ScriptStatement:
    """A statement that makes an object, or a part of it."""
    return ScriptStatement(text, entity, _RANKS[entity.kind])


def create(entity: Entity, schema: Schema) -> tuple[ScriptStatement, ...]:
    """What makes an object, with all that belongs to it; nothing where the facts do not say."""
    if entity.kind == "schema":
        mine = [each for each in schema.entities.values() if each.schema == entity.name and not each.table]
        parts = [statement for each in mine for statement in create(each, schema)]
        return (statement_for(entity, f"CREATE SCHEMA {quoted(entity.name)}"), *parts)
    if entity.kind == "table":
        return tuple(_table(entity, schema))
    if entity.kind in VIEWS:
        return tuple(_view(entity, schema))
    if entity.kind == "column":
        return tuple(_column(entity, schema))
    return tuple(statement_for(entity, text) for text in _texts(entity))


def _texts(entity: Entity) -> Iterator[str]:
    match entity.kind:
        case "extension":
            yield f"CREATE EXTENSION {quoted(entity.name)} SCHEMA {quoted(str(entity.fact('in_schema')))}"
        case "collation":
            yield f"CREATE COLLATION {quoted(entity.schema, entity.name)} {listed(entity.fact('options'))}"
        case "type":
            yield _type(entity)
        case "index":
            yield create_index(entity)
            if entity.fact("clustered"):
                yield f"ALTER TABLE {table_of(entity)} CLUSTER ON {quoted(entity.name)}"
        case "sequence":
            options = sequence_options(entity)
            yield f"CREATE SEQUENCE {sequence_of(entity)} AS {entity.fact('type')}" + (f" {options}" if options else "")
        case "policy":
            yield f"CREATE POLICY {quoted(entity.name)} ON {table_of(entity)} {entity.fact('definition')}"
        case "event trigger":
            yield f"CREATE EVENT TRIGGER {quoted(entity.name)} {entity.fact('definition')}"
        case _ if entity.kind in CONSTRAINTS:
            yield f"ALTER TABLE {table_of(entity)} ADD CONSTRAINT {quoted(entity.name)} {constraint_clause(entity)}"
        case _ if entity.sql:
            yield entity.sql.strip().rstrip(";")
        case _:
            return
    if entity.kind in ("trigger", "rule", "event trigger") and entity.fact("enabled") != "origin":
        yield enable(entity)


def create_index(entity: Entity) -> str:
    """CREATE INDEX, from its facts: those of a snapshot file are all there is."""
    fact = entity.fact
    parts = [
        f"CREATE {'UNIQUE ' if fact('unique') else ''}INDEX {quoted(entity.name)} ON {table_of(entity)}",
        f"USING {fact('method')} {listed(fact('columns'))}",
        f"INCLUDE {columns_of(fact('include'))}" if fact("include") else "",
        "NULLS NOT DISTINCT" if fact("nulls_not_distinct") else "",
        f"WITH {listed(fact('options'))}" if fact("options") else "",
        f"WHERE {fact('where')}" if fact("where") else "",
    ]
    return " ".join(filter(None, parts))


def enable(entity: Entity, table: Entity | None = None) -> str:
    """ALTER TABLE that switches a trigger or rule as an object of another schema has it."""
    how = {"origin": "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
    word, of = how[str(entity.fact("enabled"))], table or entity
    if entity.kind == "event trigger":
        return f"ALTER EVENT TRIGGER {quoted(of.name)} {word}"
    return f"ALTER TABLE {table_of(of)} {word} {entity.kind.upper()} {quoted(of.name)}"


def _type(entity: Entity) -> str:
    name, fact = quoted(entity.schema, entity.name), entity.fact
    match fact("type"):
        case "enum":
            labels = fact("labels")
            assert isinstance(labels, tuple)
            return f"CREATE TYPE {name} AS ENUM ({', '.join(map(constant, labels))})"
        case "composite":
            return f"CREATE TYPE {name} AS {listed(fact('attributes'))}"
        case "range":
            return f"CREATE TYPE {name} AS RANGE (subtype = {', '.join((str(fact('base')), *_listed(entity)))})"
    checks = fact("checks")
    assert isinstance(checks, tuple)
    parts = [
        f"CREATE DOMAIN {name} AS {fact('base')}",
        f"COLLATE {fact('collation')}" if fact("collation") else "",
        f"DEFAULT {fact('default')}" if fact("default") else "",
        "NOT NULL" if fact("not_null") else "",
    ]
    return " ".join(filter(None, (*parts, *checks)))


def _listed(entity: Entity) -> tuple[str, ...]:
    options = entity.fact("options")
    assert isinstance(options, tuple)
    return options


def _parts(entity: Entity, schema: Schema) -> list[Entity]:
    return [each for each in schema.entities.values() if (each.schema, each.table) == (entity.schema, entity.name)]


def _table(entity: Entity, schema: Schema) -> Iterator[ScriptStatement]:
    fact, name = entity.fact, quoted(entity.schema, entity.name)
    if fact("type") == "foreign" or fact("inherits") or fact("of_type"):
        return
    mine = _parts(entity, schema)
    columns = [each for each in mine if each.kind == "column"]
    own = {each.name: each for each in mine if each.kind == "sequence"}
    clauses = ",\n    ".join(column_clause(each, own.get(each.name)) for each in columns)
    head = f"CREATE {'UNLOGGED ' if fact('unlogged') else ''}TABLE {name} (\n    {clauses}\n)"
    head += f" PARTITION BY {fact('partition_by')}" if fact("partition_by") else ""
    head += f" WITH {listed(fact('options'))}" if fact("options") else ""
    serial = [own[each.name] for each in columns if each.name in own and not each.fact("identity")]
    for each in serial:
        yield from create(each, schema)
    yield statement_for(entity, head)
    yield from (statement_for(entity, _owned(each)) for each in serial)
    yield from (statement_for(entity, not_null_later(each)) for each in columns if not each.fact("not_null_valid"))
    for each in mine:
        if each.kind not in ("column", "sequence"):
            yield from create(each, schema)
    yield from (statement_for(entity, text) for text in row_security(entity))
    if fact("replica_identity"):
        yield replica_identity(entity)


def _column(entity: Entity, schema: Schema) -> Iterator[ScriptStatement]:
    """With its own sequence: that of a serial column, or the one of an identity column."""
    sequence = schema.entities.get(("sequence", entity.schema, entity.table, entity.name))
    serial = sequence is not None and not entity.fact("identity")
    if sequence is not None and serial:
        yield from create(sequence, schema)
    yield statement_for(entity, f"ALTER TABLE {table_of(entity)} ADD COLUMN {column_clause(entity, sequence)}")
    if sequence is not None and serial:
        yield statement_for(entity, _owned(sequence))
    if not entity.fact("not_null_valid"):
        yield statement_for(entity, not_null_later(entity))


def _owned(sequence: Entity) -> str:
    return f"ALTER SEQUENCE {sequence_of(sequence)} OWNED BY {table_of(sequence)}.{quoted(sequence.name)}"


def _view(entity: Entity, schema: Schema) -> Iterator[ScriptStatement]:
    definition = str(entity.fact("definition")).strip().rstrip(";")
    options = f" WITH {listed(entity.fact('options'))}" if entity.fact("options") else ""
    name = quoted(entity.schema, entity.name)
    yield statement_for(entity, f"CREATE {entity.kind.upper()} {name}{options} AS\n{definition}")
    for each in _parts(entity, schema):
        for statement in create(each, schema):
            yield replace(statement, rank=max(statement.rank, _RANKS["trigger"]))


def row_security(entity: Entity) -> tuple[str, ...]:
    """What switches row security as a table has it."""
    state, name = str(entity.fact("row_security")), quoted(entity.schema, entity.name)
    on = f"ALTER TABLE {name} {'ENABLE' if state in ('on', 'forced') else 'DISABLE'} ROW LEVEL SECURITY"
    force = f"ALTER TABLE {name} {'FORCE' if 'forced' in state else 'NO FORCE'} ROW LEVEL SECURITY"
    return (on, force) if state else ()


def replica_identity(entity: Entity) -> ScriptStatement:
    """What has the rows of a table told apart as an object of another schema has it; its index is made before."""
    kind, _, index = str(entity.fact("replica_identity") or "default").partition(" ")
    how = f"USING INDEX {quoted(index)}" if index else kind.upper()
    text = f"ALTER TABLE {quoted(entity.schema, entity.name)} REPLICA IDENTITY {how}"
    return ScriptStatement(text, entity, _RANKS["trigger"])


def dropped(entity: Entity) -> ScriptStatement:
    """The statement that drops an object."""
    return ScriptStatement(_drop(entity), entity, _DROP_RANKS.get(entity.kind, LAST))


def _drop(entity: Entity) -> str:
    match entity.kind:
        case "column":
            return f"ALTER TABLE {table_of(entity)} DROP COLUMN {quoted(entity.name)}"
        case "trigger" | "rule" | "policy":
            return f"DROP {entity.kind.upper()} {quoted(entity.name)} ON {table_of(entity)}"
        case "schema" | "extension" | "event trigger":
            return f"DROP {entity.kind.upper()} {quoted(entity.name)}"
        case "function":
            name, paren, types = entity.name.rpartition("(")
            word = {"procedure": "PROCEDURE", "aggregate": "AGGREGATE"}.get(str(entity.fact("type")), "FUNCTION")
            types = "*)" if word == "AGGREGATE" and types == ")" else types
            return f"DROP {word} {quoted(entity.schema, name)}{paren}{types}"
        case "type":
            word = "DOMAIN" if entity.fact("type") == "domain" else "TYPE"
            return f"DROP {word} {quoted(entity.schema, entity.name)}"
        case "sequence":
            return f"DROP SEQUENCE {sequence_of(entity)}"
        case _ if entity.kind in CONSTRAINTS:
            return f"ALTER TABLE {table_of(entity)} DROP CONSTRAINT {quoted(entity.name)}"
        case _:
            return f"DROP {entity.kind.upper()} {quoted(entity.schema, entity.name)}"
