"""The command promote schema diff: two environments or snapshot files compared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from minerva_promote.config.files import is_present
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot_file import read_snapshot_file
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.database.parallel import run_in_parallel
from minerva_promote.database.session import import_session
from minerva_promote.errors import TargetError, UsageError
from minerva_promote.results import RunResult
from minerva_promote.schema_diff.allowances import ClassifiedDifference, Side, apply_allowances
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.model import restrict_to_tables
from minerva_promote.schema_diff.report import comparison_report
from minerva_promote.schema_diff.snapshot_yaml import schema_from_file


@dataclass(frozen=True, slots=True)
class Comparison:
    """A report and the differences in it."""

    result: RunResult
    classified: tuple[ClassifiedDifference, ...]
    left: Side
    right: Side


def compare(project: Project, left_name: str, right_name: str, schemas: Collection[str] = ()) -> Comparison:
    """Compare two schemas by the names of environments or snapshot files. Raises UsageError for unknown names."""
    if left_name == right_name:
        raise UsageError(f"--from and --to are both {left_name}", hint="name two")
    left, right = restrict_to_common_tables(*read_sides(project, left_name, right_name))
    require_schemas(left, right, schemas)
    differences = diff(left.schema, right.schema, schemas=schemas)
    classified, findings = apply_allowances(differences, project.allowances, left, right, complete=not schemas)
    return Comparison(
        comparison_report("schema diff", left, right, classified, findings, schemas=schemas), classified, left, right
    )


def read_sides(project: Project, left_name: str, right_name: str) -> tuple[Side, Side]:
    """The schemas of two environments as their import roles see them, or of files; two servers are read at a time."""
    sources = [_find_source(project, name) for name in (left_name, right_name)]
    left, right = run_in_parallel([partial(_side, project, source) for source in sources])
    return left.result(), right.result()


def _side(project: Project, source: Environment | Side) -> Side:
    return read_database(project, source) if isinstance(source, Environment) else source


def _find_source(project: Project, name: str) -> Environment | Side:
    if name in project.environment_names:
        environment = read_environment(project, name)
        _ = environment.url  # raises for an unset URL before any server is asked
        return environment
    path = Path(name)
    if is_present(path) and not path.is_dir():
        file = read_snapshot_file(path, project.variables)
        return Side(name, schema_from_file(file), file.environment, file.kind or "", is_file=True)
    names = project.environment_names
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise UsageError(f"no such file: {name}", hint=f"a file of schema snapshot, or one of: {listing(names)}")
    suggestion = did_you_mean(name, names)
    raise UsageError(
        f'no environment and no file "{name}"{suggestion}', hint=f"environments: {listing(names)}; or a snapshot file"
    )


def read_database(project: Project, environment: Environment) -> Side:
    """The schema of an environment's database as its import role sees it."""
    with import_session(project, environment) as conn:
        try:
            return Side(environment.name, inspect(conn), environment.name, environment.kind)
        except TargetError as error:  # two are read at a time: say which one
            error.message = f"{environment.name}: {error.message}"
            raise


def restrict_to_common_tables(left: Side, right: Side) -> tuple[Side, Side]:
    """Both sides restricted to the tables of a snapshot, which holds only a part of a schema."""
    table_sets = [side.schema.tables for side in (left, right) if side.schema.tables is not None]
    if not table_sets:
        return left, right
    tables = frozenset[str].union(*table_sets)
    return _restrict(left, tables), _restrict(right, tables)


def _restrict(side: Side, tables: frozenset[str]) -> Side:
    if side.schema.tables is not None:
        return side
    return Side(side.name, restrict_to_tables(side.schema, tables), side.environment, side.kind, side.is_file)


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
