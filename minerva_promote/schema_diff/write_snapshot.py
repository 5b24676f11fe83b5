"""The command promote schema snapshot: the contract's tables of an environment, written to a file."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from minerva_promote.config.files import UnreadableError, decoded, read_bounded
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.schema_aspects import value_text
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.database.quote import name_of
from minerva_promote.database.session import reading_session
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.model import Schema, restrict_to_tables
from minerva_promote.schema_diff.snapshot_yaml import snapshot_yaml
from minerva_promote.text_format import counted

DIMENSIONS_VARIABLE = "embedding_dimensions"  # also in migrations.alembic_tree, which imports Alembic


@dataclass(frozen=True, slots=True)
class SnapshotContent:
    """The content of a snapshot file, and the schema in it."""

    content: str
    schema: Schema
    environment: str


def take_snapshot(project: Project, environment: Environment) -> SnapshotContent:
    """Read the contract's tables with all their parts from the environment. Raises TargetError for a missing table."""
    with reading_session(project, environment) as conn:
        schema_of_database = inspect(conn)
    wanted = project.contract.tables
    tables = {name_of(entity.schema, entity.name) for entity in schema_of_database.of_kind("table")}
    missing = [name for name in wanted if name not in tables]
    if missing:
        suggestion = did_you_mean(missing[0], tables) if len(missing) == 1 else ""
        raise TargetError(
            f"{environment.name} lacks what the contract names: {listing(missing)}{suggestion}",
            hint="have whoever makes the tables make it, or correct contract.tables of promote.yaml"
            if project.migrations is None
            else f"promote migrate --env {environment.name}, or correct contract.tables of promote.yaml",
        )
    schema = restrict_to_tables(schema_of_database, frozenset(wanted))
    content = snapshot_yaml(
        schema,
        environment=environment.name,
        kind=environment.kind,
        order=wanted,
        types=_types_with_variable(project, schema),
    )
    return SnapshotContent(content, schema, environment.name)


def _types_with_variable(project: Project, schema: Schema) -> dict[tuple[str, str], str]:
    """The vector columns whose length is a variable of the project, so that the file holds for other values too."""
    value = project.variables.get(DIMENSIONS_VARIABLE)
    types = {}
    for entity in schema.of_kind("column"):
        table = name_of(entity.schema, entity.table)
        rule = project.contract.tables[table].columns.get(entity.name)
        kind = str(entity.fact("type"))
        if rule is not None and rule.dimensions == value and kind == f"vector({value})":
            types[table, entity.name] = f"vector(${{{DIMENSIONS_VARIABLE}}})"
    return types


def write_snapshot(project: Project, snapshot: SnapshotContent, out: Path | None) -> RunResult:
    """Write the file atomically, by default the contract's snapshot; an unchanged file is left alone."""
    path = out or project.root / project.contract.snapshot
    name = str(out) if out is not None else project.contract.snapshot
    before = _read(path)
    changed = before != snapshot.content
    if changed:
        _write(path, snapshot.content, name)
    counts = [
        counted(len(snapshot.schema.of_kind(kind)), plural)
        for kind, plural in (("table", "tables"), ("column", "columns"))
    ]
    revision = value_text(snapshot.schema.revision or ())
    outcome = "made" if before is None else "written anew" if changed else "unchanged"
    detail = f"{outcome}: {', '.join(counts)}, revision {revision}"
    step = StepResult("snapshot", name, Outcome.OK, detail, data={"file": name, "changed": changed})
    return RunResult(
        "schema snapshot", snapshot.environment, steps=(step,), verdict=f"snapshot of {snapshot.environment}"
    )


def _read(path: Path) -> str | None:
    try:
        return decoded(read_bounded(path))
    except FileNotFoundError:
        return None
    except UnreadableError:
        return ""


def _write(path: Path, content: str, name: str) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{name} cannot be written: {reason}", hint="name a file you can write with --out") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
