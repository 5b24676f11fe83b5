"""The shape of a search: its SELECT as PostgreSQL's own parser reads it (libpg_query)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

DISTANCE = "promote_distance"  # the column that `with_distance` adds
OPERATORS = ("<=>", "<->", "<#>", "<+>", "<~>", "<%>")
FUNCTIONS = {  # and the operator that says the same
    "cosine_distance": "<=>",
    "l2_distance": "<->",
    "vector_negative_inner_product": "<#>",
    "l1_distance": "<+>",
    "hamming_distance": "<~>",
    "jaccard_distance": "<%>",
}
SIMILARITIES = {"inner_product": "<#>"}  # functions that rise with nearness, and the operator of their index
_AGGREGATES = ("count", "sum", "avg", "min", "max", "array_agg", "string_agg", "json_agg", "jsonb_agg", "bool_and")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a search says about order and bounds."""

    operator: str  # of the distance that it orders by; empty: it does not order by one
    key: str  # the expression that it orders by first, as SQL
    distance: str  # the distance inside of it, as SQL
    bare: bool  # the key is the distance itself
    function: str  # the distance is written as this function
    alias: str  # the key is written as this name of its output
    falling: bool  # DESC
    more_keys: tuple[str, ...]  # what it orders by next
    column: str  # the other side of the distance, as SQL
    cast: str  # the type that the column is cast to
    limited: bool  # the SELECT that orders, or one around it, has a LIMIT
    limit: int | None  # of it, where it is a constant
    limit_inside: bool  # a LIMIT stands below the ORDER BY and bounds other rows
    distance_in_where: str  # a distance of WHERE, as SQL
    collapsing: str  # "DISTINCT", "GROUP BY", "count()", applied to the rows before LIMIT
    tables: tuple[str, ...]  # that stand in FROM, quoted; names of WITH are among them


@lru_cache(maxsize=64)
def with_distance(sql: bytes) -> bytes | None:
    """The search with what it orders by first as its last column; None where that would be another search."""
    import postgast

    tree = postgast.parse(sql.decode())
    select = tree.stmts[0].stmt.select_stmt
    key = order_key(select)
    if key is None or _distance(key) is None or _falling(select) or select.distinct_clause or select.group_clause:
        return None
    column = select.target_list.add().res_target
    column.name = DISTANCE
    column.val.CopyFrom(key)
    return _text(tree).encode()


@lru_cache(maxsize=64)
def nearest_alone(sql: bytes) -> bytes | None:
    """The search for its first row alone, and nothing of it; None where that would be another search."""
    import postgast

    tree = postgast.parse(sql.decode())
    select = tree.stmts[0].stmt.select_stmt
    key = order_key(select)
    if key is None or _distance(key) is None or select.distinct_clause or select.group_clause:
        return None
    select.sort_clause[0].sort_by.node.CopyFrom(type(key).FromString(key.SerializeToString()))
    del select.sort_clause[1:]
    one = postgast.parse("select 1 limit 1").stmts[0].stmt.select_stmt
    del select.target_list[:]
    select.target_list.extend(one.target_list)
    select.limit_count.CopyFrom(one.limit_count)
    select.limit_option = one.limit_option
    return _text(tree).encode()


def limit_of(sql: bytes) -> int | None:
    """The LIMIT of a query, where it is a constant."""
    import postgast

    return _constant(postgast.parse(sql.decode()).stmts[0].stmt.select_stmt.limit_count)


def parameters_of(sql: str) -> set[int]:
    """The numbers of the parameters that a query takes."""
    import postgast

    return {int(node.number) for node in nodes(postgast.parse(sql)) if node.DESCRIPTOR.name == "ParamRef"}


def order_key(select: Any) -> Any | None:
    """The expression that a plain SELECT orders by first; a name or a number of its output is followed to it."""
    if not select.target_list or not select.sort_clause:
        return None
    node = select.sort_clause[0].sort_by.node
    kind = node.WhichOneof("node")
    if kind == "a_const" and node.a_const.WhichOneof("val") == "ival":
        place = node.a_const.ival.ival
        return select.target_list[place - 1].res_target.val if 0 < place <= len(select.target_list) else None
    name = _name(node)
    for target in select.target_list if name else ():
        if target.res_target.name == name:
            return target.res_target.val
    return node


def shape_of(sql: str) -> Shape:
    """The shape of a query that is one SELECT."""
    import postgast

    tree = postgast.parse(sql)
    selects = [node for node in nodes(tree) if node.DESCRIPTOR.name == "SelectStmt"]
    top = tree.stmts[0].stmt.select_stmt
    select = next((each for each in selects if _distance(order_key(each)) is not None), top)
    key = order_key(select)
    found = _distance(key)
    inside = [each for each in selects if each is not select and any(n is each for n in nodes(select))]
    around = [each for each in selects if each is not select and any(n is select for n in nodes(each))]
    operator, function, column, cast = _parts(found)
    return Shape(
        operator=operator,
        key=_sql(key),
        distance=_sql(found),
        bare=found is not None and found is key and not function,
        function=function,
        alias=_alias(select),
        falling=_falling(select),
        more_keys=tuple(_sql(sort.sort_by.node) for sort in select.sort_clause[1:]),
        column=column,
        cast=cast,
        limited=any(each.HasField("limit_count") for each in (select, *around)),
        limit=_constant(select.limit_count),
        limit_inside=not select.HasField("limit_count") and any(each.HasField("limit_count") for each in inside),
        distance_in_where=next(filter(None, map(_bounded, selects)), ""),
        collapsing=_collapsing(select),
        tables=tuple(_table(node) for node in nodes(tree) if node.DESCRIPTOR.name == "RangeVar"),
    )


def nodes(tree: Any) -> Iterator[Any]:
    """Every message of a parse tree, without recursion, the outer ones first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        yield node
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend(value) if field.is_repeated else waiting.append(value)


def _falling(select: Any) -> bool:
    import postgast

    return bool(select.sort_clause and select.sort_clause[0].sort_by.sortby_dir == postgast.pg_query_pb2.SORTBY_DESC)


def _distance(node: Any | None) -> Any | None:
    """The distance in an expression: the Node of an operator or a function of pgvector."""
    for each in nodes(node) if node is not None else ():
        if each.DESCRIPTOR.name == "Node" and (_operator(each) in OPERATORS or _function(each)):
            return each
    return None


def _parts(distance: Any | None) -> tuple[str, str, str, str]:
    """Operator, function, column and the type that the column is cast to."""
    if distance is None:
        return "", "", "", ""
    function = _function(distance)
    if function:
        operator = FUNCTIONS.get(function) or SIMILARITIES[function]
        sides = list(distance.func_call.args)
    else:
        operator = _operator(distance)
        sides = [distance.a_expr.lexpr, distance.a_expr.rexpr]
    for side in sides:
        if not any(node.DESCRIPTOR.name == "ParamRef" for node in nodes(side)):
            cast = ""
            inner = side
            while inner.WhichOneof("node") == "type_cast":
                cast = cast or inner.type_cast.type_name.names[-1].string.sval
                inner = inner.type_cast.arg
            return operator, function, _sql(inner), cast
    return operator, function, "", ""


def _bounded(select: Any) -> str:
    """The distance that WHERE bounds, also by the name that a query below gives it; as SQL."""
    if not select.HasField("where_clause"):
        return ""
    direct = _distance(select.where_clause)
    if direct is not None:
        return _sql(direct)
    names = {_name(node) for node in nodes(select.where_clause) if node.DESCRIPTOR.name == "Node"}
    for node in nodes(select):
        if node.DESCRIPTOR.name == "ResTarget" and node.name in names:
            named = _distance(node.val)
            if named is not None:
                return _sql(named)
    return ""


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
            if node.DESCRIPTOR.name == "FuncCall" and not node.HasField("over"):
                name = node.funcname[-1].string.sval
                if name in _AGGREGATES:
                    return f"{name}()"
    return ""


def _alias(select: Any) -> str:
    name = _name(select.sort_clause[0].sort_by.node) if select.sort_clause else ""
    return name if any(target.res_target.name == name for target in select.target_list) else ""


def _name(node: Any) -> str:
    """The name that a column reference of one part is."""
    if node.WhichOneof("node") == "column_ref" and len(node.column_ref.fields) == 1:
        return str(node.column_ref.fields[0].string.sval)
    return ""


def _operator(node: Any) -> str:
    return str(node.a_expr.name[-1].string.sval) if node.WhichOneof("node") == "a_expr" and node.a_expr.name else ""


def _function(node: Any) -> str:
    if node.WhichOneof("node") != "func_call":
        return ""
    name = str(node.func_call.funcname[-1].string.sval)
    return name if name in FUNCTIONS or name in SIMILARITIES else ""


def _constant(limit: Any) -> int | None:
    value = limit.a_const.ival.ival if limit.WhichOneof("node") == "a_const" else 0
    return int(value) or None


def _sql(node: Any | None) -> str:
    """An expression as SQL."""
    import postgast

    if node is None or node.WhichOneof("node") is None:
        return ""
    tree = postgast.parse("select 1")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(node)
    return _text(tree).removeprefix("SELECT ")


def _text(tree: Any) -> str:
    import postgast

    text: str = postgast.deparse(tree)
    return text
