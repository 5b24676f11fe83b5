"""Two schemas into the differences between them: objects are found by what they are, not by made-up names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from minerva_promote.config.schema_aspects import EXISTS, KINDS, NAME, RENAMED, Fact
from minerva_promote.schema_diff.model import Entity, Key, Schema
from minerva_promote.schema_diff.sql_equivalence import canonical_form

_ORDER = {name: number for number, name in enumerate(KINDS)}
# Of an index, what promote index --apply decides by measuring; no migration can say it.
CHOSEN = ("method", "options")
_RELATIONS = ("table", "view", "materialized view")
# table_column_key, table_pkey, table_column_idx1: what PostgreSQL calls what nobody named
_MADE_UP = re.compile(r".+_(pkey|key|fkey|check|excl|idx)[0-9]*|\$[0-9]+")


@dataclass(frozen=True, slots=True)
class Difference:
    """One aspect of one object."""

    aspect: str  # of its facts; EXISTS, NAME
    left: Entity | None  # of the schema that is compared; None: it does not have the object
    right: Entity | None  # of the schema that it is compared with
    parts: Mapping[str, int] = field(default_factory=dict)  # kinds of what belongs to a table that one side lacks
    is_note: bool = False  # told, and no difference

    @property
    def entity(self) -> Entity:
        """The object, of the left side where it has it."""
        found = self.left or self.right
        assert found is not None
        return found

    @property
    def before(self) -> Fact:
        """What the left side says."""
        return _said(self.left, self.aspect)

    @property
    def after(self) -> Fact:
        """What the right side says."""
        return _said(self.right, self.aspect)


def _said(entity: Entity | None, aspect: str) -> Fact:
    if aspect == EXISTS:
        return entity is not None
    assert entity is not None
    return entity.name if aspect == NAME else entity.fact(aspect)


def diff(
    left: Schema, right: Schema, *, schemas: Collection[str] = (), ignored: Collection[tuple[str, str]] = ()
) -> tuple[Difference, ...]:
    """What differs, by object; of a table or a schema that one side lacks only itself.

    ``schemas`` limits it to some of them. ``ignored`` are kinds with an aspect each.
    """
    ours, theirs = _chosen(left, schemas), _chosen(right, schemas)
    if left.revision is None or right.revision is None:
        ours, theirs = _without_revision(ours), _without_revision(theirs)
    lone_schemas, lone_tables = _one_sided_containers(ours, theirs)
    found: list[Difference] = []
    for one, other in _pairs(ours, theirs):
        entity = one or other
        assert entity is not None
        if entity.schema in lone_schemas or (entity.schema, entity.table) in lone_tables:
            continue
        if one is None or other is None:
            found.append(Difference(EXISTS, one, other, _parts(entity, ours if one else theirs)))
        else:
            found += _changes(one, other)
    kept = (each for each in found if (each.entity.kind, each.aspect) not in ignored)
    return tuple(sorted(kept, key=_place))


def how_many(left: Schema, right: Schema, schemas: Collection[str] = ()) -> int:
    """The objects that were compared, those that one side lacks included."""
    return len(_chosen(left, schemas).keys() | _chosen(right, schemas).keys())


def _place(difference: Difference) -> tuple[object, ...]:
    """The order of a report: the whole database, then every table with all that belongs to it, then the rest."""
    entity = difference.entity
    of_database = entity.kind in ("revision", "extension", "schema", "type")
    of_table = entity.kind in _RELATIONS or bool(entity.table)
    group = 0 if of_database else 1 if of_table else 2
    table = (entity.schema, entity.table or entity.name) if of_table else ("", "")
    aspects = list(entity.of.facts.model_fields)
    aspect = aspects.index(difference.aspect) if difference.aspect in aspects else -1
    return group, *table, _ORDER[entity.kind], entity.schema, entity.name, aspect


def _chosen(schema: Schema, schemas: Collection[str]) -> dict[Key, Entity]:
    if not schemas:
        return dict(schema.entities)
    return {
        key: each
        for key, each in schema.entities.items()
        if (each.name if each.kind == "schema" else each.schema) in schemas
    }


def _without_revision(entities: Mapping[Key, Entity]) -> dict[Key, Entity]:
    return {key: each for key, each in entities.items() if each.kind != "revision"}


def _one_sided_containers(
    ours: Mapping[Key, Entity], theirs: Mapping[Key, Entity]
) -> tuple[set[str], set[tuple[str, str]]]:
    """Schemas and tables that only one side has: what is in them need not be told."""
    lone = [(ours.get(key) or theirs[key]) for key in ours.keys() ^ theirs.keys()]
    schemas = {each.name for each in lone if each.kind == "schema"}
    return schemas, {(each.schema, each.name) for each in lone if each.kind in _RELATIONS}


def _parts(entity: Entity, entities: Mapping[Key, Entity]) -> dict[str, int]:
    if entity.kind == "schema":
        return Counter(each.kind for each in entities.values() if each.schema == entity.name and not each.table)
    if entity.kind not in _RELATIONS:
        return {}
    mine = (entity.schema, entity.name)
    return Counter(each.kind for each in entities.values() if each.table and (each.schema, each.table) == mine)


def _pairs(ours: Mapping[Key, Entity], theirs: Mapping[Key, Entity]) -> Iterator[tuple[Entity | None, Entity | None]]:
    """Every object with its counterpart."""
    renamed: dict[tuple[str, str, str], tuple[list[Entity], list[Entity]]] = defaultdict(lambda: ([], []))
    for side, entities in enumerate((ours, theirs)):
        for entity in entities.values():
            if entity.kind in RENAMED:
                renamed[entity.kind, entity.schema, entity.table][side].append(entity)
    for key, entity in ours.items():
        if entity.kind not in RENAMED:
            yield entity, theirs.get(key)
    for key, entity in theirs.items():
        if entity.kind not in RENAMED and key not in ours:
            yield None, entity
    for mine, others in renamed.values():
        yield from _matched(mine, others)


def _matched(mine: list[Entity], others: list[Entity]) -> Iterator[tuple[Entity | None, Entity | None]]:
    """Constraints or indexes of one table: the same under the same name, the same, the same name, the same columns."""
    ways: tuple[Callable[[Entity], Hashable], ...] = (
        lambda each: (each.name, _plain(each)),
        _plain,
        lambda each: (each.name, _canonical_value(each)),
        _canonical_value,
        lambda each: each.name,
        lambda each: tuple(_meaning(each, aspect) for aspect in each.of.identified_by),
    )
    for way in ways:
        if not mine or not others:
            break
        waiting: dict[Hashable, list[Entity]] = defaultdict(list)
        for other in others:
            waiting[way(other)].append(other)
        left = []
        for one in mine:
            same = waiting.get(way(one))
            if same:
                yield one, same.pop(0)
            else:
                left.append(one)
        mine, others = left, [other for each in waiting.values() for other in each]
    yield from ((one, None) for one in mine)
    yield from ((None, other) for other in others)


def _plain(entity: Entity) -> Hashable:
    return tuple(sorted((aspect, entity.facts[aspect]) for aspect in _compared(entity.facts, entity)))


def _canonical_value(entity: Entity) -> Hashable:
    return tuple(sorted((aspect, _meaning(entity, aspect)) for aspect in _compared(entity.facts, entity)))


def _meaning(entity: Entity, aspect: str) -> Fact:
    value = entity.fact(aspect)
    return canonical_form(entity.kind, aspect, value) if aspect in entity.of.expressions else value


def _compared(aspects: Iterable[str], entity: Entity) -> Iterator[str]:
    return (aspect for aspect in aspects if aspect not in entity.of.not_compared)


def _changes(one: Entity, other: Entity) -> Iterator[Difference]:
    if one.facts != other.facts:
        built = any(each.kind == "index" and each.fact("applied") for each in (one, other))
        for aspect in _compared(one.facts.keys() | other.facts.keys(), one):
            if built and aspect in CHOSEN:
                continue
            if one.fact(aspect) != other.fact(aspect) and _meaning(one, aspect) != _meaning(other, aspect):
                yield Difference(aspect, one, other)
    if one.name != other.name:
        made_up = any(_MADE_UP.fullmatch(each.name) for each in (one, other))
        yield Difference(NAME, one, other, is_note=made_up)
