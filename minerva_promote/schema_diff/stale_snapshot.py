"""Whether the snapshot file of the contract is still what it stands for."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.config.project import Environment, Project
from minerva_promote.config.schema_aspects import EXISTS, aspect_text, value_text
from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.errors import ConfigError
from minerva_promote.migrations.head_revision import read_head_revision
from minerva_promote.migrations.tree_files import find_tree
from minerva_promote.results import Finding, Severity

TOLD = 3  # differences that are named


def stale_to_migrations(project: Project) -> tuple[Finding, ...]:
    """A file that was written at another revision than the head of the migrations. Needs no database."""
    recorded, head = project.recorded, _head(project)
    if recorded is None or not recorded.revision or head is None or recorded.revision == (head,):
        return ()
    fact = (
        f"{recorded.source} was written at revision {value_text(recorded.revision)}, the migrations are at {head}:"
        " it may not be what an import will meet"
    )
    return (_finding(fact, recorded.environment or "ENV"),)


def _head(project: Project) -> str | None:
    try:
        versions = find_tree(project.migrations).versions
    except ConfigError:  # told by whoever runs them
        return None
    return read_head_revision(versions) if versions else None


def stale_to_database(project: Project, environment: Environment, live: Snapshot) -> tuple[Finding, ...]:
    """A file that is not as the tables of an environment in what validation takes from it: columns and keys.

    What is allowed to differ is left out. No query.
    """
    recorded = project.recorded
    if recorded is None:
        return ()
    found = [
        text for path, aspect, text in _differences(recorded, live) if not _allowed(project, environment, path, aspect)
    ]
    if not found:
        return ()
    more = f", and {len(found) - TOLD} more" if len(found) > TOLD else ""
    fact = f"{recorded.source} is not as {environment.name}: {', '.join(found[:TOLD])}{more}"
    return (_finding(fact, environment.name),)


def _finding(fact: str, environment: str) -> Finding:
    help_ = f"promote schema snapshot --env {environment}"
    return Finding("stale-snapshot", fact, hint=help_, severity=Severity.WARN)


def _allowed(project: Project, environment: Environment, path: str, aspect: str) -> bool:
    """Whether an allowance is about it: as in schema.compare.allowed, for columns."""
    recorded = project.recorded
    assert recorded is not None
    for each in project.allowances:
        theirs = environment.name in each.environments or environment.kind == each.kind
        ours = recorded.environment in each.environments or (each.kind is not None and recorded.kind == each.kind)
        about = each.names(path) and each.of in ("", "column", "table")
        if ours != theirs and about and (not each.aspects or aspect in each.aspects):
            return True
    return False


def _differences(recorded: Snapshot, live: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Path, aspect and a few words."""
    for name in dict.fromkeys((*recorded.tables, *live.tables)):
        one, other = recorded.tables.get(name), live.tables.get(name)
        if one is None or other is None:
            yield name, EXISTS, f"{name} is {'not there' if other is None else 'not in the file'}"
        else:
            yield from _of_table(one, other)


def _of_table(one: Table, other: Table) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*one.columns, *other.columns)):
        path, here, there = f"{one.name}.{name}", one.columns.get(name), other.columns.get(name)
        if here is None or there is None:
            yield path, EXISTS, f"{path} is {'not there' if there is None else 'not in the file'}"
        else:
            yield from _of_column(path, here, there)
    if (one.primary_key, one.primary_key_name) != (other.primary_key, other.primary_key_name):
        yield one.name, "primary_key", f"{one.name} has another primary key"


def _of_column(path: str, here: Column, there: Column) -> Iterator[tuple[str, str, str]]:
    for attribute in ("type", "not_null", "has_default", "generated", "labels"):
        before, after = getattr(here, attribute), getattr(there, attribute)
        if attribute == "type" and (before.endswith(f".{after}") or after.endswith(f".{before}")):
            continue  # of an extension in another schema
        if before != after:
            aspect = attribute.removeprefix("has_")
            yield path, aspect, f"{path} {aspect_text(aspect)} {value_text(before)} → {value_text(after)}"
