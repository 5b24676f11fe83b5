"""One promotion, from the file to COMMIT or to nothing.

validate → preflight → rows → constraints → checks → ledger → COMMIT by its tag → checks after it. Everything between
BEGIN and COMMIT is one transaction of the import role under the target's lock; a dry run does all of it and rolls back.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

from minerva_promote.checks.facts import FileFacts
from minerva_promote.checks.prepare import prepare_checks
from minerva_promote.checks.run import run_prepared
from minerva_promote.config.models import Stage
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.lock import hold
from minerva_promote.database.session import Connection, begin, execute, import_session, rollback
from minerva_promote.engine import preflight
from minerva_promote.engine.committing import commit_with_proof, session_name
from minerva_promote.engine.needs import Needs
from minerva_promote.engine.outlook import Outlook, look, require_unchanged
from minerva_promote.engine.searches import Searches
from minerva_promote.engine.signals import Signals, listening, signal_name
from minerva_promote.engine.telling import Closed, Telling
from minerva_promote.engine.transfer import (
    Sink,
    changed,
    record_of,
    require_same_file,
    second_reading,
    stamp_of,
    table_steps,
)
from minerva_promote.engine.watch import Watch
from minerva_promote.errors import TargetError
from minerva_promote.exportfile.source import open_export
from minerva_promote.exportfile.steps import title, validated
from minerva_promote.exportfile.validate import Validation
from minerva_promote.ledger.record import write
from minerva_promote.load.loader import Loader
from minerva_promote.load.outcome import Loaded
from minerva_promote.plan import Plan
from minerva_promote.results import Finding, Outcome, RunResult, StepResult
from minerva_promote.schema.ready import ensure_ready
from minerva_promote.words import counted

NOTHING = "nothing was changed"
CONSTRAINT_CLASSES = ("22", "23")  # sqlstates with which a server refuses data


def promote(project: Project, environment: Environment, plan: Plan, watch: Watch) -> RunResult:
    """Carry out a plan; what the target refuses or a check finds closes the gate and is in the result.

    Raises FileError, TargetError, Interrupted (nothing was changed) and OutcomeUnknown.
    """
    with listening() as signals:
        return _Run(project, environment, plan, watch, signals).run()


class _Run(Telling):
    def __init__(self, project: Project, environment: Environment, plan: Plan, watch: Watch, signals: Signals) -> None:
        super().__init__(watch)
        self.project = project
        self.environment = environment
        self.plan = plan
        self.signals = signals
        self.title = ""
        self.in_transaction = False
        self.committed = False
        self.begun = time.perf_counter()

    def run(self) -> RunResult:
        try:
            verdict = self.promote()
        except Closed:
            verdict = f"gate closed: {NOTHING}" + (" (rolled back)" if self.in_transaction else "")
        except (KeyboardInterrupt, TargetError) as stop:
            if not self.committed:
                raise
            verdict = self.stopped_too_late(stop)
        return RunResult(
            "run",
            self.environment.name,
            self.plan.run_id,
            self.title,
            tuple(self.steps),
            verdict,
            changed=self.committed,
            data={"dry_run": self.plan.dry_run, "seconds": round(time.perf_counter() - self.begun, 3)},
        )

    def promote(self) -> str:
        """All of it; the verdict."""
        open_export(self.plan.file).close()  # a name that leads nowhere is told before anything is begun
        self.note_all(ensure_ready(self.project, self.environment))
        self.stop_if_closed()
        name = session_name(self.plan.run_id)
        with import_session(self.project, self.environment, application=name) as conn:
            outlook = look(conn, self.project, self.environment)
            found = self.before(conn, outlook)
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
            return self.after_commit(conn, verdict) if self.committed else verdict

    def before(self, conn: Connection, outlook: Outlook) -> Validation | None:
        """Everything that needs no transaction; None when the file is to be validated while its rows go in."""
        findings = outlook.findings
        if outlook.unfit:
            self.preflight_step(findings)
        self.searches = Searches(self.project, self.environment, outlook.snapshot)
        if not self.validates_first():
            self.preflight_step(findings)
            self.note_all(self.searches.declared(conn))
            return None
        needs = self.needs(outlook)
        found = self.validate(outlook, "validate", self.searches.seeing(needs.see))
        self.preflight_step((*findings, *needs.findings(), *self.shared_rows(conn, outlook, found)))
        self.note_all(self.searches.declared(conn))
        self.prepare(found)
        self.checks(conn, "preflight")
        self.stop_if_closed()
        return found

    def validates_first(self) -> bool:
        """Whether the whole file is read before the transaction begins.

        A big one is validated while its rows go in, so that client and server work at the same time: each row is
        judged before it is sent, and the gate is the same. Checks before the transaction want the file's numbers.
        """
        wanted = any(placed.check.stage == "preflight" for placed in self.project.checks)
        return wanted or self.file_size() <= self.project.contract.limits.validate_first

    def prepare(self, found: Validation) -> None:
        """Render the checks of all stages, so that a fault in a template stops the run early."""
        facts = FileFacts.of(found.manifest)
        self.prepared = prepare_checks(self.project, self.environment, None, facts, self.plan.run_id)

    def shared_rows(self, conn: Connection, outlook: Outlook, found: Validation) -> tuple[Finding, ...]:
        """What is wrong with shared rows that only the target has."""
        findings = preflight.shared_findings(conn, self.project.contract, outlook.snapshot, found)
        return preflight.placed(findings, self.environment)

    def needs(self, outlook: Outlook) -> Needs:
        """What will know which privileges the file takes."""
        return Needs(self.project.contract, outlook.privileges, outlook.role, self.environment.name)

    def validate(self, outlook: Outlook, doing: str, sink: Sink) -> Validation:
        """Read the file and tell the verdict; ``sink`` takes its rows meanwhile."""
        size = self.file_size()
        contract = self.project.contract
        before = stamp_of(self.plan.file)
        found, step = validated(
            self.plan.file,
            contract,
            outlook.snapshot,
            repair=self.plan.repair,
            connected=True,
            tick=lambda done: self.watch.progress(doing, done, size),
            sink=sink,
        )
        if stamp_of(self.plan.file) != before:
            raise changed(self.plan.file)
        biggest = max(found.manifest.rows, key=lambda table: found.manifest.rows[table])
        self.title = title(found.manifest, contract.roots.table, (biggest,))
        if self.plan.dry_run:
            self.title += "   dry run"
        self.watch.heading(self.environment.name, self.plan.run_id, self.title)
        self.note(step)
        self.stop_if_closed()
        return found

    def file_size(self) -> int:
        """Bytes; 0 for a file that cannot be looked at, which reading will tell."""
        try:
            return self.plan.file.stat().st_size
        except OSError:
            return 0

    def transaction(self, conn: Connection, outlook: Outlook, found: Validation | None) -> str:
        """Between BEGIN and COMMIT; the verdict."""
        hold(conn)
        require_unchanged(conn, self.project, outlook)
        found, loaded = self.load(conn, outlook, found)
        new = loaded.total("new")
        self.new_rows = {table: numbers["new"] for table, numbers in loaded.as_numbers().items() if numbers["new"]}
        if new:
            self.note(self.searches.space(conn, found.manifest.roots))
        self.checks(conn, "before_commit")
        self.stop_if_closed()
        said = "dry run: gate open" if self.plan.dry_run else "gate open"
        if not new:
            return f"{said}: {NOTHING}, all {loaded.total('identical'):,} rows are already there, identical"
        seconds = time.perf_counter() - self.begun
        write(conn, record_of(self.plan, found, loaded, self.steps, seconds))
        if self.plan.dry_run:
            self.checks(conn, "after_commit")  # while the rows are there to be searched
            self.stop_if_closed()
            return f"{said}, {counted(new, 'rows')} would be new; {NOTHING} (rolled back)"
        with self.signals.held():
            answered = commit_with_proof(conn, self.project, self.environment, self.plan.run_id)
            self.committed = True
        proof = "" if answered else " (the connection was lost at COMMIT; the ledger proves it)"
        return f"gate open: committed as run {self.plan.run_id[:8]}{proof}"

    def load(self, conn: Connection, outlook: Outlook, found: Validation | None) -> tuple[Validation, Loaded]:
        """Rows and constraints; a row that the target refuses closes the gate."""
        begun = time.perf_counter()
        loader = Loader(conn, self.project.contract, outlook.snapshot, outlook.triggers)
        try:
            if found:
                self.read_again(outlook, found, loader.add)
            else:
                sink = self.needs(outlook).guarding(loader.add, self.preflight_step)
                found = self.validate(outlook, "import", self.searches.seeing(sink))
                if findings := self.shared_rows(conn, outlook, found):
                    self.preflight_step(findings)
                self.prepare(found)
            loaded = loader.finish()
        except TargetError as error:
            if error.sqlstate[:2] not in CONSTRAINT_CLASSES:
                raise
            if found:
                require_same_file(self.plan.file, found.manifest)
            if not loader.loaded.clean:  # a parent that was not written, for one
                self.tell(loader.loaded, begun)
            self.refused("rows", "the target refuses a row", error)
            raise Closed from error
        if loaded.clean:
            self.check_constraints(conn)
            loader.verify()
        self.tell(loaded, begun)
        self.stop_if_closed()
        return found, loaded

    def tell(self, loaded: Loaded, begun: float) -> None:
        """What became of the rows."""
        self.note_all(table_steps(self.plan, self.project.contract, loaded, time.perf_counter() - begun))

    def read_again(self, outlook: Outlook, found: Validation, sink: Sink) -> None:
        """The second reading of a file that was validated before."""
        second_reading(
            self.plan.file,
            self.project.contract,
            outlook.snapshot,
            found.manifest,
            repair=self.plan.repair,
            tick=lambda done: self.watch.progress("import", done, found.manifest.size),
            sink=sink,
        )

    def check_constraints(self, conn: Connection) -> None:
        """Deferred constraints, now: at COMMIT they would be found too late to say so."""
        try:
            execute(conn, b"set constraints all immediate", "checking deferred constraints")
        except TargetError as error:
            if error.sqlstate[:2] not in CONSTRAINT_CLASSES:
                raise
            self.refused("constraints", "the target refuses the rows as a whole", error)
            raise Closed from error

    def checks(self, conn: Connection, stage: Stage) -> None:
        """Run the checks of a stage."""
        self.note_all(run_prepared(conn, [each for each in self.prepared if each.check.stage == stage], stage))

    def after_commit(self, conn: Connection, verdict: str) -> str:
        """What the rows did to vector indexes, and checks: they can no longer take anything back, and say so."""
        before = len(self.steps)
        with import_session(self.project, self.environment) if conn.closed else nullcontext(conn) as session:
            self.note_all(self.searches.indexes(session, self.new_rows, self.watch))
            self.checks(session, "after_commit")
        failed = sum(step.outcome.closes_gate for step in self.steps[before:])
        if not failed:
            return verdict
        some = "one of the checks" if failed == 1 else f"{failed} of the checks"
        return f"committed as run {self.plan.run_id[:8]}, but {some} after COMMIT failed: see above"

    def stopped_too_late(self, stop: KeyboardInterrupt | TargetError) -> str:
        """The verdict on a run that was committed and whose last checks could not be made."""
        why = stop.message if isinstance(stop, TargetError) else f"stopped by {signal_name(stop)}"
        hint = f"promote check --env {self.environment.name} --stage after_commit"
        self.note(StepResult("check", "after_commit", Outcome.ERROR, why, hint=hint))
        return f"committed as run {self.plan.run_id[:8]}, but the checks after COMMIT could not be finished: see above"
