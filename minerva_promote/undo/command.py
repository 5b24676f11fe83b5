"""`promote undo`: show or do the removal of a run's rows, or their restore.

Everything happens in one transaction of the owner; what changes something holds the lock of the target.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from minerva_promote.config.fingerprint import fingerprint
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock, announce_run
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import admin_session, begin, begin_view, rollback
from minerva_promote.errors import OutcomeUnknown, PromoteError, TargetError, UsageError
from minerva_promote.ledger.commit_proof import commit_with_proof, session_name
from minerva_promote.ledger.events import Event, Kind, add_event, add_event_separately
from minerva_promote.ledger.install import require_ledger
from minerva_promote.ledger.roots import read_roots
from minerva_promote.ledger.run_rows import load_run_rows
from minerva_promote.ledger.runs import SHORT, Run
from minerva_promote.ledger.verify import require_intact
from minerva_promote.results import RunResult, Severity, StepResult
from minerva_promote.signals import current, signal_name
from minerva_promote.undo import report
from minerva_promote.undo.find_run import UndoSubject, event_of, find_undo_subject
from minerva_promote.undo.plan import UndoOptions, UndoPlan, plan_undo
from minerva_promote.undo.remove import remove_rows, store_removed_rows
from minerva_promote.undo.removed_rows import read_removed_rows
from minerva_promote.undo.restore import plan_restore, restore_rows
from minerva_promote.undo.rows_to_remove import trusted_xmins
from minerva_promote.undo.table_checksums import WriteDelta


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """What to undo or restore, and how."""

    prefix: str  # of the id of a run, or of an undo
    options: UndoOptions
    apply: bool  # False: only show
    reason: str = ""  # for the ledger


def undo(project: Project, environment: Environment, request: UndoRequest) -> RunResult:
    """Undo a run, or restore what an undo removed; findings that prevent it close the gate.

    An attempt that changes nothing is recorded in the ledger as well. Raises UsageError, TargetError (nothing was
    changed) and OutcomeUnknown.
    """
    return _UndoCommand(project, environment, request).run()


class _UndoCommand:
    def __init__(self, project: Project, environment: Environment, request: UndoRequest) -> None:
        self.project = project
        self.environment = environment
        self.request = request
        self.id = str(uuid4())  # its event in the ledger proves the COMMIT
        self.committed = False
        self.attempt_open = False  # whether the ledger is to record how this attempt ends, if it changes nothing
        self.subject: UndoSubject | None = None
        self.roots: tuple[str, ...] = ()
        self.begun = time.perf_counter()
        self.steps: tuple[StepResult, ...] = ()

    def run(self) -> RunResult:
        try:
            return self.execute()
        except (UsageError, OutcomeUnknown):  # nothing was attempted, or the outcome is unknown
            raise
        except (KeyboardInterrupt, PromoteError) as stop:
            reason = stop.message if isinstance(stop, PromoteError) else f"stopped by {signal_name(stop)}"
            self.record_attempt("failed", reason)
            raise
        except Exception as error:
            self.record_attempt("failed", f"a fault of promote itself: {type(error).__name__}")
            raise

    def execute(self) -> RunResult:
        """Find the subject, and undo or restore it in one transaction, which is rolled back unless it commits."""
        apply = self.request.apply
        name = session_name(self.id) if apply else "promote undo"
        with admin_session(self.project, self.environment, application=name) as conn:
            require_ledger(conn, self.environment.name)
            self.attempt_open = apply
            if apply:
                begin(conn)
            else:
                begin_view(conn)
            try:
                if apply:
                    announce_run(conn, self.id)
                    acquire_target_lock(conn)
                subject = self.subject = find_undo_subject(conn, self.request.prefix, self.environment.name)
                require_intact(conn, [run.run_id for run in (subject.run, subject.undo) if run])
                self.roots = read_roots(conn, event_of(subject.run, "committed"))
                if subject.undo is None:
                    verdict = self.undo(conn, subject.run)
                else:
                    verdict = self.restore(conn, subject.run, subject.undo)
            except TargetError as error:
                if report.NOTHING not in error.message:
                    error.message += f"; {report.unchanged(applied=apply)}"
                raise
            finally:
                if not self.committed:
                    rollback(conn)
            if not self.committed:
                self.record_attempt("refused", *_reasons(self.steps), conn=conn)
        return RunResult(
            "undo",
            self.environment.name,
            title=report.subject_title(subject),
            steps=self.steps,
            verdict=verdict,
            changed=self.committed,
            data={
                "id": self.id if self.committed else None,
                "run": subject.run.run_id,
                "undo": subject.undo.run_id if subject.undo else None,
                "applied": self.committed,
                "seconds": round(time.perf_counter() - self.begun, 3),
            },
        )

    def undo(self, conn: Connection, run: Run) -> str:
        """Remove the rows of a run; returns the verdict."""
        plan = plan_undo(
            conn,
            self.project.contract,
            load_run_rows(conn, run.run_id),
            trusted_xmins(conn, run),
            self.request.options,
            environment=self.environment.name,
            run=run,
            lock=self.request.apply,
        )
        self.steps = report.removal_steps(plan, done=self.request.apply and plan.possible)
        if not plan.possible:
            return report.refused_verdict(applied=self.request.apply)
        if not self.request.apply:
            return report.removal_preview(plan)
        digest = store_removed_rows(conn, self.id, plan)
        others = remove_rows(conn, plan)
        rows = {table.name: {"removed": table.removed, "kept": table.rows_kept} for table in plan.tables}
        self.record(conn, "undone", rows, others, {"types": _removed_types(plan), **self.options()}, digest)
        return report.removed_verdict(plan, self.id, self.environment.name, self.commit(conn))

    def restore(self, conn: Connection, run: Run, undo: Run) -> str:
        """Restore the rows that an undo removed; returns the verdict."""
        plan = plan_restore(conn, self.project.contract, read_removed_rows(conn, undo), lock=self.request.apply)
        self.steps = report.restore_steps(plan, done=self.request.apply and plan.possible)
        if not plan.possible:
            return report.refused_verdict(applied=self.request.apply)
        if not self.request.apply:
            return report.restore_preview(plan)
        others = restore_rows(conn, plan)
        self.record(conn, "restored", {table.name: {"restored": table.removed.count} for table in plan.tables}, others)
        return report.restored_verdict(plan, run, self.id, self.commit(conn))

    def record(
        self,
        conn: Connection,
        kind: Kind,
        rows: Mapping[str, Mapping[str, int]],
        others: Mapping[str, WriteDelta],
        details: Mapping[str, object] | None = None,
        digest: str | None = None,
    ) -> None:
        """Add the event to the ledger in the transaction of the rows; writes to other tables get a step."""
        self.steps += report.trigger_write_step(others)
        add_event(conn, self.event(kind, self.request.reason, details or {}, rows), digest)

    def record_attempt(
        self, kind: Kind, reason: str, findings: Sequence[Mapping[str, str]] = (), *, conn: Connection | None = None
    ) -> None:
        """Add the event of an attempt that changed nothing in a transaction of its own; a step says if that failed."""
        if not self.attempt_open or self.committed:
            return
        self.attempt_open = False
        details = {**self.options(), "findings": list(findings)} if findings else self.options()
        try:
            event = self.event(kind, reason, details)
            failure = add_event_separately(self.project, self.environment, event, conn=conn, admin=True)
        except KeyboardInterrupt:
            failure = "stopped"
        if failure:
            self.steps += (report.unrecorded_step(kind, failure),)

    def event(
        self,
        kind: Kind,
        reason: str,
        details: Mapping[str, object],
        rows: Mapping[str, Mapping[str, int]] | None = None,
    ) -> Event:
        """The event of this command; without a subject where that was not found yet."""
        subject = self.subject
        return Event(
            kind,
            self.id,
            self.environment.name,
            subject=(subject.undo or subject.run).run_id if subject else None,
            file_name=subject.run.latest("file_name") if subject else None,
            file_sha256=subject.run.latest("file_sha256") if subject else None,
            roots=self.roots if subject else None,
            rows=rows,
            seconds=time.perf_counter() - self.begun,
            reason=self.project.redact(reason) or None,
            configuration=fingerprint(self.project, self.environment),
            details=details,
        )

    def options(self) -> dict[str, object]:
        """The options, as the ledger keeps them."""
        options = self.request.options
        return {"accepted": sorted(options.accept), "keep_shared": options.keep_shared}

    def commit(self, conn: Connection) -> str:
        """COMMIT; returns what to say of its proof."""
        change = f"undone as {self.id[:SHORT]}"
        with current().held():
            proof = commit_with_proof(conn, self.project, self.environment, self.id, change, admin_session)
            self.committed = True
        return proof


def _reasons(steps: Sequence[StepResult]) -> tuple[str, list[dict[str, str]]]:
    """The findings that prevented it: in one line, and as the ledger keeps them."""
    findings = [finding for step in steps for finding in step.findings if finding.severity is Severity.ERROR]
    details = [{"code": finding.code, "fact": finding.message, "at": ""} for finding in findings]
    return "; ".join(f"{finding.code}: {finding.message}" for finding in findings), details


def _removed_types(plan: UndoPlan) -> dict[str, dict[str, str]]:
    """The types of the columns of removed rows by table, so that they are not restored as other types later."""
    return {
        table_plan.name: {name: table.columns[name].type for name in table.stored}
        for table_plan in plan.removals
        if (table := table_plan.rows.table) is not None
    }
