"""`promote run`: promote one export file to one environment."""

from __future__ import annotations

from pathlib import Path

import click

from minerva_promote.cli.common import (
    confirm,
    env_argument,
    env_option,
    environment_of,
    format_option,
    load_project,
    output,
    redact,
    yes_option,
)


@click.command()
@env_argument
@env_option
@click.option("--file", required=True, type=click.Path(readable=False, path_type=Path), help="The export file.")
@click.option("--dry-run", is_flag=True, help="Do all of it on the real target, then roll back.")
@click.option(
    "--rehearse-undo",
    is_flag=True,
    help="Insert and undo the rows once before the import, and fail if anything is left behind.",
)
@click.option("--repair", is_flag=True, help="Fix known faults of older exporters; every fix is reported as a warning.")
@click.option(
    "--plan", "digest", metavar="DIGEST", help="Do what `promote plan` has shown under this digest, or nothing."
)
@yes_option
@format_option
def run(
    environment: str | None,
    option: str | None,
    file: Path,
    dry_run: bool,
    rehearse_undo: bool,
    repair: bool,
    digest: str | None,
    yes: str | None,
    form: str,
) -> None:
    """Promote one export file to an environment: all of it, proved by checks, or nothing.

    \b
    Examples:
      promote run --env test-prod --file export.sql
      promote run --env prod --file export.sql --dry-run
      promote run --env prod --file export.sql --yes prod
      promote run --env prod --file export.sql --yes prod --plan 8b175d33abcd-5221a494e913-77aa00bb11cc
      promote run --env test-prod --file old-export.sql --repair --format json
    """
    from minerva_promote.cli.live_report import LiveReport
    from minerva_promote.promotion.plan_digest import parse_digest
    from minerva_promote.promotion.request import new_request
    from minerva_promote.promotion.run import promote

    plan_digest = "" if digest is None else str(parse_digest(digest))
    project = load_project()
    target = environment_of(project, environment, option)
    confirm(target, yes if not dry_run or yes is not None else target.name)
    rehearse = rehearse_undo or target.rehearse_undo
    request = new_request(target.name, file, repair=repair, dry_run=dry_run, digest=plan_digest, rehearse_undo=rehearse)
    with LiveReport(on=form == "text", redact=redact) as live:
        result = promote(project, target, request, live)
        result = live.verdict(result)
    if form == "text":
        raise SystemExit(result.exit_code)
    output(result, form)
