"""alembic/snapshot.yaml: the columns of the contract's tables, for work without a connection."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from minerva_promote.config.models import Model
from minerva_promote.config.secrets import fill, no_variable
from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.config.source import fault, read_source
from minerva_promote.config.suggest import did_you_mean
from minerva_promote.config.validate import raise_all, validate
from minerva_promote.errors import ConfigError


class ColumnEntry(Model):
    """One column of the file."""

    type: str
    not_null: bool = False
    default: bool = False
    generated: bool = False
    labels: tuple[str, ...] = ()


class TableEntry(Model):
    """One table of the file."""

    primary_key: tuple[str, ...] = ()
    primary_key_name: str = ""
    unique: tuple[tuple[str, ...], ...] = ()
    columns: dict[str, ColumnEntry] = Field(min_length=1)


class SnapshotFile(Model):
    """alembic/snapshot.yaml."""

    tables: dict[str, TableEntry] = Field(min_length=1)


def read_snapshot(path: Path, variables: Mapping[str, int | str], file: str | None = None) -> Snapshot:
    """The tables of the file, the project's variables filled in; all its faults at once.

    ``file`` is its name in messages and in ``Snapshot.source``; default: the path.
    """
    faults: list[ConfigError] = []
    source = read_source(path, file or str(path))
    filled = fill(source, variables.get, no_variable(variables), faults=faults)
    valid = validate(SnapshotFile, filled, faults)
    for name, table in valid.tables.items() if valid else ():
        for key in ("primary_key", "unique"):
            named = table.primary_key if key == "primary_key" else tuple(c for columns in table.unique for c in columns)
            for column in named:
                if column not in table.columns:
                    at = ("tables", name, key)
                    near = did_you_mean(column, table.columns)
                    faults.append(fault(source.at(at), at, f'no column "{column}"{near}'))
    raise_all(faults)
    assert valid is not None
    return Snapshot(tables={name: _table(name, entry) for name, entry in valid.tables.items()}, source=source.file)


def _table(name: str, entry: TableEntry) -> Table:
    return Table(
        name=name,
        columns={
            column: Column(column, given.type, given.not_null, given.default, given.generated, given.labels)
            for column, given in entry.columns.items()
        },
        primary_key=entry.primary_key,
        primary_key_name=entry.primary_key_name,
        unique=entry.unique,
    )


def render_snapshot(snapshot: Snapshot) -> str:
    """The file that read_snapshot() reads back as the same tables; one line a column."""
    lines = ["tables:"]
    for table in snapshot.tables.values():
        lines.append(f"  {_key(table.name)}:")
        if table.primary_key:
            lines.append(f"    primary_key: {_list(table.primary_key)}")
        if table.primary_key_name:
            lines.append(f"    primary_key_name: {_text(table.primary_key_name)}")
        if table.unique:
            lines.append(f"    unique: [{', '.join(map(_list, table.unique))}]")
        lines.append("    columns:")
        for column in table.columns.values():
            parts = [f"type: {_text(column.type)}"]
            parts += [f"labels: {_list(column.labels)}"] if column.labels else []
            parts += ["not_null: true"] if column.not_null else []
            parts += ["default: true"] if column.has_default else []
            parts += ["generated: true"] if column.generated else []
            lines.append(f"      {_key(column.name)}: {{{', '.join(parts)}}}")
    return "\n".join(lines) + "\n"


def _list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, names))}]"


def _text(text: str) -> str:
    """The text as a value that is read back the same, variables included."""
    return _key(text.replace("${", "$${"))


def _key(text: str) -> str:
    """The text as YAML reads it back, in quotes where it could be read as something else."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*( [a-z0-9_]+)*(\([0-9]+\))?", text)
    if plain and text not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e\xa1-\u024f]", lambda match: f"\\U{ord(match[0]):08X}", quoted)
