"""Whether the contract's snapshot file is still current: against the migrations, and against a database."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.config.project import Environment, Project
from minerva_promote.config.schema_aspects import EXISTS, aspect_text, value_text
from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.errors import ConfigError
from minerva_promote.migrations.tree_files import find_tree, read_head_revision
from minerva_promote.results import Finding, Severity

MAX_NAMED = 3  # differences listed in the message


def stale_to_migrations(project: Project) -> tuple[Finding, ...]:
    """A finding when the file was written at another revision than the head of the migrations. Needs no database."""
    recorded, head = project.recorded, _head(project)
    if recorded is None or not recorded.revision or head is None or recorded.revision == (head,):
        return ()
    message = (
        f"{recorded.source} was written at revision {value_text(recorded.revision)}, the migrations are at {head}:"
        " it may not be what an import will meet"
    )
    return (_finding(message, recorded.environment or "ENV"),)


def _head(project: Project) -> str | None:
    try:
        versions = find_tree(project.migrations).versions
    except ConfigError:  # the commands that run migrations report it
        return None
    return read_head_revision(versions) if versions else None


def stale_to_database(project: Project, environment: Environment, live: Snapshot) -> tuple[Finding, ...]:
    """A finding when columns or keys in the file, which validation uses, differ from those of an environment.

    Allowed differences are left out. Executes no query.
    """
    recorded = project.recorded
    if recorded is None:
        return ()
    differences = [
        text for path, aspect, text in _differences(recorded, live) if not _allowed(project, environment, path, aspect)
    ]
    if not differences:
        return ()
    more = f", and {len(differences) - MAX_NAMED} more" if len(differences) > MAX_NAMED else ""
    message = f"{recorded.source} is not as {environment.name}: {', '.join(differences[:MAX_NAMED])}{more}"
    return (_finding(message, environment.name),)


def _finding(message: str, environment: str) -> Finding:
    hint = f"promote schema snapshot --env {environment}"
    return Finding("stale-snapshot", message, hint=hint, severity=Severity.WARN)


def _allowed(project: Project, environment: Environment, path: str, aspect: str) -> bool:
    """Whether an allowance covers it; the same rule as ``allowances.matches``, for columns."""
    recorded = project.recorded
    assert recorded is not None
    for allowance in project.allowances:
        is_live_side = environment.name in allowance.environments or environment.kind == allowance.kind
        is_recorded_side = recorded.environment in allowance.environments or (
            allowance.kind is not None and recorded.kind == allowance.kind
        )
        is_about_it = allowance.names(path) and allowance.of in ("", "column", "table")
        if is_recorded_side != is_live_side and is_about_it and (not allowance.aspects or aspect in allowance.aspects):
            return True
    return False


def _differences(recorded: Snapshot, live: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Path, aspect and description of every difference."""
    for name in dict.fromkeys((*recorded.tables, *live.tables)):
        recorded_table, live_table = recorded.tables.get(name), live.tables.get(name)
        if recorded_table is None or live_table is None:
            yield name, EXISTS, f"{name} is {'not there' if live_table is None else 'not in the file'}"
        else:
            yield from _table_differences(recorded_table, live_table)


def _table_differences(recorded: Table, live: Table) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*recorded.columns, *live.columns)):
        path, recorded_column, live_column = (
            f"{recorded.name}.{name}",
            recorded.columns.get(name),
            live.columns.get(name),
        )
        if recorded_column is None or live_column is None:
            yield path, EXISTS, f"{path} is {'not there' if live_column is None else 'not in the file'}"
        else:
            yield from _column_differences(path, recorded_column, live_column)
    if (recorded.primary_key, recorded.primary_key_name) != (live.primary_key, live.primary_key_name):
        yield recorded.name, "primary_key", f"{recorded.name} has another primary key"


def _column_differences(path: str, recorded: Column, live: Column) -> Iterator[tuple[str, str, str]]:
    for attribute in ("type", "not_null", "has_default", "generated", "identity_always", "labels"):
        before, after = getattr(recorded, attribute), getattr(live, attribute)
        if attribute == "type" and (before.endswith(f".{after}") or after.endswith(f".{before}")):
            continue  # a type of an extension in another schema
        if before != after:
            aspect = "identity" if attribute == "identity_always" else attribute.removeprefix("has_")
            yield path, aspect, f"{path} {aspect_text(aspect)} {value_text(before)} → {value_text(after)}"
