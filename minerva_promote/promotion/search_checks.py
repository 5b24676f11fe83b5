"""The checks of a run that concern vector searches: declared searches, embedding space, stale indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.connection import Connection
from minerva_promote.embedding.check import space_step
from minerva_promote.embedding.file_sample import SpaceCollector
from minerva_promote.embedding.target_sample import FileRows
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.index_health.after_import import State, rebuild_if_needed, stale_after_import
from minerva_promote.progress import ProgressListener
from minerva_promote.results import Outcome, Severity, StepResult
from minerva_promote.search.lint import lint_searches
from minerva_promote.search.report import lint_step


class Searches:
    """Keeps a sample of the file's vectors while it is read."""

    def __init__(self, project: Project, environment: Environment, snapshot: Snapshot) -> None:
        self._project = project
        self._environment = environment
        self._collector = SpaceCollector(project.contract, snapshot)
        self.left_to_do = ""  # after the commit, for the verdict

    def sampling_sink(self, sink: Callable[[Row], object]) -> Callable[[Row], None]:
        """A sink for every row of one reading of the file."""
        add = self._collector.add

        def both(row: Row) -> None:
            sink(row)
            add(row)

        return both

    def lint_declared_searches(self, conn: Connection) -> Iterator[StepResult]:
        """Warnings for declared searches that no index can serve; no import makes them worse.

        Findings about the indexes themselves follow after the commit, and by `promote check`.
        """
        for result in lint_searches(conn, self._project):
            step = lint_step(result, self._environment.name)
            if step.outcome.closes_gate:
                yield _warned(step)

    def embedding_space_step(self, conn: Connection, file: FileRows) -> StepResult:
        """Whether the file's vectors are of the model that the target's are of."""
        timeout = self._environment.timeouts.check
        tables = " or ".join(self._project.contract.root_tables) or "rows"
        step = space_step(conn, self._collector.samples(), file, timeout, root_table=tables)
        return _warned(step) if self._environment.space == "warn" else step

    def indexes(self, conn: Connection, new: Mapping[str, int], listener: ProgressListener) -> Iterator[StepResult]:
        """Vector indexes that the committed rows made stale, and their rebuild where the environment asks for it."""
        stale = stale_after_import(conn, new, new)
        if not stale:
            return
        from minerva_promote.index_health.after_import_report import after_import_finding

        findings = tuple(after_import_finding(result, self._environment.name) for result in stale)
        yield StepResult("index", "vector indexes", Outcome.WARN, findings=findings)
        if self._environment.index.rebuild != "auto":
            if any(result.state is State.BUILT_EMPTY for result in stale):
                self.left_to_do = (
                    f"; searches will miss rows until promote index --env {self._environment.name} --apply"
                )
        else:
            yield from rebuild_if_needed(self._project, self._environment, listener)


def _warned(step: StepResult) -> StepResult:
    """The step with its findings as warnings, which close no gate."""
    if not step.outcome.closes_gate:
        return step
    findings = tuple(replace(finding, severity=Severity.WARN) for finding in step.findings)
    return replace(step, outcome=Outcome.WARN, findings=findings)
