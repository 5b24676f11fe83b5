"""Vector indexes and columns with what was measured of each."""

from __future__ import annotations

from dataclasses import dataclass

from minerva_promote.results import StepResult
from minerva_promote.vectors.advice import Advice
from minerva_promote.vectors.health import Health, Targets
from minerva_promote.vectors.indexes import VectorColumn, VectorIndex
from minerva_promote.vectors.measuring import Measured
from minerva_promote.vectors.pgvector_features import Version


@dataclass(frozen=True, slots=True)
class Seen:
    """One index, looked at."""

    index: VectorIndex
    measured: Measured
    health: Health
    advice: Advice


@dataclass(frozen=True, slots=True)
class Bare:
    """A column of vectors without any index, looked at."""

    column: VectorColumn
    measured: Measured
    operator: str


@dataclass(frozen=True, slots=True)
class Look:
    """All that was seen in one go."""

    seen: tuple[Seen, ...]
    bare: tuple[Bare, ...]
    targets: Targets
    version: Version  # of pgvector
    seconds: float
    unready: StepResult | None = None  # why there was nothing to look at
