"""`promote check`: run the checks of the project against an environment, or list them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output
from minerva_promote.cli.printing import print_out

if TYPE_CHECKING:
    from minerva_promote.config.models.project import Stage

STAGES = ("preflight", "before_commit", "after_commit", "monitor")  # written out: the models are imported late


@click.command()
@env_argument
@env_option
@click.option("--only", multiple=True, metavar="NAME", help="Run this check only; may be given several times.")
@click.option("--stage", type=click.Choice(STAGES), help="Run the checks of one stage; all of them when left out.")
@click.option(
    "--file",
    "export",
    type=click.Path(readable=False, path_type=Path),
    help="An export file: check its roots only, and compare with its numbers.",
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
    project = load_project()
    if listed:
        from minerva_promote.checks.prepare import select
        from minerva_promote.checks.report import list_as_json, list_as_text

        checks = select(project.checks, stage, only)
        print_out(list_as_json(checks) if form == "json" else list_as_text(checks))
        return
    from minerva_promote.checks.command import CheckRequest
    from minerva_promote.checks.command import check as run_checks
    from minerva_promote.setup.readiness import ensure_ready

    target = environment_of(project, environment, option)
    output(run_checks(project, target, CheckRequest(stage, only, export, repair), ensure_ready), form)
