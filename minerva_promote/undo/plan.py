"""What an undo would remove, what it would keep, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.server_errors import execute
from minerva_promote.ledger.run_rows import RunRows
from minerva_promote.ledger.runs import Run
from minerva_promote.results import Finding, Severity
from minerva_promote.undo import findings as told
from minerva_promote.undo.claims import list_writers, rows_reinserted_later
from minerva_promote.undo.dependent_rows import find_dependents
from minerva_promote.undo.find_run import event_of
from minerva_promote.undo.row_references import RowReference, children_first, read_references
from minerva_promote.undo.row_status import RowStatus, classify_rows
from minerva_promote.undo.rows_to_remove import TableRows, TrustedXmins, rows_by_table
from minerva_promote.undo.table_catalog import Table, query_text, read_tables


@dataclass(frozen=True, slots=True)
class UndoOptions:
    """What was asked for beyond the run."""

    keep_shared: bool = True
    accept: frozenset[str] = frozenset()  # "unproved", "gone"; "updated" of older releases stands for nothing


@dataclass(slots=True)
class TablePlan:
    """One table."""

    going: TableRows
    kept: bool  # all of its rows: it is shared
    standing: RowStatus = field(default_factory=RowStatus)
    findings: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As the contract calls it."""
        return self.going.name

    @property
    def removed(self) -> int:
        """How many rows go."""
        return 0 if self.kept else len(self.going.keys)

    @property
    def rows_kept(self) -> int:
        """How many stay because they are shared."""
        return self.going.count if self.kept else 0


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """All of it."""

    tables: tuple[TablePlan, ...]  # children first
    links: tuple[RowReference, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all tables."""
        return tuple(finding for table in self.tables for finding in table.findings)

    @property
    def possible(self) -> bool:
        """Whether nothing stands against it."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def removed(self) -> int:
        """How many rows go."""
        return sum(table.removed for table in self.tables)

    @property
    def going(self) -> tuple[TablePlan, ...]:
        """The tables that lose rows."""
        return tuple(table for table in self.tables if table.removed)


def plan_undo(
    conn: Connection,
    contract: Contract,
    rows: Iterable[RunRows],
    writers: TrustedXmins,
    choices: UndoOptions,
    *,
    environment: str,
    run: Run | None = None,
    lock: bool = False,
) -> UndoPlan:
    """Look at every row of a run, and at everything that depends on one; changes nothing.

    ``run`` is the run as the ledger has it, if it is there. ``lock``: nobody else writes these rows, or refers to them,
    until the transaction ends.
    """
    rows = list(rows)
    names = list(dict.fromkeys(each.table for each in rows))
    tables = read_tables(conn, {*names, *contract.tables})
    shared = [name for name, rule in contract.tables.items() if rule.shared]
    plans = {
        going.name: TablePlan(going, kept=choices.keep_shared and going.shared)
        for going in rows_by_table(rows, tables, shared, run.types if run else {})
    }
    fit = [plan for plan in plans.values() if not plan.kept and _check_comparable(plan)]
    parents = {plan.name: plan.going.table for plan in fit if plan.going.table is not None}
    links = read_references(conn, contract, parents)
    if lock:
        _lock(conn, parents.values(), links)
    pipe = Pipelined(conn, "reading rows")
    for plan in fit:
        table = plan.going.table
        assert table is not None
        plan.standing = classify_rows(pipe, plan.going, table, writers, lock=lock)
    if run is not None:
        claims = rows_reinserted_later(conn, run, {plan.name: plan.standing.foreign for plan in fit})
        for plan in fit:
            plan.standing.claim(claims.get(plan.name, {}))
    origin = told.Origin(writers.why_not)
    if run is not None and any(plan.standing.unproved for plan in fit):
        origin = told.Origin(writers.why_not, event_of(run, "committed").actor_role, list_writers(conn))
    for plan in fit:
        table = plan.going.table
        assert table is not None
        plan.findings += told.changed_rows(plan.going, table, plan.standing, choices.accept, environment, origin)
    unknown = {plan.name for plan in plans.values() if not plan.kept and not plan.going.found}  # which of its rows
    visible = [link for link in links if link.readable and link.child.name not in unknown]
    for link in links:
        if not link.readable and not (link.child.row_security and link.child.name in plans):  # that is told
            plans[link.parent.name].findings.append(told.unreadable_table(link))
    own = {plan.name: plan.going for plan in plans.values() if not plan.kept and plan.going.found}
    for found in find_dependents(pipe, visible, own):
        plan = plans[found.link.parent.name]
        plan.findings.append(told.dependent_rows(found, shared=plan.going.shared, environment=environment))
    for name, effect in _effects(conn, parents):
        plans[name].findings.append(effect)
    if plans and all(plan.kept for plan in plans.values()):
        next(iter(plans.values())).findings.append(told.only_shared_rows())
    return UndoPlan(tuple(plans[name] for name in children_first(plans, links)), links)


def _check_comparable(plan: TablePlan) -> bool:
    """Whether the rows can be looked at; tells why not."""
    table = plan.going.table
    if plan.going.unlike:
        plan.findings.append(told.malformed_row_list(plan.name, plan.going.unlike))
        return False
    if table is None:
        plan.findings.append(told.missing_table(plan.name, plan.going.count))
        return False
    missing = [name for name in plan.going.wrote if name not in table.columns]
    if missing:
        plan.findings.append(told.missing_column(table, missing))
    elif not plan.going.found:
        plan.findings.append(told.changed_type(table, plan.going.retyped))
    if table.row_security:
        plan.findings.append(told.row_security(table))
    if table.lacking:
        plan.findings.append(told.missing_privileges(table))
    return not (missing or not plan.going.found or table.row_security or "SELECT" in table.lacking)


def _lock(conn: Connection, tables: Iterable[Table], links: Sequence[RowReference]) -> None:
    """Nobody else writes these tables, nor those whose references no foreign key watches over.

    Others go on reading. Foreign keys need no lock: who refers to a row has to lock it, and the rows are locked.
    """
    every = {table.name: table for table in tables}
    every |= {link.child.name: link.child for link in links if link.child.name not in every and link.of_contract}
    for name in sorted(every):
        statement = sql.SQL("lock table {} in share row exclusive mode").format(every[name].source)
        execute(conn, statement, f"locking {name}")


def _effects(conn: Connection, tables: Mapping[str, Table]) -> Iterator[tuple[str, Finding]]:
    """Triggers and rules that would run with the removal."""
    by_oid = {table.oid: name for name, table in tables.items()}
    for row in fetch(conn, query_text("effects"), {"tables": sorted(by_oid)}):
        if row["on_delete"]:
            name = by_oid[row["table"]]
            yield name, (told.rule(name, row["name"]) if row["kind"] == "rule" else told.trigger(name, row["name"]))
