"""`promote undo`: what would go, or come again; and doing it, in one transaction of the owner under the lock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from minerva_promote.config.fingerprint import fingerprint
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import acquire_target_lock, announce_run
from minerva_promote.database.session import Connection, admin_session, begin, begin_view, rollback
from minerva_promote.errors import OutcomeUnknown, PromoteError, TargetError, UsageError
from minerva_promote.ledger.commit_proof import commit_with_proof, session_name
from minerva_promote.ledger.events import Event, Kind, add_event, add_event_separately
from minerva_promote.ledger.install import require_ledger
from minerva_promote.ledger.roots import read_roots
from minerva_promote.ledger.run_rows import load_run_rows
from minerva_promote.ledger.verify import require_intact
from minerva_promote.results import Outcome, RunResult, Severity, StepResult
from minerva_promote.signals import current, signal_name
from minerva_promote.text_format import counted
from minerva_promote.undo.find_run import UndoSubject, event_of, find_undo_subject
from minerva_promote.undo.plan import UndoOptions, UndoPlan, plan_undo
from minerva_promote.undo.remove import keep_rows, remove_rows
from minerva_promote.undo.removed_rows import read_removed_rows
from minerva_promote.undo.report import NOTHING, removal_steps, restore_steps, trigger_write_step
from minerva_promote.undo.restore import plan_restore, restore_rows
from minerva_promote.undo.rows_to_remove import trusted_xmins
from minerva_promote.undo.table_checksums import WriteDelta


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """What was asked for."""

    prefix: str  # of a run's id, or of an undo's
    choices: UndoOptions
    apply: bool
    reason: str = ""


def undo(project: Project, environment: Environment, asked: UndoRequest) -> RunResult:
    """Show, or do. What stands against it closes the gate and is in the result.

    Raises UsageError, TargetError (nothing was changed) and OutcomeUnknown.
    """
    return _UndoCommand(project, environment, asked).run()


class _UndoCommand:
    def __init__(self, project: Project, environment: Environment, asked: UndoRequest) -> None:
        self.project = project
        self.environment = environment
        self.asked = asked
        self.id = str(uuid4())  # its event in the ledger proves the COMMIT
        self.committed = False
        self.possible = False  # whether there is a ledger to tell of an attempt
        self.subject: UndoSubject | None = None
        self.roots: tuple[str, ...] = ()
        self.begun = time.perf_counter()
        self.steps: tuple[StepResult, ...] = ()

    def run(self) -> RunResult:
        try:
            return self.carry_out()
        except (UsageError, OutcomeUnknown):  # nothing was attempted; or nobody knows what became of it
            raise
        except (KeyboardInterrupt, PromoteError) as stop:
            reason = stop.message if isinstance(stop, PromoteError) else f"stopped by {signal_name(stop)}"
            self.record_attempt("failed", reason)
            raise
        except Exception as error:
            self.record_attempt("failed", f"a fault of promote itself: {type(error).__name__}")
            raise

    def carry_out(self) -> RunResult:
        """All of it."""
        name = session_name(self.id) if self.asked.apply else "promote undo"
        with admin_session(self.project, self.environment, application=name) as conn:
            require_ledger(conn, self.environment.name)
            self.possible = self.asked.apply
            if self.asked.apply:
                begin(conn)
            else:
                begin_view(conn)
            try:
                if self.asked.apply:
                    announce_run(conn, self.id)
                    acquire_target_lock(conn)
                subject = self.subject = find_undo_subject(conn, self.asked.prefix, self.environment.name)
                require_intact(conn, [each.run_id for each in (subject.run, subject.undo) if each])
                self.roots = read_roots(conn, event_of(subject.run, "committed"))
                verdict = self.restore_rows(conn, subject) if subject.undo else self.undo(conn, subject)
            except TargetError as error:
                if NOTHING not in error.message:
                    error.message += f"; {NOTHING}" + (" (rolled back)" if self.asked.apply else "")
                raise
            finally:
                if not self.committed:
                    rollback(conn)
            if not self.committed:
                reason, findings = _against(self.steps)
                self.record_attempt("refused", reason, findings, conn=conn)
        return RunResult(
            "undo",
            self.environment.name,
            "",
            subject.title,
            self.steps,
            verdict,
            changed=self.committed,
            data={
                "id": self.id if self.committed else None,
                "run": subject.run.run_id,
                "undo": subject.undo.run_id if subject.undo else None,
                "applied": self.committed,
                "seconds": round(time.perf_counter() - self.begun, 3),
            },
        )

    def undo(self, conn: Connection, subject: UndoSubject) -> str:
        """The rows of a run go; the verdict."""
        plan = plan_undo(
            conn,
            self.project.contract,
            load_run_rows(conn, subject.run.run_id),
            trusted_xmins(conn, subject.run),
            self.asked.choices,
            environment=self.environment.name,
            run=subject.run,
            lock=self.asked.apply,
        )
        self.steps = removal_steps(plan, done=self.asked.apply and plan.possible)
        if not plan.possible:
            return self.refused()
        if not self.asked.apply:
            return f"{counted(plan.removed, 'rows')} would go; {NOTHING}: --apply removes them"
        digest = keep_rows(conn, self.id, plan)
        others = remove_rows(conn, plan)
        rows = {each.name: {"removed": each.removed, "kept": each.rows_kept} for each in plan.tables}
        self.record(conn, subject, rows, others, types=_types(plan), digest=digest)
        short = self.id[:8]
        how = f"promote undo --env {self.environment.name} {short} brings them back"
        return f"undone as {short}{self.commit(conn)}: {counted(plan.removed, 'rows')} removed; {how}"

    def restore_rows(self, conn: Connection, subject: UndoSubject) -> str:
        """The rows that an undo removed come again; the verdict."""
        assert subject.undo is not None
        kept = read_removed_rows(conn, subject.undo)
        plan = plan_restore(conn, self.project.contract, kept, lock=self.asked.apply)
        self.steps = restore_steps(plan, done=self.asked.apply and plan.possible)
        if not plan.possible:
            return self.refused()
        if not self.asked.apply:
            return f"{counted(plan.rows, 'rows')} would come again; {NOTHING}: --apply puts them back"
        others = restore_rows(conn, plan)
        self.record(conn, subject, {each.name: {"restored": each.kept.count} for each in plan.tables}, others)
        run = subject.run.short
        proof = self.commit(conn)
        return f"taken back as {self.id[:8]}{proof}: {counted(plan.rows, 'rows')} put back; run {run} stands again"

    def refused(self) -> str:
        """The verdict when something stands against it."""
        return f"gate closed: {NOTHING}" + (" (rolled back)" if self.asked.apply else "")

    def record(
        self,
        conn: Connection,
        subject: UndoSubject,
        rows: Mapping[str, Mapping[str, int]],
        others: Mapping[str, WriteDelta],
        types: Mapping[str, Mapping[str, str]] | None = None,
        digest: str | None = None,
    ) -> None:
        """The event of the ledger, in the transaction of the rows; and what else was written is told."""
        self.steps += trigger_write_step(others)
        details = {} if types is None else {"types": types, **self.choices()}
        kind: Kind = "undone" if subject.undo is None else "restored"
        add_event(conn, self.event(kind, self.asked.reason, details, rows), digest)

    def record_attempt(
        self, kind: Kind, reason: str, findings: Sequence[Mapping[str, str]] = (), *, conn: Connection | None = None
    ) -> None:
        """The event of an attempt that changed nothing, in a transaction of its own; if that cannot be, it is said."""
        if not self.possible or self.committed:
            return
        self.possible = False
        details = {**self.choices(), "findings": list(findings)} if findings else self.choices()
        try:
            event = self.event(kind, reason, details)
            why_not = add_event_separately(self.project, self.environment, event, conn=conn, admin=True)
        except KeyboardInterrupt:
            why_not = "stopped"
        if why_not:
            self.steps += (StepResult("ledger", kind, Outcome.WARN, f"could not be recorded: {why_not}"),)

    def event(
        self,
        kind: Kind,
        reason: str,
        details: Mapping[str, object],
        rows: Mapping[str, Mapping[str, int]] | None = None,
    ) -> Event:
        """What the ledger is told."""
        subject = self.subject
        of = subject and (subject.undo or subject.run)
        return Event(
            kind,
            self.id,
            self.environment.name,
            subject=of.run_id if of else None,
            file_name=subject.run.latest("file_name") if subject else None,
            file_sha256=subject.run.latest("file_sha256") if subject else None,
            roots=self.roots if subject else None,
            rows=rows,
            seconds=time.perf_counter() - self.begun,
            reason=self.project.redact(reason) or None,
            configuration=fingerprint(self.project, self.environment),
            details=details,
        )

    def choices(self) -> dict[str, object]:
        """What was asked for, for the ledger."""
        choices = self.asked.choices
        return {"accepted": sorted(choices.accept), "keep_shared": choices.keep_shared}

    def commit(self, conn: Connection) -> str:
        """COMMIT; what is to be said of its proof."""
        change = f"undone as {self.id[:8]}"
        with current().held():
            proof = commit_with_proof(conn, self.project, self.environment, self.id, change, admin_session)
            self.committed = True
        return proof


def _against(steps: Sequence[StepResult]) -> tuple[str, list[dict[str, str]]]:
    """What stood against it: in one line, and finding by finding."""
    found = [each for step in steps for each in step.findings if each.severity is Severity.ERROR]
    told = [{"code": each.code, "fact": each.message, "at": ""} for each in found]
    return "; ".join(f"{each.code}: {each.message}" for each in found), told


def _types(plan: UndoPlan) -> dict[str, dict[str, str]]:
    """The types of the columns that are kept, so that nobody reads them as others later."""
    return {
        each.name: {name: each.going.table.columns[name].type for name in each.going.table.stored}
        for each in plan.going
        if each.going.table is not None
    }
