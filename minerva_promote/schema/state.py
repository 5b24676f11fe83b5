"""Where a database stands in the history of its schema."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import psycopg

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import live_snapshot, relations, revisions
from minerva_promote.results import Finding
from minerva_promote.schema.heads import written_head

if TYPE_CHECKING:
    from minerva_promote.schema.alembic_tree import Revision


class Standing(StrEnum):
    """The relation of a database to the project's migrations."""

    UP_TO_DATE = "up to date"
    BEHIND = "behind"
    NOT_MIGRATED = "not migrated"
    UNMANAGED = "not under migrations: it has tables, and no revision"
    UNKNOWN = "at a revision that this project does not know"
    SEVERAL = "at several revisions at once"
    UNREADABLE = "not telling this role its migration revision"


@dataclass(frozen=True, slots=True)
class State:
    """Where a database stands, and what leads to the head."""

    standing: Standing
    current: tuple[str, ...]  # what alembic_version holds
    head: str
    pending: tuple[Revision, ...] = ()

    @property
    def fact(self) -> str:
        """One line for people."""
        here = ", ".join(self.current)
        match self.standing:
            case Standing.UP_TO_DATE:
                return f"up to date at {here}"
            case Standing.BEHIND:
                return f"behind: at {here}, {len(self.pending)} pending up to {self.head}"
            case Standing.UNKNOWN:
                return f"at revision {here}, which this project does not know; its head is {self.head}"
            case Standing.SEVERAL:
                return f"at {len(self.current)} revisions at once: {here}"
            case _:
                return str(self.standing)

    def hint(self, environment: str) -> str:
        """The way out; empty when there is nothing to do."""
        match self.standing:
            case Standing.UP_TO_DATE:
                return ""
            case Standing.BEHIND:
                return f"promote migrate --env {environment} --apply"
            case Standing.NOT_MIGRATED | Standing.UNREADABLE:
                return f"promote setup --env {environment}"
            case Standing.UNMANAGED:
                return "alembic stamp REVISION, with the revision that its tables are those of"
            case Standing.UNKNOWN:
                return "the database is ahead of this project, or was made by another: use the release that migrated it"
            case _:
                return "alembic_version must hold one row: remove the revisions that are not the schema's"


def migration_state(conn: psycopg.Connection, project: Project) -> State:
    """Where the database of ``conn`` stands. Three queries at most."""
    current = revisions(conn)
    head = written_head(project.migrations / "versions")
    if head is not None and current == (head,):
        return State(Standing.UP_TO_DATE, current, head)
    from minerva_promote.schema.alembic_tree import Tree

    tree = Tree(project)
    if current is None:
        return State(Standing.UNREADABLE, (), tree.head)
    if len(current) > 1:
        return State(Standing.SEVERAL, current, tree.head)
    if not current:
        managed = relations(conn, project.contract.tables)
        return State(Standing.UNMANAGED if managed else Standing.NOT_MIGRATED, (), tree.head, tree.revisions)
    pending = tree.after(current[0])
    if pending is None:
        return State(Standing.UNKNOWN, current, tree.head)
    return State(Standing.BEHIND if pending else Standing.UP_TO_DATE, current, tree.head, pending)


def shape_findings(conn: psycopg.Connection, project: Project, environment: Environment) -> tuple[Finding, ...]:
    """Where a migrated database is not what the configuration of today would make: vector length and kind.

    Migrations read both once, when they run. Two queries.
    """
    found: list[Finding] = []
    snapshot = live_snapshot(conn, project.contract.tables)
    for name, rule in project.contract.tables.items():
        table = snapshot.tables.get(name)
        for column_name, column_rule in rule.columns.items():
            column = table.columns.get(column_name) if table else None
            if column is None:
                continue
            if column_rule.dimensions and column.type != f"vector({column_rule.dimensions})":
                found.append(
                    Finding(
                        "vector-length-of-column",
                        f"{name}.{column_name} is {column.type}, the project says {column_rule.dimensions} dimensions",
                        help="set embedding_dimensions to what the database has, or make the database anew",
                    )
                )
            if column_rule.must_be == "null" and column.not_null and environment.kind == "production":
                found.append(
                    Finding(
                        "kind-of-database",
                        f"{name}.{column_name} is NOT NULL, in a database of kind production it must be NULL",
                        help="it was migrated as kind local: alembic downgrade 2d94e6b81fa0, then migrate again",
                    )
                )
    return tuple(found)
