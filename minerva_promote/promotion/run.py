"""One promotion, from the file to COMMIT or to nothing.

validate → preflight → rows → constraints → checks → ledger → COMMIT by its tag → checks after it. Everything between
BEGIN and COMMIT is one transaction of the import role under the target's lock; a dry run does all of it and rolls back.
The ledger is told that it began before that transaction, that it was committed inside it, and all else after it.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

from minerva_promote.checks.run import run_prepared
from minerva_promote.config.models.project import Stage
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock, announce_run
from minerva_promote.database.notices import Notices
from minerva_promote.database.session import Connection, begin, import_session, rollback
from minerva_promote.errors import OutcomeUnknown, PromoteError, TargetError
from minerva_promote.exportfile.byte_window import open_export
from minerva_promote.exportfile.validation import Validation
from minerva_promote.ledger.commit_proof import commit_with_proof, session_name
from minerva_promote.preflight.target_state import TargetState, read_target_state, require_unchanged
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion.gates import Gates
from minerva_promote.promotion.import_steps import Importing
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.run_recorder import Recorder
from minerva_promote.promotion.search_checks import Searches
from minerva_promote.promotion.step_log import GateClosed
from minerva_promote.promotion.undo_rehearsal import rehearse
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.setup.readiness import ensure_ready
from minerva_promote.signals import current, signal_name
from minerva_promote.text_format import counted

NOTHING = "nothing was changed"


def promote(project: Project, environment: Environment, plan: PromotionRequest, watch: ProgressListener) -> RunResult:
    """Carry out a plan; what the target refuses or a check finds closes the gate and is in the result.

    Raises FileError, TargetError (nothing was changed) and OutcomeUnknown.
    """
    return _Run(project, environment, plan, watch).run()


class _Run(Importing):
    def __init__(
        self, project: Project, environment: Environment, plan: PromotionRequest, watch: ProgressListener
    ) -> None:
        super().__init__(project, environment, plan, watch)
        self.recorder = Recorder(self)
        self.gates = Gates(self)
        self.notices: Notices | None = None  # of the server, once there is a session
        self.in_transaction = False
        self.committed = False
        self.interrupted = False  # by a signal, after COMMIT
        self.begun = time.perf_counter()

    def run(self) -> RunResult:
        try:
            verdict = self.promote()
        except GateClosed:
            verdict = f"gate closed: {NOTHING}" + (" (rolled back)" if self.in_transaction else "")
            self.recorder.refused()
        except OutcomeUnknown:
            raise  # a later run finds out, and records it
        except (KeyboardInterrupt, PromoteError) as stop:
            if not self.committed:
                self.recorder.failed(_reason(stop))
                raise
            verdict = self.stopped_too_late(stop)
            self.recorder.finished()
        except Exception as error:
            if not self.committed:
                self.recorder.failed(f"a fault of promote itself: {type(error).__name__}")
            raise
        if self.notices is not None:
            self.record_all(self.notices.steps("notices"))
        return RunResult(
            "run",
            self.environment.name,
            self.plan.run_id,
            self.title,
            tuple(self.steps),
            verdict,
            changed=self.committed,
            interrupted=self.interrupted,
            data={"dry_run": self.plan.dry_run, "seconds": round(time.perf_counter() - self.begun, 3)},
        )

    def promote(self) -> str:
        """All of it; the verdict."""
        open_export(self.plan.file).close()  # a name that leads nowhere is told before anything is begun
        self.record_all(ensure_ready(self.project, self.environment))
        self.recorder.target_reached()
        self.stop_if_closed()
        name = session_name(self.plan.run_id)
        with import_session(self.project, self.environment, application=name) as conn:
            self.recorder.conn = conn
            self.notices = Notices(conn, self.environment.name)
            outlook = read_target_state(conn, self.project, self.environment)
            found = self.before(conn, outlook)
            if self.plan.rehearse_undo:
                self.record(rehearse(self.project, self.environment, self.plan, outlook, self.watch))
                self.stop_if_closed()
            self.gates.before_rows(conn, found)
            self.recorder.details.update(self.gates.details)
            self.recorder.started(conn)
            begin(conn)
            self.in_transaction = True
            try:
                verdict = self.transaction(conn, outlook, found)
            except TargetError as error:
                if NOTHING not in error.message:
                    error.message += f"; {NOTHING} (rolled back)"
                raise
            finally:
                if not self.committed:
                    rollback(conn)
            return self.after(conn, verdict)

    def before(self, conn: Connection, outlook: TargetState) -> Validation | None:
        """Everything that needs no transaction; None when the file is to be validated while its rows go in."""
        findings = outlook.findings
        if outlook.not_importable:
            self.close_gate_unfit_target(outlook)
        self.recorder.open_runs(conn)
        self.searches = Searches(self.project, self.environment, outlook.snapshot)
        if not self.validates_first():
            self.preflight_step(findings)
            self.record_all(self.searches.lint_declared_searches(conn))
            return None
        needs = self.needs(outlook)
        found = self.validate(outlook, "validate", self.searches.sampling_sink(needs.add))
        self.preflight_step((*findings, *needs.findings(), *self.shared_rows(conn, outlook, found)))
        self.record_all(self.searches.lint_declared_searches(conn))
        self.prepare(found)
        self.checks(conn, "preflight")
        self.stop_if_closed()
        return found

    def transaction(self, conn: Connection, outlook: TargetState, found: Validation | None) -> str:
        """Between BEGIN and COMMIT; the verdict."""
        announce_run(conn, self.plan.run_id)
        acquire_target_lock(conn)
        require_unchanged(conn, self.project, outlook)
        found, loaded = self.load(conn, outlook, found)
        self.gates.before_commit(conn, found, loaded)
        new = loaded.total("new")
        self.new_rows = {table: numbers["new"] for table, numbers in loaded.as_numbers().items() if numbers["new"]}
        if new:
            self.record(self.searches.embedding_space_step(conn, found.manifest.roots))
        self.checks(conn, "before_commit")
        self.stop_if_closed()
        if self.plan.dry_run:
            self.checks(conn, "after_commit")  # while the rows are there to be searched
            self.stop_if_closed()
        said = "dry run: gate open" if self.plan.dry_run else "gate open"
        if not new:
            self.there = f"{NOTHING}, all {loaded.total('identical'):,} rows are already there, identical"
            return f"{said}: {self.there}"
        self.recorder.committed(conn)
        if self.plan.dry_run:
            return f"{said}, {counted(new, 'rows')} would be new; {NOTHING} (rolled back)"
        committed = f"committed as run {self.plan.run_id[:8]}"
        with current().held():
            proof = commit_with_proof(conn, self.project, self.environment, self.plan.run_id, committed)
            self.committed = True
        return f"gate open: {committed}{proof}"

    def checks(self, conn: Connection, stage: Stage) -> None:
        """Run the checks of a stage."""
        self.record_all(run_prepared(conn, [each for each in self.prepared if each.check.stage == stage], stage))

    def after(self, conn: Connection, verdict: str) -> str:
        """What the rows did to vector indexes, and checks: they can no longer take anything back, and say so.

        They are made of a file whose rows were all there too: the run that stored these may not have come so far.
        """
        if self.plan.dry_run:
            return verdict
        before, name = len(self.steps), session_name(self.plan.run_id)
        opened = import_session(self.project, self.environment, application=name) if conn.closed else nullcontext(conn)
        with opened as session:
            self.recorder.conn = session
            if self.committed:
                self.record_all(self.searches.indexes(session, self.new_rows, self.watch))
            self.checks(session, "after_commit")
            failed = sum(step.outcome.closes_gate for step in self.steps[before:])
            self.recorder.finished() if self.committed else self.recorder.unchanged()
        if not failed:
            return verdict + (self.searches.left_to_do if self.committed else "")
        some = "one of the checks" if failed == 1 else f"{failed} of the checks"
        if not self.committed:
            return f"{self.there}, but {some} failed: see above"
        return f"committed as run {self.plan.run_id[:8]}, but {some} after COMMIT failed: see above"

    def stopped_too_late(self, stop: KeyboardInterrupt | PromoteError) -> str:
        """The verdict on a run that was committed and whose last checks could not be made."""
        hint = f"promote check --env {self.environment.name} --stage after_commit"
        self.record(StepResult("check", "after_commit", Outcome.ERROR, _reason(stop), hint=hint))
        committed = f"committed as run {self.plan.run_id[:8]}, but the checks after COMMIT could not be finished"
        if isinstance(stop, PromoteError):
            return f"{committed}: see above"
        self.interrupted = True
        return f"{_reason(stop)}, did not finish: {committed}"


def _reason(stop: KeyboardInterrupt | PromoteError) -> str:
    return stop.message if isinstance(stop, PromoteError) else f"stopped by {signal_name(stop)}"
