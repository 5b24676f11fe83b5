"""Pieces of statements: names, columns, constraints, as CREATE and ALTER take them."""

from __future__ import annotations

from minerva_promote.config.schema_aspects import Fact
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.schema_diff.model import Entity

_KEYS = {"primary key": "PRIMARY KEY", "unique": "UNIQUE"}


def quoted(*names: str) -> str:
    """A name, with its schema where two are given."""
    return ".".join(sql_text(ident(name)) for name in names)


def columns_of(value: Fact, before: str = "", after: str = "") -> str:
    """Columns in parentheses; the last of them with what stands around it."""
    assert isinstance(value, tuple)
    *others, last = [quoted(each) for each in value]
    return f"({', '.join([*others, before + last + after])})"


def listed(value: Fact) -> str:
    """A list that is SQL already, in parentheses; options as they stand after WITH."""
    assert isinstance(value, tuple)
    return f"({', '.join(value)})"


def table_of(entity: Entity) -> str:
    """The table that an object belongs to, or that it is."""
    return quoted(entity.schema, entity.table or entity.name)


def column_clause(entity: Entity, sequence: Entity | None = None) -> str:
    """A column as CREATE TABLE and ADD COLUMN take it; ``sequence`` is the one that belongs to it."""
    parts = [quoted(entity.name), str(entity.fact("type"))]
    if collation := entity.fact("collation"):
        parts.append(f"COLLATE {collation}")
    if generated := entity.fact("generated"):
        parts.append(f"GENERATED ALWAYS AS ({generated}) {'VIRTUAL' if entity.fact('virtual') else 'STORED'}")
    elif identity := entity.fact("identity"):
        options = sequence_options(sequence) if sequence is not None else ""
        parts.append(f"GENERATED {str(identity).upper()} AS IDENTITY" + (f" ({options})" if options else ""))
    elif default := default_of(entity):
        parts.append(f"DEFAULT {default}")
    if entity.fact("not_null") and entity.fact("not_null_valid"):
        parts.append("NOT NULL")
    return " ".join(parts)


def not_null_later(entity: Entity) -> str:
    """ALTER TABLE that makes a column NOT NULL for the rows that are to come."""
    name = quoted(f"{entity.table}_{entity.name}_not_null")
    return f"ALTER TABLE {table_of(entity)} ADD CONSTRAINT {name} NOT NULL {quoted(entity.name)} NOT VALID"


def default_of(entity: Entity) -> str:
    """The default of a column; that of a serial one by the name that its sequence usually has."""
    default = str(entity.fact("default"))
    if default == "nextval(own sequence)":
        sequence = sequence_of(entity)
        return f"nextval({constant(sequence)}::regclass)"
    return default


def constraint_clause(entity: Entity) -> str:
    """A constraint as ADD CONSTRAINT takes it, without its name."""
    fact = entity.fact
    if entity.sql and not (entity.kind in _KEYS and fact("options")):  # the server tells a key without them
        return entity.sql
    if entity.kind == "check":
        parts = [f"CHECK ({fact('expression')})", "NO INHERIT" if fact("no_inherit") else ""]
    elif entity.kind == "foreign key":
        parts = [
            f"FOREIGN KEY {columns_of(fact('columns'), 'PERIOD ' if fact('period') else '')}",
            f"REFERENCES {fact('references')} {columns_of(fact('referenced'), 'PERIOD ' if fact('period') else '')}",
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
        columns = columns_of(fact("columns"), after=" WITHOUT OVERLAPS" if fact("without_overlaps") else "")
        parts = [_KEYS[entity.kind], nulls, columns, included, options]
    deferrable = {"deferrable": "DEFERRABLE", "initially deferred": "DEFERRABLE INITIALLY DEFERRED"}
    if entity.kind != "check":
        parts.append(deferrable.get(str(fact("deferrable")), ""))
    if entity.kind in ("check", "foreign key"):
        parts.append("NOT ENFORCED" if not fact("enforced") else "NOT VALID" if not fact("valid") else "")
    return " ".join(filter(None, parts))


def constant(value: str) -> str:
    """A text constant."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'" if "\\" not in value else "E'" + escaped.replace("\\", "\\\\") + "'"


def sequence_of(entity: Entity) -> str:
    """The name of a sequence; of one that belongs to a column the one that PostgreSQL gives it."""
    return quoted(entity.schema, f"{entity.table}_{entity.name}_seq" if entity.table else entity.name)


def sequence_options(entity: Entity) -> str:
    """What is not usual of a sequence, as CREATE SEQUENCE and an identity column take it."""
    fact = entity.fact
    parts = [
        f"INCREMENT {fact('increment')}" if fact("increment") != "1" else "",
        f"MINVALUE {fact('minimum')}" if fact("minimum") else "",
        f"MAXVALUE {fact('maximum')}" if fact("maximum") else "",
        f"START {fact('start')}" if "start" in entity.facts else "",
        f"CACHE {fact('cache')}" if fact("cache") != "1" else "",
        "CYCLE" if fact("cycle") else "",
    ]
    return " ".join(filter(None, parts))
