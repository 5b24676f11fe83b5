"""What `--from` and `--to` name: an environment, whose database is read, or a snapshot file."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from minerva_promote.config.files import is_present
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot_file import read_snapshot_file
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.database.session import import_session
from minerva_promote.database.together import run_together
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.schema_diff.allowances import Side
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.model import part
from minerva_promote.schema_diff.snapshot_yaml import recorded


def read_sides(project: Project, one: str, other: str) -> tuple[Side, Side]:
    """The schemas of two environments, as their import roles see them, or those of files."""
    sources = [_found(project, name) for name in (one, other)]
    left, right = run_together([partial(_side, project, source) for source in sources])  # two servers at a time
    return left.result(), right.result()


def _side(project: Project, source: Environment | Side) -> Side:
    return read_database(project, source) if isinstance(source, Environment) else source


def _found(project: Project, name: str) -> Environment | Side:
    if name in project.environment_names:
        environment = read_environment(project, name)
        _ = environment.url  # one that is not set is told before any server is asked
        return environment
    path = Path(name)
    if is_present(path) and not path.is_dir():
        file = read_snapshot_file(path, project.variables)
        return Side(name, recorded(file), file.environment, file.kind or "", is_file=True)
    known = project.environment_names
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise UsageError(f"no such file: {name}", hint=f"a file of schema snapshot, or one of: {listing(known)}")
    near = did_you_mean(name, known)
    raise UsageError(
        f'no environment and no file "{name}"{near}', hint=f"environments: {listing(known)}; or a snapshot file"
    )


def read_database(project: Project, environment: Environment) -> Side:
    """The schema of an environment's database now, as its import role sees it."""
    with import_session(project, environment) as conn:
        try:
            return Side(environment.name, inspect(conn), environment.name, environment.kind)
        except TargetError as error:  # two are read at a time
            error.message = f"{environment.name}: {error.message}"
            raise


def restrict_to_common_tables(left: Side, right: Side) -> tuple[Side, Side]:
    """Both sides with no more than the tables that both know: a snapshot file holds a part."""
    parts = [side.schema.tables for side in (left, right) if side.schema.tables is not None]
    if not parts:
        return left, right
    tables = frozenset[str].union(*parts)
    return _within(left, tables), _within(right, tables)


def _within(side: Side, tables: frozenset[str]) -> Side:
    if side.schema.tables is not None:
        return side
    return Side(side.name, part(side.schema, tables), side.environment, side.kind, side.is_file)


def require_schemas(left: Side, right: Side, names: Collection[str]) -> None:
    """Raise UsageError for a schema that neither side has."""
    known = {entity.name for side in (left, right) for entity in side.schema.of_kind("schema")}
    known |= {entity.schema for side in (left, right) for entity in side.schema.entities.values()} - {""}
    for name in names:
        if name not in known:
            raise UsageError(
                f'neither {left.name} nor {right.name} has a schema "{name}"{did_you_mean(name, known)}',
                hint=f"schemas: {listing(known)}",
            )
