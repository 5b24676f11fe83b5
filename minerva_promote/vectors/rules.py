"""What the shape of a search has to do with its index: a finding for each thing that keeps it off, and a way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minerva_promote.results import Finding, Severity
from minerva_promote.vectors.indexes import VectorIndex
from minerva_promote.vectors.shape import SIMILARITIES, Shape

_KINDS = {
    "vector_cosine_ops": "cosine",
    "vector_l2_ops": "L2",
    "vector_ip_ops": "inner product",
    "vector_l1_ops": "L1",
}


def shape_findings(
    shape: Shape, used: VectorIndex | None, indexes: Sequence[VectorIndex], column: str
) -> Iterator[Finding]:
    """What is wrong with a search; ``used`` is the index that it takes when indexes are preferred to everything.

    ``indexes`` are the vector indexes of the searched table, ``column`` the vector column there.
    """
    if not shape.operator:
        yield _without_order(shape, column or "embedding")
        return
    works = f"ORDER BY {_form(shape, indexes)} LIMIT {shape.limit or 10}"
    if shape.limit_inside:
        fact = "LIMIT stands inside the subquery, ORDER BY outside: some rows are sorted, not the nearest ones found"
        yield Finding("limit-inside", fact, help=f"put both into the subquery: {works}")
    elif not shape.limited:
        fact = f"ORDER BY {shape.key} without LIMIT: every row is asked for, and an index gives only some"
        yield Finding("no-limit", fact, help=works)
    if used is not None:
        return
    faults = list(_kept_off(shape, works))
    yield from faults
    if not faults and not shape.limit_inside:
        yield from _unserved(shape, indexes, column, works)


def _without_order(shape: Shape, column: str) -> Finding:
    works = f"ORDER BY {shape.distance_in_where or f'{column} <=> $1'} LIMIT 10"
    if shape.distance_in_where:
        fact = f"WHERE bounds {shape.distance_in_where}, and nothing is ordered by it: every row's is computed"
        return Finding("where-distance", fact, help=f"{works} in a subquery, the bound around it")
    if shape.collapsing and not shape.limited:
        fact = f"{shape.collapsing} over the search, which has no ORDER BY of a distance"
        return Finding("no-order", fact, help=f"{works} in a subquery, {shape.collapsing} around it")
    return Finding("no-order", "no ORDER BY of a distance: the rows come as they come", help=works)


def _kept_off(shape: Shape, works: str) -> Iterator[Finding]:
    """What in the query itself no index can serve."""
    if shape.collapsing:
        fact = f"{shape.collapsing} comes before LIMIT: every row is read for it"
        yield Finding("collapsed", fact, help=f"{works} in a subquery, {shape.collapsing} around it")
    if shape.function in SIMILARITIES:
        fact = f"ORDER BY {shape.key}{' DESC' if shape.falling else ''}: an index serves operators, not functions"
        yield Finding("function", fact, help=works)
    elif shape.function and shape.key == shape.distance:
        yield Finding("function", f"{shape.function}() is not what an index serves: it serves operators", help=works)
    elif not shape.bare:
        name = f"{shape.alias}, which is {shape.key}" if shape.alias else shape.key
        fact = f"ORDER BY {name}{',' if shape.alias and shape.falling else ''}{' DESC' if shape.falling else ''}: "
        fact += "computed from the distance, and an index gives rows by the distance itself"
        yield Finding("order-computed", fact, help=works)
    elif shape.falling:
        fact = f"ORDER BY {shape.key} DESC asks for the rows that are furthest away"
        yield Finding("order-falling", fact, help=works)
    if shape.more_keys and not shape.collapsing:
        fact = f"a second key of ORDER BY, {', '.join(shape.more_keys)}, is one that no vector index knows"
        yield Finding(
            "second-key", fact, help=f"{works} in a subquery, the whole order around it", severity=Severity.WARN
        )


def _unserved(shape: Shape, indexes: Sequence[VectorIndex], column: str, works: str) -> Iterator[Finding]:
    """A query of the right shape that no index of the table serves."""
    there = [index for index in indexes if not column or column in index.expression] or list(indexes)
    names = ", ".join(f"{index.name} ({index.opclass})" for index in there)
    fitting = [index for index in there if index.operator == shape.operator]
    searched = shape.column or column
    if not there:
        fact = f"no ivfflat or hnsw index on {searched}: every search reads all rows"
        yield Finding("no-index", fact, help="right for a small table; promote index --env ENV", severity=Severity.WARN)
    elif not fitting:
        kind = _KINDS.get(there[0].opclass, there[0].opclass)
        fact = f"{shape.operator} on {searched}, whose index serves {there[0].operator} ({kind}): {names}"
        way = f"ORDER BY {shape.distance.replace(shape.operator, there[0].operator)} LIMIT {shape.limit or 10}"
        yield Finding("operator", fact, help=f"{way}, or an index for {shape.operator}")
    elif all(not index.valid for index in fitting):
        yield Finding(
            "invalid-index", f"{names} is invalid: a build was broken off", help="promote index --env ENV --apply"
        )
    elif shape.cast and not any(shape.cast in index.expression for index in fitting):
        fact = f"{searched} is cast to {shape.cast}, and {names} is on {fitting[0].expression}"
        way = f"ORDER BY {shape.column} {shape.operator} $1 LIMIT {shape.limit or 10}"
        yield Finding("column-cast", fact, help=f"{way}, or an index on the cast column")
    elif any("::" in index.expression for index in fitting) and not shape.cast:
        indexed = fitting[0].expression
        fact = f"{names} is on {indexed}, the search on {searched}"
        yield Finding("column-cast", fact, help=f"ORDER BY {indexed} {shape.operator} $1 LIMIT {shape.limit or 10}")
    elif all(index.predicate for index in fitting):
        fact = f"{names} is partial, WHERE {fitting[0].predicate}: the search does not ask for these rows alone"
        yield Finding("partial-index", fact, help=f"add WHERE {fitting[0].predicate}, or index all rows")
    else:
        fact = f"no plan of this search uses {names}"
        yield Finding("unused-index", fact, help=f"{works} of one table in a subquery, joins and the rest around it")


def _form(shape: Shape, indexes: Sequence[VectorIndex]) -> str:
    """The distance as an index serves it."""
    if shape.function:
        return f"{shape.column or 'embedding'} {shape.operator} $1"
    return shape.distance
