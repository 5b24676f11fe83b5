"""The rehearsal of an undo: rows in, out again, and every table holds what it held before; then rolled back.

The import role may remove nothing, so it is the owner who rehearses, with the loader of the run. Nobody else writes the
tables meanwhile: what they hold is compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from psycopg import sql

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.catalog import fetch
from minerva_promote.database.server_errors import execute
from minerva_promote.database.session import Connection, admin_session, begin, rollback
from minerva_promote.errors import TargetError
from minerva_promote.exportfile.validation import validate
from minerva_promote.ledger.run_rows import RunRows, unpack
from minerva_promote.load.loader import Loader
from minerva_promote.preflight.target_state import TargetState
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion.import_steps import CONSTRAINT_CLASSES
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.text_format import counted
from minerva_promote.undo.plan import UndoOptions, plan_undo
from minerva_promote.undo.remove import remove_rows
from minerva_promote.undo.report import describe_writes
from minerva_promote.undo.rows_to_remove import TrustedXmins
from minerva_promote.undo.table_catalog import read_tables, table_name
from minerva_promote.undo.table_checksums import (
    AffectedTable,
    TableChecksum,
    WriteCounters,
    affected_tables,
    read_write_counters,
    table_checksums,
    write_deltas,
)

_HELP = "a run could not be undone without a trace: find out what triggers and constraints of the target do"
_OWN = b"select (pg_current_xact_id()::text::bigint & x'ffffffff'::bigint)::text as xmin"


class _Skipped(Exception):
    """There is nothing to rehearse, and why."""


def rehearse(
    project: Project, environment: Environment, plan: PromotionRequest, outlook: TargetState, watch: ProgressListener
) -> StepResult:
    """Rehearse the undo of a run; nothing is changed. Raises FileError, and ConfigError without an admin_url."""
    begun = time.perf_counter()
    try:
        with admin_session(project, environment, application="promote rehearsal") as conn:
            begin(conn)
            try:
                acquire_target_lock(conn)
                step = _Rehearsal(conn, project, environment, plan, outlook, watch).run()
            finally:
                rollback(conn)
    except _Skipped as skipped:
        step = _step(Outcome.SKIP, str(skipped))
    except TargetError as error:
        step = _step(Outcome.ERROR, f"could not be rehearsed: {error.message}", hint=error.hint)
    return replace(step, seconds=time.perf_counter() - begun)


def _step(outcome: Outcome, detail: str, findings: Iterable[Finding] = (), hint: str = "") -> StepResult:
    return StepResult("rehearsal", "undo", outcome, detail, findings=tuple(findings), hint=hint)


class _Rehearsal:
    def __init__(
        self,
        conn: Connection,
        project: Project,
        environment: Environment,
        plan: PromotionRequest,
        outlook: TargetState,
        watch: ProgressListener,
    ) -> None:
        self.conn = conn
        self.project = project
        self.environment = environment
        self.plan = plan
        self.outlook = outlook
        self.watch = watch

    def run(self) -> StepResult:
        tables = self.tables()
        before, first = table_checksums(self.conn, tables), read_write_counters(self.conn)
        rows = self.load()
        own = fetch(self.conn, _OWN)[0]["xmin"]
        plan = plan_undo(
            self.conn,
            self.project.contract,
            rows,
            TrustedXmins(frozenset({own})),
            UndoOptions(keep_shared=False),
            environment=self.environment.name,
        )
        if not plan.possible:
            return _step(Outcome.FAIL, "the run could not be undone", plan.findings)
        try:
            remove_rows(self.conn, plan)
        except TargetError as error:
            if self.conn.closed:
                raise
            finding = Finding("undo", error.message, hint=_HELP)
            return _step(Outcome.FAIL, "the run could not be undone", (*plan.findings, finding))
        return self.judge(tables, before, first, plan.removed, plan.findings)

    def tables(self) -> tuple[AffectedTable, ...]:
        """Every table that an import or its undo could touch, with nobody else writing to it."""
        contract = read_tables(self.conn, self.project.contract.tables)
        found = affected_tables(self.conn, [table.oid for table in contract.values()])
        for table in found:
            if table.lockable:
                statement = sql.SQL("lock table {} in share row exclusive mode").format(table.source)
                execute(self.conn, statement, f"locking {table.name}")
        return found

    def load(self) -> Sequence[RunRows]:
        """The rows of the file go in. What closes the gate for these is told by the run itself."""
        loader = Loader(self.conn, self.project.contract, self.outlook.snapshot, self.outlook.triggers)
        size = self.plan.file.stat().st_size
        try:
            found = validate(
                self.plan.file,
                self.project.contract,
                self.outlook.snapshot,
                repair=self.plan.repair,
                connected=True,
                tick=lambda done: self.watch.progress("rehearsal", done, size),
                sink=loader.add,
            )
            if not found.accepted:
                raise _Skipped("the file is refused")
            loaded = loader.finish()
            if loaded.clean:
                execute(self.conn, b"set constraints all immediate", "checking deferred constraints")
                loader.verify()
        except TargetError as error:
            if error.sqlstate[:2] not in CONSTRAINT_CLASSES:
                raise
            raise _Skipped("the target refuses a row") from error
        if not loaded.clean:
            raise _Skipped("rows of the file are refused")
        rows = [unpack(piece) for piece in loader.inserted.pieces()]
        if not rows:
            raise _Skipped("no row of the file is new")
        return rows

    def judge(
        self,
        tables: tuple[AffectedTable, ...],
        before: dict[str, TableChecksum],
        first: dict[int, WriteCounters],
        removed: int,
        findings: tuple[Finding, ...],
    ) -> StepResult:
        """Compare what the tables hold."""
        after = table_checksums(self.conn, tables)
        unlike = [
            _content_difference(name, before[name], after[name]) for name in before if before[name] != after[name]
        ]
        compared = {table.oid for table in tables}
        others = {
            table_name(self.conn, oid): since
            for oid, since in write_deltas(first, read_write_counters(self.conn)).items()
            if oid not in compared
        }
        if others:
            fact = f"triggers wrote to tables that are not compared: {'; '.join(describe_writes(others))}"
            findings += (Finding("trigger", fact, hint="look whether that matters", severity=Severity.WARN),)
        said = f"{counted(removed, 'rows')} in and out again"
        if unlike:
            return _step(Outcome.FAIL, f"{said}, and something is left", (*findings, *unlike))
        detail = f"{said}: {counted(len(tables), 'tables')} hold what they held"
        return _step(Outcome.WARN if findings else Outcome.OK, detail, findings)


def _content_difference(name: str, before: TableChecksum, after: TableChecksum) -> Finding:
    fact = f"{name} held {counted(before.rows, 'rows')} before, {after.rows:,} afterwards"
    if before.rows == after.rows:
        fact = f"{name} holds {counted(before.rows, 'rows')} as before, with other values"
    return Finding("content", fact, hint=_HELP)
