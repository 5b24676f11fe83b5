"""`promote validate`: export files against the contract, without a database."""

from __future__ import annotations

from pathlib import Path

import click

from minerva_promote.cli.common import format_option, load_project, output


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path), metavar="FILE...")
@click.option("--repair", is_flag=True, help="Mend the known faults of old exporters; each is told as a warning.")
@format_option
def validate(files: tuple[Path, ...], repair: bool, form: str) -> None:
    """Read export files and name every fault, with its place and the way out. Needs no database.

    \b
    Examples:
      promote validate export.sql
      promote validate --repair old-export.sql
      promote validate --format json *.sql
    """
    from minerva_promote.config.snapshot_file import read_snapshot
    from minerva_promote.errors import FileError
    from minerva_promote.exportfile.report import unreadable, validate_step
    from minerva_promote.results import Outcome, RunResult, StepResult
    from minerva_promote.schema_diff.stale_snapshot import stale_to_migrations
    from minerva_promote.text_format import counted

    project = load_project()
    recorded = project.recorded
    snapshot = recorded or read_snapshot(project.root / project.contract.snapshot, project.variables)
    steps: list[StepResult] = []
    stale = stale_to_migrations(project)
    if stale:
        steps.append(StepResult("validate", snapshot.source, Outcome.WARN, findings=stale))
    for path in files:
        try:
            steps.append(validate_step(path, project.contract, snapshot, repair=repair)[1])
        except FileError as error:
            if len(files) == 1:
                raise
            steps.append(unreadable(path, error))
    refused = sum(step.outcome.closes_gate for step in steps)
    verdict = (
        f"refused: {refused} of {counted(len(files), 'files')}"
        if refused
        else f"accepted: {counted(len(files), 'files')}"
    )
    output(RunResult("validate", steps=tuple(steps), verdict=verdict), form)
