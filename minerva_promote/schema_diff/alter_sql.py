"""What would take one difference away: statements, or a comment where a schema alone does not say whether they may."""

from __future__ import annotations

import re
from dataclasses import dataclass

from minerva_promote.config.schema_aspects import NAME
from minerva_promote.schema_diff.create_sql import (
    CONSTRAINTS,
    FIRST,
    VIEWS,
    ScriptStatement,
    create,
    dropped,
    enable,
    replica_identity,
    row_security,
    statement_for,
)
from minerva_promote.schema_diff.diff import Difference
from minerva_promote.schema_diff.model import Entity, Schema
from minerva_promote.schema_diff.renaming import rename
from minerva_promote.schema_diff.sql_clauses import (
    column_clause,
    constant,
    default_of,
    listed,
    not_null_later,
    quoted,
    table_of,
)

_HOLD_ROWS = ("table", "column", "schema", "collation", "type", "sequence", "extension", "materialized view")
_REMADE = (*(*CONSTRAINTS, "index", *VIEWS, "trigger", "rule", "policy", "statistics", "event trigger"),)
_VARCHAR = re.compile(r"character varying(?:\(([0-9]+)\))?")


@dataclass(frozen=True, slots=True)
class Step:
    """What takes one difference away."""

    statements: tuple[ScriptStatement, ...]
    why_not: str = ""  # a person has to decide: the statements are only shown
    is_remade: bool = False  # dropped and made anew: whatever else is different of it is done with that


def steps_for(difference: Difference, model: Schema) -> Step:
    """What would bring the right side in step with the left one, ``model``."""
    left, right = difference.left, difference.right
    if difference.entity.kind == "revision":
        return Step((), "run the migrations, do not write the revision down: promote migrate")
    if left is None or right is None:
        return _new(left, model) if left is not None else _gone(difference.entity)
    if difference.aspect == NAME:
        return _altered(right, rename(right, right.name, left.name))
    return _changed(left, right, difference.aspect, model)


def _changed(left: Entity, right: Entity, aspect: str, model: Schema) -> Step:
    """The step for one aspect that differs between two objects of the same kind."""
    match left.kind:
        case "index" | "primary key" | "unique" | "exclusion" if not left.fact("valid"):
            return Step((), f"{left.kind} {left.path} is invalid where it is to be taken from")
        case "index" if aspect == "options":
            return _altered(right, *_options("INDEX", left, right), f"REINDEX INDEX {_name(right)}")
        case "index" if aspect == "clustered":
            how = f"CLUSTER ON {quoted(right.name)}" if left.fact("clustered") else "SET WITHOUT CLUSTER"
            return _altered(right, f"ALTER TABLE {table_of(right)} {how}")
        case "foreign key" if left.fact("disabled"):
            return Step((), "only ALTER TABLE … DISABLE TRIGGER ALL switches a foreign key off, and triggers with it")
        case "foreign key" | "check" if aspect == "valid" and left.fact("valid"):
            return _altered(right, f"ALTER TABLE {table_of(right)} VALIDATE CONSTRAINT {quoted(right.name)}")
        case "trigger" | "rule" | "event trigger" if aspect == "enabled":
            return _altered(right, enable(left, right))
        case "view" | "materialized view" if aspect == "options":
            return _altered(right, *_options(left.kind.upper(), left, right))
        case kind if kind in _REMADE:
            return _remade(left, right, model)
        case "column":
            return _column(left, right, aspect)
        case "type" if aspect == "labels":
            return _labels(left, right)
        case "table":
            return _table(left, right, aspect)
        case "extension" if aspect == "version":
            return _extension(left, right)
        case "function":
            return _function(left, right, model)
    return Step((), "to be written by hand")


def _altered(entity: Entity, *texts: str, why_not: str = "") -> Step:
    return Step(tuple(statement_for(entity, text) for text in texts), why_not)


def _new(entity: Entity, model: Schema) -> Step:
    statements = create(entity, model)
    if not statements:
        return Step((), "its definition is not known here")
    if entity.kind == "column" and entity.fact("not_null") and not _has_value(entity):
        return Step(statements, "NOT NULL without a default: rows that are there need a value first")
    if entity.kind == "sequence" and entity.table:
        return Step(statements, "it belongs to a column: give it to that one")
    return Step(statements)


def _has_value(entity: Entity) -> bool:
    return any(entity.fact(aspect) for aspect in ("default", "identity", "generated")) or not entity.fact(
        "not_null_valid"
    )


def _gone(entity: Entity) -> Step:
    return Step((dropped(entity),), "it would be lost with all that is in it" if entity.kind in _HOLD_ROWS else "")


def _name(entity: Entity) -> str:
    return quoted(entity.schema, entity.name)


def _remade(left: Entity, right: Entity, model: Schema) -> Step:
    statements = create(left, model)
    if not statements:
        return Step((), "its definition is not known here")
    return Step((dropped(right), *statements), is_remade=True)


def _options(word: str, left: Entity, right: Entity) -> list[str]:
    """Options of an index hold for what is built from then on, those of a table for what is written."""
    wanted, had = left.fact("options"), right.fact("options")
    assert isinstance(wanted, tuple)
    assert isinstance(had, tuple)
    gone = sorted({option.partition("=")[0] for option in had} - {option.partition("=")[0] for option in wanted})
    texts = [f"ALTER {word} {_name(right)} SET {listed(wanted)}"] if wanted else []
    return texts + ([f"ALTER {word} {_name(right)} RESET ({', '.join(gone)})"] if gone else [])


def _function(left: Entity, right: Entity, model: Schema) -> Step:
    """A function can be replaced by one that is called and answers in the same way."""
    statements = create(left, model)
    if not statements:
        return Step((), "its definition is not known here")
    if any(left.fact(aspect) != right.fact(aspect) for aspect in ("type", "arguments", "returns")):
        return Step((dropped(right), *statements), "it has to be dropped first, and what uses it")
    return Step(statements)


def _column(left: Entity, right: Entity, aspect: str) -> Step:
    column = f"ALTER TABLE {table_of(right)} ALTER COLUMN {quoted(right.name)}"
    match aspect:
        case "type":
            widens = _widens(str(right.fact("type")), str(left.fact("type")))
            why = "" if widens else "the values that are there may not fit, or mean something else"
            return _altered(right, f"{column} TYPE {left.fact('type')}", why_not=why)
        case "not_null" | "not_null_valid" if left.fact("not_null") and not left.fact("not_null_valid"):
            if right.fact("not_null"):
                return Step((), "it is NOT NULL for all rows there: nothing has to be done")
            return _altered(right, not_null_later(left))
        case "not_null" | "not_null_valid":
            return _altered(right, f"{column} {'SET' if left.fact('not_null') else 'DROP'} NOT NULL")
        case "default":
            default = default_of(left)
            return _altered(right, f"{column} SET DEFAULT {default}" if default else f"{column} DROP DEFAULT")
        case "identity":
            wanted, had = str(left.fact("identity")).upper(), right.fact("identity")
            if not wanted:
                return Step((ScriptStatement(f"{column} DROP IDENTITY", right, FIRST),))
            if not had:
                why = "it has to go on after the highest number that is there"
                return _altered(right, f"{column} ADD GENERATED {wanted} AS IDENTITY", why_not=why)
            return _altered(right, f"{column} SET GENERATED {wanted}")
        case "storage":
            return _altered(right, f"{column} SET STORAGE {str(left.fact('storage') or 'default').upper()}")
        case "compression":
            return _altered(right, f"{column} SET COMPRESSION {left.fact('compression') or 'default'}")
    return _altered(right, f"{table_of(right)}: {column_clause(left)}", why_not="the column has to be made anew")


def _widens(before: str, after: str) -> bool:
    """Whether every value of one type is one of the other, unchanged."""
    one, other = _VARCHAR.fullmatch(before), _VARCHAR.fullmatch(after)
    if one and (after == "text" or (other and other[1] is None)):
        return True
    if one and other and one[1] and other[1]:
        return int(one[1]) <= int(other[1])
    return (before, after) in (("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"))


def _labels(left: Entity, right: Entity) -> Step:
    labels, had = left.fact("labels"), right.fact("labels")
    assert isinstance(labels, tuple)
    assert isinstance(had, tuple)
    if [label for label in labels if label in had] != list(had):
        return Step((), "labels cannot be taken away or moved: the type has to be made anew, and its columns with it")
    texts = []
    for number, label in enumerate(labels):
        if label not in had:
            after = f" AFTER {constant(labels[number - 1])}" if number else f" BEFORE {constant(had[0])}"
            texts.append(f"ALTER TYPE {_name(right)} ADD VALUE {constant(label)}{after if had else ''}")
    return _altered(left, *texts)


def _table(left: Entity, right: Entity, aspect: str) -> Step:
    name = _name(right)
    match aspect:
        case "row_security":
            off = (f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY", f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
            return _altered(right, *(row_security(left) or off))
        case "unlogged":
            return _altered(right, f"ALTER TABLE {name} SET {'UNLOGGED' if left.fact('unlogged') else 'LOGGED'}")
        case "options":
            return _altered(right, *_options("TABLE", left, right))
        case "replica_identity":
            return Step((replica_identity(left),))
    return Step((), "the table has to be made anew, and its rows moved")


def _extension(left: Entity, right: Entity) -> Step:
    wanted = str(left.fact("version"))
    older = _numbers(str(right.fact("version"))) < _numbers(wanted)
    why = "" if older else "an extension does not go back to an older version"
    return _altered(right, f"ALTER EXTENSION {quoted(right.name)} UPDATE TO {constant(wanted)}", why_not=why)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", version)]
