"""`promote run`: one export file to one environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.context import env_argument, env_option, format_option, load, named, output, redact
from minerva_promote.errors import UsageError

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment


@click.command()
@env_argument
@env_option
@click.option("--file", required=True, type=click.Path(readable=False, path_type=Path), help="The export file.")
@click.option("--dry-run", is_flag=True, help="Do all of it on the real target, then roll back.")
@click.option("--repair", is_flag=True, help="Mend the known faults of old exporters; each is told as a warning.")
@click.option("--yes", metavar="ENV", help="Agree to change this protected environment, by its name.")
@format_option
def run(
    environment: str | None, option: str | None, file: Path, dry_run: bool, repair: bool, yes: str | None, form: str
) -> None:
    """Promote one export file to an environment: all of it, proved by checks, or nothing.

    \b
    Examples:
      promote run --env test-prod --file export.sql
      promote run --env prod --file export.sql --dry-run
      promote run --env prod --file export.sql --yes prod
      promote run --env test-prod --file old-export.sql --repair --format json
    """
    from minerva_promote.cli.live import LiveReport
    from minerva_promote.engine.run import promote
    from minerva_promote.plan import plan_run

    project = load()
    target = project.environment(named(environment, option))
    if yes is not None and yes != target.name:
        raise UsageError(f"--yes {yes}, but the environment is {target.name}", hint=f"--yes {target.name}")
    if target.protected and not dry_run and yes is None:
        _agree(target)
    plan = plan_run(target.name, file, repair=repair, dry_run=dry_run)
    with LiveReport(on=form == "text", redact=redact) as live:
        result = promote(project, target, plan, live)
        live.verdict(result)
    if form == "text":
        raise SystemExit(result.exit_code)
    output(result, form)


def _agree(target: Environment) -> None:
    """Let a person type the environment's name; without one, --yes has to say it."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{target.name} is protected, and nobody is there to ask", hint=f"--yes {target.name}")
    typed = click.prompt(f"{target.name} is protected; type its name to change it", err=True)
    if typed != target.name:
        raise UsageError(f"{typed!r} is not {target.name}: nothing was changed")
