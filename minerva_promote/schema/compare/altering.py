"""What would take one difference away: statements, or a comment where a schema alone does not say whether they may."""

from __future__ import annotations

import re
from dataclasses import dataclass

from minerva_promote.config.schema_facts import NAME
from minerva_promote.schema.compare.diff import Difference
from minerva_promote.schema.compare.making import (
    column_clause,
    constant,
    create,
    default_of,
    drop,
    enable,
    listed,
    quoted,
    row_security,
    table_of,
)
from minerva_promote.schema.compare.model import Entity, Schema

_HOLD_ROWS = ("table", "column", "schema", "type", "sequence", "extension", "materialized view")
_REMADE = ("primary key", "unique", "foreign key", "check", "exclusion", "index", "view", "rule", "policy", "trigger")
_VARCHAR = re.compile(r"character varying(?:\(([0-9]+)\))?")


@dataclass(frozen=True, slots=True)
class Step:
    """Statements for one difference, in the order of a script."""

    statements: tuple[str, ...]
    why_not: str = ""  # a person has to decide: the statements are only shown
    is_drop: bool = False
    is_remade: bool = False  # dropped and made anew: whatever else is different of it is done with that


def steps_for(difference: Difference, model: Schema) -> tuple[Step, ...]:
    """What would bring the right side in step with the left one, ``model``."""
    left, right = difference.left, difference.right
    if difference.entity.kind == "revision":
        return (Step((), "run the migrations, do not write the revision down: promote migrate"),)
    if left is None or right is None:
        return (_made(left, model),) if left is not None else (_dropped(right),) if right is not None else ()
    if difference.aspect == NAME:
        return (_renamed(left, right),)
    if left.kind == "index" and difference.aspect == "options":
        return _index_options(left, right)
    if left.kind in ("foreign key", "check") and difference.aspect == "valid" and left.fact("valid"):
        return (Step((f"ALTER TABLE {table_of(right)} VALIDATE CONSTRAINT {quoted(right.name)}",)),)
    if left.kind in ("trigger", "rule") and difference.aspect == "enabled":
        return (Step((enable(left, right),)),)
    if left.kind in _REMADE:
        return _remade(left, right, model)
    match left.kind:
        case "column":
            return (_column(left, right, difference.aspect),)
        case "type":
            return (_type(left, right),)
        case "table":
            return (_table(left, difference.aspect),)
        case "extension" if difference.aspect == "version":
            return (_extension(left, right),)
        case "function" if left.sql and difference.aspect not in ("returns", "type"):
            return (Step((left.sql.strip(),)),)
    return (Step((), "to be written by hand"),)


def _made(entity: Entity | None, model: Schema) -> Step:
    assert entity is not None
    statements = create(entity, model)
    if not statements:
        return Step((), "its definition is not known here")
    if entity.kind == "column" and entity.fact("not_null") and not _has_value(entity):
        return Step(statements, "NOT NULL without a default: rows that are there need a value first")
    if entity.kind == "sequence" and entity.table:
        return Step(statements, "it belongs to a column: give it to that one")
    return Step(statements)


def _has_value(entity: Entity) -> bool:
    return any(entity.fact(aspect) for aspect in ("default", "identity", "generated"))


def _dropped(entity: Entity) -> Step:
    if entity.kind in _HOLD_ROWS:
        return Step((drop(entity),), "it would be lost with all that is in it", is_drop=True)
    return Step((drop(entity),), is_drop=True)


def _renamed(left: Entity, right: Entity) -> Step:
    if left.kind == "index":
        return Step((f"ALTER INDEX {quoted(right.schema, right.name)} RENAME TO {quoted(left.name)}",))
    rename = f"RENAME CONSTRAINT {quoted(right.name)} TO {quoted(left.name)}"
    return Step((f"ALTER TABLE {table_of(right)} {rename}",))


def _remade(left: Entity, right: Entity, model: Schema) -> tuple[Step, ...]:
    made = create(left, model)
    if not made:
        return (Step((), "its definition is not known here"),)
    return Step((drop(right),), is_drop=True, is_remade=True), Step(made, is_remade=True)


def _index_options(left: Entity, right: Entity) -> tuple[Step, ...]:
    """Options of an index hold for what is built from then on."""
    name, wanted = quoted(right.schema, right.name), left.fact("options")
    assert isinstance(wanted, tuple)
    kept = {option.partition("=")[0] for option in wanted}
    had = right.fact("options")
    assert isinstance(had, tuple)
    gone = sorted({option.partition("=")[0] for option in had} - kept)
    statements = [f"ALTER INDEX {name} SET {listed(wanted)}"] if wanted else []
    statements += [f"ALTER INDEX {name} RESET ({', '.join(gone)})"] if gone else []
    return (Step((*statements, f"REINDEX INDEX {name}")),)


def _column(left: Entity, right: Entity, aspect: str) -> Step:
    column = f"ALTER TABLE {table_of(right)} ALTER COLUMN {quoted(right.name)}"
    match aspect:
        case "type":
            statement = f"{column} TYPE {left.fact('type')}"
            widens = _widens(str(right.fact("type")), str(left.fact("type")))
            return Step((statement,), "" if widens else "the values that are there may not fit, or mean something else")
        case "not_null":
            return Step((f"{column} {'SET' if left.fact('not_null') else 'DROP'} NOT NULL",))
        case "default":
            default = default_of(left)
            return Step((f"{column} SET DEFAULT {default}" if default else f"{column} DROP DEFAULT",))
        case "identity":
            wanted, had = str(left.fact("identity")).upper(), right.fact("identity")
            if not wanted:
                return Step((f"{column} DROP IDENTITY",))
            if not had:
                why = "it has to go on after the highest number that is there"
                return Step((f"{column} ADD GENERATED {wanted} AS IDENTITY",), why)
            return Step((f"{column} SET GENERATED {wanted}",))
        case "storage":
            return Step((f"{column} SET STORAGE {str(left.fact('storage') or 'default').upper()}",))
        case "compression":
            return Step((f"{column} SET COMPRESSION {left.fact('compression') or 'default'}",))
    return Step((f"{table_of(right)}: {column_clause(left)}",), "the column has to be made anew")


def _widens(before: str, after: str) -> bool:
    """Whether every value of one type is one of the other, unchanged."""
    one, other = _VARCHAR.fullmatch(before), _VARCHAR.fullmatch(after)
    if one and (after == "text" or (other and other[1] is None)):
        return True
    if one and other and one[1] and other[1]:
        return int(one[1]) <= int(other[1])
    return (before, after) in (("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"))


def _type(left: Entity, right: Entity) -> Step:
    labels, had = left.fact("labels"), right.fact("labels")
    assert isinstance(labels, tuple)
    assert isinstance(had, tuple)
    name = quoted(right.schema, right.name)
    if labels and [label for label in labels if label in had] == list(had):
        statements = []
        for number, label in enumerate(labels):
            if label not in had:
                after = f" AFTER {constant(labels[number - 1])}" if number else f" BEFORE {constant(labels[1])}"
                statements.append(f"ALTER TYPE {name} ADD VALUE {constant(label)}{after}")
        return Step(tuple(statements))
    return Step((), "labels cannot be taken away or moved: the type has to be made anew, and its columns with it")


def _table(left: Entity, aspect: str) -> Step:
    name = quoted(left.schema, left.name)
    if aspect == "row_security":
        off = (f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY", f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
        return Step(row_security(left) or off)
    if aspect == "unlogged":
        return Step((f"ALTER TABLE {name} SET {'UNLOGGED' if left.fact('unlogged') else 'LOGGED'}",))
    if aspect == "options" and left.fact("options"):
        return Step((f"ALTER TABLE {name} SET {listed(left.fact('options'))}",))
    return Step((), "the table has to be made anew, and its rows moved")


def _extension(left: Entity, right: Entity) -> Step:
    wanted = str(left.fact("version"))
    statement = f"ALTER EXTENSION {quoted(right.name)} UPDATE TO {constant(wanted)}"
    older = _numbers(str(right.fact("version"))) < _numbers(wanted)
    return Step((statement,), "" if older else "an extension does not go back to an older version")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", version)]
