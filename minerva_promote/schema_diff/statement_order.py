"""The order in which statements can run, and which of them cannot because other objects depend on what they change."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from minerva_promote.config.schema_aspects import EXISTS
from minerva_promote.schema_diff.allowances import ClassifiedDifference
from minerva_promote.schema_diff.alter_sql import Step, step_for
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
from minerva_promote.schema_diff.renaming import order_renames

ResolvedStep = tuple[ClassifiedDifference, Step]
_IDENTIFIER = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
# Aspects that can name other objects.
_SQL = ("definition", "body", "expression", "default", "generated", "columns", "where", "checks", "references")
_KEYS = ("primary key", "unique", "index")
_INHERITED = (*_KEYS, "foreign key", "exclusion", "check", "trigger")
_RELATIONS = ("table", *VIEWS, "index", "unique", "primary key", "exclusion", "sequence")  # share one namespace


def resolve_steps(differences: Sequence[ClassifiedDifference], left: Schema, right: Schema) -> tuple[ResolvedStep, ...]:
    """Each counted difference with its step; one that cannot run names its blocker as the open question."""
    resolved = [(classified, step_for(classified.difference, left)) for classified in differences if classified.counts]
    resolved = _without_repeats(resolved)
    while (blocked := _blocked(resolved, left, right)) != resolved:
        resolved = blocked
    return tuple(resolved)


def _without_repeats(resolved: list[ResolvedStep]) -> list[ResolvedStep]:
    """Without steps that another one covers: parts of recreated objects, a column's own sequence, equal statements."""
    recreated = {classified.difference.entity.key for classified, step in resolved if step.is_recreated}
    views = {key[1::2] for key in recreated if key[0] in VIEWS}
    columns = {
        (entity.schema, entity.table, entity.name)
        for entity in (
            classified.difference.left for classified, _ in resolved if classified.difference.aspect == EXISTS
        )
        if entity is not None and entity.kind == "column"
    }
    kept, emitted = [], set()
    for classified, step in resolved:
        entity = classified.difference.entity
        texts = tuple(statement.text for statement in step.statements)
        is_repeated = bool(texts) and (entity.key, texts) in emitted
        is_view_part = (entity.schema, entity.table) in views
        is_own_sequence = entity.kind == "sequence" and (entity.schema, entity.table, entity.name) in columns
        if is_repeated or is_view_part or is_own_sequence or (entity.key in recreated and not step.is_recreated):
            continue
        emitted.add((entity.key, texts))
        kept.append((classified, step))
    return kept


def _blocked(resolved: list[ResolvedStep], left: Schema, right: Schema) -> list[ResolvedStep]:
    """The steps again, with the blocker of those that cannot run as their open question."""
    executable = [statement for _, step in resolved if not step.open_question for statement in step.statements]
    dropped = {statement.entity.key for statement in executable if statement.is_drop}
    kept = _RemainingObjects(entity for key, entity in right.entities.items() if key not in dropped)
    missing: dict[str, list[Entity]] = defaultdict(list)
    for classified, step in resolved:
        entity = classified.difference.left
        if (
            step.open_question
            and entity is not None
            and classified.difference.aspect in (EXISTS, "type", "identity", "labels")
        ):
            missing[_referenced_name(entity)].append(entity)
    blocked = []
    for classified, step in resolved:
        reason = step.open_question
        for statement in () if reason else step.statements:
            reason = reason or next(_blocker(statement, kept, missing, left), "")
        blocked.append((classified, replace(step, open_question=reason)))
    return blocked


class _RemainingObjects:
    """The objects of a schema that no statement drops, indexed for the search for blockers."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.by_key = {entity.key: entity for entity in entities}
        self.by_mentioned_name: dict[str, list[Entity]] = defaultdict(
            list
        )  # by the names that their definitions have in them
        self.relations_by_name: dict[tuple[str, str], list[Entity]] = defaultdict(list)  # relations
        self.own_sequences: list[Entity] = []
        for entity in self.by_key.values():
            for word in _names_in_definition(entity):
                self.by_mentioned_name[word].append(entity)
            if _is_column_sequence(entity):
                self.own_sequences.append(entity)
            elif entity.kind in _RELATIONS:
                self.relations_by_name[entity.schema, entity.name].append(entity)


def _blocker(
    statement: ScriptStatement, kept: _RemainingObjects, missing: Mapping[str, list[Entity]], left: Schema
) -> Iterator[str]:
    entity = statement.entity
    table = kept.by_key.get(("table", entity.schema, "", entity.table))
    if table is not None and table.fact("bounds") and entity.kind in _INHERITED:
        yield "a partition has it from its parent"
    if statement.is_drop:
        for other in kept.by_mentioned_name.get(entity.table if entity.kind in _KEYS else _referenced_name(entity), ()):
            if other.key != entity.key and _needs(other, entity):
                yield f"{_kind_and_path(other)} needs it"
        return
    if entity.kind == "column" and " TYPE " in statement.text:
        yield from (
            f"{_kind_and_path(other)} uses it"
            for other in kept.by_mentioned_name.get(entity.name, ())
            if _uses_type(other, entity)
        )
    if entity.kind in _RELATIONS and not _is_column_sequence(entity):
        for other in kept.relations_by_name.get((entity.schema, entity.name), ()):
            if other.key != entity.key:
                yield f"{_kind_and_path(other)} has its name"
    if entity.kind == "sequence" and not entity.table and entity.key not in kept.by_key:
        for other in kept.own_sequences:  # the generated name is not known: identified by column
            if other.schema == entity.schema and other.key not in left.entities:
                yield f"{_kind_and_path(other)} may be the same one"
    for word in mentioned_names(statement.text) & missing.keys():
        yield from (f"{_kind_and_path(other)} comes first" for other in missing[word] if _references(statement, other))


def _is_column_sequence(entity: Entity) -> bool:
    """Whether it is a column's own sequence."""
    return entity.kind == "sequence" and bool(entity.table)


def _referenced_name(entity: Entity) -> str:
    """The name by which SQL refers to an object."""
    if _is_column_sequence(entity):
        return f"{entity.table}_{entity.name}_seq"
    return entity.name.rpartition("(")[0] if entity.kind == "function" else entity.name


def _kind_and_path(entity: Entity) -> str:
    return f"{entity.kind} {entity.path}"


def _needs(entity: Entity, dropped: Entity) -> bool:
    """Whether PostgreSQL refuses to drop ``dropped`` because of ``entity``, which mentions its name."""
    if dropped.kind in _KEYS:
        return entity.kind == "foreign key" and set(entity.fact("referenced")) == set(dropped.columns)  # type: ignore[arg-type]
    if dropped.kind in VIEWS:
        return entity.kind in (*VIEWS, "rule") and entity.table != dropped.name
    return dropped.kind == "function"


def _uses_type(entity: Entity, column: Entity) -> bool:
    """Whether PostgreSQL refuses to change the type of a column because of ``entity``, which mentions it."""
    if entity.kind in (*VIEWS, "rule") and entity.table != column.table:
        return column.table in _names_in_definition(entity)
    if (entity.schema, entity.table) != (column.schema, column.table):
        return False
    if entity.kind == "column":
        return entity.name != column.name and bool(entity.fact("generated"))
    return entity.kind in ("trigger", "policy", "rule")


def _references(statement: ScriptStatement, missing: Entity) -> bool:
    """Whether a statement that mentions the name of a missing object needs that object."""
    entity = statement.entity
    if entity.key == missing.key:
        return False
    if missing.kind == "column":
        same_table = (entity.schema, entity.table) == (missing.schema, missing.table) and entity.kind != "column"
        return same_table or (
            entity.kind in (*VIEWS, "foreign key") and missing.table in mentioned_names(statement.text)
        )
    return _is_column_sequence(missing) or not (missing.table or missing.kind in ("schema", "extension"))


@cache
def mentioned_names(text: str) -> frozenset[str]:
    """All words of an SQL text that may be names, in constants too: nextval('a_seq')."""
    return frozenset(quoted.replace('""', '"') or unquoted for quoted, unquoted in _IDENTIFIER.findall(text))


def _names_in_definition(entity: Entity) -> frozenset[str]:
    body = "body" in entity.facts and not str(entity.facts["body"]).startswith(("BEGIN ATOMIC", "RETURN "))
    facts = [entity.facts[aspect] for aspect in _SQL if aspect in entity.facts and not (body and aspect == "body")]
    return mentioned_names(" ".join(" ".join(fact) if isinstance(fact, tuple) else str(fact) for fact in facts))


def in_order(resolved: Iterable[ResolvedStep]) -> Iterator[tuple[ClassifiedDifference, ScriptStatement]]:
    """The statements that can run, each after those it depends on."""
    pairs = [
        (classified, statement)
        for classified, step in resolved
        if not step.open_question
        for statement in step.statements
    ]
    pairs = order_renames(pairs)
    created = _CreatedNames(
        frozenset(statement.entity.name for _, statement in pairs if statement.entity.kind == "table"),
        frozenset(statement.entity.name for _, statement in pairs if statement.entity.kind in VIEWS),
        _late_types([statement for _, statement in pairs]),
    )
    pairs = [(classified, _final_rank(statement, created)) for classified, statement in pairs]
    for rank in sorted({statement.rank for _, statement in pairs}):
        yield from _sort_by_dependency([pair for pair in pairs if pair[1].rank == rank])


class _CreatedNames(NamedTuple):
    """The names that a script creates."""

    tables: frozenset[str]
    views: frozenset[str]
    late_types: frozenset[str]  # they use a new function


def _late_types(statements: Sequence[ScriptStatement]) -> frozenset[str]:
    """The new types that mention a new function, directly or through another type."""
    created = [statement for statement in statements if statement.rank == TYPES and not statement.is_drop]
    late: set[str] = set()
    names = {_referenced_name(statement.entity) for statement in statements if statement.rank == FUNCTIONS}
    while more := {statement.entity.name for statement in created if mentioned_names(statement.text) & names} - late:
        late |= more
        names = more
    return frozenset(late)


def _final_rank(statement: ScriptStatement, created: _CreatedNames) -> ScriptStatement:
    """The statement with its final rank: a function that mentions a new table or view follows it."""
    entity = statement.entity
    if statement.rank == TYPES and entity.name in created.late_types:
        return replace(statement, rank=TYPES_LATER)
    if entity.kind != "function" or statement.rank not in (FUNCTIONS, LAST):
        return statement
    mentioned = _mentioned_names(entity)
    if statement.rank == LAST:
        return replace(statement, rank=VIEWS_GONE) if mentioned & created.views else statement
    if mentioned & created.views:
        return replace(statement, rank=WITH_VIEWS)
    return replace(statement, rank=FUNCTIONS_LATER) if mentioned & created.tables else statement


def _sort_by_dependency(
    pairs: list[tuple[ClassifiedDifference, ScriptStatement]],
) -> Iterator[tuple[ClassifiedDifference, ScriptStatement]]:
    """Sort types, functions and views of one rank by dependency; drops in reverse order."""
    if pairs[0][1].entity.kind not in ("type", "function", *VIEWS):
        yield from sorted(pairs, key=lambda pair: _is_generated(pair[1]))
        return
    keys_by_name = {_referenced_name(statement.entity): statement.entity.key for _, statement in pairs}
    needs = {
        statement.entity.key: {keys_by_name[word] for word in _needed_names(statement) & keys_by_name.keys()}
        - {statement.entity.key}
        for _, statement in pairs
    }
    order: dict[tuple[str, ...], None] = {}

    def visit(key: tuple[str, str, str, str], ancestors: frozenset[tuple[str, str, str, str]]) -> None:
        for other in sorted(needs[key] - ancestors - order.keys()):
            visit(other, ancestors | {key})
        order.setdefault(key)

    for key in needs:
        visit(key, frozenset({key}))
    positions = {key: position for position, key in enumerate(order)}
    yield from sorted(
        pairs, key=lambda pair: -positions[pair[1].entity.key] if pair[1].is_drop else positions[pair[1].entity.key]
    )


def _is_generated(statement: ScriptStatement) -> bool:
    """Whether it creates a generated column."""
    entity = statement.entity
    return entity.kind == "column" and not statement.is_drop and bool(entity.fact("generated"))


def _mentioned_names(function: Entity) -> frozenset[str]:
    """The names that PostgreSQL resolves when it creates a function."""
    return mentioned_names(f"{function.fact('arguments')} {function.fact('returns')}") | _names_in_definition(function)


def _needed_names(statement: ScriptStatement) -> frozenset[str]:
    if statement.is_drop and statement.entity.kind == "function":
        return _mentioned_names(statement.entity)
    return _names_in_definition(statement.entity) if statement.is_drop else mentioned_names(statement.text)
