"""Statements in an order in which they can run, and which of them cannot: something else uses what they change."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from minerva_promote.config.schema_aspects import EXISTS
from minerva_promote.schema_diff.allowances import ClassifiedDifference
from minerva_promote.schema_diff.alter_sql import Step, steps_for
from minerva_promote.schema_diff.create_sql import (
    FUNCTIONS,
    FUNCTIONS_LATER,
    LAST,
    TYPES,
    TYPES_LATER,
    VIEWS,
    VIEWS_GONE,
    WITH_VIEWS,
    ScriptStatement,
)
from minerva_promote.schema_diff.model import Entity, Schema
from minerva_promote.schema_diff.renaming import apart

Found = tuple[ClassifiedDifference, Step]
_WORD = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
# Aspects in which names of other objects stand.
_SQL = ("definition", "body", "expression", "default", "generated", "columns", "where", "checks", "references")
_KEYS = ("primary key", "unique", "index")
_INHERITED = (*_KEYS, "foreign key", "exclusion", "check", "trigger")
_RELATIONS = ("table", *VIEWS, "index", "unique", "primary key", "exclusion", "sequence")  # share their names


def resolve_steps(judged: Sequence[ClassifiedDifference], left: Schema, right: Schema) -> tuple[Found, ...]:
    """Each difference that counts with its step; one that cannot run is left to a person, with what is in its way."""
    found = [(each, steps_for(each.difference, left)) for each in judged if each.counts]
    found = _unrepeated(found)
    while (again := _blocked(found, left, right)) != found:
        found = again
    return tuple(found)


def _unrepeated(found: list[Found]) -> list[Found]:
    """Without what is done by another step: of what is made anew, and of a column that brings its own sequence."""
    anew = {each.difference.entity.key for each, step in found if step.is_remade}
    views = {key[1::2] for key in anew if key[0] in VIEWS}
    columns = {
        (entity.schema, entity.table, entity.name)
        for entity in (each.difference.left for each, _ in found if each.difference.aspect == EXISTS)
        if entity is not None and entity.kind == "column"
    }
    kept, told = [], set()
    for each, step in found:
        entity = each.difference.entity
        texts = tuple(statement.text for statement in step.statements)
        again = bool(texts) and (entity.key, texts) in told
        part = (entity.schema, entity.table) in views
        own = entity.kind == "sequence" and (entity.schema, entity.table, entity.name) in columns
        if again or part or own or (entity.key in anew and not step.is_remade):
            continue
        told.add((entity.key, texts))
        kept.append((each, step))
    return kept


def _blocked(found: list[Found], left: Schema, right: Schema) -> list[Found]:
    """The steps once more, those left to a person that others stand in the way of."""
    safe = [statement for _, step in found if not step.why_not for statement in step.statements]
    gone = {statement.of.key for statement in safe if statement.is_drop}
    kept = _Kept(entity for key, entity in right.entities.items() if key not in gone)
    missing: dict[str, list[Entity]] = defaultdict(list)
    for each, step in found:
        entity = each.difference.left
        if step.why_not and entity is not None and each.difference.aspect in (EXISTS, "type", "identity", "labels"):
            missing[_bare(entity)].append(entity)
    again = []
    for each, step in found:
        why = step.why_not
        for statement in () if why else step.statements:
            why = why or next(_blocker(statement, kept, missing, left), "")
        again.append((each, replace(step, why_not=why)))
    return again


class _Kept:
    """What stays of a schema, by what may be asked of it."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.by_key = {entity.key: entity for entity in entities}
        self.saying: dict[str, list[Entity]] = defaultdict(list)  # by the names that their definitions have in them
        self.named: dict[tuple[str, str], list[Entity]] = defaultdict(list)  # relations
        self.own_sequences: list[Entity] = []
        for entity in self.by_key.values():
            for word in _words_of(entity):
                self.saying[word].append(entity)
            if _is_own(entity):
                self.own_sequences.append(entity)
            elif entity.kind in _RELATIONS:
                self.named[entity.schema, entity.name].append(entity)


def _blocker(
    statement: ScriptStatement, kept: _Kept, missing: Mapping[str, list[Entity]], left: Schema
) -> Iterator[str]:
    of = statement.of
    table = kept.by_key.get(("table", of.schema, "", of.table))
    if table is not None and table.fact("bounds") and of.kind in _INHERITED:
        yield "a partition has it from its parent"
    if statement.is_drop:
        for each in kept.saying.get(of.table if of.kind in _KEYS else _bare(of), ()):
            if each.key != of.key and _needs(each, of):
                yield f"{_called(each)} needs it"
        return
    if of.kind == "column" and " TYPE " in statement.text:
        yield from (f"{_called(each)} uses it" for each in kept.saying.get(of.name, ()) if _uses_type(each, of))
    if of.kind in _RELATIONS and not _is_own(of):
        for each in kept.named.get((of.schema, of.name), ()):
            if each.key != of.key:
                yield f"{_called(each)} has its name"
    if of.kind == "sequence" and not of.table and of.key not in kept.by_key:
        for each in kept.own_sequences:  # PostgreSQL may call them anything: the name here is the column's
            if each.schema == of.schema and each.key not in left.entities:
                yield f"{_called(each)} may be the same one"
    for word in words(statement.text) & missing.keys():
        yield from (f"{_called(each)} comes first" for each in missing[word] if _references(statement, each))


def _is_own(entity: Entity) -> bool:
    """Whether it is the sequence of a column."""
    return entity.kind == "sequence" and bool(entity.table)


def _bare(entity: Entity) -> str:
    """The name by which others speak of an object."""
    if _is_own(entity):
        return f"{entity.table}_{entity.name}_seq"
    return entity.name.rpartition("(")[0] if entity.kind == "function" else entity.name


def _called(entity: Entity) -> str:
    return f"{entity.kind} {entity.path}"


def _needs(entity: Entity, gone: Entity) -> bool:
    """Whether PostgreSQL refuses to drop the one because of the other, whose name it has in it."""
    if gone.kind in _KEYS:
        return entity.kind == "foreign key" and set(entity.fact("referenced")) == set(gone.columns)  # type: ignore[arg-type]
    if gone.kind in VIEWS:
        return entity.kind in (*VIEWS, "rule") and entity.table != gone.name
    return gone.kind == "function"


def _uses_type(entity: Entity, column: Entity) -> bool:
    """Whether PostgreSQL refuses another type for a column because of it, which has its name in it."""
    if entity.kind in (*VIEWS, "rule") and entity.table != column.table:
        return column.table in _words_of(entity)
    if (entity.schema, entity.table) != (column.schema, column.table):
        return False
    if entity.kind == "column":
        return entity.name != column.name and bool(entity.fact("generated"))
    return entity.kind in ("trigger", "policy", "rule")


def _references(statement: ScriptStatement, missing: Entity) -> bool:
    """Whether what is not there yet is needed by a statement that has its name in it."""
    of = statement.of
    if of.key == missing.key:
        return False
    if missing.kind == "column":
        here = (of.schema, of.table) == (missing.schema, missing.table) and of.kind != "column"
        return here or (of.kind in (*VIEWS, "foreign key") and missing.table in words(statement.text))
    return _is_own(missing) or not (missing.table or missing.kind in ("schema", "extension"))


@cache
def words(text: str) -> frozenset[str]:
    """Everything in a piece of SQL that may be a name, also what stands in a constant: nextval('a_seq')."""
    return frozenset(quoted.replace('""', '"') or bare for quoted, bare in _WORD.findall(text))


def _words_of(entity: Entity) -> frozenset[str]:
    body = "body" in entity.facts and not str(entity.facts["body"]).startswith(("BEGIN ATOMIC", "RETURN "))
    facts = [entity.facts[aspect] for aspect in _SQL if aspect in entity.facts and not (body and aspect == "body")]
    return words(" ".join(" ".join(fact) if isinstance(fact, tuple) else str(fact) for fact in facts))


def in_order(found: Iterable[Found]) -> Iterator[tuple[ClassifiedDifference, ScriptStatement]]:
    """The statements that can run, each after those that it needs."""
    waiting = [(each, statement) for each, step in found if not step.why_not for statement in step.statements]
    waiting = apart(waiting)
    new = _New(
        frozenset(statement.of.name for _, statement in waiting if statement.of.kind == "table"),
        frozenset(statement.of.name for _, statement in waiting if statement.of.kind in VIEWS),
        _late_types([statement for _, statement in waiting]),
    )
    waiting = [(each, _in_place(statement, new)) for each, statement in waiting]
    for rank in sorted({statement.rank for _, statement in waiting}):
        yield from _sorted([pair for pair in waiting if pair[1].rank == rank])


class _New(NamedTuple):
    """What a script makes, by name."""

    tables: frozenset[str]
    views: frozenset[str]
    late_types: frozenset[str]  # that need a function


def _late_types(statements: Sequence[ScriptStatement]) -> frozenset[str]:
    """The new types that name a new function, and the types that name those."""
    made = [statement for statement in statements if statement.rank == TYPES and not statement.is_drop]
    late: set[str] = set()
    names = {_bare(statement.of) for statement in statements if statement.rank == FUNCTIONS}
    while more := {statement.of.name for statement in made if words(statement.text) & names} - late:
        late |= more
        names = more
    return frozenset(late)


def _in_place(statement: ScriptStatement, new: _New) -> ScriptStatement:
    """A function that speaks of a new table or view when it is made comes after it, all others before."""
    of = statement.of
    if statement.rank == TYPES and of.name in new.late_types:
        return replace(statement, rank=TYPES_LATER)
    if of.kind != "function" or statement.rank not in (FUNCTIONS, LAST):
        return statement
    asked = _asked(of)
    if statement.rank == LAST:
        return replace(statement, rank=VIEWS_GONE) if asked & new.views else statement
    if asked & new.views:
        return replace(statement, rank=WITH_VIEWS)
    return replace(statement, rank=FUNCTIONS_LATER) if asked & new.tables else statement


def _sorted(
    pairs: list[tuple[ClassifiedDifference, ScriptStatement]],
) -> Iterator[tuple[ClassifiedDifference, ScriptStatement]]:
    """Types, functions and views of one rank by what they name of each other; what is dropped the other way round."""
    if pairs[0][1].of.kind not in ("type", "function", *VIEWS):
        yield from sorted(pairs, key=lambda pair: _is_generated(pair[1]))
        return
    named = {_bare(statement.of): statement.of.key for _, statement in pairs}
    needs = {
        statement.of.key: {named[word] for word in _needed(statement) & named.keys()} - {statement.of.key}
        for _, statement in pairs
    }
    order: dict[tuple[str, ...], None] = {}

    def place(key: tuple[str, str, str, str], above: frozenset[tuple[str, str, str, str]]) -> None:
        for other in sorted(needs[key] - above - order.keys()):
            place(other, above | {key})
        order.setdefault(key)

    for key in needs:
        place(key, frozenset({key}))
    number = {key: at for at, key in enumerate(order)}
    yield from sorted(pairs, key=lambda pair: -number[pair[1].of.key] if pair[1].is_drop else number[pair[1].of.key])


def _is_generated(statement: ScriptStatement) -> bool:
    """Whether it makes a column that is computed from others of its table."""
    of = statement.of
    return of.kind == "column" and not statement.is_drop and bool(of.fact("generated"))


def _asked(function: Entity) -> frozenset[str]:
    """What a function speaks of when it is made."""
    return words(f"{function.fact('arguments')} {function.fact('returns')}") | _words_of(function)


def _needed(statement: ScriptStatement) -> frozenset[str]:
    if statement.is_drop and statement.of.kind == "function":
        return _asked(statement.of)
    return _words_of(statement.of) if statement.is_drop else words(statement.text)
