"""Reading the file and writing its rows: what of a run is about rows."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NoReturn

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.checks.prepare import prepare_checks
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.session import Connection, execute
from minerva_promote.errors import FileChanged, TargetError
from minerva_promote.exportfile.report import run_title, validate_step
from minerva_promote.exportfile.validation import Validation
from minerva_promote.ledger.run_rows import RowBatch
from minerva_promote.load.load_result import LoadResult
from minerva_promote.load.loader import Loader
from minerva_promote.preflight import server as preflight
from minerva_promote.preflight.row_privileges import RowPrivileges
from minerva_promote.preflight.target_state import TargetState
from minerva_promote.progress import ProgressListener
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.promotion.search_checks import Searches
from minerva_promote.promotion.second_pass import Sink, file_changed_error, require_same_file, reread_rows, table_steps
from minerva_promote.promotion.step_log import GateClosed, StepLog
from minerva_promote.results import Finding

CONSTRAINT_CLASSES = ("22", "23")  # sqlstates with which a server refuses data


class Importing(StepLog):
    """Validates the file of a plan and loads its rows."""

    searches: Searches

    def __init__(
        self, project: Project, environment: Environment, plan: PromotionRequest, watch: ProgressListener
    ) -> None:
        super().__init__(watch)
        self.project = project
        self.environment = environment
        self.plan = plan
        self.title = ""
        self.found: Validation | None = None  # what is known of the file, once it is
        self.loaded: LoadResult | None = None  # what became of its rows, once that is known
        self.inserted: tuple[RowBatch, ...] = ()  # those that are new
        self.types: dict[str, dict[str, str]] = {}  # of the columns that these were written to, by table

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

    def shared_rows(self, conn: Connection, outlook: TargetState, found: Validation) -> tuple[Finding, ...]:
        """What is wrong with shared rows that only the target has."""
        findings = preflight.shared_findings(conn, self.project.contract, outlook.snapshot, found)
        return preflight.placed(findings, self.environment)

    def needs(self, outlook: TargetState) -> RowPrivileges:
        """What will know which privileges the file takes."""
        return RowPrivileges(self.project.contract, outlook.privileges, outlook.role, self.environment.name)

    def close_gate_unfit_target(self, outlook: TargetState) -> NoReturn:
        """Close the gate of a target that takes no import; what a small file finds wrong with it is told along."""
        whole = set(self.project.contract.tables) <= set(outlook.snapshot.tables)
        # Without the extension its columns are gone too, and without its schema their types have other names.
        typed = not any(
            each.code == "extension" or "lacks USAGE on schema" in each.message for each in outlook.findings
        )
        if whole and typed and self.validates_first():
            with suppress(GateClosed):
                self.validate(outlook, "validate", lambda _: None)
        self.preflight_step(outlook.findings)
        raise GateClosed

    def validate(self, outlook: TargetState, doing: str, sink: Sink) -> Validation:
        """Read the file and tell the verdict; ``sink`` takes its rows meanwhile."""
        size = self.file_size()
        contract = self.project.contract
        try:
            found, step = validate_step(
                self.plan.file,
                contract,
                outlook.snapshot,
                repair=self.plan.repair,
                connected=True,
                tick=lambda done: self.watch.progress(doing, done, size),
                sink=sink,
            )
        except FileChanged:
            raise file_changed_error(self.plan.file) from None
        self.found = found
        biggest = max(found.manifest.rows, key=lambda table: found.manifest.rows[table])
        self.title = run_title(found.manifest, contract.roots.table, (biggest,))
        if self.plan.dry_run:
            self.title += "   dry run"
        self.watch.heading(self.environment.name, self.plan.run_id, self.title)
        self.record(step)
        self.stop_if_closed()
        return found

    def file_size(self) -> int:
        """Bytes; 0 for a file that cannot be looked at, which reading will tell."""
        try:
            return self.plan.file.stat().st_size
        except OSError:
            return 0

    def load(self, conn: Connection, outlook: TargetState, found: Validation | None) -> tuple[Validation, LoadResult]:
        """Rows and constraints; a row that the target refuses closes the gate."""
        begun = time.perf_counter()
        loader = Loader(conn, self.project.contract, outlook.snapshot, outlook.triggers)
        try:
            if found:
                self.read_again(outlook, found, loader.add)
            else:
                sink = self.needs(outlook).checked_sink(loader.add, self.preflight_step)
                found = self.validate(outlook, "import", self.searches.sampling_sink(sink))
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
            raise GateClosed from error
        if loaded.clean:
            self.check_constraints(conn)
            loader.verify()
        self.loaded, self.inserted = loaded, loader.inserted.pieces()
        for piece in self.inserted:
            known = outlook.snapshot.tables[piece.table].columns
            names = (*piece.key_columns, *piece.columns)
            self.types.setdefault(piece.table, {}).update({name: known[name].type for name in names})
        self.tell(loaded, begun)
        self.stop_if_closed()
        return found, loaded

    def tell(self, loaded: LoadResult, begun: float) -> None:
        """What became of the rows."""
        self.record_all(table_steps(self.plan, self.project.contract, loaded, time.perf_counter() - begun))

    def read_again(self, outlook: TargetState, found: Validation, sink: Sink) -> None:
        """The second reading of a file that was validated before."""
        reread_rows(
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
            raise GateClosed from error
