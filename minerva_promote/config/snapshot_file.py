"""alembic/snapshot.yaml: the contract's part of a schema, for validation without a connection and for comparison."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from minerva_promote.config.model_validation import raise_all, validate
from minerva_promote.config.models.project import Model
from minerva_promote.config.schema_aspects import (
    CheckFacts,
    ColumnFacts,
    ExclusionFacts,
    ExtensionFacts,
    ForeignKeyFacts,
    FunctionFacts,
    IndexFacts,
    KeyFacts,
    PlainFacts,
    SequenceFacts,
    TableFacts,
    TriggerFacts,
    TypeFacts,
)
from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.config.suggest import did_you_mean
from minerva_promote.config.variables import fill, unknown_variable
from minerva_promote.config.yaml_source import Keys, Source, fault, read_source
from minerva_promote.errors import ConfigError

FORMAT = 2  # of files that this release reads and writes
WRITE_COMMAND = "promote schema snapshot --env ENV"

_PLAIN_KEY = re.compile(r'[^\s("]+|"(?:[^"]|"")*"')  # a key of an index that is a column, and nothing more


class TableEntry(Model):
    """One table of the file, with its columns, constraints, indexes, triggers and the rest."""

    table: TableFacts = TableFacts()
    columns: dict[str, ColumnFacts] = Field(min_length=1)
    primary_key: dict[str, KeyFacts] = Field(default={}, max_length=1)  # by name, as all below
    unique: dict[str, KeyFacts] = Field(default={})
    foreign_keys: dict[str, ForeignKeyFacts] = Field(default={})
    checks: dict[str, CheckFacts] = Field(default={})
    exclusions: dict[str, ExclusionFacts] = Field(default={})
    indexes: dict[str, IndexFacts] = Field(default={})
    sequences: dict[str, SequenceFacts] = Field(default={})  # by column
    triggers: dict[str, TriggerFacts] = Field(default={})
    rules: dict[str, TriggerFacts] = Field(default={})
    policies: dict[str, PlainFacts] = Field(default={})
    statistics: dict[str, PlainFacts] = Field(default={})


class SnapshotFile(Model):
    """alembic/snapshot.yaml."""

    format: int
    environment: str = ""  # that it was read from
    kind: Literal["local", "production"] | None = None  # of the environment
    postgresql: int = 0  # major release of the server; 0: not recorded
    revision: tuple[str, ...] = ()  # of its migrations
    extensions: dict[str, ExtensionFacts] = Field(default={})
    types: dict[str, TypeFacts] = Field(default={})
    functions: dict[str, FunctionFacts] = Field(default={})
    tables: dict[str, TableEntry] = Field(min_length=1)


def read_snapshot_file(path: Path, variables: Mapping[str, int | str], file: str | None = None) -> SnapshotFile:
    """The file with the project's variables filled in. Raises ConfigErrors with all its faults.

    ``file`` is its name in messages; default: the path.
    """
    faults: list[ConfigError] = []
    source = read_source(path, file or str(path))
    faults += _format_faults(source)
    raise_all(faults)
    filled = fill(source, variables.get, unknown_variable(variables), faults=faults)
    valid = validate(SnapshotFile, filled, faults)
    if valid is not None:
        faults += _column_faults(valid, source)
    raise_all(faults)
    assert valid is not None
    return valid


def read_snapshot(path: Path, variables: Mapping[str, int | str], file: str | None = None) -> Snapshot:
    """The tables of the file; ``file`` also becomes ``Snapshot.source``. Raises ConfigErrors."""
    recorded = read_snapshot_file(path, variables, file)
    tables = {name: _table(name, entry, recorded.types) for name, entry in recorded.tables.items()}
    return Snapshot(tables, file or str(path), recorded.revision, recorded.environment, recorded.kind or "")


def _format_faults(source: Source) -> Iterator[ConfigError]:
    """A fault when the file has another format; then nothing else in it is checked."""
    if not isinstance(source.values, dict) or source.faults:
        return
    file_format, path = source.value(("format",)), ("format",)
    if file_format is None and "tables" in source.values:
        message = f"missing: the file is of an earlier release, this one reads {FORMAT}"
        yield fault(source.at(path), path, message, f"write it anew: {WRITE_COMMAND}")
    elif isinstance(file_format, int) and not isinstance(file_format, bool) and file_format != FORMAT:
        which = "a later" if file_format > FORMAT else "an earlier"
        hint = f"use that release of promote, or write the file anew: {WRITE_COMMAND}"
        yield fault(source.at(path), path, f"{file_format} is of {which} release, this one reads {FORMAT}", hint)


def _column_faults(file: SnapshotFile, source: Source) -> Iterator[ConfigError]:
    for name, table in file.tables.items():
        for key in ("primary_key", "unique", "foreign_keys"):
            for constraint, facts in getattr(table, key).items():
                for number, column in enumerate(facts.columns):
                    if column not in table.columns:
                        at: Keys = ("tables", name, key, constraint, "columns", number)
                        near = did_you_mean(column, table.columns)
                        yield fault(source.at(at), at, f'no column "{column}"{near}')


def _table(name: str, entry: TableEntry, types: Mapping[str, TypeFacts]) -> Table:
    key_name, key = next(iter(entry.primary_key.items()), ("", None))
    unique = {name: facts.columns for name, facts in entry.unique.items() if facts.valid}
    for index, facts in entry.indexes.items():
        if facts.unique and facts.valid and not facts.where and all(map(_PLAIN_KEY.fullmatch, facts.columns)):
            unique[index] = tuple(column.strip('"') for column in facts.columns)
    return Table(
        name=name,
        columns={column: _column(column, facts, types) for column, facts in entry.columns.items()},
        primary_key=key.columns if key else (),
        primary_key_name=key_name,
        unique=tuple(unique[constraint] for constraint in sorted(unique)),
    )


def _base_type(type_name: str, types: Mapping[str, TypeFacts]) -> str:
    """The type below a domain, or below a domain over a domain; "" for any other type."""
    base, known = "", types.get(type_name)
    while known is not None and known.type == "domain" and known.base != base:
        base = known.base
        known = types.get(base)
    return base


def _column(name: str, facts: ColumnFacts, types: Mapping[str, TypeFacts]) -> Column:
    known = types.get(facts.type.removesuffix("[]"))
    return Column(
        name=name,
        type=facts.type,
        not_null=facts.not_null,
        has_default=bool(facts.default or facts.identity or facts.generated),
        generated=bool(facts.generated),
        identity_always=facts.identity == "always",
        labels=known.labels if known else (),
        base=_base_type(facts.type, types),
        default="" if facts.generated else facts.default,
    )
