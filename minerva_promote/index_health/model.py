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
    """One index, looked at."""

    index: VectorIndex
    measured: Measured
    health: Health
    advice: Advice


@dataclass(frozen=True, slots=True)
class UnindexedColumn:
    """A column of vectors without any index, looked at."""

    column: VectorColumn
    measured: Measured
    operator: str


@dataclass(frozen=True, slots=True)
class IndexReport:
    """All that was seen in one go."""

    seen: tuple[InspectedIndex, ...]
    bare: tuple[UnindexedColumn, ...]
    targets: Targets
    version: Version  # of pgvector
    seconds: float
    unready: StepResult | None = None  # why there was nothing to look at
