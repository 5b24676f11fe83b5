"""The statements that remove one difference, or the question that a person has to decide first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from minerva_promote.config.schema_aspects import NAME
from minerva_promote.schema_diff.create_sql import (
    CONSTRAINTS,
    FIRST,
    VIEWS,
    ScriptStatement,
    create_statements,
    drop_statement,
    enable_statement,
    replica_identity_statement,
    row_security_statements,
    statement_for,
)
from minerva_promote.schema_diff.diff import Difference
from minerva_promote.schema_diff.model import Entity, Schema
from minerva_promote.schema_diff.renaming import rename_statement
from minerva_promote.schema_diff.sql_clauses import (
    add_not_valid_not_null,
    column_clause,
    column_default,
    parenthesized,
    quote_name,
    table_name,
    text_constant,
)

_HOLD_DATA = ("table", "column", "schema", "collation", "type", "sequence", "extension", "materialized view")
_RECREATED = (*(*CONSTRAINTS, "index", *VIEWS, "trigger", "rule", "policy", "statistics", "event trigger"),)
_VARCHAR = re.compile(r"character varying(?:\(([0-9]+)\))?")


@dataclass(frozen=True, slots=True)
class Step:
    """The statements that remove one difference."""

    statements: tuple[ScriptStatement, ...]
    open_question: str = ""  # to be decided by a person; the statements are only shown then
    is_recreated: bool = False  # dropped and created again, which settles its other differences too


def step_for(difference: Difference, model: Schema) -> Step:
    """The step that makes the right side equal to the left one, whose schema is ``model``."""
    left, right = difference.left, difference.right
    if difference.entity.kind == "revision":
        return Step((), "run the migrations, do not write the revision down: promote migrate")
    if left is None or right is None:
        return _create_step(left, model) if left is not None else _drop_step(difference.entity)
    if difference.aspect == NAME:
        return _alter_step(right, rename_statement(right, right.name, left.name))
    return _change_step(left, right, difference.aspect, model)


def _change_step(left: Entity, right: Entity, aspect: str, model: Schema) -> Step:
    """The step for one aspect that differs between two objects of the same kind."""
    match left.kind:
        case "index" | "primary key" | "unique" | "exclusion" if not left.fact("valid"):
            return Step((), f"{left.kind} {left.path} is invalid where it is to be taken from")
        case "index" if aspect == "options":
            return _alter_step(right, *_set_options("INDEX", left, right), f"REINDEX INDEX {_qualified_name(right)}")
        case "index" if aspect == "clustered":
            action = f"CLUSTER ON {quote_name(right.name)}" if left.fact("clustered") else "SET WITHOUT CLUSTER"
            return _alter_step(right, f"ALTER TABLE {table_name(right)} {action}")
        case "foreign key" if left.fact("disabled"):
            return Step((), "only ALTER TABLE … DISABLE TRIGGER ALL switches a foreign key off, and triggers with it")
        case "foreign key" | "check" if aspect == "valid" and left.fact("valid"):
            return _alter_step(right, f"ALTER TABLE {table_name(right)} VALIDATE CONSTRAINT {quote_name(right.name)}")
        case "trigger" | "rule" | "event trigger" if aspect == "enabled":
            return _alter_step(right, enable_statement(left, right))
        case "view" | "materialized view" if aspect == "options":
            return _alter_step(right, *_set_options(left.kind.upper(), left, right))
        case kind if kind in _RECREATED:
            return _recreate_step(left, right, model)
        case "column":
            return _column(left, right, aspect)
        case "type" if aspect == "labels":
            return _add_labels(left, right)
        case "table":
            return _table(left, right, aspect)
        case "extension" if aspect == "version":
            return _extension(left, right)
        case "function":
            return _replace_function(left, right, model)
    return Step((), "to be written by hand")


def _alter_step(entity: Entity, *texts: str, open_question: str = "") -> Step:
    return Step(tuple(statement_for(entity, text) for text in texts), open_question)


def _create_step(entity: Entity, model: Schema) -> Step:
    statements = create_statements(entity, model)
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


def _drop_step(entity: Entity) -> Step:
    return Step(
        (drop_statement(entity),), "it would be lost with all that is in it" if entity.kind in _HOLD_DATA else ""
    )


def _qualified_name(entity: Entity) -> str:
    return quote_name(entity.schema, entity.name)


def _recreate_step(left: Entity, right: Entity, model: Schema) -> Step:
    statements = create_statements(left, model)
    if not statements:
        return Step((), "its definition is not known here")
    return Step((drop_statement(right), *statements), is_recreated=True)


def _set_options(object_type: str, left: Entity, right: Entity) -> list[str]:
    """SET and RESET of options; an index needs a rebuild afterwards, a table uses them for new rows."""
    wanted, present = left.fact("options"), right.fact("options")
    assert isinstance(wanted, tuple)
    assert isinstance(present, tuple)
    removed = sorted({option.partition("=")[0] for option in present} - {option.partition("=")[0] for option in wanted})
    texts = [f"ALTER {object_type} {_qualified_name(right)} SET {parenthesized(wanted)}"] if wanted else []
    return texts + ([f"ALTER {object_type} {_qualified_name(right)} RESET ({', '.join(removed)})"] if removed else [])


def _replace_function(left: Entity, right: Entity, model: Schema) -> Step:
    """CREATE OR REPLACE; a function with other arguments or another result type has to be dropped first."""
    statements = create_statements(left, model)
    if not statements:
        return Step((), "its definition is not known here")
    if any(left.fact(aspect) != right.fact(aspect) for aspect in ("type", "arguments", "returns")):
        return Step((drop_statement(right), *statements), "it has to be dropped first, and what uses it")
    return Step(statements)


def _column(left: Entity, right: Entity, aspect: str) -> Step:
    column = f"ALTER TABLE {table_name(right)} ALTER COLUMN {quote_name(right.name)}"
    match aspect:
        case "type":
            widens = _widens(str(right.fact("type")), str(left.fact("type")))
            reason = "" if widens else "the values that are there may not fit, or mean something else"
            return _alter_step(right, f"{column} TYPE {left.fact('type')}", open_question=reason)
        case "not_null" | "not_null_valid" if left.fact("not_null") and not left.fact("not_null_valid"):
            if right.fact("not_null"):
                return Step((), "it is NOT NULL for all rows there: nothing has to be done")
            return _alter_step(right, add_not_valid_not_null(left))
        case "not_null" | "not_null_valid":
            return _alter_step(right, f"{column} {'SET' if left.fact('not_null') else 'DROP'} NOT NULL")
        case "default":
            default = column_default(left)
            return _alter_step(right, f"{column} SET DEFAULT {default}" if default else f"{column} DROP DEFAULT")
        case "identity":
            identity, present = str(left.fact("identity")).upper(), right.fact("identity")
            if not identity:
                return Step((ScriptStatement(f"{column} DROP IDENTITY", right, FIRST),))
            if not present:
                reason = "it has to go on after the highest number that is there"
                return _alter_step(right, f"{column} ADD GENERATED {identity} AS IDENTITY", open_question=reason)
            return _alter_step(right, f"{column} SET GENERATED {identity}")
        case "storage":
            return _alter_step(right, f"{column} SET STORAGE {str(left.fact('storage') or 'default').upper()}")
        case "compression":
            return _alter_step(right, f"{column} SET COMPRESSION {left.fact('compression') or 'default'}")
    return _alter_step(
        right, f"{table_name(right)}: {column_clause(left)}", open_question="the column has to be made anew"
    )


def _widens(before: str, after: str) -> bool:
    """Whether every value of type ``before`` is a value of type ``after``, unchanged."""
    before_length, after_length = _VARCHAR.fullmatch(before), _VARCHAR.fullmatch(after)
    if before_length and (after == "text" or (after_length and after_length[1] is None)):
        return True
    if before_length and after_length and before_length[1] and after_length[1]:
        return int(before_length[1]) <= int(after_length[1])
    return (before, after) in (("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"))


def _add_labels(left: Entity, right: Entity) -> Step:
    labels, present = left.fact("labels"), right.fact("labels")
    assert isinstance(labels, tuple)
    assert isinstance(present, tuple)
    if [label for label in labels if label in present] != list(present):
        return Step((), "labels cannot be taken away or moved: the type has to be made anew, and its columns with it")
    texts = []
    for number, label in enumerate(labels):
        if label not in present:
            after = f" AFTER {text_constant(labels[number - 1])}" if number else f" BEFORE {text_constant(present[0])}"
            texts.append(
                f"ALTER TYPE {_qualified_name(right)} ADD VALUE {text_constant(label)}{after if present else ''}"
            )
    return _alter_step(left, *texts)


def _table(left: Entity, right: Entity, aspect: str) -> Step:
    name = _qualified_name(right)
    match aspect:
        case "row_security":
            disable = (
                f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
                f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY",
            )
            return _alter_step(right, *(row_security_statements(left) or disable))
        case "unlogged":
            return _alter_step(right, f"ALTER TABLE {name} SET {'UNLOGGED' if left.fact('unlogged') else 'LOGGED'}")
        case "options":
            return _alter_step(right, *_set_options("TABLE", left, right))
        case "replica_identity":
            return Step((replica_identity_statement(left),))
    return Step((), "the table has to be made anew, and its rows moved")


def _extension(left: Entity, right: Entity) -> Step:
    wanted = str(left.fact("version"))
    is_update = _numbers(str(right.fact("version"))) < _numbers(wanted)
    reason = "" if is_update else "an extension does not go back to an older version"
    return _alter_step(
        right, f"ALTER EXTENSION {quote_name(right.name)} UPDATE TO {text_constant(wanted)}", open_question=reason
    )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", version)]
