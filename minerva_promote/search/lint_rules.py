"""What the shape of a search has to do with its index: a finding for each thing that keeps it off, and a way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minerva_promote.results import Finding, Severity
from minerva_promote.search.query_shape import Shape
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.sqltext.select_ast import SIMILARITIES

_KINDS = {
    "vector_cosine_ops": "cosine",
    "vector_l2_ops": "L2",
    "vector_ip_ops": "inner product",
    "vector_l1_ops": "L1",
}


def shape_findings(
    shape: Shape, used: VectorIndex | None, indexes: Sequence[VectorIndex], column: str, impossible: str = ""
) -> Iterator[Finding]:
    """What is wrong with a search; ``used`` is the index that it takes when indexes are preferred to everything.

    ``indexes`` are the vector indexes of the searched table, ``column`` the vector column there;
    ``impossible`` says why that one can have no index.
    """
    there = [index for index in indexes if not column or column in index.expression] or list(indexes)
    if not shape.operator:
        if used is None or not shape.limited:
            yield _without_order(shape, column or "embedding")
        return
    works = f"ORDER BY {_form(shape, there)} LIMIT {shape.limit or 10}"
    if used is not None and " OVER" not in shape.collapsing:
        if not shape.limited:
            yield _unlimited(shape, works)
        return
    if shape.limit_inside:
        yield _limited_inside(shape, works)
    elif not shape.limited:
        yield _unlimited(shape, works)
    faults = list(_unindexable_query(shape, works))
    yield from faults
    if used is None and not shape.limit_inside:
        yield from _no_matching_index(shape, there, column, works, has_faults=bool(faults), impossible=impossible)


def _without_order(shape: Shape, column: str) -> Finding:
    works = f"ORDER BY {shape.distance_in_where or f'{column} <=> $1'} LIMIT 10"
    if shape.routine:
        fact = f"{shape.routine}() holds the search: what a function does is not looked into"
        return Finding("function-inside", fact, hint="declare the query that it holds", severity=Severity.WARN)
    if shape.distance_in_where:
        fact = f"WHERE bounds {shape.distance_in_where}, and nothing is ordered by it: every row's is computed"
        return Finding("where-distance", fact, hint=f"{works} in a subquery, the bound around it")
    if shape.collapsing and not shape.limited:
        fact = f"{shape.collapsing} over the search, which has no ORDER BY of a distance"
        return Finding("no-order", fact, hint=f"{works} in a subquery, {shape.collapsing} around it")
    if shape.key:
        return Finding("no-order", f"ORDER BY {shape.key} is no distance: not the nearest rows come first", hint=works)
    return Finding("no-order", "no ORDER BY of a distance: the rows come as they come", hint=works)


def _unlimited(shape: Shape, works: str) -> Finding:
    fact = f"ORDER BY {shape.key} without LIMIT: every row is asked for, and an index gives only some"
    return Finding("no-limit", fact, hint=works)


def _limited_inside(shape: Shape, works: str) -> Finding:
    """Some rows are chosen before the order: perhaps on purpose, where they are chosen by an order of their own."""
    fact = "LIMIT stands inside the subquery, ORDER BY outside: some rows are sorted, not the nearest ones found"
    severity = Severity.WARN if shape.chosen_inside else Severity.ERROR
    return Finding("limit-inside", fact, hint=f"put both into the subquery: {works}", severity=severity)


def _unindexable_query(shape: Shape, works: str) -> Iterator[Finding]:
    """What in the query itself no index can serve."""
    if shape.collapsing:
        fact = f"{shape.collapsing} comes before LIMIT: every row is read for it"
        yield Finding("collapsed", fact, hint=f"{works} in a subquery, {shape.collapsing} around it")
    if shape.before:
        fact = f"ORDER BY {shape.before} comes before {shape.distance}: an index gives rows by the distance alone"
        yield Finding("first-key", fact, hint=f"{works} in a subquery, the whole order around it")
    if shape.function in SIMILARITIES:
        fact = f"ORDER BY {shape.key}{' DESC' if shape.falling else ''}: an index serves operators, not functions"
        yield Finding("function", fact, hint=works)
    elif shape.function and shape.key == shape.distance:
        yield Finding("function", f"{shape.function}() is not what an index serves: it serves operators", hint=works)
    elif not shape.bare:
        name = f"{shape.alias}, which is {shape.key}" if shape.alias else shape.key
        fact = f"ORDER BY {name}{',' if shape.alias and shape.falling else ''}{' DESC' if shape.falling else ''}: "
        fact += "computed from the distance, and an index gives rows by the distance itself"
        yield Finding("order-computed", fact, hint=works)
    elif shape.falling:
        fact = f"ORDER BY {shape.key} DESC asks for the rows that are furthest away"
        yield Finding("order-falling", fact, hint=works)
    elif shape.nulls_first:
        fact = f"ORDER BY {shape.key} NULLS FIRST: an index gives rows by their distance, and none without a vector"
        yield Finding("nulls-first", fact, hint=works)
    if shape.distance_in_where:
        fact = f"WHERE bounds {shape.distance_in_where}: no index knows a bound, every row's is computed"
        yield Finding("where-distance", fact, hint=f"{works} in a subquery, the bound around it")
    if shape.more_keys and not shape.collapsing:
        fact = f"a second key of ORDER BY, {', '.join(shape.more_keys)}, is one that no vector index knows"
        yield Finding(
            "second-key", fact, hint=f"{works} in a subquery, the whole order around it", severity=Severity.WARN
        )


def _no_matching_index(
    shape: Shape, there: Sequence[VectorIndex], column: str, works: str, *, has_faults: bool, impossible: str
) -> Iterator[Finding]:
    """What no index of the table serves; of a query in which other faults were ``told``, only a wrong operator."""
    fitting = [index for index in there if index.operator == shape.operator]
    names = ", ".join(f"{index.name} ({index.opclass})" for index in fitting or there)
    searched = shape.column or column
    if there and not fitting:
        kind = _KINDS.get(there[0].opclass, there[0].opclass)
        fact = f"{shape.operator} on {searched}, whose index serves {there[0].operator} ({kind}): {names}"
        yield Finding("operator", fact, hint=f"{works}, or an index for {shape.operator}")
    elif has_faults:
        return
    elif not there:
        fact = f"no ivfflat or hnsw index on {searched}: every search reads all rows"
        if impossible:
            help_ = f"{impossible}; exact search may suffice: promote index --env ENV"
            yield Finding("no-index", fact, hint=help_, severity=Severity.WARN)
            return
        yield Finding("no-index", fact, hint="right for a small table; promote index --env ENV", severity=Severity.WARN)
    elif all(not index.valid for index in fitting):
        fact = f"{names} is invalid: a build was broken off"
        if any(index.building for index in fitting):
            fact = f"{names} is being built, and invalid until then"
        yield Finding("invalid-index", fact, hint="promote index --env ENV --apply")
    elif shape.cast and not any(shape.cast in index.expression for index in fitting):
        fact = f"{searched} is cast to {shape.cast}, and {names} is on {fitting[0].expression}"
        yield Finding("column-cast", fact, hint=f"{works}, or an index on the cast column")
    elif any("::" in index.expression for index in fitting) and not shape.cast:
        fact = f"{names} is on {fitting[0].expression}, the search on {searched}"
        yield Finding("column-cast", fact, hint=works)
    elif not shape.plain and not any(index.is_expression for index in fitting):
        fact = f"the search is on {searched}, {names} on {fitting[0].expression}"
        yield Finding("column-computed", fact, hint=f"{works}, or an index on {searched}")
    elif shape.vector_cast and shape.vector_cast not in {index.base_type for index in fitting}:
        fact = (
            f"the vector is cast to {shape.vector_cast}, and so is {searched} with it: {names} is on {fitting[0].type}"
        )
        yield Finding("parameter-type", fact, hint=works)
    elif all(index.predicate for index in fitting):
        fact = f"{names} is partial, WHERE {fitting[0].predicate}: the search does not ask for these rows alone"
        yield Finding("partial-index", fact, hint=f"add WHERE {fitting[0].predicate}, or index all rows")
    else:
        fact = f"no plan of this search uses {names}"
        if fitting[0].is_expression:
            fact += f", which is on {fitting[0].expression}"
            works = f"ORDER BY {fitting[0].expression} {shape.operator} $1 LIMIT {shape.limit or 10}"
        yield Finding("unused-index", fact, hint=f"{works} of one table in a subquery, joins and the rest around it")


def _form(shape: Shape, there: Sequence[VectorIndex]) -> str:
    """The distance as an index serves it: the query's own, as far as one does."""
    ordered = sorted(
        there, key=lambda index: (index.operator != shape.operator, not index.valid, bool(index.predicate))
    )
    if not ordered:
        return f"{shape.column or 'embedding'} {shape.operator} $1" if shape.function else shape.distance
    index = ordered[0]
    written = shape.distance if not shape.function else ""
    cast_alike = shape.vector_cast in ("", index.base_type) and (shape.cast in index.expression)
    if index.is_expression and "::" in index.expression and not shape.cast:
        return f"{index.expression} {index.operator} $1"
    if written and (shape.plain or index.is_expression) and cast_alike:
        return written.replace(shape.operator, index.operator)
    column = shape.column if shape.plain else index.expression
    cast = f"::{index.base_type}" if shape.vector_cast not in ("", index.base_type) and not shape.cast else ""
    return f"{column} {index.operator} $1{cast}"
