"""The texts about what a release of pgvector lacks, and about columns that it cannot index."""

from __future__ import annotations

from minerva_promote.search.pgvector_features import INDEXABLE, SINCE, UnindexableColumns, Version, is_indexable


def too_old(feature: str, version: Version) -> str:
    """The sentence for a feature that this pgvector does not have."""
    since, have = (".".join(map(str, release)) for release in (SINCE[feature], version))
    return f"{feature} came with pgvector {since}, this is {have}: ALTER EXTENSION vector UPDATE"


def why_no_index(unindexable: UnindexableColumns | None) -> str:
    """Why none of these columns can have an index as it is, and what helps; empty for None."""
    if unindexable is None:
        return ""
    column = unindexable.columns[0]
    reason = describe_index_limit(column.base_type, column.dimensions, unindexable.version)
    return f"no index is possible on {column.table}.{column.column} as it is: {reason}"


def describe_index_limit(base_type: str, dimensions: int, version: Version) -> str:
    """Why a column cannot be indexed as it is, and what helps; empty when it can."""
    if is_indexable(base_type, dimensions):
        return ""
    if dimensions < 0:
        return "its type has no length, which an index needs"
    message = f"{dimensions:,} numbers are more than an index on {base_type} takes ({INDEXABLE[base_type]:,})"
    if base_type != "vector" or dimensions > INDEXABLE["halfvec"]:
        return message
    if version < SINCE["halfvec"]:
        return f"{message}; {too_old('halfvec', version)}"
    return f"{message}: index its cast to halfvec({dimensions})"
