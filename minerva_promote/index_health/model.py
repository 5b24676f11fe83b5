"""Vector indexes and columns with what was measured of each."""

from __future__ import annotations

from dataclasses import dataclass

from minerva_promote.index_health.advice import Advice
from minerva_promote.index_health.measure import Measured
from minerva_promote.index_health.verdict import Health, Targets
from minerva_promote.results import StepResult
from minerva_promote.search.pgvector_features import Version
from minerva_promote.search.vector_indexes import VectorColumn, VectorIndex


@dataclass(frozen=True, slots=True)
class InspectedIndex:
    """One index with its measurement, verdict and advice."""

    index: VectorIndex
    measured: Measured
    health: Health
    advice: Advice


@dataclass(frozen=True, slots=True)
class UnindexedColumn:
    """A column of vectors without any index, with the measurement of exact search."""

    column: VectorColumn
    measured: Measured
    operator: str


@dataclass(frozen=True, slots=True)
class IndexReport:
    """All vector indexes of a database, and its columns of vectors that have none."""

    indexes: tuple[InspectedIndex, ...]
    unindexed: tuple[UnindexedColumn, ...]
    targets: Targets
    version: Version  # of pgvector
    seconds: float
    unready: StepResult | None = None  # why there is nothing to inspect
