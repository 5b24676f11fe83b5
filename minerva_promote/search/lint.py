"""The query linter: whether a vector index serves the searches that applications declare, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from minerva_promote.config.project import DeclaredSearch
from minerva_promote.database.catalog import server
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, read_only, run_query
from minerva_promote.errors import ConfigError, ConfigErrors
from minerva_promote.search.lint_rules import ShapeFault, shape_faults
from minerva_promote.search.pgvector_features import UnindexableColumns, parse_version, unindexable_columns
from minerva_promote.search.query_plan import plan_of
from minerva_promote.search.query_shape import Shape, parameters_of, shapes_of
from minerva_promote.search.search_runner import Settings, exact_results, search
from minerva_promote.search.vector_indexes import VectorIndex, read_columns, read_indexes
from minerva_promote.sqltext.single_select import require_one_select, uses_parameter

if TYPE_CHECKING:
    from minerva_promote.config.project import Project

TIMEOUT = "10s"  # of one statement of a search that is examined
_TRIED = 3  # stored vectors with which a filter is tried
_COLUMN = b"""
select n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname), a.attname::text, a.atttypmod,
       t.typname::text
from unnest($1::text[]) as wanted (name)
join pg_class c on c.oid = to_regclass(wanted.name)
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and not a.attisdropped and a.attnum > 0
join pg_type t on t.oid = a.atttypid and t.typname in ('vector', 'halfvec', 'sparsevec', 'bit')
order by 1, a.attnum
"""


class Service(Enum):
    """How the planner answers a search that an index can serve."""

    INDEX = auto()
    SMALL_TABLE = auto()  # it reads the table whole
    OTHER_PLAN = auto()


@dataclass(frozen=True, slots=True)
class TooFewRows:
    """A search whose index ended before its LIMIT was reached, for one of the vectors that were tried."""

    returned: int  # rows
    exact: int  # rows that exact search returns
    filtered: bool  # rows are left out by a WHERE or a join


@dataclass(frozen=True, slots=True)
class SearchLint:
    """What the linter found in one declared search."""

    search: DeclaredSearch
    faults: tuple[ShapeFault, ...] = ()
    used: VectorIndex | None = None  # the index that serves it, or would
    service: Service = Service.INDEX
    too_few: TooFewRows | None = None
    error: QueryError | None = None  # that the server reported instead


@dataclass(frozen=True, slots=True)
class _Column:
    table: str  # with its schema
    table_sql: str
    name: str
    length: int  # -1: any
    type: str  # "vector", "halfvec", "sparsevec", "bit"


def lint_searches(conn: Connection, project: Project) -> tuple[SearchLint, ...]:
    """Examine every search that promote.yaml declares.

    Each is explained, and one with a filter is made a few times, in a read-only transaction. Raises ConfigErrors for
    queries that are no single SELECT, and TargetError when the connection is lost.
    """
    require_searches(project.searches)
    return tuple(_lint_search(conn, search) for search in project.searches)


def require_searches(searches: Sequence[DeclaredSearch]) -> None:
    """Raise ConfigErrors for every query that is no single SELECT, or does not take the vector as $1."""
    faults: list[ConfigError] = []
    for declared in searches:
        try:
            require_one_select(declared.sql, declared.at)
            _require_parameters(declared)
        except ConfigError as error:
            fact = error.message.replace("; a check ", "; a search ")
            faults.append(ConfigError(f"{declared.name}: {fact}", at=error.location, hint=error.hint))
    if faults:
        raise ConfigErrors(faults)


def _require_parameters(search: DeclaredSearch) -> None:
    if not uses_parameter(search.sql):
        quoted = "'$1" in search.sql
        hint = "take $1 out of the quotes: embedding <=> $1" if quoted else "ORDER BY embedding <=> $1 LIMIT 10"
        raise ConfigError("does not take the vector as $1", at=search.at, hint=hint)
    numbers = parameters_of(search.sql)
    if 1 not in numbers:
        raise ConfigError(
            "does not take the vector as $1", at=search.at, hint="number the parameters from $1, the vector"
        )
    for number in range(2, max(numbers) + 1):
        if number not in search.params:
            hint = f'params: {{"{number}": …}}, a value that the application searches with'
            raise ConfigError(f"${number} has no example", at=search.at, hint=hint)
    for number in sorted(set(search.params) - numbers):
        raise ConfigError(f"an example of ${number}, which the query does not take", at=search.at)


def _lint_search(conn: Connection, declared: DeclaredSearch) -> SearchLint:
    try:
        with read_only(conn, TIMEOUT, one_snapshot=True):
            return _inspect(conn, declared)
    except QueryError as error:
        return SearchLint(declared, error=error)


def _inspect(conn: Connection, declared: DeclaredSearch) -> SearchLint:
    sql, shapes = declared.sql.encode(), shapes_of(declared.sql)
    settings = Settings.of(declared.settings)
    settings.require_known(conn)
    more = [_as_parameter(declared.params[number]) for number in range(2, len(declared.params) + 2)]
    with settings.applied(conn):
        columns = [_column(conn, shape) for shape in shapes]
        vector = _any_vector(columns[0], shapes[0].parameter)
        own = plan_of(conn, sql, [vector, *more])
        forced = plan_of(conn, sql, [vector, *more], forced=True)
    indexes = read_indexes(conn, own.tables or [column.table for column in columns if column])
    serving = forced.ordered(indexes)
    used = next(iter(serving), None)
    faults: list[ShapeFault] = []
    for shape, column in zip(shapes, columns, strict=True):
        mine = next((index for index in serving if index.operator == shape.operator or not shape.operator), None)
        if mine is not None and len(shapes) > 1:
            serving.remove(mine)
        impossible = None if indexes or column is None else _unindexable(conn, column)
        faults += shape_faults(shape, mine, indexes, column.name if column else "", impossible)
    result = SearchLint(declared, tuple(faults), used)
    if used is None:
        return result
    if not own.ordered(indexes):
        return replace(result, service=Service.SMALL_TABLE if own.reads_whole(used) else Service.OTHER_PLAN)
    if faults or columns[0] is None:
        return result
    return replace(result, too_few=_too_few_rows(conn, sql, more, settings, columns[0], shapes[0]))


def _unindexable(conn: Connection, column: _Column) -> UnindexableColumns | None:
    """The column, where it can have no index; None where it can."""
    mine = [
        candidate
        for candidate in read_columns(conn)
        if (f"{candidate.schema}.{candidate.table}", candidate.column) == (column.table, column.name)
    ]
    return unindexable_columns(mine, parse_version(server(conn).vector_version))


def _as_parameter(value: Any) -> Any:
    """A value of the configuration as a parameter: its sequences are arrays."""
    return [_as_parameter(item) for item in value] if isinstance(value, (list, tuple)) else value


def _too_few_rows(
    conn: Connection, sql: bytes, more: Sequence[Any], settings: Settings, column: _Column, shape: Shape
) -> TooFewRows | None:
    """Try a search with a few stored vectors; the first one for which it returns fewer rows than exact search."""
    for vector in _stored_vectors(conn, column, shape.parameter):
        (answer,) = search(conn, sql, [vector], settings, 1, more)
        (exact,) = exact_results(conn, sql, [vector], parameters=more)
        if len(answer.rows) < len(exact.rows):
            return TooFewRows(len(answer.rows), len(exact.rows), shape.filtered)
    return None


def _column(conn: Connection, shape: Shape) -> _Column | None:
    """The vector column that is searched: the one that the ORDER BY names, else the first of the tables."""
    columns = [_Column(*row) for row in run_query(conn, _COLUMN, [list(shape.tables)]).rows]
    name = shape.column.rpartition(".")[2].strip('"')
    named = [column for column in columns if column.name == name]
    return next(iter(named or columns), None)


def _any_vector(column: _Column | None, parameter: str) -> str:
    """A vector of the column's length, as text of the type that $1 is cast to, or else of the column's."""
    length = column.length if column and column.length > 0 else 3
    ones = ["1", *["0"] * (length - 1)]
    match parameter or (column.type if column else ""):
        case "bit":
            return "".join(ones)
        case "sparsevec":
            return f"{{1:1}}/{length}"
        case _:
            return f"[{','.join(ones)}]"


def _stored_vectors(conn: Connection, column: _Column, parameter: str) -> list[str]:
    """Some stored vectors, as text of the type that $1 is cast to; of bits those that binary_quantize() gives back."""
    from minerva_promote.sqltext import quote_ident

    name = quote_ident(column.name)
    sql = f"select {name}::text from {column.table_sql} where {name} is not null limit {_TRIED}"
    stored = [row[0] for row in run_query(conn, sql.encode()).rows]
    if column.type == "bit" and parameter in ("vector", "halfvec"):
        return ["[" + ",".join("1" if bit == "1" else "-1" for bit in bits) + "]" for bits in stored]
    return stored
