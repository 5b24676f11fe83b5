"""Whether a file's vectors live in the space of a target's: what the numbers over two samples say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from minerva_promote.embedding.direction_statistics import (
    MIN_DIMENSIONS,
    MIN_TARGET_VECTORS,
    Directions,
    compare_directions,
    enough_samples,
    normalize,
    outlier_count,
)
from minerva_promote.embedding.mixed_target import is_mixed
from minerva_promote.embedding.model import ConfigRow, Space, SpaceSample, Text
from minerva_promote.embedding.wire_vectors import length_of, to_matrix

if TYPE_CHECKING:
    from minerva_promote.embedding.wire_vectors import Vectors

MIN_NORMS = 8  # vectors on each side
MAX_NORM_DIFFERENCE = 0.05  # of the target's
NORM_SPREADS = 4.0
NORM_FIXED = 0.01  # a spread below this share of the norm is that of vectors made equally long
SAME_TEXT = 0.9  # cosine of two vectors of the same text


class Norms(NamedTuple):
    """The lengths of the vectors, each side with its standard deviation."""

    file: float
    file_spread: float
    target: float
    target_spread: float
    enough: bool  # vectors on each side to compare them

    @property
    def differ(self) -> bool:
        """Whether the vectors of one side are longer than chance has it."""
        most = max(MAX_NORM_DIFFERENCE * self.target, NORM_SPREADS * max(self.file_spread, self.target_spread))
        return self.enough and abs(self.file - self.target) > most

    @property
    def one_side_fixed(self) -> bool:
        """Whether only one side's vectors are all of one length."""
        if not self.enough or self.differ:
            return False
        loose = self.file_spread > MAX_NORM_DIFFERENCE * self.file
        target_loose = self.target_spread > MAX_NORM_DIFFERENCE * self.target
        least = min(self.file_spread / self.file, self.target_spread / self.target)
        return loose != target_loose and least < NORM_FIXED


class SameTexts(NamedTuple):
    """The cosines of the vectors that file and target have for the same texts; of several the greatest counts."""

    pairs: int
    median: float
    least: float
    below: int  # pairs whose vectors are not of one model

    @property
    def differ(self) -> bool:
        """Whether most of them are not of one model."""
        return self.median < SAME_TEXT


@dataclass(frozen=True, slots=True)
class Configs:
    """The embedding configs of a file against those of its target."""

    others: tuple[tuple[ConfigRow, ConfigRow], ...] = ()  # a config of the file, and the target's that it is unlike
    active: tuple[ConfigRow, ...] | None = None  # that would be active afterwards, where it is not one

    @property
    def active_alike(self) -> bool:
        """Whether all of them are one model: nothing is searched with another."""
        return len({row.identity for row in self.active or ()}) == 1


Untested = Literal["", "dimensions", "few", "structure", "mixed", "key"]  # why directions were not compared


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of holding the vectors of one column of a file against the target's."""

    space: Space
    file_rows: int  # of the whole file
    target_rows: int  # the planner's estimate
    file_vectors: int  # compared
    target_vectors: int
    configs: Configs
    dimensions: int = 0  # of the vectors that were compared
    lengths: tuple[int, int] | None = None  # of file and target, where they differ: nothing else is compared then
    norms: Norms | None = None  # None for bits, which are all of one length, and where nothing is compared
    directions: Directions | None = None
    untested: Untested = ""
    enough: bool = True  # vectors for a verdict from the directions
    outliers: int = 0  # vectors of the file that lie across a direction that all others follow
    texts: SameTexts | None = None
    texts_in_time: bool = True

    @property
    def is_conclusive(self) -> bool:
        """Whether anything was compared that another model's vectors would not pass."""
        directions = self.directions is not None and not self.untested
        return directions or self.lengths is not None or self.texts is not None


def compare(file: SpaceSample, target: SpaceSample, same: Sequence[tuple[Text, bytes]] | None) -> Comparison:
    """Compare two samples of one column; ``same`` are vectors of the target for texts of the file."""
    space, configs = file.space, compare_configs(file, target)
    file_vectors, target_vectors = (to_matrix(sample.vectors, space.kind) for sample in (file, target))
    counts = (file.rows, target.rows, len(file_vectors), len(target_vectors))
    if not len(target_vectors) or not len(file_vectors):
        return Comparison(space, *counts, configs)
    lengths = length_of(file.vectors[0], space.kind), length_of(target.vectors[0], space.kind)
    if lengths[0] != lengths[1]:
        return Comparison(space, *counts, configs, lengths=lengths)
    directions, untested, enough = _compare_directions(file_vectors, target_vectors, target.roots)
    looks_alike = directions is not None and not untested and not directions.opposite and not directions.foreign
    return Comparison(
        space,
        *counts,
        configs,
        lengths[0],
        norms=None if space.kind == "bit" else _compare_norms(file_vectors, target_vectors),
        directions=directions,
        untested=untested,
        enough=enough,
        outliers=outlier_count(file_vectors, target_vectors) if looks_alike else 0,
        texts=None if same is None else _compare_texts(file, same),
        texts_in_time=same is not None,
    )


def compare_configs(file: SpaceSample, target: SpaceSample) -> Configs:
    """The file's embedding configs against the target's: the same model, and one active afterwards."""
    space = file.space
    if space.config_table is None or not file.used:
        return Configs()
    after = {row.key: row for row in (*target.configs, *file.configs)}
    before = {row.key: row for row in target.configs}
    target_rows = [before[key] for key in sorted(target.used) if key in before]
    if not target.vectors:
        own_keys = {row.key for row in file.configs}
        target_rows = [row for key, row in before.items() if row.active and key not in own_keys]
    target_rows = [row for row in target_rows if row.active] or target_rows
    identities = [row.identity for row in target_rows]
    file_rows = [after[key] for key in sorted(file.used) if key in after]
    others = tuple((row, target_rows[0]) for row in file_rows if target_rows and row.identity not in identities)
    active = tuple(row for row in after.values() if row.active)
    return Configs(others, active if space.active and len(active) != 1 else None)


def _compare_norms(file_vectors: Vectors, target_vectors: Vectors) -> Norms:
    import numpy as np

    (file_mean, file_spread), (target_mean, target_spread) = (
        (float(norms.mean()), float(norms.std()))
        for norms in (np.linalg.norm(vectors, axis=1) for vectors in (file_vectors, target_vectors))
    )
    enough = min(len(file_vectors), len(target_vectors)) >= MIN_NORMS
    return Norms(file_mean, file_spread, target_mean, target_spread, enough)


def _compare_directions(
    file_vectors: Vectors, target_vectors: Vectors, roots: Sequence[str]
) -> tuple[Directions | None, Untested, bool]:
    """The directions, why they say nothing (empty where they do), and whether there are enough for a verdict."""
    if file_vectors.shape[1] < MIN_DIMENSIONS:
        return None, "dimensions", False
    if len(target_vectors) < MIN_TARGET_VECTORS:
        return None, "few", False
    result = compare_directions(file_vectors, target_vectors, roots)
    untested: Untested = "" if result.structured else "structure"
    if not untested and not result.scattered and is_mixed(target_vectors):
        untested = "mixed"
    return result, untested, enough_samples(file_vectors, target_vectors, result)


def _compare_texts(file: SpaceSample, same: Sequence[tuple[Text, bytes]]) -> SameTexts | None:
    import numpy as np

    by_text = {text: vector for text, vector in zip(file.texts, file.vectors, strict=True) if text is not None}
    pairs: dict[Text, float] = {}
    for text, vector in same:
        if text in by_text:
            matrix = normalize(to_matrix((by_text[text], vector), file.space.kind))
            cosine = float(matrix[0] @ matrix[1]) if len(matrix) == 2 else -1.0  # else of another length
            pairs[text] = max(pairs.get(text, -1.0), cosine)
    if not pairs:
        return None
    cosines = list(pairs.values())
    return SameTexts(len(pairs), float(np.median(cosines)), min(cosines), sum(cosine < SAME_TEXT for cosine in cosines))
