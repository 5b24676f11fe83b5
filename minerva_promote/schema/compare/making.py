"""The statements that make an object from its facts, and those that drop it; for reading, never executed."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.config.schema_facts import Fact
from minerva_promote.database.quote import ident, literal, text
from minerva_promote.schema.compare.model import Entity, Schema

_KEYS = {"primary key": "PRIMARY KEY", "unique": "UNIQUE"}
_IN_ORDER = ("type", "table", "function", "view", "materialized view")
_CONSTRAINTS = (*_KEYS, "foreign key", "check", "exclusion")


def quoted(*names: str) -> str:
    """A name, with its schema where two are given."""
    return ".".join(text(ident(name)) for name in names)


def columns_of(value: Fact) -> str:
    """Columns in parentheses."""
    assert isinstance(value, tuple)
    return f"({', '.join(quoted(each) for each in value)})"


def listed(value: Fact) -> str:
    """A list that is SQL already, in parentheses; options as they stand after WITH."""
    assert isinstance(value, tuple)
    return f"({', '.join(value)})"


def table_of(entity: Entity) -> str:
    """The table that an object belongs to, or that it is."""
    return quoted(entity.schema, entity.table or entity.name)


def column_clause(entity: Entity) -> str:
    """A column as CREATE TABLE and ADD COLUMN take it."""
    parts = [quoted(entity.name), str(entity.fact("type"))]
    if collation := entity.fact("collation"):
        parts.append(f"COLLATE {collation}")
    if generated := entity.fact("generated"):
        parts.append(f"GENERATED ALWAYS AS ({generated}) {'VIRTUAL' if entity.fact('virtual') else 'STORED'}")
    elif identity := entity.fact("identity"):
        parts.append(f"GENERATED {str(identity).upper()} AS IDENTITY")
    elif default := default_of(entity):
        parts.append(f"DEFAULT {default}")
    if entity.fact("not_null"):
        parts.append("NOT NULL")
    return " ".join(parts)


def default_of(entity: Entity) -> str:
    """The default of a column; that of a serial one by the name that its sequence usually has."""
    default = str(entity.fact("default"))
    if default == "nextval(own sequence)":
        sequence = quoted(entity.schema, f"{entity.table}_{entity.name}_seq")
        return f"nextval({text(literal(sequence))}::regclass)"
    return default


def constraint_clause(entity: Entity) -> str:
    """A constraint as ADD CONSTRAINT takes it, without its name."""
    if entity.sql:
        return entity.sql
    fact = entity.fact
    if entity.kind == "check":
        parts = [f"CHECK ({fact('expression')})", "NO INHERIT" if fact("no_inherit") else ""]
    elif entity.kind == "foreign key":
        parts = [
            f"FOREIGN KEY {columns_of(fact('columns'))}",
            f"REFERENCES {fact('references')} {columns_of(fact('referenced'))}",
            "MATCH FULL" if fact("match") == "full" else "",
            f"ON DELETE {str(fact('on_delete')).upper()}" if fact("on_delete") != "no action" else "",
            columns_of(fact("set_columns")) if fact("set_columns") else "",
            f"ON UPDATE {str(fact('on_update')).upper()}" if fact("on_update") != "no action" else "",
        ]
    elif entity.kind == "exclusion":
        parts = [str(fact("definition"))]
    else:
        nulls = "NULLS NOT DISTINCT" if fact("nulls_not_distinct") else ""
        included = f"INCLUDE {columns_of(fact('include'))}" if fact("include") else ""
        options = f"WITH {listed(fact('options'))}" if fact("options") else ""
        parts = [_KEYS[entity.kind], nulls, columns_of(fact("columns")), included, options]
    deferrable = {"deferrable": "DEFERRABLE", "initially deferred": "DEFERRABLE INITIALLY DEFERRED"}
    if entity.kind != "check":
        parts.append(deferrable.get(str(fact("deferrable")), ""))
    if entity.kind in ("check", "foreign key"):
        parts.append("NOT ENFORCED" if not fact("enforced") else "NOT VALID" if not fact("valid") else "")
    return " ".join(filter(None, parts))


def add_constraint(entity: Entity) -> str:
    """ALTER TABLE … ADD CONSTRAINT."""
    return f"ALTER TABLE {table_of(entity)} ADD CONSTRAINT {quoted(entity.name)} {constraint_clause(entity)}"


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


def create(entity: Entity, schema: Schema) -> tuple[str, ...]:
    """The statements that make an object, with all that belongs to a table; none where the facts do not say."""
    match entity.kind:
        case "schema":
            return (f"CREATE SCHEMA {quoted(entity.name)}", *_contents(entity.name, schema))
        case "extension":
            return (f"CREATE EXTENSION {quoted(entity.name)} SCHEMA {quoted(str(entity.fact('in_schema')))}",)
        case "type":
            return _create_type(entity)
        case "table":
            return _create_table(entity, schema)
        case "column":
            return (f"ALTER TABLE {table_of(entity)} ADD COLUMN {column_clause(entity)}",)
        case "index":
            return (create_index(entity),)
        case "sequence":
            return (_create_sequence(entity),)
        case "policy":
            return (f"CREATE POLICY {quoted(entity.name)} ON {table_of(entity)} {entity.fact('definition')}",)
        case "view" | "materialized view":
            definition = str(entity.fact("definition")).strip().rstrip(";")
            options = f" WITH {listed(entity.fact('options'))}" if entity.fact("options") else ""
            name = quoted(entity.schema, entity.name)
            return (f"CREATE {entity.kind.upper()} {name}{options} AS\n{definition}",)
        case "event trigger":
            return (f"CREATE EVENT TRIGGER {quoted(entity.name)} {entity.fact('definition')}",)
        case "trigger" | "rule" if entity.sql:
            return (_statement(entity), *([enable(entity)] if entity.fact("enabled") != "origin" else []))
        case _ if entity.kind in _CONSTRAINTS:
            return (add_constraint(entity),)
        case _:
            return (_statement(entity),) if entity.sql else ()


def _statement(entity: Entity) -> str:
    return entity.sql.strip().rstrip(";")


def _contents(name: str, schema: Schema) -> tuple[str, ...]:
    """All that stands in a schema; what needs other things comes after them as far as kinds tell."""
    mine = [each for each in schema.entities.values() if each.schema == name and not each.table]
    sequences = [each for each in mine if each.kind == "sequence"]
    mine = [each for kind in _IN_ORDER for each in mine if each.kind == kind]
    return tuple(statement for each in (*sequences, *mine) for statement in create(each, schema))


def enable(entity: Entity, table: Entity | None = None) -> str:
    """ALTER TABLE that switches a trigger or rule as an object of another schema has it."""
    how = {"origin": "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
    word, of = how[str(entity.fact("enabled"))], table or entity
    return f"ALTER TABLE {table_of(of)} {word} {entity.kind.upper()} {quoted(of.name)}"


def _create_type(entity: Entity) -> tuple[str, ...]:
    name, fact = quoted(entity.schema, entity.name), entity.fact
    match fact("type"):
        case "enum":
            labels = fact("labels")
            assert isinstance(labels, tuple)
            return (f"CREATE TYPE {name} AS ENUM ({', '.join(map(constant, labels))})",)
        case "composite":
            return (f"CREATE TYPE {name} AS {listed(fact('attributes'))}",)
        case "range":
            return (f"CREATE TYPE {name} AS RANGE (subtype = {fact('base')})",)
    parts = [f"CREATE DOMAIN {name} AS {fact('base')}"]
    parts.append(f"DEFAULT {fact('default')}" if fact("default") else "")
    parts.append("NOT NULL" if fact("not_null") else "")
    checks = fact("checks")
    assert isinstance(checks, tuple)
    return (" ".join(filter(None, (*parts, *checks))),)


def constant(value: str) -> str:
    """A text constant."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'" if "\\" not in value else "E'" + escaped.replace("\\", "\\\\") + "'"


def _create_sequence(entity: Entity) -> str:
    fact = entity.fact
    name = f"{entity.table}_{entity.name}_seq" if entity.table else entity.name
    parts = [
        f"CREATE SEQUENCE {quoted(entity.schema, name)} AS {fact('type')} INCREMENT {fact('increment')}",
        f"MINVALUE {fact('minimum')}" if fact("minimum") else "",
        f"MAXVALUE {fact('maximum')}" if fact("maximum") else "",
        f"START {fact('start')}" if "start" in entity.facts else "",
        f"CACHE {fact('cache')}" if fact("cache") != "1" else "",
        "CYCLE" if fact("cycle") else "",
    ]
    return " ".join(filter(None, parts))


def _create_table(entity: Entity, schema: Schema) -> tuple[str, ...]:
    fact, name = entity.fact, quoted(entity.schema, entity.name)
    if fact("type") == "foreign" or fact("inherits") or fact("of_type"):
        return ()
    mine = [each for each in schema.entities.values() if (each.schema, each.table) == (entity.schema, entity.name)]
    columns = ",\n    ".join(column_clause(each) for each in mine if each.kind == "column")
    head = f"CREATE {'UNLOGGED ' if fact('unlogged') else ''}TABLE {name} (\n    {columns}\n)"
    head += f" PARTITION BY {fact('partition_by')}" if fact("partition_by") else ""
    head += f" WITH {listed(fact('options'))}" if fact("options") else ""
    statements = [_create_sequence(each) for each in mine if _is_serial(each, mine)]
    statements.append(head)
    statements += [
        f"ALTER SEQUENCE {quoted(each.schema, f'{each.table}_{each.name}_seq')} OWNED BY {name}.{quoted(each.name)}"
        for each in mine
        if _is_serial(each, mine)
    ]
    later = [each for each in mine if each.kind not in ("column", "sequence")]
    order = ("primary key", "unique", "check", "exclusion", "foreign key")
    for each in sorted(later, key=lambda each: order.index(each.kind) if each.kind in order else len(order)):
        statements += create(each, schema)
    return (*statements, *row_security(entity))


def _is_serial(entity: Entity, mine: Iterable[Entity]) -> bool:
    return entity.kind == "sequence" and any(
        each.kind == "column" and each.name == entity.name and not each.fact("identity") for each in mine
    )


def row_security(entity: Entity) -> tuple[str, ...]:
    """What switches row security as a table has it."""
    state, name = str(entity.fact("row_security")), quoted(entity.schema, entity.name)
    on = f"ALTER TABLE {name} {'ENABLE' if state in ('on', 'forced') else 'DISABLE'} ROW LEVEL SECURITY"
    force = f"ALTER TABLE {name} {'FORCE' if 'forced' in state else 'NO FORCE'} ROW LEVEL SECURITY"
    return (on, force) if state else ()


def drop(entity: Entity) -> str:
    """The statement that drops an object."""
    match entity.kind:
        case "column":
            return f"ALTER TABLE {table_of(entity)} DROP COLUMN {quoted(entity.name)}"
        case "trigger" | "rule" | "policy":
            return f"DROP {entity.kind.upper()} {quoted(entity.name)} ON {table_of(entity)}"
        case "schema" | "extension" | "event trigger":
            return f"DROP {entity.kind.upper()} {quoted(entity.name)}"
        case "function":
            name, paren, types = entity.name.partition("(")
            word = {"procedure": "PROCEDURE", "aggregate": "AGGREGATE"}.get(str(entity.fact("type")), "FUNCTION")
            return f"DROP {word} {quoted(entity.schema, name)}{paren}{types}"
        case "type":
            word = "DOMAIN" if entity.fact("type") == "domain" else "TYPE"
            return f"DROP {word} {quoted(entity.schema, entity.name)}"
        case "sequence" if entity.table:
            return f"DROP SEQUENCE {quoted(entity.schema, f'{entity.table}_{entity.name}_seq')}"
        case _ if entity.kind in _CONSTRAINTS:
            return f"ALTER TABLE {table_of(entity)} DROP CONSTRAINT {quoted(entity.name)}"
        case _:
            return f"DROP {entity.kind.upper()} {quoted(entity.schema, entity.name)}"
