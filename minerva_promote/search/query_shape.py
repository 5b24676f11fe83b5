"""The shape of a search: its SELECT as PostgreSQL's own parser reads it (libpg_query)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from minerva_promote.sql_parser import parse
from minerva_promote.sqltext.select_ast import (
    FUNCTIONS,
    SIMILARITIES,
    RowSources,
    distance_in,
    function_of,
    is_descending,
    is_value,
    limits,
    nodes,
    operator_of,
    order_key,
    sql_of,
    text_of,
)

DISTANCE = "promote_distance"  # the column that `with_distance` adds
_AGGREGATES = ("count", "sum", "avg", "min", "max", "array_agg", "string_agg", "json_agg", "jsonb_agg", "bool_and")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a search says about order and bounds."""

    operator: str  # of the distance that it orders by; empty: it does not order by one
    key: str  # the expression that it orders by first, as SQL
    distance: str  # the distance inside of it, as SQL
    is_distance: bool  # the key is the distance itself, written with an operator
    function: str  # the distance is written as this function
    alias: str  # the key is written as this name of its output
    falling: bool  # DESC
    nulls_first: bool
    before: str  # what it orders by before the distance, as SQL
    more_keys: tuple[str, ...]  # what it orders by next
    column: str  # the other side of the distance, as SQL
    plain: bool  # that side is a column, casts left out
    cast: str  # the type that the column is cast to
    vector_cast: str  # the type that the vector is cast to
    limited: bool  # the SELECT that orders, or one around it, has a LIMIT
    limit: int | None  # of it, where it is a constant
    limit_inside: bool  # a LIMIT stands below the ORDER BY and bounds other rows
    chosen_inside: bool  # these are chosen by an ORDER BY of their own
    distance_in_where: str  # a distance of WHERE, as SQL
    collapsing: str  # "DISTINCT", "GROUP BY", "count()", "count() OVER", applied to the rows before LIMIT
    filtered: bool  # rows are left out by a WHERE or a join
    parameter: str  # the type that $1 itself is cast to
    routine: str  # a function of FROM that is given parameters, where no distance is seen
    tables: tuple[str, ...]  # that stand in FROM, quoted; names of WITH are among them


@lru_cache(maxsize=64)
def with_distance(sql: bytes) -> bytes | None:
    """The search with what it orders by first as its last column; None where that would be another search."""
    tree = parse(sql.decode())
    select = tree.stmts[0].stmt.select_stmt
    key = order_key(select)
    if (
        key is None
        or distance_in(key) is None
        or is_descending(select)
        or select.distinct_clause
        or select.group_clause
    ):
        return None
    column = select.target_list.add().res_target
    column.name = DISTANCE
    column.val.CopyFrom(key)
    return text_of(tree).encode()


@lru_cache(maxsize=64)
def nearest_alone(sql: bytes) -> bytes | None:
    """The search for its first row alone, and nothing of it; None where that would be another search."""
    tree = parse(sql.decode())
    select = tree.stmts[0].stmt.select_stmt
    key = order_key(select)
    if key is None or distance_in(key) is None or select.distinct_clause or select.group_clause:
        return None
    select.sort_clause[0].sort_by.node.CopyFrom(type(key).FromString(key.SerializeToString()))
    del select.sort_clause[1:]
    one = parse("select 1 limit 1").stmts[0].stmt.select_stmt
    del select.target_list[:]
    select.target_list.extend(one.target_list)
    select.limit_count.CopyFrom(one.limit_count)
    select.limit_option = one.limit_option
    return text_of(tree).encode()


def limit_of(sql: bytes) -> int | None:
    """The LIMIT of a query, where it is a constant."""
    return _constant(parse(sql.decode()).stmts[0].stmt.select_stmt.limit_count)


def parameters_of(sql: str) -> set[int]:
    """The numbers of the parameters that a query takes."""
    return {int(node.number) for node in nodes(parse(sql)) if node.DESCRIPTOR.name == "ParamRef"}


def shape_of(sql: str) -> Shape:
    """The shape of a query that is one SELECT; of several that order by a distance, the first one's."""
    return shapes_of(sql)[0]


def shapes_of(sql: str) -> tuple[Shape, ...]:
    """A shape for every SELECT in a query that orders by a distance and reads no other one's rows; one at least."""
    tree = parse(sql)
    selects = [node for node in nodes(tree) if node.DESCRIPTOR.name == "SelectStmt"]
    reach = RowSources(tree)
    ordering = [candidate for candidate in selects if _distance_position(candidate, reach) is not None]
    inmost = [
        candidate
        for candidate in ordering
        if not any(one is other for one in reach.below(candidate) for other in ordering)
    ]
    return tuple(_shape(tree, ordered, selects, reach) for ordered in inmost or [tree.stmts[0].stmt.select_stmt])


def _shape(tree: Any, select: Any, selects: list[Any], reach: RowSources) -> Shape:
    place = _distance_position(select, reach)
    key = reach.resolve_names(select, order_key(select, place or 0))
    distance = distance_in(key)
    below = reach.below(select)
    around = [
        other
        for other in selects
        if other is not select and any(one is select for one in (*nodes(other), *reach.below(other)))
    ]
    tables = tuple(_table(node) for node in nodes(tree) if node.DESCRIPTOR.name == "RangeVar")
    bounding = [other for other in below if limits(other)]
    operator, function, column, plain, cast, vector_cast = _parts(distance)
    keys = [sql_of(sort.sort_by.node) for sort in select.sort_clause]
    sort = select.sort_clause[place or 0].sort_by if select.sort_clause else None
    return Shape(
        operator=operator,
        key=sql_of(key),
        distance=sql_of(distance),
        is_distance=distance is not None and distance is key and not function,
        function=function,
        alias=_alias(select, place or 0, key),
        falling=is_descending(select, place or 0),
        nulls_first=sort is not None and is_value(sort.sortby_nulls, "SORTBY_NULLS_FIRST"),
        before=", ".join(keys[: place or 0]),
        more_keys=tuple(keys[(place or 0) + 1 :]),
        column=column,
        plain=plain,
        cast=cast,
        vector_cast=vector_cast,
        limited=any(limits(other) for other in (select, *around)),
        limit=_constant(select.limit_count),
        limit_inside=bool(bounding),
        chosen_inside=all(other.sort_clause for other in bounding),
        distance_in_where=next(filter(None, (_bounded(other, reach) for other in selects)), ""),
        collapsing=_collapsing(select),
        filtered=any(other.HasField("where_clause") for other in selects) or len(tables) > 1,
        parameter=_parameter(tree),
        routine=_routine(tree),
        tables=tables,
    )


def _distance_position(select: Any, reach: RowSources) -> int | None:
    """Which of its keys is the distance, or holds it."""
    for place in range(len(select.sort_clause)):
        if distance_in(reach.resolve_names(select, order_key(select, place))) is not None:
            return place
    return None


def _parts(distance: Any | None) -> tuple[str, str, str, bool, str, str]:
    """Operator, function, column, whether it is one, the type that it is cast to, and the one of the vector."""
    if distance is None:
        return "", "", "", False, "", ""
    function = function_of(distance)
    if function:
        operator = FUNCTIONS.get(function) or SIMILARITIES[function]
        sides = list(distance.func_call.args)
    else:
        operator = operator_of(distance)
        sides = [distance.a_expr.lexpr, distance.a_expr.rexpr]
    columns = [side for side in sides if _of_a_row(side)]
    own = [side for side in columns if not any(node.DESCRIPTOR.name == "ParamRef" for node in nodes(side))]
    if not columns:
        return operator, function, "", False, "", ""
    side = (own or columns)[0]
    inner, cast = _uncast(side)
    vector = next((other for other in sides if other is not side), side)
    return operator, function, sql_of(inner), inner.WhichOneof("node") == "column_ref", cast, _uncast(vector)[1]


def _of_a_row(node: Any) -> bool:
    """Whether a side of a distance differs from row to row: it names a column, other than in a query of its own."""
    kinds = {part.DESCRIPTOR.name for part in nodes(node)}
    return "ColumnRef" in kinds and "SubLink" not in kinds


def _uncast(node: Any) -> tuple[Any, str]:
    """An expression without its casts, and the type that the outermost casts to."""
    cast = ""
    while node.WhichOneof("node") == "type_cast":
        cast = cast or node.type_cast.type_name.names[-1].string.sval
        node = node.type_cast.arg
    return node, cast


def _bounded(select: Any, reach: RowSources) -> str:
    """The distance that WHERE bounds, also by the name that a query below gives it; as SQL."""
    if not select.HasField("where_clause"):
        return ""
    return sql_of(distance_in(reach.resolve_names(select, select.where_clause)))


def _table(node: Any) -> str:
    parts = (node.schemaname, node.relname) if node.schemaname else (node.relname,)
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _collapsing(select: Any) -> str:
    if select.distinct_clause:
        return "DISTINCT"
    if select.group_clause:
        return "GROUP BY"
    for target in select.target_list:
        for node in nodes(target):
            if node.DESCRIPTOR.name != "FuncCall":
                continue
            name = node.funcname[-1].string.sval
            if node.HasField("over") and not _keeps_search_order(node.over):
                return f"{name}() OVER"
            if not node.HasField("over") and name in _AGGREGATES:
                return f"{name}()"
    return ""


def _keeps_search_order(window: Any) -> bool:
    """Whether a window takes the rows as a search gives them, in its order; a named one may."""
    if window.name or window.refname:
        return True
    keys = window.order_clause
    return not window.partition_clause and bool(keys) and distance_in(keys[0].sort_by.node) is not None


def _parameter(tree: Any) -> str:
    for node in nodes(tree):
        if node.DESCRIPTOR.name == "TypeCast" and node.arg.param_ref.number == 1:
            return str(node.type_name.names[-1].string.sval)
    return ""


def _routine(tree: Any) -> str:
    """A function in FROM that is given parameters, of a query in which no distance is seen."""
    if distance_in(tree) is not None:
        return ""
    for node in nodes(tree):
        if node.DESCRIPTOR.name == "RangeFunction" and any(one.DESCRIPTOR.name == "ParamRef" for one in nodes(node)):
            for call in nodes(node):
                if call.DESCRIPTOR.name == "FuncCall":
                    return str(call.funcname[-1].string.sval)
    return ""


def _alias(select: Any, place: int, key: Any) -> str:
    """The name that it is ordered by, where that is not the expression itself."""
    if len(select.sort_clause) <= place:
        return ""
    written = select.sort_clause[place].sort_by.node
    return sql_of(written) if written.WhichOneof("node") == "column_ref" and written != key else ""


def _constant(limit: Any) -> int | None:
    value = limit.a_const.ival.ival if limit.WhichOneof("node") == "a_const" else 0
    return int(value) or None
