"""What one promotion was asked to do and what is known so far: the state that its stages share."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.config.models.project import Stage as CheckStage
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.exportfile.validation import Validation
from minerva_promote.ledger.run_rows import RowBatch
from minerva_promote.load.load_result import LoadResult
from minerva_promote.preflight.target_state import TargetState
from minerva_promote.promotion.plan_digest import PlannedTarget
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.search_checks import Searches
from minerva_promote.promotion.step_log import StepLog

T = TypeVar("T")
Phase = Literal["connect", "prepare", "transaction", "after"]


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What opened the gates before the first row; it must still hold before COMMIT."""

    sha256: str = ""  # of the file that `requires` or a plan was compared with; empty without either
    planned: PlannedTarget | None = None  # the target that the plan given with --plan was compared with
    details: Mapping[str, object] = field(default_factory=dict)  # for the ledger


@dataclass(slots=True)
class LedgerProgress:
    """How far the ledger events of one run have come."""

    reachable: bool = False  # whether there is a ledger to write to
    ended: bool = False  # whether the last event was written, or none is wanted
    checks_recorded: int = 0  # check steps that an event already has
    configuration: str | None = None  # the fingerprint, once it was computed


@dataclass(slots=True)
class RunState:
    """One promotion, planned or carried out. Fields that are None are set by the stage that finds them out."""

    project: Project
    environment: Environment
    request: PromotionRequest
    log: StepLog
    ledger: LedgerProgress = field(default_factory=LedgerProgress)
    rehearsal: bool = False  # whether the owner only rehearses the rows: no import role to judge, nothing to report
    begun: float = field(default_factory=time.perf_counter)
    session: Connection | None = None  # of the import role, or of the owner in a rehearsal
    notices: Notices | None = None  # of the server, once there is a session
    target: TargetState | None = None
    searches: Searches | None = None
    planned: PlannedTarget | None = None  # only for a plan or a run that was given one
    title: str = ""  # of the report, once the file was read
    validation: Validation | None = None
    prepared: tuple[PreparedCheck, ...] = ()  # the checks of all stages
    evidence: GateEvidence = GateEvidence()
    loaded: LoadResult | None = None
    inserted: tuple[RowBatch, ...] = ()  # the rows that are new
    types: dict[str, dict[str, str]] = field(default_factory=dict)  # of the inserted columns, by table and column
    in_transaction: bool = False  # whether the transaction of the rows was begun
    committed: bool = False
    commit_proof: str = ""  # how a COMMIT without an answer was proved
    interrupted: bool = False  # by a signal, after COMMIT

    @property
    def conn(self) -> Connection:
        """The session of the run. Raises AssertionError before there is one."""
        return known(self.session)

    @property
    def new_rows(self) -> dict[str, int]:
        """Rows that are new, by the tables that have any."""
        numbers = known(self.loaded).as_numbers()
        return {table: counts["new"] for table, counts in numbers.items() if counts["new"]}

    def checks_of(self, stage: CheckStage) -> list[PreparedCheck]:
        """The prepared checks of a stage."""
        return [prepared for prepared in self.prepared if prepared.check.stage == stage]


class Stage(Protocol):
    """One stage of a promotion. Every stage can be planned and carried out."""

    phase: Phase
    rehearsed: bool  # whether the rehearsal of an undo carries it out too

    def plan(self, state: RunState) -> None:
        """Log what a run would do here; reads only."""

    def execute(self, state: RunState) -> None:
        """Do it. Raises GateClosed, FileError and TargetError."""


def known(value: T | None) -> T:
    """A value of the state that an earlier stage has set."""
    assert value is not None, "an earlier stage sets this value"
    return value
