"""`promote index`: inspect every vector index as the import role and, with --apply, repair them as the owner."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import server
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.database.read_only import QueryError
from minerva_promote.database.server_errors import execute
from minerva_promote.database.session import import_session
from minerva_promote.errors import TargetError
from minerva_promote.index_health import report
from minerva_promote.index_health.advice import Step, advise
from minerva_promote.index_health.declared_searches import declared_searches, declared_targets
from minerva_promote.index_health.measure import Measured, measure, measure_exact, not_measured
from minerva_promote.index_health.model import IndexReport, InspectedIndex, UnindexedColumn
from minerva_promote.index_health.rebuild import (
    BuildSession,
    Progress,
    build_session,
    clean_up_interrupted_builds,
    rebuild_index,
)
from minerva_promote.index_health.verdict import Search, Targets, assess
from minerva_promote.migrations.state import migration_state
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.search.pgvector_features import Version, parse_version
from minerva_promote.search.vector_indexes import RowCounts, VectorColumn, VectorIndex, read_columns, read_indexes

TIMEOUT = "2min"  # for one index
ROUNDS = 3  # of building: the cheapest index first, and what was advised after each was measured
NO_COUNTS = RowCounts(0, 0, None, recorded=False, exact=False)


def inspect_indexes(
    project: Project, environment: Environment, targets: Targets, timeout: str = TIMEOUT
) -> IndexReport:
    """Measure vector indexes, and columns of vectors without one, each in a read-only transaction.

    ``timeout`` bounds each of these transactions.
    """
    begun = time.perf_counter()
    declared = declared_searches(project, environment)
    with import_session(project, environment, application="promote index") as conn:
        facts = server(conn)
        version = parse_version(facts.vector_version)
        columns, indexes = read_columns(conn), read_indexes(conn)
        unready = _not_ready(conn, project, environment, version, columns)
        inspected = []
        for index in indexes:
            measured = _measure_index(conn, index, timeout)
            health = assess(index, measured, targets, declared.get((index.table, index.column), ()))
            advice = advise(index, health, measured, targets, version, environment)
            inspected.append(InspectedIndex(index, measured, health, advice))
        over = {(index.schema, index.table, index.column) for index in indexes}
        unindexed = [
            _measure_unindexed(conn, column, declared.get((column.table, column.column), ()), timeout)
            for column in columns
            if (column.schema, column.table, column.column) not in over
        ]
    return IndexReport(tuple(inspected), tuple(unindexed), targets, version, time.perf_counter() - begun, unready)


def _not_ready(
    conn: Connection, project: Project, environment: Environment, version: Version, columns: Sequence[VectorColumn]
) -> StepResult | None:
    if not version:
        fact = "the database has no extension vector: it is not set up"
        return StepResult("index", "database", Outcome.FAIL, fact, hint=f"promote setup --env {environment.name}")
    if columns:
        return None
    state = migration_state(conn, project)
    if not state.is_current:
        fact = f"the database is {state.description}"
        return StepResult("index", "database", Outcome.FAIL, fact, hint=state.hint(environment.name))
    fact = "no table has a column of vectors: there is nothing to look at"
    return StepResult("index", "database", Outcome.ERROR, fact, hint="declare one in a migration")


def _measure_index(conn: Connection, index: VectorIndex, timeout: str) -> Measured:
    if not index.readable:
        return Measured(replace(NO_COUNTS, rows=index.estimate), left_out=f"this role may not read {index.table}")
    try:
        return measure(conn, index, timeout)
    except QueryError as error:
        return not_measured(NO_COUNTS, error, timeout)


def _measure_unindexed(
    conn: Connection, column: VectorColumn, searches: Sequence[Search], timeout: str
) -> UnindexedColumn:
    operator = searches[0].operator if searches else "<=>"
    if not column.readable:
        return UnindexedColumn(column, Measured(NO_COUNTS, left_out=f"this role may not read {column.table}"), operator)
    try:
        return UnindexedColumn(column, measure_exact(conn, column, operator, timeout), operator)
    except QueryError as error:
        return UnindexedColumn(column, not_measured(NO_COUNTS, error, timeout), operator)


def health_of(
    project: Project,
    environment: Environment,
    *,
    recall: float | None = None,
    latency: float | None = None,
    timeout: str = TIMEOUT,
) -> RunResult:
    """The verdict on every vector index; nothing is changed."""
    return report.inspection_result(
        environment, inspect_indexes(project, environment, declared_targets(project, recall, latency), timeout)
    )


def repair_indexes(
    project: Project,
    environment: Environment,
    *,
    recall: float | None = None,
    latency: float | None = None,
    timeout: str = TIMEOUT,
    progress: Progress | None = None,
) -> RunResult:
    """Repair what interrupted builds left, build and set what is advised, and inspect everything again after each.

    Raises TargetError, whose message names what was done before; a signal leaves that to the commit log.
    """
    targets = declared_targets(project, recall, latency)
    done: list[StepResult] = []
    try:
        with build_session(project, environment, progress) as site:
            notices = Notices(site.conn, environment.name)
            for repair in clean_up_interrupted_builds(site.conn):
                done.append(StepResult("mend", "vector indexes", Outcome.OK, repair))
                record_change(repair)
            inspected_report = inspect_indexes(project, environment, targets, timeout)
            for _ in range(ROUNDS):
                builds = [
                    inspected
                    for inspected in inspected_report.indexes
                    if inspected.advice.step in (Step.REBUILD, Step.REPLACE)
                ]
                if not builds:
                    break
                for inspected in builds:
                    done.append(_build_index(site, inspected))
                    record_change(f"index {inspected.index.name} built")
                inspected_report = inspect_indexes(project, environment, targets, timeout)
            if settings := _wanted_settings(inspected_report):
                for name, value in settings.items():
                    done.append(_apply_setting(site, inspected_report, name, value))
                    record_change(f"{name} set to {value}")
                inspected_report = inspect_indexes(project, environment, targets, timeout)
            done += notices.steps("index")
    except TargetError as error:
        error.message += _describe_done(done)
        raise
    return report.repair_result(environment, inspected_report, tuple(done))


def _describe_done(done: Sequence[StepResult]) -> str:
    """What stays of a command that did not come to its end; nothing where it had done nothing yet."""
    actions = ", ".join(step.detail if step.step == "mend" else f"{step.step} {step.name}" for step in done)
    return f"; done before, and it stays: {actions}" if actions else ""


def _apply_setting(site: BuildSession, inspected_report: IndexReport, name: str, value: int) -> StepResult:
    """Make one setting for the whole database."""
    statement = next(
        inspected.advice.statements[0]
        for inspected in inspected_report.indexes
        if inspected.advice.setting == (name, value)
    )
    site.conn.execute(b"SELECT '[1]'::vector")  # loads pgvector, which declares its settings
    execute(site.conn, statement.encode(), f"setting {name}")
    detail = f"{name} = {value} for every new session"
    return StepResult("set", name, Outcome.OK, detail, data={"statement": statement})


def _build_index(site: BuildSession, inspected: InspectedIndex) -> StepResult:
    begun = time.perf_counter()
    rebuild_index(site, inspected.index, inspected.advice, inspected.measured.counted.rows)
    return report.build_step(inspected, time.perf_counter() - begun)


def _wanted_settings(inspected_report: IndexReport) -> dict[str, int]:
    """The settings to make: of several indexes that want another value, the greatest."""
    wanted: dict[str, int] = {}
    for inspected in inspected_report.indexes:
        if inspected.advice.step is Step.SETTING and inspected.advice.setting:
            name, value = inspected.advice.setting
            wanted[name] = max(value, wanted.get(name, 0))
    return wanted
