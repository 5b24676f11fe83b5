"""A canonical form of SQL that a server printed, equal for two spellings of the same expression.

A dump that is read back, and another major release, print the same expression in other words:
``(ARRAY['a'::varchar])::text[]`` comes back as ``ARRAY[('a'::varchar)::text]``, and a view of one table names its
columns with the table up to PostgreSQL 15 and without it from 16 on. PostgreSQL's own parse tree decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from minerva_promote.config.schema_aspects import Fact
from minerva_promote.sql_parser import SqlSyntaxError, parse

MAX_CHARS = 100_000  # longer texts are compared as they are
MAX_NESTING = 200  # nested parentheses; the parser recurses

_EXPRESSION, _STATEMENT = "SELECT {}", "{}"
_CONTEXTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("index", "columns"): "CREATE INDEX ON t ({})",
        ("type", "checks"): "ALTER DOMAIN t ADD {}",
        ("view", "definition"): _STATEMENT,
        ("materialized view", "definition"): _STATEMENT,
        ("exclusion", "definition"): "ALTER TABLE t ADD {}",
        ("table", "bounds"): "CREATE TABLE t PARTITION OF p {}",
        ("table", "partition_by"): "CREATE TABLE t () PARTITION BY {}",
        ("function", "arguments"): "CREATE FUNCTION f({}) RETURNS t LANGUAGE l AS ''",
        ("trigger", "definition"): "CREATE TRIGGER t {}",
        ("rule", "definition"): "CREATE RULE t AS {}",
        ("policy", "definition"): "CREATE POLICY t ON t {}",
        ("statistics", "definition"): "CREATE STATISTICS t {}",
    }
)
_POSITIONS = re.compile(
    r"(^|_)(location|len|start|end)$|^version$"
)  # parse tree fields that hold positions in the text

Tree = Any  # nested tuples and plain values


def canonical_form(kind: str, aspect: str, value: Fact) -> Fact:
    """The value of a fact in a form that is equal for two spellings of the same SQL."""
    template = _CONTEXTS.get((kind, aspect), _EXPRESSION)
    if isinstance(value, tuple):
        return tuple(_canonical_text(template, text) for text in value)
    return _canonical_text(template, value) if isinstance(value, str) and value else value


@cache
def _canonical_text(template: str, text: str) -> str:
    if template.startswith("CREATE TRIGGER") and text.startswith("CONSTRAINT "):
        template, text = "CREATE CONSTRAINT TRIGGER t {}", text.removeprefix("CONSTRAINT ")
    if len(text) > MAX_CHARS or _depth(text) > MAX_NESTING:
        return text
    try:
        parsed = parse(template.format(text))
        return repr(_tree(_unqualified(parsed) if template == _STATEMENT else parsed))
    except (SqlSyntaxError, RecursionError):
        return text  # syntax of a later release


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[()]", text):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _unqualified(parsed: Any) -> Any:
    """The parse tree of a query over one table with unqualified columns, as PostgreSQL 16 and later print them."""
    if len(parsed.stmts) != 1 or not parsed.stmts[0].stmt.HasField("select_stmt"):
        return parsed
    query = parsed.stmts[0].stmt.select_stmt
    if len(query.from_clause) == 1 and query.from_clause[0].HasField("range_var"):
        table = query.from_clause[0].range_var
        name = table.alias.aliasname if table.HasField("alias") else table.relname
        for column in _own_columns(query):
            if len(column.fields) == 2 and column.fields[0].string.sval == name:
                del column.fields[0]
    return parsed


def _own_columns(message: Any) -> Iterator[Any]:
    """The column references of a query, without those in its subqueries."""
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        for node in value if _repeated(value) else (value,):
            if node.DESCRIPTOR.name == "ColumnRef":
                yield node
            elif node.DESCRIPTOR.name == "SubLink":
                if node.HasField("testexpr"):  # the left side of x IN (SELECT …) belongs to the outer query
                    yield from _own_columns(_MessageView(node.testexpr))
            elif node.DESCRIPTOR.name not in ("SelectStmt", "RangeSubselect", "CommonTableExpr"):
                yield from _own_columns(node)


class _MessageView:
    """A node wrapped so that it is walked like a message with fields."""

    def __init__(self, node: Any) -> None:
        self._node = node

    def ListFields(self) -> Any:  # noqa: N802 - the name of the library
        return self._node.ListFields()


def _repeated(value: Any) -> bool:
    return hasattr(value, "append")


def _tree(message: Any) -> Tree:
    """A parse tree as nested tuples, without positions; the cast of an array is moved to its elements."""
    fields = []
    for field, value in message.ListFields():
        if _POSITIONS.search(field.name):
            continue
        if field.type != field.TYPE_MESSAGE:
            fields.append((field.name, tuple(value) if _repeated(value) else value))
        elif _repeated(value):
            fields.append((field.name, tuple(_tree(node) for node in value)))
        elif field.name == "type_cast" and (elements := _cast_elements(value)) is not None:
            fields.append(("a_array_expr", (("elements", elements),)))
        else:
            fields.append((field.name, _tree(value)))
    return tuple(fields)


def _cast_elements(cast: Any) -> Tree | None:
    """The elements of ``(ARRAY[…])::type[]`` with the cast on each; None for any other cast."""
    if not cast.arg.HasField("a_array_expr") or len(cast.type_name.array_bounds) != 1:
        return None
    element_type = tuple(pair for pair in _tree(cast.type_name) if pair[0] != "array_bounds")
    elements = cast.arg.a_array_expr.elements
    return tuple((("type_cast", (("arg", _tree(element)), ("type_name", element_type))),) for element in elements)
