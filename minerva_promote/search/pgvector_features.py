"""What releases of pgvector can do, and which vectors they can index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minerva_promote.search.vector_indexes import VectorColumn

Version = tuple[int, ...]
# The first pgvector that has it, and the most numbers of a vector that an index takes.
SINCE: Mapping[str, Version] = {"hnsw": (0, 5, 0), "halfvec": (0, 7, 0), "iterative scans": (0, 8, 0)}
INDEXABLE = {"vector": 2000, "halfvec": 4000}


def parse_version(version: str | None) -> Version:
    """(0, 8, 5) of "0.8.5"; () of none."""
    return tuple(int(part) for part in (version or "").split(".") if part.isdecimal())


def too_old(feature: str, version: Version) -> str:
    """The sentence for a feature that this pgvector does not have."""
    since, have = (".".join(map(str, release)) for release in (SINCE[feature], version))
    return f"{feature} came with pgvector {since}, this is {have}: ALTER EXTENSION vector UPDATE"


def why_no_index(columns: Sequence[VectorColumn], version: Version) -> str:
    """Why none of these columns can have an index as it is, and what helps; empty where one can, or for no columns."""
    reasons = [indexable(column.base_type, column.dimensions, version) for column in columns]
    if not reasons or not all(reasons):
        return ""
    column = columns[0]
    return f"no index is possible on {column.table}.{column.column} as it is: {reasons[0]}"


def indexable(base_type: str, dimensions: int, version: Version) -> str:
    """Why a column cannot be indexed as it is, and what helps; empty when it can."""
    most = INDEXABLE.get(base_type)
    if dimensions < 0:
        return "its type has no length, which an index needs"
    if most is None or dimensions <= most:
        return ""
    fact = f"{dimensions:,} numbers are more than an index on {base_type} takes ({most:,})"
    if base_type != "vector" or dimensions > INDEXABLE["halfvec"]:
        return fact
    if version < SINCE["halfvec"]:
        return f"{fact}; {too_old('halfvec', version)}"
    return f"{fact}: index its cast to halfvec({dimensions})"
