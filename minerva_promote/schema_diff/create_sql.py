"""CREATE and DROP statements of an object, from its facts; for a script, never executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from minerva_promote.schema_diff.model import Entity, Schema
from minerva_promote.schema_diff.sql_clauses import (
    add_not_valid_not_null,
    column_clause,
    column_list,
    constraint_clause,
    parenthesized,
    quote_name,
    sequence_name,
    sequence_options,
    table_name,
    text_constant,
)

CONSTRAINTS = ("primary key", "unique", "foreign key", "check", "exclusion")
VIEWS = ("view", "materialized view")
_DROP_ORDER = (
    ("event trigger", "trigger", "rule", "policy"),
    VIEWS,
    ("foreign key",),
    ("statistics", "index", "check", "exclusion"),
    ("unique", "primary key"),
)  # dropped in this order, before anything is created
_CREATE_ORDER = (
    ("schema",),
    ("extension",),
    ("collation",),
    ("type",),
    ("sequence",),
    ("function",),
    (),  # types that use functions
    ("table", "column"),
    (),  # functions that use tables
    ("primary key", "unique", "check", "exclusion", "index"),
    ("foreign key",),
    VIEWS,
    ("trigger", "rule", "policy", "statistics"),
    ("event trigger",),
)  # created in this order
_CREATE_RANKS = {kind: rank for rank, kinds in enumerate(_CREATE_ORDER) for kind in kinds}
_DROP_RANKS = {kind: rank - len(_DROP_ORDER) for rank, kinds in enumerate(_DROP_ORDER) for kind in kinds}
TYPES, TYPES_LATER = _CREATE_RANKS["type"], _CREATE_RANKS["function"] + 1
FUNCTIONS, FUNCTIONS_LATER, WITH_VIEWS = _CREATE_RANKS["function"], _CREATE_RANKS["table"] + 1, _CREATE_RANKS["view"]
VIEWS_GONE = _DROP_RANKS["view"]
FIRST = _CREATE_RANKS["sequence"]  # ALTER statements that have to precede all others
LAST = len(_CREATE_ORDER)  # dropped after all else, when nothing uses it any more


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One statement of a script."""

    text: str
    entity: Entity  # created, changed or dropped by it
    rank: int  # execution order, ascending; negative: dropped first

    @property
    def is_drop(self) -> bool:
        """Whether it drops the object."""
        return self.rank < 0 or self.rank == LAST


def statement_for(entity: Entity, text: str) -> ScriptStatement:
    """A statement that creates an object or a part of it."""
    return ScriptStatement(text, entity, _CREATE_RANKS[entity.kind])


def create_statements(entity: Entity, schema: Schema) -> tuple[ScriptStatement, ...]:
    """The statements that create an object with all its parts; none when the facts do not suffice."""
    if entity.kind == "schema":
        members = [member for member in schema.entities.values() if member.schema == entity.name and not member.table]
        statements = [statement for member in members for statement in create_statements(member, schema)]
        return (statement_for(entity, f"CREATE SCHEMA {quote_name(entity.name)}"), *statements)
    if entity.kind == "table":
        return tuple(_table(entity, schema))
    if entity.kind in VIEWS:
        return tuple(_view(entity, schema))
    if entity.kind == "column":
        return tuple(_column(entity, schema))
    return tuple(statement_for(entity, text) for text in _create_texts(entity))


def _create_texts(entity: Entity) -> Iterator[str]:
    match entity.kind:
        case "extension":
            yield f"CREATE EXTENSION {quote_name(entity.name)} SCHEMA {quote_name(str(entity.fact('in_schema')))}"
        case "collation":
            yield f"CREATE COLLATION {quote_name(entity.schema, entity.name)} {parenthesized(entity.fact('options'))}"
        case "type":
            yield _type(entity)
        case "index":
            yield create_index(entity)
            if entity.fact("clustered"):
                yield f"ALTER TABLE {table_name(entity)} CLUSTER ON {quote_name(entity.name)}"
        case "sequence":
            options = sequence_options(entity)
            yield f"CREATE SEQUENCE {sequence_name(entity)} AS {entity.fact('type')}" + (
                f" {options}" if options else ""
            )
        case "policy":
            yield f"CREATE POLICY {quote_name(entity.name)} ON {table_name(entity)} {entity.fact('definition')}"
        case "event trigger":
            yield f"CREATE EVENT TRIGGER {quote_name(entity.name)} {entity.fact('definition')}"
        case _ if entity.kind in CONSTRAINTS:
            add = f"ADD CONSTRAINT {quote_name(entity.name)} {constraint_clause(entity)}"
            yield f"ALTER TABLE {table_name(entity)} {add}"
        case _ if entity.sql:
            yield entity.sql.strip().rstrip(";")
        case _:
            return
    if entity.kind in ("trigger", "rule", "event trigger") and entity.fact("enabled") != "origin":
        yield enable_statement(entity)


def create_index(entity: Entity) -> str:
    """CREATE INDEX from the facts of an index; a snapshot file holds nothing else of it."""
    fact = entity.fact
    parts = [
        f"CREATE {'UNIQUE ' if fact('unique') else ''}INDEX {quote_name(entity.name)} ON {table_name(entity)}",
        f"USING {fact('method')} {parenthesized(fact('columns'))}",
        f"INCLUDE {column_list(fact('include'))}" if fact("include") else "",
        "NULLS NOT DISTINCT" if fact("nulls_not_distinct") else "",
        f"WITH {parenthesized(fact('options'))}" if fact("options") else "",
        f"WHERE {fact('where')}" if fact("where") else "",
    ]
    return " ".join(filter(None, parts))


def enable_statement(entity: Entity, table: Entity | None = None) -> str:
    """The ALTER statement that enables or disables a trigger or rule as ``entity`` has it, on ``table`` if given."""
    actions = {"origin": "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
    action, target = actions[str(entity.fact("enabled"))], table or entity
    if entity.kind == "event trigger":
        return f"ALTER EVENT TRIGGER {quote_name(target.name)} {action}"
    return f"ALTER TABLE {table_name(target)} {action} {entity.kind.upper()} {quote_name(target.name)}"


def _type(entity: Entity) -> str:
    name, fact = quote_name(entity.schema, entity.name), entity.fact
    match fact("type"):
        case "enum":
            labels = fact("labels")
            assert isinstance(labels, tuple)
            return f"CREATE TYPE {name} AS ENUM ({', '.join(map(text_constant, labels))})"
        case "composite":
            return f"CREATE TYPE {name} AS {parenthesized(fact('attributes'))}"
        case "range":
            return f"CREATE TYPE {name} AS RANGE (subtype = {', '.join((str(fact('base')), *_type_options(entity)))})"
    checks = fact("checks")
    assert isinstance(checks, tuple)
    parts = [
        f"CREATE DOMAIN {name} AS {fact('base')}",
        f"COLLATE {fact('collation')}" if fact("collation") else "",
        f"DEFAULT {fact('default')}" if fact("default") else "",
        "NOT NULL" if fact("not_null") else "",
    ]
    return " ".join(filter(None, (*parts, *checks)))


def _type_options(entity: Entity) -> tuple[str, ...]:
    options = entity.fact("options")
    assert isinstance(options, tuple)
    return options


def _parts_of(entity: Entity, schema: Schema) -> list[Entity]:
    return [part for part in schema.entities.values() if (part.schema, part.table) == (entity.schema, entity.name)]


def _table(entity: Entity, schema: Schema) -> Iterator[ScriptStatement]:
    fact, name = entity.fact, quote_name(entity.schema, entity.name)
    if fact("type") == "foreign" or fact("inherits") or fact("of_type"):
        return
    parts = _parts_of(entity, schema)
    columns = [part for part in parts if part.kind == "column"]
    sequences = {part.name: part for part in parts if part.kind == "sequence"}
    clauses = ",\n    ".join(column_clause(column, sequences.get(column.name)) for column in columns)
    create = f"CREATE {'UNLOGGED ' if fact('unlogged') else ''}TABLE {name} (\n    {clauses}\n)"
    create += f" PARTITION BY {fact('partition_by')}" if fact("partition_by") else ""
    create += f" WITH {parenthesized(fact('options'))}" if fact("options") else ""
    serial = [sequences[column.name] for column in columns if column.name in sequences and not column.fact("identity")]
    for sequence in serial:
        yield from create_statements(sequence, schema)
    yield statement_for(entity, create)
    yield from (statement_for(entity, _owned_by(sequence)) for sequence in serial)
    yield from (
        statement_for(entity, add_not_valid_not_null(column)) for column in columns if not column.fact("not_null_valid")
    )
    for part in parts:
        if part.kind not in ("column", "sequence"):
            yield from create_statements(part, schema)
    yield from (statement_for(entity, text) for text in row_security_statements(entity))
    if fact("replica_identity"):
        yield replica_identity_statement(entity)


def _column(entity: Entity, schema: Schema) -> Iterator[ScriptStatement]:
    """ADD COLUMN, with the sequence of a serial or identity column."""
    sequence = schema.entities.get(("sequence", entity.schema, entity.table, entity.name))
    serial = sequence is not None and not entity.fact("identity")
    if sequence is not None and serial:
        yield from create_statements(sequence, schema)
    yield statement_for(entity, f"ALTER TABLE {table_name(entity)} ADD COLUMN {column_clause(entity, sequence)}")
    if sequence is not None and serial:
        yield statement_for(entity, _owned_by(sequence))
    if not entity.fact("not_null_valid"):
        yield statement_for(entity, add_not_valid_not_null(entity))


def _owned_by(sequence: Entity) -> str:
    return f"ALTER SEQUENCE {sequence_name(sequence)} OWNED BY {table_name(sequence)}.{quote_name(sequence.name)}"


def _view(entity: Entity, schema: Schema) -> Iterator[ScriptStatement]:
    definition = str(entity.fact("definition")).strip().rstrip(";")
    options = f" WITH {parenthesized(entity.fact('options'))}" if entity.fact("options") else ""
    name = quote_name(entity.schema, entity.name)
    yield statement_for(entity, f"CREATE {entity.kind.upper()} {name}{options} AS\n{definition}")
    for part in _parts_of(entity, schema):
        for statement in create_statements(part, schema):
            yield replace(statement, rank=max(statement.rank, _CREATE_RANKS["trigger"]))


def row_security_statements(entity: Entity) -> tuple[str, ...]:
    """The ALTER TABLE statements that set row security as on ``entity``."""
    state, name = str(entity.fact("row_security")), quote_name(entity.schema, entity.name)
    enable_statement = f"ALTER TABLE {name} {'ENABLE' if state in ('on', 'forced') else 'DISABLE'} ROW LEVEL SECURITY"
    force = f"ALTER TABLE {name} {'FORCE' if 'forced' in state else 'NO FORCE'} ROW LEVEL SECURITY"
    return (enable_statement, force) if state else ()


def replica_identity_statement(entity: Entity) -> ScriptStatement:
    """The ALTER TABLE statement that sets the replica identity of ``entity``; its index exists by then."""
    kind, _, index = str(entity.fact("replica_identity") or "default").partition(" ")
    identity = f"USING INDEX {quote_name(index)}" if index else kind.upper()
    text = f"ALTER TABLE {quote_name(entity.schema, entity.name)} REPLICA IDENTITY {identity}"
    return ScriptStatement(text, entity, _CREATE_RANKS["trigger"])


def drop_statement(entity: Entity) -> ScriptStatement:
    """The DROP statement of an object."""
    return ScriptStatement(_drop_text(entity), entity, _DROP_RANKS.get(entity.kind, LAST))


def _drop_text(entity: Entity) -> str:
    match entity.kind:
        case "column":
            return f"ALTER TABLE {table_name(entity)} DROP COLUMN {quote_name(entity.name)}"
        case "trigger" | "rule" | "policy":
            return f"DROP {entity.kind.upper()} {quote_name(entity.name)} ON {table_name(entity)}"
        case "schema" | "extension" | "event trigger":
            return f"DROP {entity.kind.upper()} {quote_name(entity.name)}"
        case "function":
            name, paren, types = entity.name.rpartition("(")
            object_type = {"procedure": "PROCEDURE", "aggregate": "AGGREGATE"}.get(str(entity.fact("type")), "FUNCTION")
            types = "*)" if object_type == "AGGREGATE" and types == ")" else types
            return f"DROP {object_type} {quote_name(entity.schema, name)}{paren}{types}"
        case "type":
            object_type = "DOMAIN" if entity.fact("type") == "domain" else "TYPE"
            return f"DROP {object_type} {quote_name(entity.schema, entity.name)}"
        case "sequence":
            return f"DROP SEQUENCE {sequence_name(entity)}"
        case _ if entity.kind in CONSTRAINTS:
            return f"ALTER TABLE {table_name(entity)} DROP CONSTRAINT {quote_name(entity.name)}"
        case _:
            return f"DROP {entity.kind.upper()} {quote_name(entity.schema, entity.name)}"
