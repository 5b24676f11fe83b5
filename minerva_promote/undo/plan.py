"""The plan of an undo: which rows it removes, which it keeps, and what prevents it.

Four steps, each from values to values: select the run's rows by table, classify them by what became of them, find what
prevents their removal, and order the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.ledger.run_rows import RunRows
from minerva_promote.ledger.runs import Run
from minerva_promote.results import Finding, Severity
from minerva_promote.undo import findings
from minerva_promote.undo.dependent_rows import find_dependents
from minerva_promote.undo.find_run import event_of
from minerva_promote.undo.row_references import RowReference, children_first, read_references
from minerva_promote.undo.row_status import RowStatus, classify_rows, list_writers, rows_listed_by_others
from minerva_promote.undo.rows_to_remove import TableRows, TrustedXmins, rows_by_table
from minerva_promote.undo.table_catalog import Table, lock_tables, query_text, read_tables


@dataclass(frozen=True, slots=True)
class UndoOptions:
    """What the user chose besides the run."""

    keep_shared: bool = True
    accept: frozenset[str] = frozenset()  # "unproved", "gone"; "updated", of older releases, accepts nothing


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table of the run."""

    rows: TableRows
    kept: bool  # all of its rows, because the table is shared
    comparable: bool = False  # whether its rows can be compared with what the ledger has of them
    status: RowStatus = field(default_factory=RowStatus)
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """As the contract calls it."""
        return self.rows.name

    @property
    def removed(self) -> int:
        """The number of rows that the undo removes."""
        return 0 if self.kept else self.rows.count - len(self.rows.gone)

    @property
    def rows_kept(self) -> int:
        """The number of rows that stay because they are shared."""
        return self.rows.count if self.kept else 0


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """All tables of the run."""

    tables: tuple[TablePlan, ...]  # children first

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of all tables."""
        return tuple(finding for table in self.tables for finding in table.findings)

    @property
    def possible(self) -> bool:
        """Whether nothing prevents the undo."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def removed(self) -> int:
        """The number of rows that the undo removes."""
        return sum(table.removed for table in self.tables)

    @property
    def removals(self) -> tuple[TablePlan, ...]:
        """The tables that lose rows, children first."""
        return tuple(table for table in self.tables if table.removed)


def plan_undo(
    conn: Connection,
    contract: Contract,
    rows: Iterable[RunRows],
    writers: TrustedXmins,
    options: UndoOptions,
    *,
    environment: str,
    run: Run | None = None,
    lock: bool = False,
) -> UndoPlan:
    """Compare every row of a run with the database, and find every row that depends on one. Changes nothing.

    ``run``: as the ledger has it; None in a rehearsal, before it is recorded. ``lock``: nobody else writes these rows,
    or refers to them, until the transaction ends.
    """
    tables = select_rows(conn, contract, rows, run, keep_shared=options.keep_shared)
    compared = {table.name: table.rows.table for table in tables if table.comparable and table.rows.table is not None}
    references = read_references(conn, contract, compared)
    if lock:
        lock_tables(conn, [*compared.values(), *_unguarded_children(references, compared)])
    tables = classify_tables(conn, tables, writers, run, lock=lock)
    origin = _read_origin(conn, tables, writers, run)
    blockers = find_blockers(conn, tables, references, origin, options, environment)
    return order_tables(tables, blockers, references)


def select_rows(
    conn: Connection, contract: Contract, rows: Iterable[RunRows], run: Run | None, *, keep_shared: bool
) -> tuple[TablePlan, ...]:
    """The rows of a run by table, in the run's order; findings say which of them cannot be compared."""
    rows = list(rows)
    tables = read_tables(conn, {*(layout.table for layout in rows), *contract.tables})
    shared = [name for name, rule in contract.tables.items() if rule.shared]
    return tuple(
        TablePlan(table, kept=True) if keep_shared and table.shared else _comparable(table)
        for table in rows_by_table(rows, tables, shared, run.types if run else {})
    )


def classify_tables(
    conn: Connection, tables: Sequence[TablePlan], writers: TrustedXmins, run: Run | None, *, lock: bool
) -> tuple[TablePlan, ...]:
    """The same tables, with the status of the rows of every table that can be compared."""
    pipe = Pipelined(conn, "reading rows")
    statuses = {
        table.name: classify_rows(pipe, table.rows, table.rows.table, writers, lock=lock)
        for table in tables
        if table.comparable and table.rows.table is not None
    }
    if run is not None:
        listed = rows_listed_by_others(conn, run, {name: status.foreign for name, status in statuses.items()})
        statuses = {name: status.with_listed(listed.get(name, {})) for name, status in statuses.items()}
    return tuple(
        replace(table, status=statuses[table.name], rows=replace(table.rows, gone=frozenset(statuses[table.name].gone)))
        if table.name in statuses
        else table
        for table in tables
    )


def find_blockers(
    conn: Connection,
    tables: Sequence[TablePlan],
    references: Sequence[RowReference],
    origin: findings.Origin,
    options: UndoOptions,
    environment: str,
) -> dict[str, list[Finding]]:
    """What prevents the removal, and what to know about it, by the table that it concerns."""
    blockers: dict[str, list[Finding]] = {table.name: [] for table in tables}
    compared = {table.name: table.rows.table for table in tables if table.comparable and table.rows.table is not None}
    for table in tables:
        if table.name in compared:
            blockers[table.name] += findings.changed_rows(
                table.rows, compared[table.name], table.status, options.accept, environment, origin
            )
    for name, finding in _dependents(conn, tables, references, environment):
        blockers[name].append(finding)
    for name, finding in _delete_effects(conn, compared):
        blockers[name].append(finding)
    if tables and all(table.kept for table in tables):
        blockers[tables[0].name].append(findings.only_shared_rows())
    return blockers


def order_tables(
    tables: Sequence[TablePlan], blockers: Mapping[str, Sequence[Finding]], references: Sequence[RowReference]
) -> UndoPlan:
    """The plan: the tables with their findings, each before those that it depends on."""
    by_name = {table.name: table for table in tables}
    ordered = [by_name[name] for name in children_first(by_name, references)]
    return UndoPlan(tuple(replace(table, findings=(*table.findings, *blockers[table.name])) for table in ordered))


def _comparable(rows: TableRows) -> TablePlan:
    """The plan of a table whose rows are to be removed; where they cannot be compared, its findings say why."""
    table = rows.table
    if rows.malformed:
        return TablePlan(rows, kept=False, findings=(findings.malformed_row_list(rows.name, rows.malformed),))
    if table is None:
        return TablePlan(rows, kept=False, findings=(findings.missing_table(rows.name, rows.count),))
    reasons = []
    missing = [name for name in rows.written_columns if name not in table.columns]
    if missing:
        reasons.append(findings.missing_column(table, missing))
    elif not rows.identifiable:
        reasons.append(findings.changed_type(table, rows.retyped))
    if table.row_security:
        reasons.append(findings.row_security(table))
    comparable = not reasons and "SELECT" not in table.missing_privileges
    if table.missing_privileges:
        reasons.append(findings.missing_privileges(table))
    return TablePlan(rows, kept=False, comparable=comparable, findings=tuple(reasons))


def _unguarded_children(references: Sequence[RowReference], parents: Mapping[str, Table]) -> list[Table]:
    """The other tables that refer to rows without a foreign key, once each.

    Foreign keys need no lock: a new reference has to lock the row that it refers to, and the rows are locked.
    """
    children = {reference.child.name: reference.child for reference in references if reference.of_contract}
    return [child for name, child in children.items() if name not in parents]


def _read_origin(
    conn: Connection, tables: Sequence[TablePlan], writers: TrustedXmins, run: Run | None
) -> findings.Origin:
    """Where the run's list of rows comes from; read only where rows cannot be proved to be the run's."""
    if run is None or not any(table.status.unproved for table in tables):
        return findings.Origin(writers.distrust)
    return findings.Origin(writers.distrust, event_of(run, "committed").actor_role, list_writers(conn))


def _dependents(
    conn: Connection, tables: Sequence[TablePlan], references: Sequence[RowReference], environment: str
) -> Iterator[tuple[str, Finding]]:
    """Rows that are not removed and depend on one that is, and tables in which there may be such rows."""
    names = {table.name for table in tables}
    removed = {table.name: table.rows for table in tables if not table.kept and table.rows.identifiable}
    unidentified = {table.name for table in tables if not table.kept} - removed.keys()
    for reference in references:
        # row security of a table of the run has a finding of its own
        if not reference.readable and not (reference.child.row_security and reference.child.name in names):
            yield reference.parent.name, findings.unreadable_table(reference)
    visible = [item for item in references if item.readable and item.child.name not in unidentified]
    for dependents in find_dependents(Pipelined(conn, "reading rows"), visible, removed):
        name = dependents.reference.parent.name
        yield name, findings.dependent_rows(dependents, shared=removed[name].shared, environment=environment)


def _delete_effects(conn: Connection, tables: Mapping[str, Table]) -> Iterator[tuple[str, Finding]]:
    """Triggers and rules that run when rows are deleted."""
    by_oid = {table.oid: name for name, table in tables.items()}
    for row in fetch(conn, query_text("effects"), {"tables": sorted(by_oid)}):
        if row["on_delete"]:
            name = by_oid[row["table"]]
            if row["kind"] == "rule":
                yield name, findings.rule(name, row["name"])
            else:
                yield name, findings.trigger(name, row["name"])
