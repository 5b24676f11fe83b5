"""What a run would do, in its order, with the digest of all that it relies on. Reads only, and holds no lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from minerva_promote.checks.prepare import PreparedCheck
from minerva_promote.checks.run import nothing_checked, run_prepared
from minerva_promote.config.models.project import Stage
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch
from minerva_promote.database.session import Connection, import_session
from minerva_promote.exportfile.byte_window import open_export
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.validation import Validation
from minerva_promote.preflight.target_state import TargetState, read_target_state
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion.backup import backup_steps
from minerva_promote.promotion.existing_keys import ExistingKeyCounter, KeyCounts
from minerva_promote.promotion.import_steps import Importing
from minerva_promote.promotion.plan_digest import Digest, PlannedTarget, digest_of, read_planned_target
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.required_environment import required_step
from minerva_promote.promotion.search_checks import Searches
from minerva_promote.promotion.step_log import GateClosed
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.search.vector_indexes import read_indexes
from minerva_promote.setup.readiness import readiness_failures
from minerva_promote.text_format import counted, shell_word, size

STAGES = {"before_commit": "before COMMIT", "after_commit": "after COMMIT"}
_SIZE = b"select pg_catalog.pg_database_size(pg_catalog.current_database()) as bytes"


@dataclass(frozen=True, slots=True)
class PlanSnapshot:
    """What was looked at; the digest is None when the gate would close before the rows."""

    digest: Digest | None
    state: PlannedTarget | None


def dry_plan(project: Project, environment: Environment, plan: PromotionRequest, watch: ProgressListener) -> RunResult:
    """The steps of a run that is not made. Raises FileError and TargetError."""
    return _Foreseeing(project, environment, plan, watch).run()


def recompute_plan(
    project: Project, environment: Environment, plan: PromotionRequest, watch: ProgressListener
) -> PlanSnapshot:
    """The digest as it is now, for a run that was given one; nothing is told."""
    again = _Foreseeing(project, environment, plan, _QuietProgress(watch))
    again.run()
    return PlanSnapshot(again.digest, again.state)


class _Foreseeing(Importing):
    def __init__(
        self, project: Project, environment: Environment, plan: PromotionRequest, watch: ProgressListener
    ) -> None:
        super().__init__(project, environment, replace(plan, run_id=""), watch)
        self.digest: Digest | None = None
        self.state: PlannedTarget | None = None

    def run(self) -> RunResult:
        try:
            verdict = self.all()
        except GateClosed:
            verdict = "gate closed: a run would change nothing"
        data = {"digest": str(self.digest or ""), "open": self.digest is not None}
        return RunResult("plan", self.environment.name, "", self.title, tuple(self.steps), verdict, data=data)

    def all(self) -> str:
        """Step by step as a run; the verdict."""
        open_export(self.plan.file).close()
        self.record_all(readiness_failures(self.project, self.environment))
        self.stop_if_closed()
        with import_session(self.project, self.environment, application="promote plan") as conn:
            outlook = read_target_state(conn, self.project, self.environment)
            if outlook.not_importable:
                self.close_gate_unfit_target(outlook)
            state = read_planned_target(conn, outlook, {})  # before the keys: what comes between is found out
            self.record(_target(state))
            found, counts = self.read(conn, outlook)
            self.state = state = replace(state, counts=counts)
            self.gates(conn, state, found)
            self.stop_if_closed()
            if self.environment.rehearse_undo:
                self.record(StepResult("rehearsal", "undo", Outcome.WILL, "rows in, out again, and all is as before"))
            self.record(StepResult("ledger", "started", Outcome.WILL, "who, when, which file, before the first row"))
            self.record_all(self.rows(conn, counts, found))
            self.record_all(self.planned_checks(counts))
            self.stop_if_closed()
        sha256 = found.manifest.sha256
        self.digest = digest_of(self.project, self.environment, sha256, state, repair=self.plan.repair)
        return f"gate open so far; to do exactly this: {self.command(self.digest)}"

    def read(self, conn: Connection, outlook: TargetState) -> tuple[Validation, Mapping[str, KeyCounts]]:
        """The file against the target, and its keys."""
        self.searches = Searches(self.project, self.environment, outlook.snapshot)
        needs, keys = self.needs(outlook), ExistingKeyCounter(conn, self.project.contract, outlook)

        def see(row: Row) -> None:
            needs.add(row)
            keys.add(row)

        found = self.validate(outlook, "validate", see)
        self.preflight_step((*outlook.findings, *needs.findings(), *self.shared_rows(conn, outlook, found)))
        self.record_all(self.searches.lint_declared_searches(conn))
        self.prepare(found)
        self.record_all(run_prepared(conn, self.of_stage("preflight"), "preflight"))
        self.stop_if_closed()
        return found, keys.counted()

    def of_stage(self, stage: Stage) -> list[PreparedCheck]:
        """The checks of a stage."""
        return [each for each in self.prepared if each.check.stage == stage]

    def gates(self, conn: Connection, state: PlannedTarget, found: Validation) -> None:
        """What the environment asks for before it takes a file."""
        if self.environment.requires is not None:
            sha256 = found.manifest.sha256
            self.record(required_step(self.project, self.environment, state.where, self.plan.file, sha256))
        run = "00000000"
        self.record_all(backup_steps(self.project, self.environment, conn, run, self.watch, rehearsal=True))

    def rows(self, conn: Connection, counts: Mapping[str, KeyCounts], found: Validation) -> Iterator[StepResult]:
        """What would become of the rows, of the space, and of the vector indexes."""
        for table, each in counts.items():
            detail = f"{each.new:,} new, {each.there:,} already there"
            if not each.known:
                detail = f"{each.new:,} in the file; this role may not look which are there"
            data = {"new": each.new, "there": each.there, "known": each.known}
            yield StepResult("import", table, Outcome.WILL, detail, data=data)
        bytes_ = int(fetch(conn, _SIZE)[0]["bytes"])
        detail = f"{size(bytes_)} now; the file has {size(found.manifest.size)} of text"
        yield StepResult("space", "database", Outcome.WILL, detail, data={"bytes": bytes_})
        for index in read_indexes(conn, [table for table, each in counts.items() if each.new]):
            after = "rebuilt after COMMIT if it is stale" if self._rebuilds else "looked at after COMMIT"
            new = counted(counts[index.table].new, "new rows")
            detail = f"{index.method}, {index.parameters}; {new}; {after}"
            yield StepResult("index", index.name, Outcome.WILL, detail)

    @property
    def _rebuilds(self) -> bool:
        return self.environment.index.rebuild == "auto"

    def planned_checks(self, counts: Mapping[str, KeyCounts]) -> Iterator[StepResult]:
        """The checks of both stages with what they are held against, and the ledger."""
        before, after = self.of_stage("before_commit"), self.of_stage("after_commit")
        if any(each.new for each in counts.values()):
            detail = f"{STAGES['before_commit']}: of the model that the target's vectors are of"
            yield StepResult("check", "embedding space", Outcome.WILL, detail)
        yield from map(_check, before)
        if all(each.skip for each in before):
            yield nothing_checked(len(before), "before_commit")
        yield StepResult("ledger", "committed", Outcome.WILL, "the run and the keys of its rows, in their transaction")
        yield from map(_check, after)
        yield StepResult("ledger", "finished", Outcome.WILL, "the checks after COMMIT")

    def command(self, digest: Digest) -> str:
        """The run that does what was shown."""
        file = shell_word(str(self.plan.file)) + (" --repair" if self.plan.repair else "")
        yes = f" --yes {self.environment.name}" if self.environment.protected else ""
        return f"promote run --env {self.environment.name} --file {file}{yes} --plan {digest}"


def _check(prepared: PreparedCheck) -> StepResult:
    if prepared.skip:
        return StepResult("check", prepared.check.name, Outcome.SKIP, prepared.skip, location=prepared.at)
    detail = f"{STAGES[prepared.check.stage]}: {prepared.bounds.said}"
    return StepResult("check", prepared.check.name, Outcome.WILL, detail, location=prepared.at)


def _target(state: PlannedTarget) -> StepResult:
    major, minor = divmod(state.facts.version_num, 10_000)
    revision = ", ".join(state.revisions or ()) or "unknown"
    last = f"; last changed by {state.changes[0].description}" if state.changes else "; nothing was promoted to it yet"
    which = f"server {state.where.system_identifier}" if state.where.known else "a server that does not say which"
    detail = (
        f"{state.facts.role} on {which}, PostgreSQL {major}.{minor}, pgvector {state.facts.vector_version},"
        f" revision {revision}{last}"
    )
    data = {
        "database": state.where.database,
        "system_identifier": state.where.system_identifier,
        "version": state.facts.version_num,
        "revision": list(state.revisions or ()),
        "role": state.facts.role,
        "last_change": state.changes[0].run_id if state.changes else "",
    }
    return StepResult("target", state.where.database, Outcome.OK, detail, data=data)


class _QuietProgress:
    """Passes on how far it is, and nothing else."""

    def __init__(self, watch: ProgressListener) -> None:
        self._watch = watch

    def heading(self, environment: str, run_id: str, title: str) -> None:
        """Not told."""

    def step(self, step: StepResult) -> None:
        """Not told."""

    def progress(self, doing: str, done: int, total: int) -> None:
        """As it is."""
        self._watch.progress(doing, done, total)
