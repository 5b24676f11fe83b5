"""A schema as values: objects with facts, all of them comparable texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from minerva_promote.config.schema_aspects import KINDS, Fact, Kind
from minerva_promote.database.quote import DEFAULT_SCHEMA

Key = tuple[str, str, str, str]  # kind, schema, table, name


@dataclass(frozen=True, slots=True)
class Entity:
    """One object."""

    kind: str  # of KINDS
    schema: str  # unquoted; empty for what belongs to none
    table: str  # that it belongs to; empty for what stands for itself
    name: str  # unquoted; of a function with the types of its arguments
    facts: Mapping[str, Fact] = field(default_factory=dict)  # those that are not as usual
    columns: tuple[str, ...] = ()  # of its table that it is about
    sql: str = field(default="", compare=False)  # the statement that makes it, where the server tells it

    @property
    def key(self) -> Key:
        """What tells it from all others of its schema."""
        return self.kind, self.schema, self.table, self.name

    @property
    def of(self) -> Kind:
        """Its kind."""
        return KINDS[self.kind]

    @property
    def path(self) -> str:
        """How people call it: "chunks.embedding", "reporting.daily"; of schema public without the schema."""
        if self.kind == "primary key":
            return _path(self.schema, self.table)
        return _path(self.schema, self.table, self.name)

    @property
    def table_path(self) -> str:
        """The table that it belongs to."""
        return _path(self.schema, self.table)

    def fact(self, aspect: str) -> Fact:
        """What it says of an aspect, the usual included."""
        found = self.facts.get(aspect)
        return found if found is not None else self.of.default(aspect)


def _path(schema: str, *names: str) -> str:
    return ".".join(filter(None, ("" if schema == DEFAULT_SCHEMA else schema, *names)))


@dataclass(frozen=True, slots=True)
class Schema:
    """All objects of a database, or a part of them."""

    entities: Mapping[Key, Entity]
    major: int  # of the server: 18
    revision: tuple[str, ...] | None  # of its migrations; None: not to be read
    tables: frozenset[str] | None = None  # names in schema public, of a part; None: all there is

    def of_kind(self, kind: str) -> tuple[Entity, ...]:
        """The objects of one kind."""
        return tuple(entity for entity in self.entities.values() if entity.kind == kind)


def indexed(entities: Iterable[Entity]) -> dict[Key, Entity]:
    """The objects by their keys."""
    return {entity.key: entity for entity in entities}


def part(schema: Schema, tables: frozenset[str]) -> Schema:
    """The named tables of schema public with all that belongs to them, and what their columns and triggers need."""
    mine = [entity for entity in schema.entities.values() if _of(entity, tables)]
    types = {
        str(entity.facts["type"]).partition("(")[0].removesuffix("[]") for entity in mine if entity.kind == "column"
    }
    functions = {str(entity.facts.get("function")) for entity in mine if entity.kind == "trigger"}
    for entity in schema.entities.values():
        if (
            (entity.kind == "type" and entity.path in types)
            or (entity.kind == "extension" and types.intersection(entity.facts.get("types") or ()))  # type: ignore[arg-type]
            or (entity.kind == "function" and entity.path in functions)
        ):
            mine.append(entity)
    return Schema(indexed(mine), schema.major, schema.revision, tables)


def _of(entity: Entity, tables: frozenset[str]) -> bool:
    if entity.kind == "revision":
        return True
    if entity.schema != DEFAULT_SCHEMA:
        return False
    return entity.table in tables or (entity.kind == "table" and entity.name in tables)
