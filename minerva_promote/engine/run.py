"""One promotion, from the file to COMMIT or to nothing.

validate → preflight → rows → constraints → checks → ledger → COMMIT by its tag → checks after it. Everything between
BEGIN and COMMIT is one transaction of the import role under the target's lock; a dry run does all of it and rolls back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from minerva_promote.checks.facts import FileFacts
from minerva_promote.checks.prepare import PreparedCheck, prepare_checks
from minerva_promote.checks.run import run_prepared
from minerva_promote.config.models import Stage
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.catalog import live_snapshot, server, side_effects
from minerva_promote.database.lock import hold
from minerva_promote.database.session import Connection, begin, execute, import_session, rollback
from minerva_promote.engine import preflight
from minerva_promote.engine.committing import Session, commit_with_proof
from minerva_promote.engine.signals import Signals, listening
from minerva_promote.engine.transfer import Sink, second_reading, table_steps
from minerva_promote.engine.watch import Watch
from minerva_promote.errors import TargetError
from minerva_promote.exportfile.steps import title, validated
from minerva_promote.exportfile.validate import Validation
from minerva_promote.ledger.record import Record, write
from minerva_promote.load.loader import Loader
from minerva_promote.load.outcome import Loaded
from minerva_promote.plan import Plan
from minerva_promote.results import Finding, Outcome, RunResult, Severity, StepResult
from minerva_promote.schema.ready import ensure_ready

NOTHING = "nothing was changed"
CONSTRAINT_CLASSES = ("22", "23")  # sqlstates with which a server refuses data


class Closed(Exception):
    """The gate is closed; the steps say why."""


def promote(project: Project, environment: Environment, plan: Plan, watch: Watch) -> RunResult:
    """Carry out a plan; what the target refuses or a check finds closes the gate and is in the result.

    Raises FileError, TargetError, Interrupted (nothing was changed) and OutcomeUnknown.
    """
    with listening() as signals:
        return _Run(project, environment, plan, watch, signals).run()


class _Run:
    def __init__(self, project: Project, environment: Environment, plan: Plan, watch: Watch, signals: Signals) -> None:
        self.project = project
        self.environment = environment
        self.plan = plan
        self.watch = watch
        self.signals = signals
        self.steps: list[StepResult] = []
        self.title = ""
        self.in_transaction = False
        self.begun = time.perf_counter()

    def run(self) -> RunResult:
        committed = False
        try:
            for step in ensure_ready(self.project, self.environment):
                self.note(step)
            self.stop_if_closed()
            name = f"promote {self.plan.run_id}"
            with import_session(self.project, self.environment, application=name) as conn:
                committed, verdict = self.promote(conn, Session(conn.info.backend_pid, name))
                if committed:
                    verdict = self.after_commit(conn, verdict)
        except Closed:
            verdict = f"gate closed: {NOTHING}" + (" (rolled back)" if self.in_transaction else "")
        return RunResult(
            "run",
            self.environment.name,
            self.plan.run_id,
            self.title,
            tuple(self.steps),
            verdict,
            changed=committed,
            data={"dry_run": self.plan.dry_run, "seconds": round(time.perf_counter() - self.begun, 3)},
        )

    def note(self, step: StepResult) -> None:
        self.steps.append(step)
        self.watch.step(step)

    def stop_if_closed(self) -> None:
        if any(step.outcome.closes_gate for step in self.steps):
            raise Closed

    def promote(self, conn: Connection, session: Session) -> tuple[bool, str]:
        """Everything up to COMMIT: whether it was committed, and the verdict."""
        snapshot, findings, unfit = self.look(conn)
        if unfit:
            self.preflight_step(findings)
        found = self.validate(snapshot) if self.validates_first() else None
        if found:
            findings += self.shared_rows(conn, snapshot, found)
        self.preflight_step(findings)
        if found:
            self.prepare(found)
            self.checks(conn, "preflight")
            self.stop_if_closed()
        begin(conn)
        self.in_transaction = True
        try:
            return self.transaction(conn, session, snapshot, found)
        finally:
            rollback(conn)

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

    def shared_rows(self, conn: Connection, snapshot: Snapshot, found: Validation) -> tuple[Finding, ...]:
        """What is wrong with shared rows that only the target has."""
        return preflight.placed(
            preflight.shared_findings(conn, self.project.contract, snapshot, found), self.environment
        )

    def look(self, conn: Connection) -> tuple[Snapshot, tuple[Finding, ...], bool]:
        """The live schema, what preflight finds, and whether the file cannot even be read against it."""
        contract = self.project.contract
        facts = server(conn)
        snapshot = live_snapshot(conn, contract.tables)
        self.effects = side_effects(conn, contract.tables)
        findings = [
            *preflight.server_findings(facts),
            *preflight.setting_findings(conn),
            *preflight.table_findings(contract, snapshot),
            *preflight.privilege_findings(conn, contract, snapshot, facts.role),
            *preflight.effect_findings(self.effects),
        ]
        unfit = any(finding.severity is Severity.ERROR for finding in findings)
        return snapshot, preflight.placed(findings, self.environment), unfit

    def validate(self, snapshot: Snapshot, sink: Sink | None = None) -> Validation:
        """Read the file and tell the verdict; ``sink`` takes its rows meanwhile."""
        size, doing = self.file_size(), "import" if sink else "validate"
        found, step = validated(
            self.plan.file,
            self.project.contract,
            snapshot,
            repair=self.plan.repair,
            connected=True,
            tick=lambda done: self.watch.progress(doing, done, size),
            sink=sink,
        )
        contract = self.project.contract
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

    def preflight_step(self, findings: tuple[Finding, ...]) -> None:
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        outcome = Outcome.FAIL if errors else Outcome.WARN if findings else Outcome.OK
        detail = f"{errors} findings" if errors else ""
        self.note(StepResult("preflight", "schema, privileges, settings", outcome, detail, findings=findings))
        self.stop_if_closed()

    def transaction(
        self, conn: Connection, session: Session, snapshot: Snapshot, found: Validation | None
    ) -> tuple[bool, str]:
        """Between BEGIN and COMMIT."""
        hold(conn)
        found, loaded = self.load(conn, snapshot, found)
        self.checks(conn, "before_commit")
        self.stop_if_closed()
        new = loaded.total("new")
        if not new:
            return False, f"gate open: {NOTHING}, all {loaded.total('identical'):,} rows are already there, identical"
        write(conn, self.record(found, loaded))
        if self.plan.dry_run:
            return False, f"dry run: gate open, {new:,} rows would be new; {NOTHING} (rolled back)"
        with self.signals.held():
            answered = commit_with_proof(conn, self.project, self.environment, self.plan.run_id, session)
        proof = "" if answered else " (the connection was lost at COMMIT; the ledger proves it)"
        return True, f"gate open: committed as run {self.plan.run_id[:8]}{proof}"

    def load(
        self, conn: Connection, snapshot: Snapshot, found: Validation | None
    ) -> tuple[Validation, Loaded]:
        """Rows and constraints; a row that the target refuses closes the gate."""
        begun = time.perf_counter()
        verify = {effect.table for effect in self.effects if effect.kind in ("trigger", "rule")}
        loader = Loader(conn, self.project.contract, snapshot, verify)
        try:
            if found:
                self.read_again(snapshot, found, loader.add)
            else:
                found = self.validate(snapshot, loader.add)
                if findings := self.shared_rows(conn, snapshot, found):
                    self.preflight_step(findings)
                self.prepare(found)
            loaded = loader.finish()
        except TargetError as error:
            if error.sqlstate[:2] not in CONSTRAINT_CLASSES:
                raise
            finding = Finding("refused", error.message, help=error.hint or "correct the data, or the target")
            self.note(StepResult("import", "rows", Outcome.FAIL, "the target refuses a row", findings=(finding,)))
            raise Closed from error
        for step in table_steps(self.plan, self.project.contract, loaded, time.perf_counter() - begun):
            self.note(step)
        self.stop_if_closed()
        self.check_constraints(conn)
        return found, loaded

    def read_again(self, snapshot: Snapshot, found: Validation, sink: Sink) -> None:
        """The second reading of a file that was validated before."""
        second_reading(
            self.plan.file,
            self.project.contract,
            snapshot,
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
            finding = Finding("constraint", error.message, help="correct the data")
            self.note(StepResult("import", "constraints", Outcome.FAIL, findings=(finding,)))
        self.stop_if_closed()

    def checks(self, conn: Connection, stage: Stage) -> None:
        """Run the checks of a stage."""
        for step in run_prepared(conn, self.of_stage(stage), stage):
            self.note(step)

    def of_stage(self, stage: Stage) -> Iterable[PreparedCheck]:
        return [prepared for prepared in self.prepared if prepared.check.stage == stage]

    def record(self, found: Validation, loaded: Loaded) -> Record:
        checks = [
            {"name": step.name, "outcome": str(step.outcome), "values": step.data.get("values", {})}
            for step in self.steps
            if step.step == "check"
        ]
        manifest = found.manifest
        return Record(
            self.plan.run_id,
            self.environment.name,
            self.plan.file.name,
            manifest.sha256,
            manifest.size,
            manifest.roots,
            {table: {"new": n["new"], "identical": n["identical"]} for table, n in loaded.as_numbers().items()},
            checks,
            time.perf_counter() - self.begun,
            {"repaired": [finding.fact for finding in found.warnings]},
        )

    def after_commit(self, conn: Connection, verdict: str) -> str:
        """Checks on what is committed; they can no longer take it back, and say so."""
        before = len(self.steps)
        if conn.closed:
            with import_session(self.project, self.environment) as again:
                self.checks(again, "after_commit")
        else:
            self.checks(conn, "after_commit")
        failed = sum(step.outcome.closes_gate for step in self.steps[before:])
        if not failed:
            return verdict
        run = self.plan.run_id[:8]
        return f"committed as run {run}, but {failed} of the checks after COMMIT failed: see above"
