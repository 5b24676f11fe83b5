"""How much maintenance_work_mem a build needs, as pgvector computes it; sends no query."""

from __future__ import annotations

from collections.abc import Mapping

MB = 1 << 20
LEAST = 64 * MB  # PostgreSQL's own default
MOST = 8 << 30
SHARED_BUFFERS = 8  # times these: what a build may take of a machine whose memory is not known
_ELEMENT = 160  # bytes of an hnsw element beside its vector and neighbours
_NEIGHBOUR = 16


def needed(method: str, options: Mapping[str, int], base_type: str, dimensions: int, rows: int) -> int:
    """Bytes that the build of an index over so many rows needs to work in memory, a tenth added."""
    size = vector_size(base_type, dimensions)
    if method == "hnsw":
        return round(rows * (size + 2 * options["m"] * _NEIGHBOUR * 1.1 + _ELEMENT) * 1.1)
    return round(kmeans(options["lists"], size, rows) * 1.1) + MB


def kmeans(lists: int, size: int, rows: int) -> int:
    """Bytes that ivfflat's k-means allocates (pgvector 0.8, ivfkmeans.c); with less it refuses to build.

    50 samples a list are asked for, at least 10,000; for a table of few pages later releases take room for fewer.
    """
    wanted = max(10_000, 50 * lists)
    samples = min(rows, wanted)
    floats = samples * lists + samples + 2 * lists + lists * lists
    return wanted * size + 3 * lists * size + 4 * (lists + samples + floats)


def vector_size(base_type: str, dimensions: int) -> int:
    """Bytes of one vector in memory."""
    numbers = max(1, dimensions)
    size = {"vector": 4 * numbers, "halfvec": 2 * numbers, "bit": (numbers + 7) // 8}.get(base_type, 8 * 1000)
    return (size + 8 + 7) // 8 * 8


def setting(wanted: int, present: int, shared_buffers: int) -> int:
    """The maintenance_work_mem to build with, in bytes: what is wanted, never less than the server gives anyway."""
    bound = min(MOST, max(256 * MB, SHARED_BUFFERS * shared_buffers))
    return max(LEAST, present, min(wanted, bound))
