"""Whether two samples of vectors are of one space, whatever their texts are about.

Another model's vectors lie, seen from these, as if turned at random. Then the cosine of the two mean directions is 0,
give or take 1 / √dimensions, and the directions in which each sample varies around its mean share no more with the
other's than chance has it. Texts of one model share its common direction, or the few directions in which its vectors
differ at all, or both: so a space is another one only when neither shows, and the target itself shows one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float64]  # one a row

MIN_VECTORS = 30  # vectors on each side, with which a verdict is sure
MIN_VECTORS_HIGH_DIMENSIONS, HIGH_DIMENSIONS = 8, 256  # in so many dimensions fewer are enough: chance has less room
MIN_TARGET_VECTORS = 4  # vectors of the target: with fewer nothing is known of it
MIN_DIMENSIONS = 64  # in fewer, chance alone makes cosines above 0.5
CHANCE = 4.0  # standard deviations of what chance makes
STRAY = 3.0  # standard deviations of chance, within which a single vector lies across
GAP = 1.5  # times that: all others are beyond, and none between
SHARE = 0.12  # of what the target's halves overlap beyond chance; other subjects of one model have more
MOST_OVERLAP = 1.5  # hardly ever reached by another model
OPPOSITE = -0.35  # cosine of mean directions from which on vectors point the other way
SUBSETS = 100
GROUP = 10  # vectors of one root that count as a group


@dataclass(frozen=True, slots=True)
class Overlaps:
    """How far the directions in which two samples vary are the same; by chance 1."""

    file: float  # of the file and the target
    chance: float  # what two models have at most
    target: float  # of two halves of the target
    groups: float | None  # of one root of the target and all others; None: too few vectors

    @property
    def limit(self) -> float:
        """What one model has at least."""
        return max(self.chance, min(MOST_OVERLAP, 1 + SHARE * (self.target - 1)))


@dataclass(frozen=True, slots=True)
class Directions:
    """A file's vectors, held against a target's; cosines are of mean directions."""

    cosine: float
    cosine_chance: float  # what two models have at most
    cosine_subsets: float  # of random subsets of the target and the rest of it, the least but for one in a hundred
    cosine_groups: float | None  # of one root of the target and all others, the least; None: there is one
    overlaps: Overlaps | None  # None: the cosine alone says that the space is the same

    @property
    def structured(self) -> bool:
        """Whether the target's own vectors have a direction or an overlap, so that their absence says something."""
        if self.overlaps is None:
            return True
        return self.cosine_subsets > self.cosine_chance or self.overlaps.target > self.overlaps.chance

    @property
    def shares_direction(self) -> bool:
        """Whether parts of the target as large as the file, its roots too, follow its direction beyond chance."""
        groups = self.cosine_groups
        return self.cosine_subsets > self.cosine_chance and (groups is None or groups > self.cosine_chance)

    @property
    def opposite(self) -> bool:
        """Whether the vectors point where the target's do not."""
        return self.cosine < min(OPPOSITE, -self.cosine_chance)

    @property
    def foreign(self) -> bool:
        """Whether the vectors lie as another model's would."""
        return self.overlaps is not None and self.overlaps.file < self.overlaps.limit

    @property
    def scattered(self) -> bool:
        """Whether the target's own roots lie to each other as if they were of several models."""
        if self.cosine_groups is None or self.overlaps is None or self.overlaps.groups is None:
            return False
        return self.cosine_groups < self.cosine_chance and self.overlaps.groups < self.overlaps.limit


def compare_directions(file_vectors: Vectors, target_vectors: Vectors, roots: Sequence[str]) -> Directions:
    """Hold vectors of a file against vectors of a target, whose ``roots`` stand in step."""
    file_vectors, target_vectors = normalize(file_vectors), normalize(target_vectors)
    cosine = cosine_of(file_vectors.mean(0), target_vectors.mean(0))
    cosine_chance = largest_chance_cosine(file_vectors.mean(0), target_vectors.mean(0))
    subsets = _subset_cosine(target_vectors, min(len(file_vectors), len(target_vectors) // 2))
    groups, members = _group_cosine(target_vectors, roots)
    overlaps = _overlaps(file_vectors, target_vectors, members) if cosine < cosine_chance else None
    return Directions(cosine, cosine_chance, subsets, groups, overlaps)


def largest_chance_cosine(first: Any, second: Any) -> float:
    """The most that the cosine of two means is when their components have nothing to do with each other.

    Where all components lean to one side, as those of counts do, any two means have that much in common; the rest is
    ``CHANCE`` standard deviations of what a random order of the components makes.
    """
    import numpy as np

    dimensions = len(first)
    leans = [float(mean.mean() * dimensions**0.5 / (np.linalg.norm(mean) or 1)) for mean in (first, second)]
    common = max(leans[0] * leans[1], 0.0)
    if common < CHANCE / dimensions**0.5:  # within chance itself
        return float(CHANCE / dimensions**0.5)
    rest = (max(1 - leans[0] ** 2, 0.0) * max(1 - leans[1] ** 2, 0.0)) ** 0.5
    return float(common + CHANCE * rest / dimensions**0.5)


def _overlaps(file_vectors: Vectors, target_vectors: Vectors, members: Sequence[int]) -> Overlaps:
    """``members`` are the rows of the target's root that lies farthest from the others."""
    import numpy as np

    file, chance = _overlap(file_vectors, target_vectors)
    target, _ = _overlap(target_vectors[::2], target_vectors[1::2])
    groups = None
    if MIN_VECTORS <= len(members) <= len(target_vectors) - MIN_VECTORS:
        inside = np.isin(np.arange(len(target_vectors)), members)
        groups, _ = _overlap(target_vectors[inside], target_vectors[~inside])
    return Overlaps(file, chance, target, groups)


def enough_samples(file_vectors: Vectors, target_vectors: Vectors, directions: Directions) -> bool:
    """Whether there are vectors enough for a verdict.

    Of 500 small books of the target's model (8 to 18 vectors of 384 and 1,024 dimensions) two looked foreign, of 500 of
    another model two did not. In 64 dimensions half of the former do, unless the target's vectors share a direction:
    then none of 180 did (20 vectors against 40 and 200; 64 and 128 dimensions).
    """
    smaller = min(len(file_vectors), len(target_vectors))
    if smaller >= MIN_VECTORS:
        return True
    if smaller < MIN_VECTORS_HIGH_DIMENSIONS:
        return False
    halves = len(target_vectors) >= 2 * MIN_VECTORS_HIGH_DIMENSIONS
    return file_vectors.shape[1] >= HIGH_DIMENSIONS or (halves and directions.shares_direction)


def outlier_count(file_vectors: Vectors, target_vectors: Vectors) -> int:
    """How many vectors of a file lie across the target's mean direction, as chance has it, where all others follow it.

    0 where the target's own do not all follow it clearly, or the file's other ones do not.
    """
    import numpy as np

    mean = normalize(target_vectors).mean(0, keepdims=True)
    file_cosines, target_cosines = (
        np.abs(normalize(vectors) @ normalize(mean)[0]) for vectors in (file_vectors, target_vectors)
    )
    noise = STRAY / float(file_vectors.shape[1]) ** 0.5
    across = file_cosines < noise
    clear = min(target_cosines.min(), file_cosines[~across].min(initial=1)) > GAP * noise and not across.all()
    return int(across.sum()) if clear else 0


def normalize(vectors: Vectors) -> Vectors:
    """The rows, each divided by its length."""
    import numpy as np

    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: Vectors = vectors / np.where(norms == 0, 1, norms)
    return result


def _overlap(file_vectors: Vectors, target_vectors: Vectors) -> tuple[float, float]:
    """Mean squared cosine of the axes of two samples, weighted by their lengths, times the dimensions; its chance.

    The weights are lengths, not their squares, so that a few subjects do not outweigh what all texts share.
    """
    file_lengths, file_axes = _axes(file_vectors)
    target_lengths, target_axes = _axes(target_vectors)
    if not len(file_lengths) or not len(target_lengths):
        return 0.0, 1.0  # all of a sample are the same vector: it varies in no direction
    file_weights, target_weights = file_lengths / file_lengths.sum(), target_lengths / target_lengths.sum()
    overlap = float(file_vectors.shape[1] * (file_weights @ (file_axes @ target_axes.T) ** 2 @ target_weights))
    spread = (2 * float((file_weights**2).sum()) * float((target_weights**2).sum())) ** 0.5
    return overlap, 1 + CHANCE * spread


def _axes(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """The principal axes of a sample around its mean, and their lengths."""
    import numpy as np

    centered = normalize(vectors - vectors.mean(0))
    squares, eigenvectors = np.linalg.eigh(centered @ centered.T)
    kept = squares > max(1e-9 * squares[-1], 1e-12)
    lengths = np.sqrt(squares[kept])
    return lengths, (eigenvectors[:, kept] / lengths).T @ centered


def _subset_cosine(vectors: Vectors, size: int) -> float:
    """The least cosine between the mean of a random subset and that of the rest, but for one in a hundred."""
    import numpy as np

    rng = np.random.default_rng(0)
    total = vectors.sum(0)
    chosen = np.zeros((SUBSETS, len(vectors)))
    for row in chosen:
        row[rng.permutation(len(vectors))[:size]] = 1
    return float(np.quantile([cosine_of(part, total - part) for part in chosen @ vectors], 0.01))


def _group_cosine(vectors: Vectors, roots: Sequence[str]) -> tuple[float | None, list[int]]:
    """The least cosine between the mean of one root's vectors and that of all others, and that root's rows."""
    total = vectors.sum(0)
    members: dict[str, list[int]] = {}
    for index, root in enumerate(roots[: len(vectors)]):
        members.setdefault(root, []).append(index)
    cosines = [
        (cosine_of(part, total - part), indexes)
        for indexes in members.values()
        if GROUP <= len(indexes) <= len(vectors) - GROUP
        for part in (vectors[indexes].sum(0),)
    ]
    return min(cosines, default=(None, []))


def cosine_of(first: Any, second: Any) -> float:
    """The cosine of two vectors; 0 where one of them has no length."""
    import numpy as np

    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second) or 1))
