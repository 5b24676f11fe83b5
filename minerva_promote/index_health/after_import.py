"""What an import did to vector indexes: a cheap look after the commit, and a rebuild where the environment asks for it.

Nothing here measures recall: `promote index` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, read_only, run_query
from minerva_promote.errors import PromoteError
from minerva_promote.index_health.measure import pages_read, planned_index
from minerva_promote.index_health.verdict import GROWN
from minerva_promote.results import StepResult
from minerva_promote.search.vector_indexes import RowCounts, VectorIndex, count_rows, read_indexes

TIMEOUT = "5s"  # for one index
COUNTED = 20_000  # rows by estimate, up to which they are counted; of more a sample is


class State(Enum):
    """The state of an index after an import."""

    BUILT_EMPTY = auto()  # over fewer rows than it has lists
    STALE = auto()  # there are far more rows than at build
    BEING_BUILT = auto()  # by another session
    INVALID = auto()
    UNREADABLE = auto()  # the server reported an error


@dataclass(frozen=True, slots=True)
class IndexAfterImport:
    """An index that an import left in a state worth a finding."""

    index: VectorIndex
    state: State
    counted: RowCounts | None = None  # of BUILT_EMPTY and STALE
    new_rows: int = 0
    pages_share: float = 0.0  # of its pages that one search touches
    error: str = ""  # of UNREADABLE: what the server reported


def stale_after_import(
    conn: Connection, tables: Iterable[str], new_rows: Mapping[str, int]
) -> tuple[IndexAfterImport, ...]:
    """Each index of these tables that was built over too few rows, that is invalid, or that could not be read.

    For after the commit, as the import role. A count of rows, a plan and one search an index: an index that the
    planner does not use, as of a small table, is left out, and so are tables without new rows. Raises TargetError
    when the connection is lost.
    """
    states: list[IndexAfterImport] = []
    for index in read_indexes(conn, [table for table in tables if new_rows.get(table)]):
        try:
            with read_only(conn, TIMEOUT):
                states += _states(conn, index, new_rows[_table_name(index, new_rows)])
        except QueryError as error:
            states.append(IndexAfterImport(index, State.UNREADABLE, error=error.reason))
    return tuple(states)


def _table_name(index: VectorIndex, names: Mapping[str, int]) -> str:
    return index.table if index.table in names else f"{index.schema}.{index.table}"


def _states(conn: Connection, index: VectorIndex, new: int) -> Iterator[IndexAfterImport]:
    """The state of one index; none when there is nothing to report."""
    if not index.valid:
        if not index.leftover:
            yield IndexAfterImport(index, State.BEING_BUILT if index.building else State.INVALID)
        return
    counted = count_rows(conn, index, COUNTED)
    state = _staleness(index, counted)
    if state is None:
        return
    vectors = run_query(conn, index.sample(1)).rows
    if not vectors or planned_index(conn, index, vectors[0][0]) != index.name:
        return
    share = min(1.0, pages_read(conn, index, vectors[0][0]) / max(1, index.pages))
    yield IndexAfterImport(index, state, counted, new, share)


def _staleness(index: VectorIndex, counted: RowCounts) -> State | None:
    """What is wrong by the number of rows at build; None also for hnsw, which grows with the rows."""
    built = counted.built
    if not index.lists or built is None or counted.rows <= built:
        return None
    if built < index.lists:
        return State.BUILT_EMPTY
    return State.STALE if counted.rows >= GROWN * built else None


def rebuild_if_needed(
    project: Project, environment: Environment, watch: object | None = None
) -> tuple[StepResult, ...]:
    """`index: {rebuild: auto}`: what `promote index --apply` does, after a commit; the steps, also when it fails.

    Never raises for what the target says: the import is committed. ``watch`` may have ``progress(doing, done, total)``.
    """
    from minerva_promote.index_health.command import repair_indexes
    from minerva_promote.index_health.rebuild import Progress
    from minerva_promote.index_health.report import rebuild_failed_step

    progress = watch if isinstance(watch, Progress) else None
    try:
        result = repair_indexes(project, environment, progress=progress)
    except PromoteError as error:
        return (rebuild_failed_step(environment, error),)
    return tuple(step for step in result.steps if step.step in ("mend", "build", "set", "index"))
