"""A part of a schema and the snapshot file that holds it: written and read back the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from minerva_promote.config.schema_aspects import KINDS, ON_COLUMNS, Fact, Facts
from minerva_promote.config.snapshot_file import FORMAT, SnapshotFile
from minerva_promote.database.quote import DEFAULT_SCHEMA
from minerva_promote.schema_diff.inspect import plain_columns
from minerva_promote.schema_diff.model import Entity, Schema, indexed

_OF_TABLE = {kind.of_table: kind.name for kind in KINDS.values() if kind.of_table}
_OWN_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")  # that YAML does not read as text


def recorded(file: SnapshotFile) -> Schema:
    """The schema that a file holds."""
    return Schema(indexed(_entities(file)), file.postgresql, file.revision, frozenset(file.tables))


def _entities(file: SnapshotFile) -> Iterator[Entity]:
    yield Entity("revision", "", "", "revision", {"at": file.revision} if file.revision else {})
    for name, extension in file.extensions.items():
        yield Entity("extension", "", "", name, _said(extension))
    for kind, group in (("type", file.types), ("function", file.functions)):
        for name, facts in group.items():
            schema, bare = _split(name)
            yield Entity(kind, schema, "", bare, _said(facts))
    for table, entry in file.tables.items():
        yield Entity("table", DEFAULT_SCHEMA, "", table, _said(entry.table))
        for section, kind in _OF_TABLE.items():
            for name, facts in getattr(entry, section).items():
                said = _said(facts)
                yield Entity(kind, DEFAULT_SCHEMA, table, name, said, _about(kind, name, said))


def _about(kind: str, name: str, facts: Mapping[str, Fact]) -> tuple[str, ...]:
    if kind in ("column", "sequence"):
        return (name,)
    if kind not in ON_COLUMNS:
        return ()
    columns = facts.get("columns", ())
    assert isinstance(columns, tuple)
    return plain_columns(columns) if kind == "index" else columns


def _said(facts: Facts) -> dict[str, Fact]:
    return facts.model_dump(exclude_defaults=True)


def _split(name: str) -> tuple[str, str]:
    """The schema of a name as a path has it; dots in the arguments of a function are no part of it."""
    head, paren, rest = name.partition("(")
    schema, dot, bare = head.partition(".")
    return (schema, bare + paren + rest) if dot else (DEFAULT_SCHEMA, name)


def render(
    schema: Schema,
    *,
    environment: str,
    kind: str,
    order: Iterable[str] = (),
    types: Mapping[tuple[str, str], str] | None = None,
) -> str:
    """The file that is read back as this part of a schema; a line for each object, in an order that stays.

    ``order`` is that of the tables, the others follow by name. ``types`` are columns (table and column) whose type is
    written with a variable in it: "vector(${embedding_dimensions})".
    """
    tables = {each.name: each for each in schema.of_kind("table")}
    names = [name for name in dict.fromkeys(order) if name in tables]
    names += sorted(tables.keys() - set(names))
    lines = [
        "# The contract's part of a schema: what validation knows without a database, and schema diff compares.",
        f"# Written by: promote schema snapshot --env {environment}",
        f"format: {FORMAT}",
        f"environment: {_key(environment)}",
        f"kind: {kind}",
        f"postgresql: {schema.major}",
    ]
    if schema.revision:
        lines.append(f"revision: {_value(schema.revision)}")
    for section, of in (("extensions", "extension"), ("types", "type"), ("functions", "function")):
        found = sorted((entity.path, entity) for entity in schema.of_kind(of))
        lines += [f"{section}:"] if found else []
        lines += [f"  {_key(path)}: {_facts(entity.facts, entity.of.not_compared)}" for path, entity in found]
    lines.append("tables:")
    for name in names:
        lines += _table(schema, tables[name], types or {})
    return "\n".join(lines) + "\n"


def _table(schema: Schema, table: Entity, types: Mapping[tuple[str, str], str]) -> Iterator[str]:
    yield f"  {_key(table.name)}:"
    if table.facts:
        yield f"    table: {_facts(table.facts)}"
    mine: dict[str, list[Entity]] = {}
    for entity in schema.entities.values():
        if entity.table == table.name and entity.schema == table.schema:
            mine.setdefault(entity.kind, []).append(entity)
    for section, kind in _OF_TABLE.items():
        if kind not in mine:
            continue
        yield f"    {section}:"
        # columns stand in the order of the table: people look for them there
        found = mine[kind] if kind == "column" else sorted(mine[kind], key=lambda each: each.name)
        for entity in found:
            facts = dict(entity.facts)
            written = types.get((table.name, entity.name)) if kind == "column" else None
            yield f"      {_key(entity.name)}: {_facts(facts, instead={'type': written} if written else {})}"


def _facts(facts: Mapping[str, Fact], silent: Iterable[str] = (), instead: Mapping[str, str] | None = None) -> str:
    said = {aspect: _value(value) for aspect, value in facts.items() if aspect not in silent}
    said |= {aspect: _key(text) for aspect, text in (instead or {}).items()}
    return "{" + ", ".join(f"{aspect}: {text}" for aspect, text in said.items()) + "}"


def _value(value: Fact) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    return _key(value.replace("${", "$${"))


def _key(text: str) -> str:
    """The text as YAML reads it back, in quotes where it could be read as something else."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*( [a-z0-9_]+)*(\([0-9]+\))?", text)
    if plain and text not in _OWN_WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    quoted = re.sub(r"(?i)##(?=\[|vso\[)", r"#\\x23", quoted)  # the log of a CI service takes them for commands
    return re.sub(r"[^\x20-\x7e\xa1-\u024f]", lambda match: f"\\U{ord(match[0]):08X}", quoted)
