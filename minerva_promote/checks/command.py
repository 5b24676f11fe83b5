"""`promote check` and `promote golden record`: the checks of a project outside a run. They change no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.checks.prepare import prepare_checks
from minerva_promote.checks.record_golden import golden_check, read_vectors, record_golden
from minerva_promote.checks.report import check_verdict, record_verdict, refused_file_step
from minerva_promote.checks.run import nothing_checked, run_check
from minerva_promote.database.session import import_session
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.search.lint import lint_searches
from minerva_promote.search.report import lint_step

if TYPE_CHECKING:
    from minerva_promote.config.models.project import Stage
    from minerva_promote.config.project import Environment, Project

# The steps of making an environment ready; those that close the gate say why it is not.
EnsureReady = Callable[["Project", "Environment"], Iterable[StepResult]]


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """Which checks to run, and the export file that they are about."""

    stage: Stage | None = None  # None: all
    only: tuple[str, ...] = ()  # names of checks; none: all
    export: Path | None = None
    repair: bool = False  # read the file with the repairs of the contract


def check(project: Project, environment: Environment, request: CheckRequest, ensure_ready: EnsureReady) -> RunResult:
    """Run the checks as the import role, each in a read-only transaction of its own.

    The gate is closed when the file is refused, when the environment is not ready, and when no check was run. Raises
    UsageError for an unknown check, and ConfigErrors with every fault of the checks and their templates.
    """
    facts = _file_facts(project, request)
    if isinstance(facts, StepResult):
        return RunResult("check", environment.name, steps=(facts,), verdict=check_verdict(()))
    prepared = prepare_checks(project, environment, request.stage, facts, run_id="", only=request.only)
    if failures := _readiness_failures(project, environment, ensure_ready):
        return RunResult("check", environment.name, steps=failures, verdict=check_verdict(()))
    lint = not request.only and request.stage in (None, "preflight")
    with import_session(project, environment) as conn:
        results = [lint_step(result, environment.name) for result in lint_searches(conn, project)] if lint else []
        results += [run_check(conn, prepared_check) for prepared_check in prepared]
    outcomes = tuple(step.outcome for step in results if step.outcome is not Outcome.SKIP)
    if not outcomes:
        results.append(nothing_checked(len(results), request.stage))
    return RunResult(
        command="check",
        environment=environment.name,
        title=f"export {facts.name}" if facts else "",
        steps=tuple(results),
        verdict=check_verdict(outcomes),
    )


@dataclass(frozen=True, slots=True)
class GoldenRequest:
    """What `promote golden record` was asked to record."""

    check: str | None  # the golden check whose search is recorded; None: the only one
    queries: int  # stored vectors to search with
    k: int | None  # rows of each query; None: the LIMIT of the search
    vectors: Path | None = None  # a JSON file with the vectors to search with, in place of stored ones


def record(project: Project, environment: Environment, request: GoldenRequest, ensure_ready: EnsureReady) -> RunResult:
    """Write the golden file of a check: vectors with their exact results, read as the import role.

    Raises UsageError for a file of vectors that cannot be used and when it is not clear which check is meant.
    """
    vectors = read_vectors(request.vectors) if request.vectors else ()
    prepared, k = golden_check(project, environment, request.check, request.queries, request.k)
    steps = _readiness_failures(project, environment, ensure_ready)
    if not steps:
        with import_session(project, environment) as conn:
            steps = (record_golden(conn, prepared, k, vectors),)
    return RunResult("golden record", environment.name, steps=steps, verdict=record_verdict(steps))


def _file_facts(project: Project, request: CheckRequest) -> FileFacts | StepResult | None:
    """What the checks may know of the file; the step that says so when it is refused; None without a file."""
    if request.export is None:
        return None
    from minerva_promote.config.snapshot_file import read_snapshot
    from minerva_promote.exportfile.validation import validate

    snapshot = read_snapshot(project.root / project.contract.snapshot, project.variables)
    validation = validate(request.export, project.contract, snapshot, repair=request.repair, connected=True)
    if validation.accepted:
        return FileFacts.of(validation.manifest)
    return refused_file_step(request.export, validation)


def _readiness_failures(
    project: Project, environment: Environment, ensure_ready: EnsureReady
) -> tuple[StepResult, ...]:
    return tuple(step for step in ensure_ready(project, environment) if step.outcome.closes_gate)
