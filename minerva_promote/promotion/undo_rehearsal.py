"""The rehearsal of an undo: rows in, out again, and every table holds what it held before; then rolled back.

The import role may remove nothing, so it is the owner who rehearses, by the stages of the run. Nobody else writes the
tables meanwhile: what they hold is compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.database.advisory_lock import acquire_target_lock
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import execute
from minerva_promote.database.session import admin_session, begin, rollback
from minerva_promote.errors import TargetError
from minerva_promote.ledger.run_rows import RunRows, unpack
from minerva_promote.promotion import rehearsal_report as report
from minerva_promote.promotion.state import RunState, Stage, known
from minerva_promote.promotion.step_log import GateClosed, QuietProgress, StepLog
from minerva_promote.results import Finding, StepResult
from minerva_promote.undo.plan import UndoOptions, plan_undo
from minerva_promote.undo.remove import remove_rows
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

_OWN = b"select (pg_current_xact_id()::text::bigint & x'ffffffff'::bigint)::text as xmin"


class _Skipped(Exception):
    """There is nothing to rehearse, and why."""


def rehearse(run: RunState, stages: Sequence[Stage]) -> StepResult:
    """Rehearse the undo of a run by carrying out these stages as the owner; everything is rolled back.

    Raises FileError, and ConfigError without an admin_url.
    """
    begun = time.perf_counter()
    try:
        with admin_session(run.project, run.environment, application="promote rehearsal") as conn:
            begin(conn)
            try:
                acquire_target_lock(conn)
                log = StepLog(QuietProgress(run.log.listener, "rehearsal"))
                step = _undo_rows(conn, replace(run, log=log, session=conn, types={}, rehearsal=True), stages)
            finally:
                rollback(conn)
    except _Skipped as skipped:
        step = report.skipped_step(str(skipped))
    except TargetError as error:
        step = report.error_step(error)
    return replace(step, seconds=time.perf_counter() - begun)


def _undo_rows(conn: Connection, state: RunState, stages: Iterable[Stage]) -> StepResult:
    tables = _lock_tables(conn, state.project.contract)
    before, first = table_checksums(conn, tables), read_write_counters(conn)
    rows = _load(state, stages)
    own = fetch(conn, _OWN)[0]["xmin"]
    plan = plan_undo(
        conn,
        state.project.contract,
        rows,
        TrustedXmins(frozenset({own})),
        UndoOptions(keep_shared=False),
        environment=state.environment.name,
    )
    if not plan.possible:
        return report.refused_step(plan.findings)
    try:
        remove_rows(conn, plan)
    except TargetError as error:
        if conn.closed:
            raise
        return report.refused_step((*plan.findings, report.failed_undo_finding(error)))
    return _compare(conn, tables, before, first, plan.removed, plan.findings)


def _lock_tables(conn: Connection, contract: Contract) -> tuple[AffectedTable, ...]:
    """Every table that an import or its undo could touch, with nobody else writing to it."""
    declared = read_tables(conn, contract.tables)
    affected = affected_tables(conn, [table.oid for table in declared.values()])
    for table in affected:
        if table.lockable:
            statement = sql.SQL("lock table {} in share row exclusive mode").format(table.source)
            execute(conn, statement, f"locking {table.name}")
    return affected


def _load(state: RunState, stages: Iterable[Stage]) -> Sequence[RunRows]:
    """Insert the rows of the file. The run reports what closes the gate for them."""
    try:
        for stage in stages:
            stage.execute(state)
    except GateClosed:
        if state.validation is None or not state.validation.accepted:
            raise _Skipped("the file is refused") from None
        if state.loaded is not None and not state.loaded.clean:
            raise _Skipped("rows of the file are refused") from None
        raise _Skipped("the target refuses a row") from None
    if not known(state.loaded).clean:
        raise _Skipped("rows of the file are refused")
    if not state.inserted:
        raise _Skipped("no row of the file is new")
    return [unpack(batch) for batch in state.inserted]


def _compare(
    conn: Connection,
    tables: tuple[AffectedTable, ...],
    before: dict[str, TableChecksum],
    first: dict[int, WriteCounters],
    removed: int,
    findings: tuple[Finding, ...],
) -> StepResult:
    """Compare what the tables hold."""
    after = table_checksums(conn, tables)
    differing = [
        report.content_finding(name, before[name], after[name]) for name in before if before[name] != after[name]
    ]
    compared = {table.oid for table in tables}
    others = {
        table_name(conn, oid): writes
        for oid, writes in write_deltas(first, read_write_counters(conn)).items()
        if oid not in compared
    }
    if others:
        findings += (report.other_writes_finding(others),)
    if differing:
        return report.content_differs_step(removed, (*findings, *differing))
    return report.content_restored_step(removed, len(tables), findings)
