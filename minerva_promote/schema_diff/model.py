"""A schema as values: objects with facts that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from minerva_promote.config.schema_aspects import KINDS, Fact, Kind
from minerva_promote.database.quote import DEFAULT_SCHEMA, name_of

Key = tuple[str, str, str, str]  # kind, schema, table, name


@dataclass(frozen=True, slots=True)
class Entity:
    """One object."""

    kind: str  # of KINDS
    schema: str  # unquoted; empty for objects outside schemas
    table: str  # that it belongs to; empty for an object of its own
    name: str  # unquoted; of a function with the types of its arguments
    facts: Mapping[str, Fact] = field(default_factory=dict)  # those that differ from the default of the kind
    columns: tuple[str, ...] = ()  # of its table that it covers
    sql: str = field(default="", compare=False)  # its CREATE statement, where the server prints one

    @property
    def key(self) -> Key:
        """Unique within a Schema."""
        return self.kind, self.schema, self.table, self.name

    @property
    def kind_spec(self) -> Kind:
        """The facts and rules of its kind."""
        return KINDS[self.kind]

    @property
    def path(self) -> str:
        """Its name in reports: "chunks.embedding", "reporting.daily"; without schema public."""
        if self.kind == "primary key":
            return _path(self.schema, self.table)
        return _path(self.schema, self.table, self.name)

    @property
    def table_path(self) -> str:
        """The path of the table that it belongs to."""
        return _path(self.schema, self.table)

    def fact(self, aspect: str) -> Fact:
        """The value of an aspect, the default of its kind if it has none."""
        value = self.facts.get(aspect)
        return value if value is not None else self.kind_spec.default(aspect)


def _path(schema: str, *names: str) -> str:
    return ".".join(filter(None, ("" if schema == DEFAULT_SCHEMA else schema, *names)))


@dataclass(frozen=True, slots=True)
class Schema:
    """All objects of a database, or a part of them."""

    entities: Mapping[Key, Entity]
    major: int  # of the server: 18
    revision: tuple[str, ...] | None  # of its migrations; None: not readable
    tables: frozenset[str] | None = None  # of schema public, in a part; None: the whole schema

    def of_kind(self, kind: str) -> tuple[Entity, ...]:
        """The objects of one kind."""
        return tuple(entity for entity in self.entities.values() if entity.kind == kind)


def index_by_key(entities: Iterable[Entity]) -> dict[Key, Entity]:
    """The objects by their keys."""
    return {entity.key: entity for entity in entities}


def restrict_to_tables(schema: Schema, tables: frozenset[str]) -> Schema:
    """The named tables with their parts, and the types, extensions and functions that these use."""
    entities = [entity for entity in schema.entities.values() if _belongs_to(entity, tables)]
    types = {
        str(entity.facts["type"]).partition("(")[0].removesuffix("[]") for entity in entities if entity.kind == "column"
    }
    functions = {str(entity.facts.get("function")) for entity in entities if entity.kind == "trigger"}
    for entity in schema.entities.values():
        if (
            (entity.kind == "type" and entity.path in types)
            or (entity.kind == "extension" and types.intersection(entity.facts.get("types") or ()))  # type: ignore[arg-type]
            or (entity.kind == "function" and entity.path in functions)
        ):
            entities.append(entity)
    return Schema(index_by_key(entities), schema.major, schema.revision, tables)


def _belongs_to(entity: Entity, tables: frozenset[str]) -> bool:
    if entity.kind == "revision":
        return True
    relation = entity.name if entity.kind == "table" else entity.table
    return bool(relation) and name_of(entity.schema, relation) in tables
