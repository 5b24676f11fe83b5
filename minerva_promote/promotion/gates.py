"""What has to be so before the first row, besides the target itself: another environment's word, a plan, a backup."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from minerva_promote.database.database_identity import whereabouts
from minerva_promote.database.session import Connection
from minerva_promote.errors import FileError, Location
from minerva_promote.exportfile.validation import Validation
from minerva_promote.ledger.recent_changes import describe_changes, latest_changes
from minerva_promote.load.load_result import LoadResult
from minerva_promote.promotion.backup import backup_steps
from minerva_promote.promotion.dry_plan import recompute_plan
from minerva_promote.promotion.import_steps import Importing
from minerva_promote.promotion.plan_digest import Digest, PlannedTarget, parse_digest, plan_differences
from minerva_promote.promotion.required_environment import required_step
from minerva_promote.promotion.second_pass import file_changed_error
from minerva_promote.results import Finding, Outcome, StepResult


class Gates:
    """The gates of one run. A file that is validated while its rows go in is hashed first, where a gate is about it."""

    def __init__(self, run: Importing) -> None:
        self._run = run
        self._project = run.project
        self._environment = run.environment
        self._plan = run.plan
        self.details: dict[str, object] = {}  # what the ledger is to know of them
        self._sha256 = ""  # that the gates were opened for
        self._planned: PlannedTarget | None = None
        self._wanted = parse_digest(run.plan.digest) if run.plan.digest else None

    def before_rows(self, conn: Connection, found: Validation | None) -> None:
        """All of them, outside any transaction; raises Closed when one is shut."""
        if self._environment.requires is not None or self._wanted is not None:
            self._sha256 = found.manifest.sha256 if found else hash_of(self._plan.file)
        if self._environment.requires is not None:
            here = whereabouts(conn)
            step = required_step(self._project, self._environment, here, self._plan.file, self._sha256)
            self._run.record(step)
            self.details["requires"] = dict(step.data)
        if self._wanted is not None:
            self._run.record(self._compare_with_plan(self._wanted))
            self.details["plan"] = str(self._wanted)
        self._run.stop_if_closed()
        backup = backup_steps(
            self._project, self._environment, conn, self._plan.run_id, self._run.watch, rehearsal=self._plan.dry_run
        )
        for step in backup:
            self._run.record(step)
            if "bytes" in step.data:
                self.details["backup"] = {"file": Path(step.data["file"]).name, "bytes": step.data["bytes"]}
        self._run.stop_if_closed()

    def before_commit(self, conn: Connection, found: Validation, loaded: LoadResult) -> None:
        """Once more, under the lock: what was promised is what was done. Raises FileError and Closed."""
        if self._sha256 and found.manifest.sha256 != self._sha256:
            raise file_changed_error(self._plan.file)
        if self._planned is None:
            return
        now = latest_changes(conn)
        since = [change for change in now if change not in self._planned.changes]
        numbers = loaded.as_numbers()
        other = [name for name, each in self._planned.counts.items() if each.known and each.new != numbers[name]["new"]]
        if since:
            self._closed(f"the target has had {describe_changes(since)} since")
        elif other:
            fact = f"other rows are new than was planned: {', '.join(other)}"
            self._closed(f"{fact}; somebody else has written to the target since")

    def _compare_with_plan(self, wanted: Digest) -> StepResult:
        again = recompute_plan(self._project, self._environment, self._plan, self._run.watch)
        if again.digest is None or again.state is None:
            return self._step(Finding("plan", "no plan can be made any more: promote plan says why"))
        file, environment = self._plan.file.name, self._environment.name
        findings = plan_differences(wanted, again.digest, again.state, file, environment)
        self._planned = again.state
        return self._step(*findings)

    def _step(self, *findings: Finding) -> StepResult:
        if not findings:
            return StepResult("plan", self._plan.digest, Outcome.OK, "file, configuration and target are as planned")
        file = shlex.quote(str(self._plan.file)) + (" --repair" if self._plan.repair else "")
        hint = f"look at it again: promote plan --env {self._environment.name} --file {file}"
        return StepResult("plan", self._plan.digest, Outcome.FAIL, hint=hint, findings=findings)

    def _closed(self, fact: str) -> None:
        self._run.record(self._step(Finding("plan-target", fact)))
        self._run.stop_if_closed()


def hash_of(path: Path) -> str:
    """The sha256 of a file, in hex. Raises FileError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FileError(f"cannot be read: {reason}", at=Location(str(path))) from error
