"""Where a database stands in the history of its schema."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch, live_snapshot, relations, revisions
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.install import EVENTS_TABLE
from minerva_promote.migrations.head_revision import written_head
from minerva_promote.migrations.tree_files import find_tree
from minerva_promote.results import Finding

if TYPE_CHECKING:
    from minerva_promote.migrations.alembic_tree import Revision, Tree

_LAST_KNOWN = b"""
select revision, to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day from promote.events
where revision = any (%(known)s::text[]) order by seq desc limit 1
"""


class MigrationStatus(StrEnum):
    """The relation of a database to the project's migrations."""

    UP_TO_DATE = "up to date"
    BEHIND = "behind"
    NOT_MIGRATED = "not migrated"
    UNMANAGED = "not under migrations: it has tables, and no revision"
    UNKNOWN = "at a revision that this project does not know"
    AHEAD = "ahead of this project"
    SEVERAL = "at several revisions at once"
    UNREADABLE = "not telling this role its migration revision"
    EXTERNAL = "without migrations of this project"


@dataclass(frozen=True, slots=True)
class MigrationState:
    """Where a database stands, and what leads to the head."""

    standing: MigrationStatus
    current: tuple[str, ...]  # what alembic_version holds
    head: str
    pending: tuple[Revision, ...] = ()
    unknown: tuple[str, ...] = ()  # of current, those that the project does not have
    since: str = ""  # for AHEAD: when it was at a revision of the project, and which

    @property
    def is_current(self) -> bool:
        """Whether no migration of the project is missing."""
        return self.standing in (MigrationStatus.UP_TO_DATE, MigrationStatus.EXTERNAL)

    @property
    def fact(self) -> str:
        """One line for people."""
        here = ", ".join(self.current)
        match self.standing:
            case MigrationStatus.UP_TO_DATE:
                return f"up to date at {here}"
            case MigrationStatus.BEHIND:
                return f"behind: at {here}, {len(self.pending)} pending up to {self.head}"
            case MigrationStatus.UNKNOWN:
                there = ", ".join(self.unknown)
                return f"at revision {there}, which this project does not know; its head is {self.head}"
            case MigrationStatus.AHEAD:
                there = ", ".join(self.unknown)
                return f"ahead of this project: at {there}, which comes after its head {self.head}; it was {self.since}"
            case MigrationStatus.SEVERAL:
                return f"at {len(self.current)} revisions at once: {here}"
            case _:
                return str(self.standing)

    def hint(self, environment: str) -> str:
        """The way out; empty when there is nothing to do."""
        match self.standing:
            case MigrationStatus.UP_TO_DATE | MigrationStatus.EXTERNAL:
                return ""
            case MigrationStatus.BEHIND:
                return f"promote migrate --env {environment} --apply"
            case MigrationStatus.NOT_MIGRATED | MigrationStatus.UNREADABLE:
                return f"promote setup --env {environment}"
            case MigrationStatus.UNMANAGED:
                return "alembic stamp REVISION, with the revision that its tables are those of"
            case MigrationStatus.AHEAD:
                return "use the release that migrated it, or bring its revisions into this project"
            case MigrationStatus.UNKNOWN:
                return "the database is ahead of this project, or was made by another: use the release that migrated it"
            case _:
                return "alembic_version must hold one row: remove the revisions that are not the schema's"


def migration_state(conn: Connection, project: Project) -> MigrationState:
    """Where the database of ``conn`` stands. Four queries at most, none in a project without migrations."""
    if project.migrations is None:
        return MigrationState(MigrationStatus.EXTERNAL, (), "")
    files = find_tree(project.migrations)
    current = revisions(conn, files.table) if files.table else None
    head = written_head(files.versions) if files.versions else None
    if head is not None and current == (head,):
        return MigrationState(MigrationStatus.UP_TO_DATE, current, head)
    from minerva_promote.migrations.alembic_tree import Tree

    tree = Tree(project)
    if files.table is None:
        current = revisions(conn, tree.version_table())
    if current is None:
        return MigrationState(MigrationStatus.UNREADABLE, (), tree.head)
    if not current:
        managed = relations(conn, project.contract.tables)
        return MigrationState(
            MigrationStatus.UNMANAGED if managed else MigrationStatus.NOT_MIGRATED, (), tree.head, tree.revisions
        )
    unknown = tuple(each for each in current if not tree.knows([each]))
    if unknown:
        since = _was_known(conn, tree)
        return MigrationState(
            MigrationStatus.AHEAD if since else MigrationStatus.UNKNOWN, current, tree.head, (), unknown, since
        )
    if set(current) & tree.below(current, itself=False):
        return MigrationState(MigrationStatus.SEVERAL, current, tree.head)
    pending = tree.after(current) or ()
    return MigrationState(
        MigrationStatus.BEHIND if pending else MigrationStatus.UP_TO_DATE, current, tree.head, pending
    )


def version_table(project: Project) -> str:
    """The qualified name of the table in which the project's Alembic tree keeps the revision; "" without a tree."""
    if project.migrations is None:
        return ""
    table = find_tree(project.migrations).table
    if table is None:
        from minerva_promote.migrations.alembic_tree import Tree

        table = Tree(project).version_table()
    return table


def _was_known(conn: Connection, tree: Tree) -> str:
    """What the ledger says of the last time at which the database stood at a revision of the tree; "" for never."""
    found = relations(conn, (EVENTS_TABLE,)).get(EVENTS_TABLE)
    if found is None or not found.readable:
        return ""
    rows = fetch(conn, _LAST_KNOWN, {"known": [step.id for step in tree.revisions]})
    return f"at {rows[0]['revision']} on {rows[0]['day']}" if rows else ""


def _other_kind(project: Project) -> str:
    if project.migrations is None:
        return "have its owner take NOT NULL from it, or give the environment kind: local"
    before = "2d94e6b81fa0"  # the last revision of promote's own tree that is the same for both kinds
    if any((find_tree(project.migrations).folder / "versions").glob(f"{before}*.py")):
        return f"it was migrated as kind local: alembic downgrade {before}, then migrate again"
    return "have a migration take NOT NULL from it, or give the environment kind: local"


def shape_findings(conn: Connection, project: Project, environment: Environment) -> tuple[Finding, ...]:
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
                        hint="set embedding_dimensions to what the database has, or make the database anew",
                    )
                )
            if column_rule.must_be == "null" and column.not_null and environment.kind == "production":
                found.append(
                    Finding(
                        "kind-of-database",
                        f"{name}.{column_name} is NOT NULL, in a database of kind production it must be NULL",
                        hint=_other_kind(project),
                    )
                )
    return tuple(found)
