"""`promote validate`: export files against the contract, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.context import format_option, load, output

if TYPE_CHECKING:
    from minerva_promote.results import StepResult


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
    from minerva_promote.exportfile.steps import unreadable, validated
    from minerva_promote.results import RunResult
    from minerva_promote.words import counted

    project = load()
    snapshot = read_snapshot(project.root / project.contract.snapshot, project.variables)
    steps: list[StepResult] = []
    for path in files:
        try:
            steps.append(validated(path, project.contract, snapshot, repair=repair)[1])
        except FileError as error:
            if len(files) == 1:
                raise
            steps.append(unreadable(path, error))
    refused = sum(step.outcome.closes_gate for step in steps)
    verdict = (
        f"refused: {refused} of {counted(len(steps), 'files')}"
        if refused
        else f"accepted: {counted(len(steps), 'files')}"
    )
    output(RunResult("validate", steps=tuple(steps), verdict=verdict), form)
