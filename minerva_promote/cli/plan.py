"""`promote plan`: the steps that a run would take, and a digest that holds a later run to them."""

from __future__ import annotations

from pathlib import Path

import click

from minerva_promote.cli.common import (
    env_argument,
    env_option,
    environment_of,
    format_option,
    load_project,
    output,
    redact,
)


@click.command()
@env_argument
@env_option
@click.option("--file", required=True, type=click.Path(readable=False, path_type=Path), help="The export file.")
@click.option("--repair", is_flag=True, help="As `promote run --repair` would read it.")
@format_option
def plan(environment: str | None, option: str | None, file: Path, repair: bool, form: str) -> None:
    """Show everything that a run would do, in its order, and change nothing.

    Reads the file and the target, looks rows up by their keys, and asks the required environment. The last line has a
    digest of the file, the configuration and the target: `promote run --plan DIGEST` refuses when any of them changed.
    Exit code 0 when a run could begin, 1 when its gate would close before the first row.

    \b
    Examples:
      promote plan --env prod --file export.sql
      promote plan --env prod --file export.sql --format json
    """
    from minerva_promote.cli.live_report import LiveReport
    from minerva_promote.promotion.dry_plan import dry_plan
    from minerva_promote.promotion.request import new_request

    project = load_project()
    target = environment_of(project, environment, option)
    request = new_request(target.name, file, repair=repair, dry_run=False)
    with LiveReport(on=form == "text", redact=redact) as live:
        result = dry_plan(project, target, request, live)
        live.verdict(result)
    if form == "text":
        raise SystemExit(result.exit_code)
    output(result, form)
