"""What the linter of searches finds, as results: a text and the form that works for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from minerva_promote.database.read_only import QueryError, QueryTimeoutError
from minerva_promote.results import Finding, Outcome, Severity, StepResult
from minerva_promote.search.lint import TIMEOUT, SearchLint, Service
from minerva_promote.search.lint_rules import Fault, ShapeFault
from minerva_promote.search.pgvector_report import why_no_index
from minerva_promote.search.query_shape import Shape
from minerva_promote.search.vector_indexes import VectorIndex

_KINDS = {
    "vector_cosine_ops": "cosine",
    "vector_l2_ops": "L2",
    "vector_ip_ops": "inner product",
    "vector_l1_ops": "L1",
}
_ITERATIVE = {
    "ivfflat": "settings: {ivfflat.iterative_scan: relaxed_order, ivfflat.probes: 5}",
    "hnsw": "settings: {hnsw.iterative_scan: strict_order}",
}
_SERVICES = {
    Service.INDEX: "",
    Service.SMALL_TABLE: "; a small table is read whole",
    Service.OTHER_PLAN: "; for these examples the planner prefers another plan",
}


def lint_step(result: SearchLint, environment: str) -> StepResult:
    """The result of one declared search: FAIL when an error is among its findings, WARN for other findings."""
    declared = result.search
    findings = tuple(
        replace(finding, message=f"{declared.name}: {finding.message}", location=declared.at)
        for finding in _findings(result, f"promote index --env {environment}", environment)
    )
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    outcome = Outcome.FAIL if failed else Outcome.WARN if findings else Outcome.OK
    detail = f"{result.used.name} serves it{_SERVICES[result.service]}" if result.used else ""
    if findings:
        detail = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return StepResult("search", declared.name, outcome, detail, findings=findings)


def _findings(result: SearchLint, command: str, environment: str) -> Iterator[Finding]:
    if isinstance(result.error, QueryTimeoutError):
        yield Finding("timeout", f"took longer than {TIMEOUT}", severity=Severity.WARN)
    elif result.error is not None:
        yield _server_error(result.error, environment)
    for fault in result.faults:
        works = f"ORDER BY {_distance_form(fault)} LIMIT {fault.shape.limit or 10}"
        yield (
            _order_finding(fault)
            or _query_finding(fault, works)
            or _key_finding(fault, works)
            or _index_finding(fault, works, command)
        )
    if result.too_few is not None and result.used is not None:
        few = result.too_few
        fact = f"{result.used.name} gives {few.returned} rows where {few.exact} fit"
        partial = "or a partial index for the filter; " if few.filtered else ""
        way = f"{_ITERATIVE[result.used.method]}; {partial}{command}"
        fact = f"{fact}: the index is left before the LIMIT is reached"
        yield Finding("starved", fact, hint=way, severity=Severity.WARN)


def _server_error(error: QueryError, environment: str) -> Finding:
    """What the server reports about a query that it refuses."""
    if "dimensions" in error.reason:
        return Finding("dimensions", error.reason, hint="search with vectors of the column's length and model")
    if error.sqlstate == "42501":
        hint = f"let the import role read it: promote grants --env {environment}"
        return Finding("privilege", error.reason, hint=hint)
    if error.sqlstate == "42883" and "vector" in error.reason:
        return Finding("parameter-type", error.reason, hint="write $1::vector: pgvector's operators take vectors")
    if error.sqlstate == "22P02" and error.reason.startswith('malformed array literal: "['):
        return Finding("parameter-type", "$1 is an array here, and a vector's text is given", hint="write $1::vector")
    if not error.sqlstate and "does not know" in error.reason:
        return Finding("setting", error.reason, hint="update pgvector, or search without it")
    return Finding("query", error.reason, hint="correct the query in promote.yaml, or migrate the target")


def _order_finding(fault: ShapeFault) -> Finding | None:
    """A search that does not order by a distance."""
    shape = fault.shape
    distance = shape.distance_in_where or f"{fault.column or 'embedding'} <=> $1"
    works = f"ORDER BY {distance} LIMIT 10"
    match fault.fault:
        case Fault.FUNCTION_INSIDE:
            fact = f"{shape.routine}() holds the search: what a function does is not looked into"
            hint = "declare the query that it holds"
            return Finding("function-inside", fact, hint=hint, severity=Severity.WARN)
        case Fault.BOUND_WITHOUT_ORDER:
            fact = f"WHERE bounds {shape.distance_in_where}, and nothing is ordered by it: every row's is computed"
            return Finding("where-distance", fact, hint=f"{works} in a subquery, the bound around it")
        case Fault.COLLAPSED_WITHOUT_ORDER:
            fact = f"{shape.collapsing} over the search, which has no ORDER BY of a distance"
            return Finding("no-order", fact, hint=f"{works} in a subquery, {shape.collapsing} around it")
        case Fault.OTHER_ORDER:
            fact = f"ORDER BY {shape.key} is no distance: not the nearest rows come first"
            return Finding("no-order", fact, hint=works)
        case Fault.NO_ORDER:
            return Finding("no-order", "no ORDER BY of a distance: the rows come as they come", hint=works)
        case _:
            return None


def _query_finding(fault: ShapeFault, works: str) -> Finding | None:
    """A query whose LIMIT, aggregates or bounds no index can serve."""
    shape = fault.shape
    match fault.fault:
        case Fault.NO_LIMIT:
            fact = f"ORDER BY {shape.key} without LIMIT: every row is asked for, and an index gives only some"
            return Finding("no-limit", fact, hint=works)
        case Fault.LIMIT_INSIDE:  # perhaps on purpose, where the rows are chosen by an order of their own
            fact = (
                "LIMIT stands inside the subquery, ORDER BY outside: some rows are sorted, not the nearest ones found"
            )
            severity = Severity.WARN if shape.chosen_inside else Severity.ERROR
            return Finding("limit-inside", fact, hint=f"put both into the subquery: {works}", severity=severity)
        case Fault.COLLAPSED:
            fact = f"{shape.collapsing} comes before LIMIT: every row is read for it"
            return Finding("collapsed", fact, hint=f"{works} in a subquery, {shape.collapsing} around it")
        case Fault.BOUND:
            fact = f"WHERE bounds {shape.distance_in_where}: no index knows a bound, every row's is computed"
            return Finding("where-distance", fact, hint=f"{works} in a subquery, the bound around it")
        case Fault.FIRST_KEY:
            fact = f"ORDER BY {shape.before} comes before {shape.distance}: an index gives rows by the distance alone"
            return Finding("first-key", fact, hint=f"{works} in a subquery, the whole order around it")
        case Fault.SECOND_KEY:
            fact = f"a second key of ORDER BY, {', '.join(shape.more_keys)}, is one that no vector index knows"
            hint = f"{works} in a subquery, the whole order around it"
            return Finding("second-key", fact, hint=hint, severity=Severity.WARN)
        case _:
            return None


def _key_finding(fault: ShapeFault, works: str) -> Finding | None:
    """A key of ORDER BY that no index can serve."""
    shape = fault.shape
    falling = " DESC" if shape.falling else ""
    match fault.fault:
        case Fault.SIMILARITY:
            fact = f"ORDER BY {shape.key}{falling}: an index serves operators, not functions"
            return Finding("function", fact, hint=works)
        case Fault.FUNCTION:
            fact = f"{shape.function}() is not what an index serves: it serves operators"
            return Finding("function", fact, hint=works)
        case Fault.COMPUTED_ORDER:
            name = f"{shape.alias}, which is {shape.key}{',' if falling else ''}" if shape.alias else shape.key
            fact = (
                f"ORDER BY {name}{falling}: computed from the distance, and an index gives rows by the distance itself"
            )
            return Finding("order-computed", fact, hint=works)
        case Fault.FALLING_ORDER:
            fact = f"ORDER BY {shape.key} DESC asks for the rows that are furthest away"
            return Finding("order-falling", fact, hint=works)
        case Fault.NULLS_FIRST:
            fact = f"ORDER BY {shape.key} NULLS FIRST: an index gives rows by their distance, and none without a vector"
            return Finding("nulls-first", fact, hint=works)
        case _:
            return None


def _index_finding(fault: ShapeFault, works: str, command: str) -> Finding:
    """A search that none of the table's indexes serves."""
    shape, there, fitting = fault.shape, fault.indexes, fault.fitting
    names = ", ".join(f"{index.name} ({index.opclass})" for index in fitting or there)
    searched = shape.column or fault.column
    over = fitting[0].expression if fitting else ""
    match fault.fault:
        case Fault.OPERATOR:
            kind = _KINDS.get(there[0].opclass, there[0].opclass)
            fact = f"{shape.operator} on {searched}, whose index serves {there[0].operator} ({kind}): {names}"
            return Finding("operator", fact, hint=f"{works}, or an index for {shape.operator}")
        case Fault.NO_INDEX | Fault.NO_INDEX_POSSIBLE:
            fact = f"no ivfflat or hnsw index on {searched}: every search reads all rows"
            why = why_no_index(fault.impossible)
            hint = f"{why}; exact search may suffice" if why else "right for a small table"
            join = ": " if why else "; "
            return Finding("no-index", fact, hint=f"{hint}{join}{command}", severity=Severity.WARN)
        case Fault.INVALID_INDEX:
            fact = f"{names} is invalid: a build was broken off"
            return Finding("invalid-index", fact, hint=f"{command} --apply")
        case Fault.INDEX_IN_BUILD:
            fact = f"{names} is being built, and invalid until then"
            return Finding("invalid-index", fact, hint=f"{command} --apply")
        case Fault.COLUMN_CAST:
            fact = f"{searched} is cast to {shape.cast}, and {names} is on {over}"
            return Finding("column-cast", fact, hint=f"{works}, or an index on the cast column")
        case Fault.INDEX_CAST:
            return Finding("column-cast", f"{names} is on {over}, the search on {searched}", hint=works)
        case Fault.COLUMN_COMPUTED:
            fact = f"the search is on {searched}, {names} on {over}"
            return Finding("column-computed", fact, hint=f"{works}, or an index on {searched}")
        case Fault.VECTOR_CAST:
            fact = f"the vector is cast to {shape.vector_cast}, and so is {searched} with it"
            return Finding("parameter-type", f"{fact}: {names} is on {fitting[0].type}", hint=works)
        case Fault.PARTIAL_INDEX:
            condition = f"WHERE {fitting[0].predicate}"
            fact = f"{names} is partial, {condition}: the search does not ask for these rows alone"
            return Finding("partial-index", fact, hint=f"add {condition}, or index all rows")
        case _:
            return _unused_index(shape, fitting[0], names, works)


def _unused_index(shape: Shape, index: VectorIndex, names: str, works: str) -> Finding:
    fact = f"no plan of this search uses {names}"
    if index.is_expression:
        fact += f", which is on {index.expression}"
        works = f"ORDER BY {index.expression} {shape.operator} $1 LIMIT {shape.limit or 10}"
    return Finding("unused-index", fact, hint=f"{works} of one table in a subquery, joins and the rest around it")


def _distance_form(fault: ShapeFault) -> str:
    """The distance as an index serves it: the query's own, as far as one does."""
    shape = fault.shape
    index = _closest(shape, fault.indexes)
    if index is None:
        return f"{shape.column or 'embedding'} {shape.operator} $1" if shape.function else shape.distance
    written = shape.distance if not shape.function else ""
    cast_alike = shape.vector_cast in ("", index.base_type) and (shape.cast in index.expression)
    if index.is_expression and "::" in index.expression and not shape.cast:
        return f"{index.expression} {index.operator} $1"
    if written and (shape.plain or index.is_expression) and cast_alike:
        return written.replace(shape.operator, index.operator)
    column = shape.column if shape.plain else index.expression
    cast = f"::{index.base_type}" if shape.vector_cast not in ("", index.base_type) and not shape.cast else ""
    return f"{column} {index.operator} $1{cast}"


def _closest(shape: Shape, indexes: Sequence[VectorIndex]) -> VectorIndex | None:
    """The index to write a search for: of its operator, valid and over all rows where there is one."""
    return min(
        indexes,
        key=lambda index: (index.operator != shape.operator, not index.valid, bool(index.predicate)),
        default=None,
    )
