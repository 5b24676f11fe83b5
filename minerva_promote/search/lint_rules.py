"""What in the shape of a search keeps it off its index: a fault for each thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from minerva_promote.search.pgvector_features import UnindexableColumns
from minerva_promote.search.query_shape import Shape
from minerva_promote.search.vector_indexes import VectorIndex
from minerva_promote.sqltext.select_ast import SIMILARITIES


class Fault(Enum):
    """What is wrong with a search; search/report.py has the text and the code of each."""

    # There is no order by a distance.
    FUNCTION_INSIDE = auto()  # the search is in a function, which is not examined
    BOUND_WITHOUT_ORDER = auto()  # WHERE bounds a distance
    COLLAPSED_WITHOUT_ORDER = auto()  # DISTINCT, GROUP BY or an aggregate over all rows
    OTHER_ORDER = auto()
    NO_ORDER = auto()
    # The query itself is one that no index can serve.
    NO_LIMIT = auto()
    LIMIT_INSIDE = auto()  # below the ORDER BY
    COLLAPSED = auto()  # before LIMIT
    FIRST_KEY = auto()  # another key comes before the distance
    SIMILARITY = auto()  # ordered by a function of similarity, such as inner_product()
    FUNCTION = auto()  # the distance is written as a function
    COMPUTED_ORDER = auto()  # from the distance
    FALLING_ORDER = auto()
    NULLS_FIRST = auto()
    BOUND = auto()  # WHERE bounds a distance
    SECOND_KEY = auto()
    # No index of the table serves it.
    OPERATOR = auto()
    NO_INDEX = auto()
    NO_INDEX_POSSIBLE = auto()
    INVALID_INDEX = auto()
    INDEX_IN_BUILD = auto()
    COLUMN_CAST = auto()  # in the search, not in the index
    INDEX_CAST = auto()  # in the index, not in the search
    COLUMN_COMPUTED = auto()
    VECTOR_CAST = auto()  # to another type than the column's
    PARTIAL_INDEX = auto()
    UNUSED_INDEX = auto()


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """One fault of one search, with what its text names."""

    fault: Fault
    shape: Shape
    column: str  # the vector column of the searched table; empty: unknown
    indexes: tuple[VectorIndex, ...]  # over that column, or else of the table
    impossible: UnindexableColumns | None = None  # of NO_INDEX_POSSIBLE

    @property
    def fitting(self) -> tuple[VectorIndex, ...]:
        """Those of the indexes that answer the operator of the search."""
        return _fitting(self.shape, self.indexes)


def shape_faults(
    shape: Shape,
    used: VectorIndex | None,
    indexes: Sequence[VectorIndex],
    column: str,
    impossible: UnindexableColumns | None = None,
) -> Iterator[ShapeFault]:
    """What is wrong with a search; ``used`` is the index that it takes when indexes are preferred to everything.

    ``indexes`` are the vector indexes of the searched table, ``column`` the vector column there;
    ``impossible`` is that column where it can have no index.
    """
    there = tuple(index for index in indexes if not column or column in index.expression) or tuple(indexes)
    for fault in _faults(shape, used, there, impossible):
        yield ShapeFault(fault, shape, column, there, impossible)


def _faults(
    shape: Shape, used: VectorIndex | None, there: Sequence[VectorIndex], impossible: UnindexableColumns | None
) -> Iterator[Fault]:
    if not shape.operator:
        if used is None or not shape.limited:
            yield _missing_order(shape)
        return
    if used is not None and " OVER" not in shape.collapsing:
        if not shape.limited:
            yield Fault.NO_LIMIT
        return
    if shape.limit_inside:
        yield Fault.LIMIT_INSIDE
    elif not shape.limited:
        yield Fault.NO_LIMIT
    query_faults = list(_query_faults(shape))
    yield from query_faults
    if used is None and not shape.limit_inside:
        fault = _index_fault(shape, there, impossible)
        if fault is Fault.OPERATOR or not query_faults:
            yield fault


def _missing_order(shape: Shape) -> Fault:
    if shape.routine:
        return Fault.FUNCTION_INSIDE
    if shape.distance_in_where:
        return Fault.BOUND_WITHOUT_ORDER
    if shape.collapsing and not shape.limited:
        return Fault.COLLAPSED_WITHOUT_ORDER
    return Fault.OTHER_ORDER if shape.key else Fault.NO_ORDER


def _query_faults(shape: Shape) -> Iterator[Fault]:
    """What in the query itself no index can serve."""
    if shape.collapsing:
        yield Fault.COLLAPSED
    if shape.before:
        yield Fault.FIRST_KEY
    if shape.function in SIMILARITIES:
        yield Fault.SIMILARITY
    elif shape.function and shape.key == shape.distance:
        yield Fault.FUNCTION
    elif not shape.is_distance:
        yield Fault.COMPUTED_ORDER
    elif shape.falling:
        yield Fault.FALLING_ORDER
    elif shape.nulls_first:
        yield Fault.NULLS_FIRST
    if shape.distance_in_where:
        yield Fault.BOUND
    if shape.more_keys and not shape.collapsing:
        yield Fault.SECOND_KEY


def _index_fault(shape: Shape, there: Sequence[VectorIndex], impossible: UnindexableColumns | None) -> Fault:
    """Why no index of the table serves a search."""
    fitting = _fitting(shape, there)
    if not there:
        return Fault.NO_INDEX_POSSIBLE if impossible else Fault.NO_INDEX
    if not fitting:
        return Fault.OPERATOR
    if all(not index.valid for index in fitting):
        return Fault.INDEX_IN_BUILD if any(index.building for index in fitting) else Fault.INVALID_INDEX
    if shape.cast and not any(shape.cast in index.expression for index in fitting):
        return Fault.COLUMN_CAST
    if not shape.cast and any("::" in index.expression for index in fitting):
        return Fault.INDEX_CAST
    if not shape.plain and not any(index.is_expression for index in fitting):
        return Fault.COLUMN_COMPUTED
    if shape.vector_cast and shape.vector_cast not in {index.base_type for index in fitting}:
        return Fault.VECTOR_CAST
    return Fault.PARTIAL_INDEX if all(index.predicate for index in fitting) else Fault.UNUSED_INDEX


def _fitting(shape: Shape, indexes: Sequence[VectorIndex]) -> tuple[VectorIndex, ...]:
    return tuple(index for index in indexes if index.operator == shape.operator)
