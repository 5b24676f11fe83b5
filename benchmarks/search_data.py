"""Rows and queries for searches: embeddings with clusters, and their table in PostgreSQL's binary COPY format."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import Floats, normalised

BATCH = 1000  # vectors made at once: 6 MB of 1,536 dimensions
COPY = (
    "copy chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id,"
    " embedding, vision_model, created_at) from stdin (format binary)"
)
_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_NO_UUIDS = struct.pack(">iii", 0, 0, 2950)  # an array without elements: dimensions, NULLs, type
_WORDS = "The keeper climbs the stair at dusk and lights the lamp, as he has done since the year of the great storm. "


@dataclass(frozen=True, slots=True)
class Mixture:
    """Where vectors come from; the means are over pairs of unit vectors."""

    dimensions: int = 1536
    mean_cosine: float = 0.2  # of two vectors of different clusters: they share one direction
    cluster_cosine: float = 0.5  # of two vectors of one cluster
    clusters: int = 400
    power: float = 1.0  # the nth largest cluster is n^-power as likely as the largest
    intrinsic: int = 32  # directions in which the vectors of a cluster differ, the same for all clusters
    decay: float = 0.5  # the variance along the nth of them goes down with n^-decay
    noise: float = 0.05  # the share of the squared length that lies in no particular direction

    @property
    def said(self) -> str:
        """The mixture in words."""
        return (
            f"{self.clusters} clusters on the unit sphere of {self.dimensions:,} dimensions,"
            f" sizes ~ rank^-{self.power:g};"
            f"\nmean cosine {self.mean_cosine:g} between clusters and {self.cluster_cosine:g} within one;"
            f" the members of a cluster differ in {self.intrinsic} directions\nwith variances ~ rank^-{self.decay:g},"
            f" and {100 * self.noise:g} % of the squared length is noise in all directions"
        )


class Generator:
    """An endless, seeded sequence of unit vectors; another ``stream`` has other members of the same clusters."""

    def __init__(self, mixture: Mixture, seed: int, stream: str) -> None:
        self.mixture = mixture
        shape = np.random.default_rng([seed, 1])
        self.common = self._unit(shape, 1)[0]
        self.centres = self._unit(shape, mixture.clusters)
        axes, _ = np.linalg.qr(shape.standard_normal((mixture.dimensions, mixture.intrinsic)))
        variances = np.arange(1, mixture.intrinsic + 1) ** -mixture.decay
        self.axes = (axes * np.sqrt(variances / variances.sum())).T.astype(np.float32)
        weights = np.arange(1, mixture.clusters + 1) ** -mixture.power
        self.shares = weights / weights.sum()
        self.rng = np.random.default_rng([seed, 2 + ("rows", "queries").index(stream)])

    def batch(self, count: int) -> Floats:
        """The next ``count`` vectors, one a row, of length 1."""
        of = self.mixture
        members = self.rng.choice(of.clusters, count, p=self.shares)
        inside = self.rng.standard_normal((count, of.intrinsic), dtype=np.float32) @ self.axes
        vectors: NDArray[Any] = of.mean_cosine**0.5 * self.common
        vectors = vectors + (of.cluster_cosine - of.mean_cosine) ** 0.5 * self.centres[members]
        vectors += (1 - of.cluster_cosine - of.noise) ** 0.5 * inside
        vectors += of.noise**0.5 * self._unit(self.rng, count)
        return normalised(vectors).astype(np.float32)

    def _unit(self, rng: np.random.Generator, count: int) -> Floats:
        return normalised(rng.standard_normal((count, self.mixture.dimensions), dtype=np.float32))


def mixture_for(dimensions: int) -> Mixture:
    """The mixture with vectors of another length."""
    mixture = Mixture()
    return replace(mixture, dimensions=dimensions, intrinsic=min(mixture.intrinsic, dimensions // 2))


def chunk_rows(vectors: Floats, first: int, book: uuid.UUID, config: uuid.UUID) -> Iterator[bytes]:
    """Rows of chunks, numbered from ``first``, for COPY between :func:`copy_head` and :func:`copy_tail`."""
    wire = vectors.astype(">f4")
    for number, vector in enumerate(wire, first):
        text = f"{number}. {_WORDS * 5}".encode()
        yield _row(
            uuid.UUID(int=(5 << 124) | number).bytes,
            book.bytes,
            _NO_UUIDS,
            struct.pack(">i", number),
            text,
            struct.pack(">i", 120),
            config.bytes,
            struct.pack(">hh", len(vector), 0) + vector.tobytes(),
            b"gpt-4o-mini",
            struct.pack(">q", 820_000_000_000_000),
        )


def copy_head() -> bytes:
    """What a binary COPY begins with."""
    return _HEAD


def copy_tail() -> bytes:
    """What a binary COPY ends with."""
    return struct.pack(">h", -1)


def _row(*fields: bytes) -> bytes:
    return struct.pack(">h", len(fields)) + b"".join(struct.pack(">i", len(field)) + field for field in fields)
