"""`promote check`: the checks of the project, run against an environment without changing anything, or listed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output
from minerva_promote.cli.printing import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minerva_promote.checks.file_facts import FileFacts
    from minerva_promote.config.models.project import LocatedCheck, Stage
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.results import Outcome, RunResult, StepResult

STAGES = ("preflight", "before_commit", "after_commit", "monitor")
LIST_VERSION = 1  # of the JSON that --list prints


@click.command()
@env_argument
@env_option
@click.option("--only", multiple=True, metavar="NAME", help="Run this check only; may be given several times.")
@click.option("--stage", type=click.Choice(STAGES), help="Run the checks of one stage; all of them when left out.")
@click.option(
    "--file",
    "export",
    type=click.Path(readable=False, path_type=Path),
    help="An export file: look at its books only, and compare with its numbers.",
)
@click.option("--repair", is_flag=True, help="Read the file with the repairs of promote.yaml.")
@click.option("--list", "listed", is_flag=True, help="List the checks, and run none.")
@format_option
def check(
    environment: str | None,
    option: str | None,
    only: tuple[str, ...],
    stage: Stage | None,
    export: Path | None,
    repair: bool,
    listed: bool,
    form: str,
) -> None:
    """Run the checks against an environment, each in a read-only transaction; or list them.

    Exits with 1 when a check fails or could not look, and when there is no check to run.

    \b
    Examples:
      promote check --list
      promote check --env test-prod
      promote check --env test-prod --only chunks_without_embedding
      promote check --env prod --stage before_commit --file export.sql
    """
    from minerva_promote.checks.prepare import select
    from minerva_promote.results import RunResult, StepResult

    project = load_project()
    if listed:
        say(_listing(select(project.checks, stage, only), form))
        return
    target = environment_of(project, environment, option)
    facts = _facts(project, export, repair) if export else None
    if isinstance(facts, StepResult):
        result = RunResult("check", target.name, steps=(facts,), verdict=_verdict([]))
    else:
        result = check_environment(project, target, stage, facts, only)
    output(result, form)


def check_environment(
    project: Project, environment: Environment, stage: Stage | None, facts: FileFacts | None, only: Iterable[str] = ()
) -> RunResult:
    """The result of the checks as the import role; an empty or wholly skipped set closes the gate."""
    from minerva_promote.checks.prepare import prepare_checks
    from minerva_promote.checks.run import nothing_checked, run_check
    from minerva_promote.database.session import import_session
    from minerva_promote.results import Outcome, RunResult
    from minerva_promote.search.lint import lint_steps
    from minerva_promote.setup.readiness import ensure_ready

    prepared = prepare_checks(project, environment, stage, facts, run_id="", only=only)
    unready = [step for step in ensure_ready(project, environment) if step.outcome.closes_gate]
    if unready:
        return RunResult("check", environment.name, steps=tuple(unready), verdict=_verdict([]))
    with import_session(project, environment) as connection:
        searches = (
            lint_steps(connection, project, environment.name) if not only and stage in (None, "preflight") else ()
        )
        steps = [*searches, *(run_check(connection, each) for each in prepared)]
    looked = [step for step in steps if step.outcome is not Outcome.SKIP]
    if not looked:
        steps.append(nothing_checked(len(steps), stage))
    return RunResult(
        command="check",
        environment=environment.name,
        title=f"export {facts.name}" if facts else "",
        steps=tuple(steps),
        verdict=_verdict([step.outcome for step in looked]),
    )


def _verdict(outcomes: list[Outcome]) -> str:
    """The last line, over the checks that looked: "gate closed: 2 of 18 checks failed"."""
    if not outcomes:
        return "gate closed: nothing was checked"
    checks = "1 check" if len(outcomes) == 1 else f"{len(outcomes)} checks"
    failed = sum(outcome.closes_gate for outcome in outcomes)
    warned = sum(outcome == "WARN" for outcome in outcomes)
    if failed:
        return f"gate closed: {failed} of {checks} failed"
    return f"gate open: {checks} passed" + (f", {warned} with a warning" if warned else "")


def _facts(project: Project, export: Path, repair: bool) -> FileFacts | StepResult:
    """What the checks may know of the file; of a refused one, the step that says so."""
    from minerva_promote.checks.file_facts import FileFacts
    from minerva_promote.config.snapshot_file import read_snapshot
    from minerva_promote.exportfile.validation import validate
    from minerva_promote.results import Outcome, StepResult

    snapshot = read_snapshot(project.root / project.contract.snapshot, project.variables)
    found = validate(export, project.contract, snapshot, repair=repair, connected=True)
    if found.accepted:
        return FileFacts.of(found.manifest)
    detail = f"{found.error_count:,} {'finding' if found.error_count == 1 else 'findings'}"
    hint = f"promote validate {export}"
    return StepResult("validate", export.name, Outcome.FAIL, detail, hint=hint, findings=found.errors)


def _listing(checks: tuple[LocatedCheck, ...], form: str) -> str:
    """All that is known about the checks without a database."""
    entries = [_entry(placed) for placed in checks]
    if form == "json":
        import json

        return json.dumps({"version": LIST_VERSION, "command": "check --list", "checks": entries}, indent=2)
    if not entries:
        return "no check is declared; add one to checks/*.yaml"
    width = max(len(entry["name"]) for entry in entries)
    lines = []
    for stage in STAGES:
        there = [entry for entry in entries if entry["stage"] == stage]
        lines += [stage] if there else []
        for entry in there:
            facts = [entry["threshold"], entry["only"]]
            lines.append(f"  {entry['name']:<{width}}  {'; '.join(filter(None, facts))}")
            lines += [f"  {'':<{width}}  {entry[key]}" for key in ("description", "at") if entry[key]]
    return "\n".join(lines)


def _entry(placed: LocatedCheck) -> dict[str, Any]:
    from minerva_promote.checks.thresholds import describe

    check = placed.check
    where = [f"kind {check.when.kind}"] if check.when.kind else []
    return {
        "name": check.name,
        "stage": check.stage,
        "probe": check.probe,
        "threshold": describe(check.expect, check.warn),
        "only": f"only for {', '.join((*where, *check.when.environments))}" if where or check.when.environments else "",
        "description": check.description,
        "at": str(placed.at),
    }
