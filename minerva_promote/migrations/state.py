"""The migration state of a database: its revision against the revisions of the project."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch, live_snapshot, relations, revisions
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.install import EVENTS_TABLE
from minerva_promote.migrations.tree_files import NO_MIGRATIONS, find_tree, read_head_revision
from minerva_promote.results import Finding, Severity

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
    """The revision of a database, and the revisions that lead from it to the head."""

    status: MigrationStatus
    current: tuple[str, ...]  # rows of the version table
    head: str
    pending: tuple[Revision, ...] = ()
    unknown: tuple[str, ...] = ()  # those of current that the project does not have
    since: str = ""  # for AHEAD: when it last was at a revision of the project, and at which

    @property
    def is_current(self) -> bool:
        """Whether no migration of the project is missing."""
        return self.status in (MigrationStatus.UP_TO_DATE, MigrationStatus.EXTERNAL)

    @property
    def description(self) -> str:
        """The state in one line, to follow "the database is"."""
        current = ", ".join(self.current)
        match self.status:
            case MigrationStatus.UP_TO_DATE:
                return f"up to date at {current}"
            case MigrationStatus.BEHIND:
                return f"behind: at {current}, {len(self.pending)} pending up to {self.head}"
            case MigrationStatus.UNKNOWN:
                unknown = ", ".join(self.unknown)
                return f"at revision {unknown}, which this project does not know; its head is {self.head}"
            case MigrationStatus.AHEAD:
                unknown = f"at {', '.join(self.unknown)}, which comes after its head {self.head}"
                return f"ahead of this project: {unknown}; it was {self.since}"
            case MigrationStatus.SEVERAL:
                return f"at {len(self.current)} revisions at once: {current}"
            case _:
                return str(self.status)

    def hint(self, environment: str) -> str:
        """What to do about it; empty when there is nothing to do."""
        match self.status:
            case MigrationStatus.UP_TO_DATE | MigrationStatus.EXTERNAL:
                return ""
            case MigrationStatus.BEHIND:
                return f"promote migrate --env {environment} --apply"
            case MigrationStatus.NOT_MIGRATED | MigrationStatus.UNREADABLE:
                return f"promote setup --env {environment}"
            case MigrationStatus.UNMANAGED:
                return f"alembic stamp REVISION, with the revision that its tables are those of; {NO_MIGRATIONS}"
            case MigrationStatus.AHEAD:
                return "use the release that migrated it, or bring its revisions into this project"
            case MigrationStatus.UNKNOWN:
                return "the database is ahead of this project, or was made by another: use the release that migrated it"
            case _:
                return "alembic_version must hold one row: remove the revisions that are not the schema's"


def migration_state(conn: Connection, project: Project) -> MigrationState:
    """Compare the database of ``conn`` with the project's revisions. At most four queries; none without migrations."""
    if project.migrations is None:
        return MigrationState(MigrationStatus.EXTERNAL, (), "")
    files = find_tree(project.migrations)
    current = revisions(conn, files.table) if files.table else None
    head = read_head_revision(files.versions) if files.versions else None
    if head is not None and current == (head,):
        return MigrationState(MigrationStatus.UP_TO_DATE, current, head)
    from minerva_promote.migrations.alembic_tree import Tree

    tree = Tree(project)
    if files.table is None:
        current = revisions(conn, tree.version_table())
    if current is None:
        return MigrationState(MigrationStatus.UNREADABLE, (), tree.head)
    if not current:
        existing_tables = relations(conn, project.contract.tables)
        return MigrationState(
            MigrationStatus.UNMANAGED if existing_tables else MigrationStatus.NOT_MIGRATED,
            (),
            tree.head,
            tree.revisions,
        )
    unknown = tuple(revision for revision in current if not tree.knows([revision]))
    if unknown:
        since = _last_known_revision(conn, tree)
        return MigrationState(
            MigrationStatus.AHEAD if since else MigrationStatus.UNKNOWN, current, tree.head, (), unknown, since
        )
    if set(current) & tree.ancestors(current, include_self=False):
        return MigrationState(MigrationStatus.SEVERAL, current, tree.head)
    pending = tree.after(current) or ()
    return MigrationState(
        MigrationStatus.BEHIND if pending else MigrationStatus.UP_TO_DATE, current, tree.head, pending
    )


def version_table(project: Project) -> str:
    """The qualified name of Alembic's version table; "" in a project without migrations."""
    if project.migrations is None:
        return ""
    table = find_tree(project.migrations).table
    if table is None:
        from minerva_promote.migrations.alembic_tree import Tree

        table = Tree(project).version_table()
    return table


def _last_known_revision(conn: Connection, tree: Tree) -> str:
    """The last event of the ledger at a revision of the tree: "at REVISION on DAY"; "" when there is none."""
    events = relations(conn, (EVENTS_TABLE,)).get(EVENTS_TABLE)
    if events is None or not events.readable:
        return ""
    rows = fetch(conn, _LAST_KNOWN, {"known": [step.id for step in tree.revisions]})
    return f"at {rows[0]['revision']} on {rows[0]['day']}" if rows else ""


def _kind_hint(project: Project) -> str:
    if project.migrations is None:
        return "have its owner take NOT NULL from it, or give the environment kind: local"
    common_revision = "2d94e6b81fa0"  # the last revision of promote's own tree that is the same for both kinds
    if any((find_tree(project.migrations).folder / "versions").glob(f"{common_revision}*.py")):
        return f"it was migrated as kind local: alembic downgrade {common_revision}, then migrate again"
    return "have a migration take NOT NULL from it, or give the environment kind: local"


_WITHOUT_LENGTH = ("vector", "halfvec", "sparsevec")


def _with_length(length: int) -> tuple[str, ...]:
    return tuple(f"{kind}({length})" for kind in _WITHOUT_LENGTH)


def shape_findings(conn: Connection, project: Project, environment: Environment) -> tuple[Finding, ...]:
    """The columns of a migrated database that today's configuration would create differently: vector length, NOT NULL.

    Migrations read both settings only when they run. Two queries.
    """
    findings: list[Finding] = []
    snapshot = live_snapshot(conn, project.contract.tables)
    for name, rule in project.contract.tables.items():
        table = snapshot.tables.get(name)
        for column_name, column_rule in rule.columns.items():
            column = table.columns.get(column_name) if table else None
            if column is None:
                continue
            type_name = column.type.rpartition(".")[2]  # pgvector may be in another schema
            if column_rule.dimensions and type_name in _WITHOUT_LENGTH:
                findings.append(
                    Finding(
                        "vector-length-of-column",
                        f"{name}.{column_name} is {column.type} without a length: no index can serve it",
                        hint=f"alter it to {type_name}({column_rule.dimensions})",
                        severity=Severity.WARN,
                    )
                )
            elif column_rule.dimensions and type_name not in _with_length(column_rule.dimensions):
                findings.append(
                    Finding(
                        "vector-length-of-column",
                        f"{name}.{column_name} is {column.type}, the project says {column_rule.dimensions} dimensions",
                        hint="set embedding_dimensions to what the database has, or make the database anew",
                    )
                )
            if column_rule.must_be == "null" and column.not_null and environment.kind == "production":
                findings.append(
                    Finding(
                        "kind-of-database",
                        f"{name}.{column_name} is NOT NULL, in a database of kind production it must be NULL",
                        hint=_kind_hint(project),
                    )
                )
    return tuple(findings)
