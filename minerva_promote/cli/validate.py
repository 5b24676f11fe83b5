"""`promote validate`: export files against the contract, without a database."""

from __future__ import annotations

from pathlib import Path

import click

from minerva_promote.cli.common import environment_of, format_option, load_project, output


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path), metavar="FILE...")
@click.option("--repair", is_flag=True, help="Fix known faults of older exporters; every fix is reported as a warning.")
@click.option("--env", "environment", metavar="ENV", help="Read the tables' columns from this environment's database.")
@format_option
def validate(files: tuple[Path, ...], repair: bool, environment: str | None, form: str) -> None:
    """Read export files and report every fault, with its location and a hint.

    Needs no database where contract.snapshot of promote.yaml records the columns of the tables. With --env they are
    those of the environment's database, which is only read.

    \b
    Examples:
      promote validate export.sql
      promote validate --repair old-export.sql
      promote validate --env prod export.sql
      promote validate --format json *.sql
    """
    from minerva_promote.exportfile.command import validate_files

    if environment is None:
        from minerva_promote.schema_diff.stale_snapshot import stale_to_migrations

        project = load_project()
        output(validate_files(project, files, repair=repair, stale=stale_to_migrations(project)), form)
    from minerva_promote.preflight.read_structure import read_structure

    project = load_project(recorded=False)
    live = read_structure(project, environment_of(project, None, environment))
    output(validate_files(project, files, repair=repair, live=live, environment=environment), form)
