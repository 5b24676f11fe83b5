"""The plan of a search: can it use a vector index, does it, and how much of it does it read."""

from __future__ import annotations

from collections.abc import Sequence

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.probe_report import describe_plan
from minerva_promote.checks.probes.common import Measured, NotApplicable, settings_of, vectors_of
from minerva_promote.checks.thresholds import Value
from minerva_promote.database.catalog import server
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import read_only
from minerva_promote.search.pgvector_features import parse_version, unindexable_columns
from minerva_promote.search.pgvector_report import why_no_index
from minerva_promote.search.query_plan import pages_touched, plan_of
from minerva_promote.search.query_shape import shape_of
from minerva_promote.search.search_runner import Budget
from minerva_promote.search.vector_indexes import read_columns, read_indexes


def measure_plan(conn: Connection, prepared: PreparedCheck) -> Measured:
    """Whether a search can use a vector index, and whether the planner chooses it by itself.

    index_chosen: the plan as it is has an ivfflat or hnsw index scan. index_usable: the same with sequential scans and
    sorts priced out, since a small table is rightly read whole; it is 0 where no index fits: another operator, an
    expression around the distance, no index. operator_matches: an index on the searched tables orders by the search's
    operator. pages_share: how much of the chosen index one search reads, 0 when none is chosen. Raises QueryError,
    NothingToMeasure, NotApplicable where no index is possible, and TargetError.
    """
    with read_only(conn, prepared.timeout, one_snapshot=True):
        budget = Budget(conn)
        settings = settings_of(conn, prepared)
        vector = vectors_of(conn, prepared)[:1]
        with settings.applied(conn):
            own = plan_of(conn, prepared.sql, vector)
            forced = plan_of(conn, prepared.sql, vector, forced=True)
            indexes = read_indexes(conn, own.tables)
            if not indexes and (why := _why_not_indexable(conn, own.tables)):
                raise NotApplicable(f"{why}; every search reads all rows, and search_latency says whether in time")
            chosen, usable = own.used(indexes), forced.used(indexes)
            budget.limit()
            touched = pages_touched(conn, prepared.sql, vector, chosen) if chosen else 0
        spent = budget.spent
    operator = shape_of(prepared.sql.decode()).operator
    values: dict[str, Value] = {
        "index_usable": int(bool(usable)),
        "index_chosen": int(bool(chosen)),
        "operator_matches": int(any(index.operator == operator for index in indexes)),
        "pages_share": round(touched / max(1, chosen.pages), 4) if chosen else 0.0,
    }
    shape = forced.order or "no ORDER BY"
    used = usable or chosen
    more = {
        "index": used.name if used else "",
        "order_by": shape,
        "pages_touched": touched,
        "spent_ms": round(spent, 1),
    }
    return (
        describe_plan(shape, indexes, chosen, usable, touched, settings),
        values,
        more | {"indexes": [index.facts for index in indexes], "search": dict(settings.values)},
    )


def _why_not_indexable(conn: Connection, tables: Sequence[str]) -> str:
    """Why no column of vectors of these tables can have an index; empty where one can."""
    columns = [column for column in read_columns(conn) if f"{column.schema}.{column.table}" in tables]
    return why_no_index(unindexable_columns(columns, parse_version(server(conn).vector_version)))
