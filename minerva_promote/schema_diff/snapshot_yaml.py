"""The format of the snapshot file: a Schema to YAML and back, without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from minerva_promote.config.schema_aspects import KINDS, ON_COLUMNS, Fact, Facts
from minerva_promote.config.snapshot_file import FORMAT, SnapshotFile
from minerva_promote.database.quote import DEFAULT_SCHEMA, name_of, split
from minerva_promote.schema_diff.inspect import plain_columns
from minerva_promote.schema_diff.model import Entity, Schema, index_by_key

_SECTIONS = {kind.of_table: kind.name for kind in KINDS.values() if kind.of_table}
_YAML_WORDS = (
    "true",
    "false",
    "null",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
)  # plain scalars that YAML does not read as text


def schema_from_file(file: SnapshotFile) -> Schema:
    """The schema that a snapshot file holds."""
    tables = frozenset(name_of(*split(table)) for table in file.tables)
    return Schema(index_by_key(_entities(file)), file.postgresql, file.revision, tables)


def _entities(file: SnapshotFile) -> Iterator[Entity]:
    yield Entity("revision", "", "", "revision", {"at": file.revision} if file.revision else {})
    for name, extension in file.extensions.items():
        yield Entity("extension", "", "", name, _set_facts(extension))
    for kind, group in (("type", file.types), ("function", file.functions)):
        for name, facts in group.items():
            schema, local_name = _split_name(name)
            yield Entity(kind, schema, "", local_name, _set_facts(facts))
    for table, entry in file.tables.items():
        schema, relation = split(table)
        yield Entity("table", schema, "", relation, _set_facts(entry.table))
        for section, kind in _SECTIONS.items():
            for name, facts in getattr(entry, section).items():
                set_facts = _set_facts(facts)
                yield Entity(kind, schema, relation, name, set_facts, _columns_of(kind, name, set_facts))


def _columns_of(kind: str, name: str, facts: Mapping[str, Fact]) -> tuple[str, ...]:
    if kind in ("column", "sequence"):
        return (name,)
    if kind not in ON_COLUMNS:
        return ()
    columns = facts.get("columns", ())
    assert isinstance(columns, tuple)
    return plain_columns(columns) if kind == "index" else columns


def _set_facts(facts: Facts) -> dict[str, Fact]:
    return facts.model_dump(exclude_defaults=True)


def _split_name(name: str) -> tuple[str, str]:
    """Schema and name of a path; dots in the arguments of a function do not separate."""
    head, paren, rest = name.partition("(")
    schema, dot, local_name = head.partition(".")
    return (schema, local_name + paren + rest) if dot else (DEFAULT_SCHEMA, name)


def snapshot_yaml(
    schema: Schema,
    *,
    environment: str,
    kind: str,
    order: Iterable[str] = (),
    types: Mapping[tuple[str, str], str] | None = None,
) -> str:
    """The content of the snapshot file: one line per object, in a stable order.

    Tables come in ``order``, all others after them by name. ``types`` maps (table, column) to a type text that holds a
    variable: "vector(${embedding_dimensions})".
    """
    tables = {_name_of(table): table for table in schema.of_kind("table")}
    names = [name for name in dict.fromkeys(order) if name in tables]
    names += sorted(tables.keys() - set(names))
    lines = [
        "# The contract's part of a schema: what validation knows without a database, and schema diff compares.",
        f"# Written by: promote schema snapshot --env {environment}",
        f"format: {FORMAT}",
        f"environment: {_scalar(environment)}",
        f"kind: {kind}",
        f"postgresql: {schema.major}",
    ]
    if schema.revision:
        lines.append(f"revision: {_value(schema.revision)}")
    for section, entity_kind in (("extensions", "extension"), ("types", "type"), ("functions", "function")):
        entities = sorted((entity.path, entity) for entity in schema.of_kind(entity_kind))
        lines += [f"{section}:"] if entities else []
        lines += [
            f"  {_scalar(path)}: {_facts(entity.facts, entity.kind_spec.not_compared)}" for path, entity in entities
        ]
    lines.append("tables:")
    for name in names:
        lines += _table(schema, tables[name], types or {})
    return "\n".join(lines) + "\n"


def _table(schema: Schema, table: Entity, types: Mapping[tuple[str, str], str]) -> Iterator[str]:
    table_name = _name_of(table)
    yield f"  {_scalar(table_name)}:"
    if table.facts:
        yield f"    table: {_facts(table.facts)}"
    parts: dict[str, list[Entity]] = {}
    for entity in schema.entities.values():
        if entity.table == table.name and entity.schema == table.schema:
            parts.setdefault(entity.kind, []).append(entity)
    for section, kind in _SECTIONS.items():
        if kind not in parts:
            continue
        yield f"    {section}:"
        # columns keep their order in the table; everything else is sorted by name
        entities = parts[kind] if kind == "column" else sorted(parts[kind], key=lambda entity: entity.name)
        for entity in entities:
            facts = dict(entity.facts)
            type_text = types.get((table_name, entity.name)) if kind == "column" else None
            replacements = {"type": type_text} if type_text else {}
            yield f"      {_scalar(entity.name)}: {_facts(facts, replacements=replacements)}"


def _name_of(table: Entity) -> str:
    """The table as the contract names it; with ``public.`` where its own name would be read as one in a schema."""
    return f"{table.schema}.{table.name}" if "." in table.name else name_of(table.schema, table.name)


def _facts(
    facts: Mapping[str, Fact], omitted: Iterable[str] = (), replacements: Mapping[str, str] | None = None
) -> str:
    texts = {aspect: _value(value) for aspect, value in facts.items() if aspect not in omitted}
    texts |= {aspect: _scalar(text) for aspect, text in (replacements or {}).items()}
    return "{" + ", ".join(f"{aspect}: {text}" for aspect, text in texts.items()) + "}"


def _value(value: Fact) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return _scalar(value.replace("${", "$${"))


def _scalar(text: str) -> str:
    """A YAML scalar that is read back as this text; quoted where a plain one would not be."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*( [a-z0-9_]+)*(\([0-9]+\))?", text)
    if plain and text not in _YAML_WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    quoted = re.sub(r"(?i)##(?=\[|vso\[)", r"#\\x23", quoted)  # CI services read such text in a log as commands
    return re.sub(r"[^\x20-\x7e\xa1-\u024f]", lambda match: f"\\U{ord(match[0]):08X}", quoted)
