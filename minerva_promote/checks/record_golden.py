"""Recording golden queries: a search of the project, its stored vectors, their exact results, one file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minerva_promote.checks.golden_file import MAX_BYTES, GoldenFault, GoldenFile, now, record, write
from minerva_promote.checks.prepare import PreparedCheck, prepare_check
from minerva_promote.checks.probes.common import NothingToMeasure, vectors_of
from minerva_promote.config.files import UnreadableError, decoded, read_bounded
from minerva_promote.config.models.project import CheckFile, LocatedCheck
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, read_only, run_query
from minerva_promote.errors import Location, UsageError
from minerva_promote.results import Outcome, StepResult
from minerva_promote.search.query_shape import limit_of
from minerva_promote.search.search_runner import Budget
from minerva_promote.sqltext import Templates
from minerva_promote.text_format import counted, size

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project

SEARCH_TEMPLATE = "vector_search.sql.j2"  # where no golden check is declared


def golden_check(
    project: Project, environment: Environment, name: str | None, queries: int, k: int | None
) -> tuple[PreparedCheck, int]:
    """The check whose search is recorded, and its k: the declared one, or a search of the contract's vectors.

    Raises UsageError when that is not clear, and ConfigError.
    """
    declared = [placed for placed in project.checks if placed.check.probe == "golden"]
    names = [placed.check.name for placed in declared]
    if name is not None and name not in names:
        raise UsageError(
            f'no golden check "{name}"{did_you_mean(name, names)}', hint=f"golden checks: {listing(names)}"
        )
    chosen = [placed for placed in declared if name in (None, placed.check.name)] or [_default(project, k or 10)]
    if len(chosen) > 1:
        raise UsageError(f"{len(chosen)} golden checks: {listing(names)}", hint="name one with --check NAME")
    placed = LocatedCheck(check=chosen[0].check.model_copy(update={"samples": queries}), at=chosen[0].at)
    prepared = prepare_check(placed, project, environment, None, "", Templates(project.templates))
    limit = limit_of(prepared.sql)
    k = k or min(limit or 10, 100)
    if limit is not None and k > limit:
        raise UsageError(f"--k {k}, but the search of {placed.check.name} has LIMIT {limit}")
    return prepared, k


def read_vectors(path: Path) -> tuple[str, ...]:
    """The vectors of a JSON file, a list of lists of numbers, as pgvector reads them. Raises UsageError."""
    try:
        vectors = json.loads(decoded(read_bounded(path, MAX_BYTES)))
    except FileNotFoundError:
        raise UsageError(f"{path} cannot be read: no such file or directory") from None
    except UnreadableError as error:
        raise UsageError(f"{path} {error.message}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not JSON", hint="a list of vectors: [[0.1, 0.2], [0.3, 0.4]]") from None
    if not isinstance(vectors, list) or not vectors or not all(map(_is_vector, vectors)):
        raise UsageError(f"{path} is no list of vectors", hint="[[0.1, 0.2], [0.3, 0.4]]")
    return tuple("[" + ",".join(map(repr, vector)) + "]" for vector in vectors)


def _is_vector(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
            for number in value
        )
    )


def record_golden(conn: Connection, prepared: PreparedCheck, k: int, vectors: Sequence[str] = ()) -> StepResult:
    """Write the golden file of the check; ``vectors`` are searched with instead of stored ones. Changes no database."""
    name = prepared.check.golden
    path = prepared.root / name
    try:
        with read_only(conn, prepared.timeout, one_snapshot=True):
            budget = Budget(conn)
            stored = vectors_of(conn, prepared)
            length = stored[0].count(",") + 1
            for vector in vectors:
                if vector.count(",") + 1 != length:
                    given = vector.count(",") + 1
                    raise GoldenFault(f"a vector of {given:,} was given, the stored ones have {length:,}")
            queries = record(conn, prepared.sql, vectors or stored, k, budget)
            models = run_query(conn, prepared.model_sql).rows if prepared.model_sql else ()
            total = run_query(conn, _count(prepared)).rows[0][0]
            spent = budget.spent
    except (QueryError, NothingToMeasure, GoldenFault) as error:
        return StepResult("golden", name, Outcome.ERROR, str(error))
    golden = GoldenFile(
        k=k,
        queries=queries,
        models=tuple(str(row[0]) for row in models),
        environment=prepared.environment,
        table=str(prepared.check.params.get("table", "")),
        rows=int(total),
        recorded_at=now(),
    )
    new = write(path, golden)
    detail = f"{counted(len(queries), 'queries') if len(queries) > 1 else '1 query'} at k = {k}"
    detail += f" from {total:,} rows, {size(path.stat().st_size)}" + ("" if new else "; it said so already")
    data: dict[str, Any] = {"queries": len(queries), "k": k, "rows": total, "models": list(golden.models)}
    return StepResult("golden", name, Outcome.OK, detail, spent / 1000, data=data | {"written": new})


def _count(prepared: PreparedCheck) -> bytes:
    """How many vectors there are: the sample, without its bound."""
    from minerva_promote.sqltext import quote_ident

    params = prepared.check.params
    if "table" not in params or "column" not in params:
        return b"select 0"
    return f"select count({quote_ident(params['column'])}) from {quote_ident(params['table'])}".encode()


def _default(project: Project, k: int) -> LocatedCheck:
    """A search of the contract's first vector column."""
    for table, rule in project.contract.tables.items():
        for column, of_column in rule.columns.items():
            if of_column.dimensions and (project.templates / SEARCH_TEMPLATE).is_file():
                params = {"table": table, "column": column, "limit": k}
                check = CheckFile(
                    name="golden", stage="monitor", probe="golden", template=SEARCH_TEMPLATE, params=params
                )
                return LocatedCheck(check=check, at=Location(Path("checks").as_posix()))
    hint = "declare a check with probe: golden, its template and params"
    raise UsageError("no search to record: the contract has no vector column", hint=hint)
