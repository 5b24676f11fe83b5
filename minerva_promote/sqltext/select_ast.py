"""Parse trees of SELECT statements (libpg_query): what they order by, distances of pgvector, sources of rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from minerva_promote.sql_parser import deparse, enum_value, parse

OPERATORS = ("<=>", "<->", "<#>", "<+>", "<~>", "<%>")
FUNCTIONS = {  # function -> the operator of the same distance
    "cosine_distance": "<=>",
    "l2_distance": "<->",
    "vector_negative_inner_product": "<#>",
    "l1_distance": "<+>",
    "hamming_distance": "<~>",
    "jaccard_distance": "<%>",
}
SIMILARITIES = {"inner_product": "<#>"}  # function that grows with nearness -> the operator of its index


def order_key(select: Any, index: int = 0) -> Any | None:
    """The expression of the sort key at ``index`` of a plain SELECT; output names and numbers are resolved to it."""
    if not select.target_list or len(select.sort_clause) <= index:
        return None
    node = select.sort_clause[index].sort_by.node
    kind = node.WhichOneof("node")
    if kind == "a_const" and node.a_const.WhichOneof("val") == "ival":
        number = node.a_const.ival.ival
        return select.target_list[number - 1].res_target.val if 0 < number <= len(select.target_list) else None
    name = name_of(node)
    for target in select.target_list if name else ():
        if target.res_target.name == name:
            return target.res_target.val
    return node


def nodes(tree: Any) -> Iterator[Any]:
    """Every message of a parse tree, breadth first and without recursion."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend(value) if field.is_repeated else waiting.append(value)


def is_descending(select: Any, index: int = 0) -> bool:
    """Whether the sort key at ``index`` is DESC."""
    return len(select.sort_clause) > index and is_value(select.sort_clause[index].sort_by.sortby_dir, "SORTBY_DESC")


def is_value(value: int, name: str) -> bool:
    """Whether an enum field has the value of this name."""
    return value == enum_value(name)


def limits(select: Any) -> bool:
    """Whether a SELECT has a LIMIT other than ALL and NULL."""
    return select.HasField("limit_count") and not select.limit_count.a_const.isnull


def distance_in(node: Any | None) -> Any | None:
    """The first Node in an expression that is a distance operator or function of pgvector; None without one."""
    for descendant in nodes(node) if node is not None else ():
        if descendant.DESCRIPTOR.name == "Node" and (operator_of(descendant) in OPERATORS or function_of(descendant)):
            return descendant
    return None


def name_of(node: Any) -> str:
    """The name of an unqualified column reference; empty for any other expression."""
    if node.WhichOneof("node") == "column_ref" and len(node.column_ref.fields) == 1:
        return str(node.column_ref.fields[0].string.sval)
    return ""


def operator_of(node: Any) -> str:
    """The operator of an operator expression; empty for any other expression."""
    return str(node.a_expr.name[-1].string.sval) if node.WhichOneof("node") == "a_expr" and node.a_expr.name else ""


def function_of(node: Any) -> str:
    """The distance function of pgvector that an expression calls; empty for any other expression."""
    if node.WhichOneof("node") != "func_call":
        return ""
    name = str(node.func_call.funcname[-1].string.sval)
    return name if name in FUNCTIONS or name in SIMILARITIES else ""


def sql_of(node: Any | None) -> str:
    """The SQL of an expression; empty for None."""
    if node is None or node.WhichOneof("node") is None:
        return ""
    tree = parse("select 1")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(node)
    return text_of(tree).removeprefix("SELECT ")


def text_of(tree: Any) -> str:
    """The SQL of a whole parse tree."""
    return deparse(tree)


class RowSources:
    """The SELECTs from which a SELECT reads: subqueries and names of WITH in its FROM, and sides of set operations."""

    def __init__(self, tree: Any) -> None:
        self._with = {
            node.ctename: node.ctequery.select_stmt
            for node in nodes(tree)
            if node.DESCRIPTOR.name == "CommonTableExpr" and node.ctequery.WhichOneof("node") == "select_stmt"
        }

    def below(self, select: Any) -> list[Any]:
        """Every SELECT from which ``select`` reads, directly or through others; not itself."""
        selects: list[Any] = []
        waiting = [select]
        while waiting:
            for _, source in self._sources(waiting.pop(0)):
                if not any(source is other for other in (select, *selects)):
                    selects.append(source)
                    waiting.append(source)
        return selects

    def resolve_names(self, select: Any, node: Any | None, above: tuple[Any, ...] = ()) -> Any | None:
        """An expression of ``select`` in which names that a source gives to distances are replaced by the distances.

        ``above`` are the SELECTs on the path to this one, since a recursive WITH reads itself.
        """
        if node is None:
            return None
        if node.WhichOneof("node") == "column_ref":
            value = self._named(select, node, above)
            return node if value is None or distance_in(value) is None else value
        copy = type(node).FromString(node.SerializeToString())
        replaced = False
        for descendant in list(nodes(copy)):
            if descendant.DESCRIPTOR.name == "Node" and descendant.WhichOneof("node") == "column_ref":
                value = self._named(select, descendant, above)
                if value is not None and distance_in(value) is not None:
                    descendant.CopyFrom(type(descendant).FromString(value.SerializeToString()))
                    replaced = True
        return copy if replaced else node

    def _named(self, select: Any, column: Any, above: tuple[Any, ...]) -> Any | None:
        """The expression that a source computes under the name of a column; None when no source does."""
        *table, name = [field.string.sval for field in column.column_ref.fields]
        for alias, source in self._sources(select):
            if (table and table[-1] != alias) or any(source is visited for visited in above):
                continue
            for target in source.target_list:
                value = target.res_target.val
                is_column = value.WhichOneof("node") == "column_ref"
                if name and name in (target.res_target.name, is_column and value.column_ref.fields[-1].string.sval):
                    return self.resolve_names(source, value, (*above, select))
        return None

    def _sources(self, select: Any) -> Iterator[tuple[str, Any]]:
        """The sources of one SELECT with their aliases; sides of a set operation have none."""
        waiting = list(select.from_clause)
        while waiting:
            item = waiting.pop(0)
            kind = item.WhichOneof("node")
            if kind == "join_expr":
                waiting[:0] = [item.join_expr.larg, item.join_expr.rarg]
            elif kind == "range_subselect":
                yield item.range_subselect.alias.aliasname, item.range_subselect.subquery.select_stmt
            elif kind == "range_var" and not item.range_var.schemaname and item.range_var.relname in self._with:
                yield item.range_var.alias.aliasname or item.range_var.relname, self._with[item.range_var.relname]
        for side in (select.larg, select.rarg) if select.HasField("larg") else ():
            yield "", side
