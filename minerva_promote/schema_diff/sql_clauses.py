"""Clauses of CREATE and ALTER statements: names, columns, constraints, sequence options."""

from __future__ import annotations

from minerva_promote.config.schema_aspects import Fact
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.schema_diff.model import Entity

_KEYS = {"primary key": "PRIMARY KEY", "unique": "UNIQUE"}


def quote_name(*names: str) -> str:
    """A quoted name, qualified when two are given."""
    return ".".join(sql_text(ident(name)) for name in names)


def column_list(value: Fact, before: str = "", after: str = "") -> str:
    """Quoted columns in parentheses; ``before`` and ``after`` enclose the last one."""
    assert isinstance(value, tuple)
    *others, last = [quote_name(name) for name in value]
    return f"({', '.join([*others, before + last + after])})"


def parenthesized(value: Fact) -> str:
    """Items that are SQL already, in parentheses."""
    assert isinstance(value, tuple)
    return f"({', '.join(value)})"


def table_name(entity: Entity) -> str:
    """The quoted table that an object belongs to, or is."""
    return quote_name(entity.schema, entity.table or entity.name)


def column_clause(entity: Entity, sequence: Entity | None = None) -> str:
    """A column definition of CREATE TABLE and ADD COLUMN; ``sequence`` is its own one."""
    parts = [quote_name(entity.name), str(entity.fact("type"))]
    if collation := entity.fact("collation"):
        parts.append(f"COLLATE {collation}")
    if generated := entity.fact("generated"):
        parts.append(f"GENERATED ALWAYS AS ({generated}) {'VIRTUAL' if entity.fact('virtual') else 'STORED'}")
    elif identity := entity.fact("identity"):
        options = sequence_options(sequence) if sequence is not None else ""
        parts.append(f"GENERATED {str(identity).upper()} AS IDENTITY" + (f" ({options})" if options else ""))
    elif default := column_default(entity):
        parts.append(f"DEFAULT {default}")
    if entity.fact("not_null") and entity.fact("not_null_valid"):
        parts.append("NOT NULL")
    return " ".join(parts)


def add_not_valid_not_null(entity: Entity) -> str:
    """The ALTER TABLE that adds a NOT VALID not-null constraint, which holds for new rows."""
    name = quote_name(f"{entity.table}_{entity.name}_not_null")
    return f"ALTER TABLE {table_name(entity)} ADD CONSTRAINT {name} NOT NULL {quote_name(entity.name)} NOT VALID"


def column_default(entity: Entity) -> str:
    """The default of a column; of a serial column with the generated name of its sequence."""
    default = str(entity.fact("default"))
    if default == "nextval(own sequence)":
        sequence = sequence_name(entity)
        return f"nextval({text_constant(sequence)}::regclass)"
    return default


def constraint_clause(entity: Entity) -> str:
    """The definition of a constraint for ADD CONSTRAINT, without its name."""
    fact = entity.fact
    if entity.sql and not (entity.kind in _KEYS and fact("options")):  # the server prints keys without options
        return entity.sql
    if entity.kind == "check":
        parts = [f"CHECK ({fact('expression')})", "NO INHERIT" if fact("no_inherit") else ""]
    elif entity.kind == "foreign key":
        parts = [
            f"FOREIGN KEY {column_list(fact('columns'), 'PERIOD ' if fact('period') else '')}",
            f"REFERENCES {fact('references')} {column_list(fact('referenced'), 'PERIOD ' if fact('period') else '')}",
            "MATCH FULL" if fact("match") == "full" else "",
            f"ON DELETE {str(fact('on_delete')).upper()}" if fact("on_delete") != "no action" else "",
            column_list(fact("set_columns")) if fact("set_columns") else "",
            f"ON UPDATE {str(fact('on_update')).upper()}" if fact("on_update") != "no action" else "",
        ]
    elif entity.kind == "exclusion":
        parts = [str(fact("definition"))]
    else:
        nulls = "NULLS NOT DISTINCT" if fact("nulls_not_distinct") else ""
        included = f"INCLUDE {column_list(fact('include'))}" if fact("include") else ""
        options = f"WITH {parenthesized(fact('options'))}" if fact("options") else ""
        columns = column_list(fact("columns"), after=" WITHOUT OVERLAPS" if fact("without_overlaps") else "")
        parts = [_KEYS[entity.kind], nulls, columns, included, options]
    deferrable = {"deferrable": "DEFERRABLE", "initially deferred": "DEFERRABLE INITIALLY DEFERRED"}
    if entity.kind != "check":
        parts.append(deferrable.get(str(fact("deferrable")), ""))
    if entity.kind in ("check", "foreign key"):
        parts.append("NOT ENFORCED" if not fact("enforced") else "NOT VALID" if not fact("valid") else "")
    return " ".join(filter(None, parts))


def text_constant(value: str) -> str:
    """A quoted text constant."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'" if "\\" not in value else "E'" + escaped.replace("\\", "\\\\") + "'"


def sequence_name(entity: Entity) -> str:
    """The quoted name of a sequence; of a column's own sequence the one that PostgreSQL generates."""
    return quote_name(entity.schema, f"{entity.table}_{entity.name}_seq" if entity.table else entity.name)


def sequence_options(entity: Entity) -> str:
    """The options of a sequence that differ from the defaults, for CREATE SEQUENCE and identity columns."""
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
