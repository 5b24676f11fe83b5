"""What an import does to vector indexes: a cheap word after the commit, and a rebuild where one is asked for.

Nothing here measures recall: `promote index` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, read_only, run_query
from minerva_promote.errors import PromoteError
from minerva_promote.index_health.measure import pages_read, planned_index
from minerva_promote.index_health.verdict import GROWN
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.search.vector_indexes import RowCounts, VectorIndex, count_rows, read_indexes

BUILT_EMPTY = "index-built-empty"
PATIENCE = "5s"  # for one index
COUNTED = 20_000  # rows by estimate, up to which they are counted; of more a sample is


def stale_after_import(
    conn: Connection, tables: Iterable[str], new_rows: Mapping[str, int], environment: str = ""
) -> tuple[Finding, ...]:
    """A finding for each index of these tables that was built over too few rows, with the command to run.

    For after the commit, as the import role. A count of rows, a plan and one search an index: an index that the
    planner leaves alone, as of a small table, is not told of. Tables without new rows are left out. What cannot be
    looked at is told as that, never in silence. Raises TargetError when the connection is lost.
    """
    findings: list[Finding] = []
    for index in read_indexes(conn, [table for table in tables if new_rows.get(table)]):
        try:
            with read_only(conn, PATIENCE):
                findings += _stale_findings(conn, index, new_rows[_table_name(index, new_rows)], environment)
        except QueryError as error:
            findings.append(
                _finding("index-unseen", f"{index.name} could not be looked at: {error.reason}", environment)
            )
    return tuple(findings)


def _table_name(index: VectorIndex, names: Mapping[str, int]) -> str:
    return index.table if index.table in names else f"{index.schema}.{index.table}"


def _stale_findings(conn: Connection, index: VectorIndex, new: int, environment: str) -> Iterator[Finding]:
    if not index.valid:
        if index.building:
            yield _finding("index-invalid", f"{index.name} is being built: no search uses it yet", environment)
        elif not index.leftover:
            yield _finding("index-invalid", f"{index.name} is invalid: no search uses it", environment)
        return
    counted = count_rows(conn, index, COUNTED)
    what = _describe_staleness(index, counted)
    if not what:
        return
    vectors = run_query(conn, index.sample(1)).rows
    if not vectors or planned_index(conn, index, vectors[0][0]) != index.name:
        return
    share = min(1.0, pages_read(conn, index, vectors[0][0]) / max(1, index.pages))
    fact = f"{index.name} {what}, {counted.rows:,} rows now, {new:,} of them new"
    fact = f"{fact}; a search touches {share:.0%} of its pages"
    yield _finding(_finding_code(index, counted), fact, environment)


def _describe_staleness(index: VectorIndex, counted: RowCounts) -> str:
    """What is wrong by the number of rows at build; nothing for hnsw, which grows with the rows."""
    built = counted.built
    if not index.lists or built is None or counted.rows <= built:
        return ""
    if built < index.lists:
        return f"was built empty: {built:,} rows for {index.lists} lists"
    if counted.rows >= GROWN * built:
        return f"is stale: built over {built:,} rows"
    return ""


def _finding_code(index: VectorIndex, counted: RowCounts) -> str:
    """The code of the finding."""
    return BUILT_EMPTY if (counted.built or 0) < index.lists else "index-stale"


def _finding(code: str, fact: str, environment: str) -> Finding:
    env = environment or "ENV"
    help_ = f"promote index --env {env} measures it; --apply rebuilds it"
    return Finding(code, fact, hint=help_, severity=Severity.WARN)


def rebuild_if_needed(
    project: Project, environment: Environment, watch: object | None = None
) -> tuple[StepResult, ...]:
    """`index: {rebuild: auto}`: what `promote index --apply` does, after a commit; the steps, also when it fails.

    Never raises for what the target says: the import is committed. ``watch`` may have ``progress(doing, done, total)``.
    """
    from minerva_promote.index_health.command import repair_indexes
    from minerva_promote.index_health.rebuild import Progress

    progress = watch if isinstance(watch, Progress) else None
    try:
        result = repair_indexes(project, environment, progress=progress)
    except PromoteError as error:
        hint = error.hint or f"promote index --env {environment.name} --apply"
        return (StepResult("index", "rebuild", Outcome.ERROR, error.message, hint=hint),)
    return tuple(step for step in result.steps if step.step in ("mend", "build", "set", "index"))
