"""The differences between two schemas; constraints and indexes are matched by definition, not by generated names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from minerva_promote.config.schema_aspects import EXISTS, KINDS, NAME, RENAMED, Fact
from minerva_promote.schema_diff.model import Entity, Key, Schema
from minerva_promote.schema_diff.sql_equivalence import canonical_form

_ORDER = {name: number for number, name in enumerate(KINDS)}
# Aspects of an index that promote index --apply chose by measurements, which no migration declares.
APPLIED_ASPECTS = ("method", "options")
_RELATIONS = ("table", "view", "materialized view")
# Names that PostgreSQL generates: table_column_key, table_pkey, table_column_idx1.
_GENERATED_NAME = re.compile(r".+_(pkey|key|fkey|check|excl|idx)[0-9]*|\$[0-9]+")


@dataclass(frozen=True, slots=True)
class Difference:
    """One aspect of one object."""

    aspect: str  # a key of its facts, EXISTS or NAME
    left: Entity | None  # object in the left schema; None: only the right one has it
    right: Entity | None  # object in the right schema
    parts: Mapping[str, int] = field(default_factory=dict)  # number by kind, for a table or schema that one side lacks
    is_note: bool = False  # reported, but not counted as a difference

    @property
    def entity(self) -> Entity:
        """The object: the left one if there is one."""
        entity = self.left or self.right
        assert entity is not None
        return entity

    @property
    def before(self) -> Fact:
        """The value of the left side."""
        return _value_of(self.left, self.aspect)

    @property
    def after(self) -> Fact:
        """The value of the right side."""
        return _value_of(self.right, self.aspect)


def _value_of(entity: Entity | None, aspect: str) -> Fact:
    if aspect == EXISTS:
        return entity is not None
    assert entity is not None
    return entity.name if aspect == NAME else entity.fact(aspect)


def diff(
    left: Schema, right: Schema, *, schemas: Collection[str] = (), ignored: Collection[tuple[str, str]] = ()
) -> tuple[Difference, ...]:
    """The differences in report order; a table or schema that one side lacks is one difference, without its parts.

    ``schemas`` restricts the comparison. ``ignored`` holds (kind, aspect) pairs.
    """
    left_entities, right_entities = _restrict_to_schemas(left, schemas), _restrict_to_schemas(right, schemas)
    if left.revision is None or right.revision is None:
        left_entities, right_entities = _without_revision(left_entities), _without_revision(right_entities)
    one_sided_schemas, one_sided_tables = _one_sided_containers(left_entities, right_entities)
    differences: list[Difference] = []
    for left_entity, right_entity in _pairs(left_entities, right_entities):
        entity = left_entity or right_entity
        assert entity is not None
        if entity.schema in one_sided_schemas or (entity.schema, entity.table) in one_sided_tables:
            continue
        if left_entity is None or right_entity is None:
            differences.append(
                Difference(
                    EXISTS,
                    left_entity,
                    right_entity,
                    _count_parts(entity, left_entities if left_entity else right_entities),
                )
            )
        else:
            differences += _aspect_differences(left_entity, right_entity)
    kept = (difference for difference in differences if (difference.entity.kind, difference.aspect) not in ignored)
    return tuple(sorted(kept, key=_report_order))


def count_objects(left: Schema, right: Schema, schemas: Collection[str] = ()) -> int:
    """The number of compared objects, including those that one side lacks."""
    return len(_restrict_to_schemas(left, schemas).keys() | _restrict_to_schemas(right, schemas).keys())


def _report_order(difference: Difference) -> tuple[object, ...]:
    """The sort key of a report: objects of the database, then each table with its parts, then the rest."""
    entity = difference.entity
    of_database = entity.kind in ("revision", "extension", "schema", "type")
    of_table = entity.kind in _RELATIONS or bool(entity.table)
    group = 0 if of_database else 1 if of_table else 2
    table = (entity.schema, entity.table or entity.name) if of_table else ("", "")
    aspects = list(entity.kind_spec.facts.model_fields)
    aspect = aspects.index(difference.aspect) if difference.aspect in aspects else -1
    return group, *table, _ORDER[entity.kind], entity.schema, entity.name, aspect


def _restrict_to_schemas(schema: Schema, schemas: Collection[str]) -> dict[Key, Entity]:
    if not schemas:
        return dict(schema.entities)
    return {
        key: entity
        for key, entity in schema.entities.items()
        if (entity.name if entity.kind == "schema" else entity.schema) in schemas
    }


def _without_revision(entities: Mapping[Key, Entity]) -> dict[Key, Entity]:
    return {key: entity for key, entity in entities.items() if entity.kind != "revision"}


def _one_sided_containers(
    left: Mapping[Key, Entity], right: Mapping[Key, Entity]
) -> tuple[set[str], set[tuple[str, str]]]:
    """Schemas and tables that only one side has: their parts are not reported."""
    one_sided = [(left.get(key) or right[key]) for key in left.keys() ^ right.keys()]
    schemas = {entity.name for entity in one_sided if entity.kind == "schema"}
    return schemas, {(entity.schema, entity.name) for entity in one_sided if entity.kind in _RELATIONS}


def _count_parts(entity: Entity, entities: Mapping[Key, Entity]) -> dict[str, int]:
    if entity.kind == "schema":
        return Counter(part.kind for part in entities.values() if part.schema == entity.name and not part.table)
    if entity.kind not in _RELATIONS:
        return {}
    key = (entity.schema, entity.name)
    return Counter(part.kind for part in entities.values() if part.table and (part.schema, part.table) == key)


def _pairs(left: Mapping[Key, Entity], right: Mapping[Key, Entity]) -> Iterator[tuple[Entity | None, Entity | None]]:
    """Every object with its counterpart, or None."""
    renamed: dict[tuple[str, str, str], tuple[list[Entity], list[Entity]]] = defaultdict(lambda: ([], []))
    for side, entities in enumerate((left, right)):
        for entity in entities.values():
            if entity.kind in RENAMED:
                renamed[entity.kind, entity.schema, entity.table][side].append(entity)
    for key, entity in left.items():
        if entity.kind not in RENAMED:
            yield entity, right.get(key)
    for key, entity in right.items():
        if entity.kind not in RENAMED and key not in left:
            yield None, entity
    for left_entities, right_entities in renamed.values():
        yield from _match_renamed(left_entities, right_entities)


def _match_renamed(left: list[Entity], right: list[Entity]) -> Iterator[tuple[Entity | None, Entity | None]]:
    """Match constraints or indexes of one table: by name and definition, definition, name, columns."""
    identities: tuple[Callable[[Entity], Hashable], ...] = (
        lambda entity: (entity.name, _exact_value(entity)),
        _exact_value,
        lambda entity: (entity.name, _canonical_value(entity)),
        _canonical_value,
        lambda entity: entity.name,
        lambda entity: tuple(_canonical_aspect(entity, aspect) for aspect in entity.kind_spec.identified_by),
    )
    for identity in identities:
        if not left or not right:
            break
        candidates: dict[Hashable, list[Entity]] = defaultdict(list)
        for right_entity in right:
            candidates[identity(right_entity)].append(right_entity)
        unmatched = []
        for left_entity in left:
            matches = candidates.get(identity(left_entity))
            if matches:
                yield left_entity, matches.pop(0)
            else:
                unmatched.append(left_entity)
        left, right = unmatched, [right_entity for entity in candidates.values() for right_entity in entity]
    yield from ((left_entity, None) for left_entity in left)
    yield from ((None, right_entity) for right_entity in right)


def _exact_value(entity: Entity) -> Hashable:
    return tuple(sorted((aspect, entity.facts[aspect]) for aspect in _compared_aspects(entity.facts, entity)))


def _canonical_value(entity: Entity) -> Hashable:
    return tuple(
        sorted((aspect, _canonical_aspect(entity, aspect)) for aspect in _compared_aspects(entity.facts, entity))
    )


def _canonical_aspect(entity: Entity, aspect: str) -> Fact:
    value = entity.fact(aspect)
    return canonical_form(entity.kind, aspect, value) if aspect in entity.kind_spec.expressions else value


def _compared_aspects(aspects: Iterable[str], entity: Entity) -> Iterator[str]:
    return (aspect for aspect in aspects if aspect not in entity.kind_spec.not_compared)


def _aspect_differences(left: Entity, right: Entity) -> Iterator[Difference]:
    if left.facts != right.facts:
        was_rebuilt = any(entity.kind == "index" and entity.fact("applied") for entity in (left, right))
        for aspect in _compared_aspects(left.facts.keys() | right.facts.keys(), left):
            if was_rebuilt and aspect in APPLIED_ASPECTS:
                continue
            if left.fact(aspect) != right.fact(aspect) and _canonical_aspect(left, aspect) != _canonical_aspect(
                right, aspect
            ):
                yield Difference(aspect, left, right)
    if left.name != right.name:
        is_generated = any(_GENERATED_NAME.fullmatch(entity.name) for entity in (left, right))
        yield Difference(NAME, left, right, is_note=is_generated)
