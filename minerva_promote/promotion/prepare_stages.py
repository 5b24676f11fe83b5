"""The stages of a promotion before the first row."""

from __future__ import annotations

from collections.abc import Callable

from minerva_promote.database.notices import Notices
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.preflight.target_state import read_target_state
from minerva_promote.promotion import gates, plan_report
from minerva_promote.promotion import run_recorder as recorder
from minerva_promote.promotion.backup import backup_steps
from minerva_promote.promotion.existing_keys import ExistingKeyCounter
from minerva_promote.promotion.import_steps import (
    close_gate_unfit_target,
    prepare_all_checks,
    record_preflight,
    row_privileges,
    run_checks,
    shared_row_findings,
    validate_file,
    validates_first,
)
from minerva_promote.promotion.plan_digest import read_planned_target, with_counts
from minerva_promote.promotion.required_environment import required_step
from minerva_promote.promotion.search_checks import Searches
from minerva_promote.promotion.state import Phase, RunState, Stage, known
from minerva_promote.setup.readiness import ensure_ready, readiness_failures

_RUN_ID = "00000000"  # in the name of a backup that is only planned


class Readiness:
    """The database can be reached and is set up."""

    phase: Phase = "connect"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Look for what is missing."""
        state.log.record_all(readiness_failures(state.project, state.environment))
        state.log.stop_if_closed()

    def execute(self, state: RunState) -> None:
        """Set up what the environment allows to be set up by a run."""
        state.log.record_all(ensure_ready(state.project, state.environment))
        recorder.target_reached(state)
        state.log.stop_if_closed()


class Target:
    """The tables, privileges and settings of the target allow an import."""

    phase: Phase = "prepare"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Read the target, and what the digest of a plan says of it."""
        self._read(state)
        state.planned = read_planned_target(state.conn, known(state.target), {})  # before the keys are counted
        state.log.record(plan_report.planned_target_step(state.planned))

    def execute(self, state: RunState) -> None:
        """Read the target, and record earlier runs that were abandoned."""
        state.notices = Notices(state.conn, state.environment.name)
        self._read(state)
        recorder.record_abandoned(state.conn, state)
        if state.request.digest:
            state.planned = read_planned_target(state.conn, known(state.target), {})

    @staticmethod
    def _read(state: RunState) -> None:
        state.target = read_target_state(state.conn, state.project, state.environment)
        if state.target.not_importable:
            close_gate_unfit_target(state)
        state.searches = Searches(state.project, state.environment, state.target.snapshot)


class SourceFile:
    """The file is valid, and the preflight checks pass."""

    phase: Phase = "prepare"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Validate the file and count the keys that the target has already, in one reading."""
        self._validate(state, lambda sink: sink)

    def execute(self, state: RunState) -> None:
        """Validate the file, unless it is to be validated while its rows go in."""
        if validates_first(state):
            self._validate(state, known(state.searches).sampling_sink)
            return
        record_preflight(state, known(state.target).findings)
        state.log.record_all(known(state.searches).lint_declared_searches(state.conn))

    @staticmethod
    def _validate(state: RunState, sampled: Callable[[Callable[[Row], object]], Callable[[Row], object]]) -> None:
        target, privileges = known(state.target), row_privileges(state)
        counter = ExistingKeyCounter(state.conn, state.project.contract, target)

        def add_with_key(row: Row) -> None:
            privileges.add(row)
            counter.add(row)

        validation = validate_file(state, sampled(add_with_key if state.planned is not None else privileges.add))
        shared = shared_row_findings(state.conn, state, validation)
        record_preflight(state, (*target.findings, *privileges.findings(), *shared))
        state.log.record_all(known(state.searches).lint_declared_searches(state.conn))
        prepare_all_checks(state, validation)
        run_checks(state.conn, state, "preflight")
        state.log.stop_if_closed()
        if state.planned is not None:
            state.planned = with_counts(state.planned, counter.counted())


class UndoRehearsal:
    """The rows can be removed again without a trace."""

    phase: Phase = "prepare"
    rehearsed = False

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self._stages = tuple(stage for stage in stages if stage.rehearsed)

    def plan(self, state: RunState) -> None:
        """Show the rehearsal where the environment asks for one."""
        if state.environment.rehearse_undo:
            state.log.record(plan_report.planned_rehearsal_step())

    def execute(self, state: RunState) -> None:
        """Carry out the rehearsed stages as the owner, undo them, and roll back."""
        if state.request.rehearse_undo:
            from minerva_promote.promotion.undo_rehearsal import rehearse

            state.log.record(rehearse(state, self._stages))
            state.log.stop_if_closed()


class Gates:
    """What the environment and the request ask for before the first row."""

    phase: Phase = "prepare"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Ask the required environment, compare the embedding model, and look whether a backup could be made."""
        project, environment, log = state.project, state.environment, state.log
        if environment.requires is not None:
            here, sha256 = known(state.planned).where, known(state.validation).manifest.sha256
            log.record(required_step(project, environment, here, state.request.file, sha256))
        if (step := gates.model_step(state.conn, state)) is not None:
            log.record(step)
        log.record_all(backup_steps(project, environment, state.conn, _RUN_ID, log.listener, rehearsal=True))
        log.stop_if_closed()

    def execute(self, state: RunState) -> None:
        """Pass all gates."""
        state.evidence = gates.before_rows(state.conn, state)


class LedgerStart:
    """The ledger has the start of the run, in a transaction of its own."""

    phase: Phase = "prepare"
    rehearsed = False

    def plan(self, state: RunState) -> None:
        """Show the event."""
        state.log.record(plan_report.planned_event_step("started"))

    def execute(self, state: RunState) -> None:
        """Write the event."""
        recorder.started(state.conn, state)
