"""Embeddings with the geometry of real ones, and their decimal text, both fast enough for gigabytes.

Text embeddings are not spread evenly over the sphere: any two have a positive cosine (a common direction), and texts
on one subject have a larger one (clusters). ``Shape`` names both numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cosines between embeddings look like; both are means over pairs, in many dimensions."""

    mean_cosine: float = 0.2  # of two chunks on different subjects
    cluster_cosine: float = 0.5  # of two chunks on the same subject
    clusters: int = 64  # how many subjects there are
    run: int = 20  # so many chunks in a row are on one subject


class Embeddings:
    """An endless, seeded sequence of unit vectors: the share of a common direction, of a subject, and of noise.

    The direction is the model's: books of every seed have it, or none could be promoted beside another.
    """

    def __init__(self, dimensions: int, seed: int, shape: Shape) -> None:
        self.shape = shape
        self.rng = np.random.default_rng([seed, 1])
        self.common = normalised(np.random.default_rng([dimensions, 0]).standard_normal((1, dimensions), np.float32))[0]
        self.centres = self._unit(shape.clusters, dimensions)
        self.made = 0
        self.subject = 0

    def batch(self, count: int) -> Floats:
        """The next ``count`` vectors, one a row, of length 1."""
        subjects = np.empty(count, np.int64)
        for row in range(count):
            if self.made % self.shape.run == 0:
                self.subject = int(self.rng.integers(len(self.centres)))
            subjects[row] = self.subject
            self.made += 1
        mean, cluster = self.shape.mean_cosine, self.shape.cluster_cosine
        noise = self._unit(count, self.common.size)
        vectors = mean**0.5 * self.common + (cluster - mean) ** 0.5 * self.centres[subjects]
        vectors += (1 - cluster) ** 0.5 * noise
        return normalised(vectors)

    def _unit(self, count: int, dimensions: int) -> Floats:
        return normalised(self.rng.standard_normal((count, dimensions), dtype=np.float32))


def normalised(vectors: Floats) -> Floats:
    """The rows, each divided by its length."""
    result: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


def _words(texts: list[str]) -> NDArray[np.uint32]:
    return np.frombuffer("".join(texts).encode(), np.uint32)


class DecimalText:
    """Writes numbers between -1 and 1 as Python prints them after ``round(x, decimals)``, some 25 ns each.

    Every number gets a cell of four-byte words taken from tables, with NUL where a shorter number leaves a gap:
    ``-0.1 2345 6789 012,`` for 12 decimals. The few that Python prints otherwise (5.1e-05, 0.125, 1.0) go through repr.
    """

    def __init__(self, decimals: int) -> None:
        if decimals not in (8, 12):
            raise ValueError(f"decimals is {decimals}, must be 8 or 12")
        self.scale = 10**decimals
        self.words = decimals // 4 + 1
        self.first = _words([f"{sign}0.{digit}" for sign in ("\0", "-") for digit in range(10)])
        self.middle = _words([f"{group:04d}" for group in range(10_000)])
        self.last = _words([f"{group:03d}".rstrip("0").ljust(3, "\0") + "," for group in range(1000)])

    def rows(self, values: Floats) -> list[bytes]:
        """Each row as numbers with commas between them."""
        wide = values.astype(np.float64)
        number = np.rint(np.abs(wide) * self.scale).astype(np.int64)
        negative = wide < 0
        rest, group = np.divmod(number, 1000)
        special = (group == 0) | (number < self.scale // 10_000) | (number >= self.scale)
        cells = np.empty((*values.shape, self.words), np.uint32)
        cells[..., -1] = self.last[group]
        for word in range(self.words - 2, 0, -1):
            rest, group = np.divmod(rest, 10_000)
            cells[..., word] = self.middle[group]
        cells[..., 0] = self.first[np.minimum(rest, 9) + 10 * negative]
        raw = cells.view(np.uint8)
        for row, column in zip(*np.nonzero(special), strict=True):
            exact = int(number[row, column]) / self.scale
            token = (repr(-exact if exact and negative[row, column] else exact) + ",").encode()
            raw[row, column] = np.frombuffer(token.ljust(4 * self.words, b"\0"), np.uint8)
        return [row.tobytes().translate(None, b"\0")[:-1] for row in raw]
