"""Whether the vectors of a target are of two models, so that neither is the model of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from minerva_promote.embedding.direction_statistics import (
    MIN_VECTORS,
    compare_directions,
    cosine_of,
    largest_chance_cosine,
    normalize,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from minerva_promote.embedding.direction_statistics import Vectors

MIN_SHARE = 0.25  # of the sample, of the smaller of two models; fewer are strays among the target's vectors
ROUNDS = 20  # of moving vectors to the nearer of two means; a few suffice
MIN_PART = 8  # vectors that have a direction


class _Split(NamedTuple):
    first: NDArray[np.bool_]  # which vectors are in the first of two parts
    smaller: int  # vectors of the smaller part
    apart: bool  # the parts have no direction in common beyond chance


def is_mixed(vectors: Vectors) -> bool:
    """Whether the vectors fall into two parts that lie to each other as those of two models.

    Each part must follow one direction of its own: subjects of one model that share none fall into further parts.
    """
    vectors = normalize(vectors)
    split = _split(vectors)
    if not split.apart or split.smaller < max(MIN_VECTORS, MIN_SHARE * len(vectors)):
        return False
    parts = vectors[split.first], vectors[~split.first]
    return not any(_split(part).apart for part in parts) and compare_directions(*parts, ()).foreign


def _split(vectors: Vectors) -> _Split:
    """The two parts around two means (spherical k-means, begun along the longest axis)."""
    import numpy as np

    centered = vectors - vectors.mean(0)
    first = np.linalg.eigh(centered @ centered.T)[1][:, -1] > 0
    for _ in range(ROUNDS):
        if first.all() or not first.any():
            break
        means = normalize(np.stack([vectors[first].mean(0), vectors[~first].mean(0)]))
        nearer = vectors @ (means[0] - means[1]) > 0
        if (nearer == first).all():
            break
        first = nearer
    smaller = int(min(first.sum(), (~first).sum()))
    if smaller < MIN_PART:
        return _Split(first, smaller, False)
    one, other = vectors[first].mean(0), vectors[~first].mean(0)
    return _Split(first, smaller, cosine_of(one, other) < largest_chance_cosine(one, other))
