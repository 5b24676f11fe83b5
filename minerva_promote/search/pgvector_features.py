"""What releases of pgvector can do, and which vectors they can index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.search.vector_indexes import VectorColumn

Version = tuple[int, ...]
# The first pgvector that has it, and the most numbers of a vector that an index takes.
SINCE: Mapping[str, Version] = {"hnsw": (0, 5, 0), "halfvec": (0, 7, 0), "iterative scans": (0, 8, 0)}
INDEXABLE = {"vector": 2000, "halfvec": 4000}


@dataclass(frozen=True, slots=True)
class UnindexableColumns:
    """Columns of vectors of which none can have an index as it is."""

    columns: tuple[VectorColumn, ...]  # at least one
    version: Version  # of pgvector


def parse_version(version: str | None) -> Version:
    """(0, 8, 5) of "0.8.5"; () of none."""
    return tuple(int(part) for part in (version or "").split(".") if part.isdecimal())


def is_indexable(base_type: str, dimensions: int) -> bool:
    """Whether an index takes the vectors of a column as it is; -1 dimensions is a type without a length."""
    return 0 <= dimensions <= INDEXABLE.get(base_type, dimensions)


def unindexable_columns(columns: Sequence[VectorColumn], version: Version) -> UnindexableColumns | None:
    """The columns, where none of them can have an index; None where one can, or for no columns."""
    if not columns or any(is_indexable(column.base_type, column.dimensions) for column in columns):
        return None
    return UnindexableColumns(tuple(columns), version)
