"""`promote init`: a new project."""

from __future__ import annotations

from pathlib import Path

import click

from minerva_promote.cli.common import format_option, output


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[FOLDER]")
@format_option
def init(folder: Path, form: str) -> None:
    """Lay out promote.yaml, environments, checks, templates and migrations in a folder.

    Existing files are left alone and listed.

    \b
    Examples:
      promote init
      promote init knowledge
    """
    from minerva_promote.project_init.command import create_project

    output(create_project(folder), form)
