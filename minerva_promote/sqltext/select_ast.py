"""The parse tree of a search, as PostgreSQL's own parser makes it (libpg_query): its SELECTs and what they order by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minerva_promote.sql_parser import deparse, enum_value, parse

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


def order_key(select: Any, place: int = 0) -> Any | None:
    """The expression that a plain SELECT orders by first; a name or a number of its output is followed to it."""
    if not select.target_list or len(select.sort_clause) <= place:
        return None
    node = select.sort_clause[place].sort_by.node
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
    """Every message of a parse tree, without recursion, the outer ones first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        yield node
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend(value) if field.is_repeated else waiting.append(value)


def is_descending(select: Any, place: int = 0) -> bool:
    """Whether a key of its order is DESC."""
    return len(select.sort_clause) > place and is_value(select.sort_clause[place].sort_by.sortby_dir, "SORTBY_DESC")


def is_value(value: int, name: str) -> bool:
    """Whether a field has the value of that name."""
    return value == enum_value(name)


def limits(select: Any) -> bool:
    """Whether it has a LIMIT that bounds: neither ALL nor NULL."""
    return select.HasField("limit_count") and not select.limit_count.a_const.isnull


def distance_in(node: Any | None) -> Any | None:
    """The distance in an expression: the Node of an operator or a function of pgvector."""
    for each in nodes(node) if node is not None else ():
        if each.DESCRIPTOR.name == "Node" and (operator_of(each) in OPERATORS or function_of(each)):
            return each
    return None


def name_of(node: Any) -> str:
    """The name that a column reference of one part is."""
    if node.WhichOneof("node") == "column_ref" and len(node.column_ref.fields) == 1:
        return str(node.column_ref.fields[0].string.sval)
    return ""


def operator_of(node: Any) -> str:
    """The operator that an expression is; empty for another."""
    return str(node.a_expr.name[-1].string.sval) if node.WhichOneof("node") == "a_expr" and node.a_expr.name else ""


def function_of(node: Any) -> str:
    """pgvector's function that an expression calls; empty for another."""
    if node.WhichOneof("node") != "func_call":
        return ""
    name = str(node.func_call.funcname[-1].string.sval)
    return name if name in FUNCTIONS or name in SIMILARITIES else ""


def sql_of(node: Any | None) -> str:
    """An expression as SQL."""
    if node is None or node.WhichOneof("node") is None:
        return ""
    tree = parse("select 1")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(node)
    return text_of(tree).removeprefix("SELECT ")


def text_of(tree: Any) -> str:
    """A parse tree as SQL."""
    return deparse(tree)


class RowSources:
    """Where the rows of a SELECT come from: the subqueries and names of WITH in its FROM, whatever stands around."""

    def __init__(self, tree: Any) -> None:
        self._with = {
            node.ctename: node.ctequery.select_stmt
            for node in nodes(tree)
            if node.DESCRIPTOR.name == "CommonTableExpr" and node.ctequery.WhichOneof("node") == "select_stmt"
        }

    def below(self, select: Any) -> list[Any]:
        """Every SELECT whose rows it reads, also by way of others; not itself."""
        found: list[Any] = []
        waiting = [select]
        while waiting:
            for _, each in self._sources(waiting.pop(0)):
                if not any(each is other for other in (select, *found)):
                    found.append(each)
                    waiting.append(each)
        return found

    def meant(self, select: Any, node: Any | None, above: tuple[Any, ...] = ()) -> Any | None:
        """An expression of a SELECT with the names that a SELECT below gives to distances replaced by these.

        ``above`` are the SELECTs on the way here: a recursive WITH reads itself.
        """
        if node is None:
            return None
        if node.WhichOneof("node") == "column_ref":
            found = self._named(select, node, above)
            return node if found is None or distance_in(found) is None else found
        meant = type(node).FromString(node.SerializeToString())
        replaced = False
        for each in list(nodes(meant)):
            if each.DESCRIPTOR.name == "Node" and each.WhichOneof("node") == "column_ref":
                found = self._named(select, each, above)
                if found is not None and distance_in(found) is not None:
                    each.CopyFrom(type(each).FromString(found.SerializeToString()))
                    replaced = True
        return meant if replaced else node

    def _named(self, select: Any, column: Any, above: tuple[Any, ...]) -> Any | None:
        """What a SELECT below computes under the name of a column; None where it is nobody's, or a table's."""
        *table, name = [field.string.sval for field in column.column_ref.fields]
        for alias, each in self._sources(select):
            if (table and table[-1] != alias) or any(each is one for one in above):
                continue
            for target in each.target_list:
                value = target.res_target.val
                is_column = value.WhichOneof("node") == "column_ref"
                if name and name in (target.res_target.name, is_column and value.column_ref.fields[-1].string.sval):
                    return self.meant(each, value, (*above, select))
        return None

    def _sources(self, select: Any) -> Iterator[tuple[str, Any]]:
        """The SELECTs in FROM, and those that a set operation is over, by the names that they have there."""
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
