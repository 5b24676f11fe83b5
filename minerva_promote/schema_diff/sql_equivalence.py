"""Whether two pieces of SQL that a server printed mean the same although they are written differently.

A dump that is read back, and another major release, print the same expression in other words:
``(ARRAY['a'::varchar])::text[]`` comes back as ``ARRAY[('a'::varchar)::text]``, and a view of one table names its
columns with the table up to PostgreSQL 15 and without it from 16 on. PostgreSQL's own grammar tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from minerva_promote.config.schema_aspects import Fact
from minerva_promote.sql_parser import SqlSyntaxError, parse

LONGEST = 100_000  # characters of a text that is parsed
DEEPEST = 200  # parentheses inside each other: the parser recurses

_EXPRESSION, _STATEMENT = "SELECT {}", "{}"
_AS: Mapping[tuple[str, str], str] = MappingProxyType(
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
_PLACES = re.compile(r"(^|_)(location|len|start|end)$|^version$")  # fields that say where something stood

Tree = Any  # nested tuples and plain values


def canonical_form(kind: str, aspect: str, value: Fact) -> Fact:
    """What a fact means, for comparing: the same for two texts that only differ in how they are written."""
    template = _AS.get((kind, aspect), _EXPRESSION)
    if isinstance(value, tuple):
        return tuple(_meaning(template, each) for each in value)
    return _meaning(template, value) if isinstance(value, str) and value else value


@cache
def _meaning(template: str, text: str) -> str:
    if template.startswith("CREATE TRIGGER") and text.startswith("CONSTRAINT "):
        template, text = "CREATE CONSTRAINT TRIGGER t {}", text.removeprefix("CONSTRAINT ")
    if len(text) > LONGEST or _depth(text) > DEEPEST:
        return text
    try:
        parsed = parse(template.format(text))
        return repr(_tree(_unqualified(parsed) if template == _STATEMENT else parsed))
    except (SqlSyntaxError, RecursionError):
        return text  # grammar of a later release


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[()]", text):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _unqualified(parsed: Any) -> Any:
    """A query of one table with its columns named as PostgreSQL 16 names them: without the table."""
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
    """The columns that a query names itself, not inside of a query within it."""
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        for each in value if _repeated(value) else (value,):
            if each.DESCRIPTOR.name == "ColumnRef":
                yield each
            elif each.DESCRIPTOR.name == "SubLink":
                if each.HasField("testexpr"):  # the left side of x IN (SELECT …) is the outer query's
                    yield from _own_columns(_Wrapped(each.testexpr))
            elif each.DESCRIPTOR.name not in ("SelectStmt", "RangeSubselect", "CommonTableExpr"):
                yield from _own_columns(each)


class _Wrapped:
    """A node that is looked at as if it were a field of a message."""

    def __init__(self, node: Any) -> None:
        self._node = node

    def ListFields(self) -> Any:  # noqa: N802 - the name of the library
        return self._node.ListFields()


def _repeated(value: Any) -> bool:
    return hasattr(value, "append")


def _tree(message: Any) -> Tree:
    """A parse tree as nested tuples, without places, casts of an array taken to its elements."""
    found = []
    for field, value in message.ListFields():
        if _PLACES.search(field.name):
            continue
        if field.type != field.TYPE_MESSAGE:
            found.append((field.name, tuple(value) if _repeated(value) else value))
        elif _repeated(value):
            found.append((field.name, tuple(_tree(each) for each in value)))
        elif field.name == "type_cast" and (elements := _cast_elements(value)) is not None:
            found.append(("a_array_expr", (("elements", elements),)))
        else:
            found.append((field.name, _tree(value)))
    return tuple(found)


def _cast_elements(cast: Any) -> Tree | None:
    """The elements of ``(ARRAY[…])::type[]``, each with the cast; None for another cast."""
    if not cast.arg.HasField("a_array_expr") or len(cast.type_name.array_bounds) != 1:
        return None
    to = tuple(pair for pair in _tree(cast.type_name) if pair[0] != "array_bounds")
    elements = cast.arg.a_array_expr.elements
    return tuple((("type_cast", (("arg", _tree(each)), ("type_name", to))),) for each in elements)
