"""`promote setup` and `promote migrate`: the work of the owner before the first import, and after a release."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.context import env_argument, env_option, format_option, load, named, output
from minerva_promote.errors import UsageError

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment


@click.command()
@env_argument
@env_option
@click.option("--recreate", is_flag=True, help="Drop the database first, and all that is in it.")
@click.option("--yes", is_flag=True, help="Do not ask before --recreate drops the database.")
@format_option
def setup(environment: str | None, option: str | None, recreate: bool, yes: bool, form: str) -> None:
    """Make an environment ready: database, extension, roles, migrations, ledger and grants.

    Works as the owner (admin_url). What is there already is left alone: a second run changes nothing and says so.
    --recreate is refused for a protected environment.

    \b
    Examples:
      promote setup --env test-prod
      promote setup --env test-prod --recreate --yes
    """
    from minerva_promote.schema.setup import setup as run

    project = load()
    target = project.environment(named(environment, option))
    if recreate and not yes and not target.protected:
        _ask_to_drop(target)
    output(run(project, target, recreate=recreate), form)


@click.command()
@env_argument
@env_option
@click.option("--apply", is_flag=True, help="Apply what is pending, in one transaction.")
@format_option
def migrate(environment: str | None, option: str | None, apply: bool, form: str) -> None:
    """Show the migrations that a database lacks; --apply runs them, as the owner (admin_url).

    Exit code 0 when it is up to date or was brought there, 1 when something is pending.

    \b
    Examples:
      promote migrate --env test-prod
      promote migrate --env test-prod --apply
    """
    from minerva_promote.schema.migrate import migrate as run

    project = load()
    output(run(project, project.environment(named(environment, option)), apply=apply), form)


def _ask_to_drop(target: Environment) -> None:
    """Let a person say yes; without one, --yes has to."""
    name = target.admin_url.dbname
    if not sys.stdin.isatty():
        raise UsageError(f"--recreate drops database {name}, and nobody is there to ask", hint="add --yes")
    click.confirm(f"drop database {name} of environment {target.name}, with all that is in it?", abort=True, err=True)
