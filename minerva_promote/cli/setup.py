"""`promote setup` and `promote migrate`: the work of the owner before the first import, and after a release."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment

FORMATS = click.Choice(["text", "json"])


@click.command()
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--env", "option", metavar="ENV", help="The environment, as environments/ENV.yaml names it.")
@click.option("--recreate", is_flag=True, help="Drop the database first, and all that is in it.")
@click.option("--yes", is_flag=True, help="Do not ask before --recreate drops the database.")
@click.option("--format", "format_", type=FORMATS, default="text", show_default=True)
def setup(environment: str | None, option: str | None, recreate: bool, yes: bool, format_: str) -> None:
    """Make an environment ready: database, extension, roles, migrations, ledger and grants.

    Works as the owner (admin_url). What is there already is left alone: a second run changes nothing and says so.

    \b
    Examples:
      promote setup --env test-prod
      promote setup --env test-prod --recreate --yes
    """
    from minerva_promote.cli.context import load, output

    from minerva_promote.schema.setup import setup as run

    project = load()
    target = project.environment(_named(environment, option))
    if recreate and not yes and not target.protected:
        _ask_to_drop(target)
    output(run(project, target, recreate=recreate), format_)


@click.command()
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--env", "option", metavar="ENV", help="The environment, as environments/ENV.yaml names it.")
@click.option("--apply", is_flag=True, help="Apply what is pending, in one transaction.")
@click.option("--format", "format_", type=FORMATS, default="text", show_default=True)
def migrate(environment: str | None, option: str | None, apply: bool, format_: str) -> None:
    """Show the migrations that a database lacks; --apply runs them, as the owner (admin_url).

    Exit code 0 when it is up to date or was brought there, 1 when something is pending.

    \b
    Examples:
      promote migrate --env test-prod
      promote migrate --env test-prod --apply
    """
    from minerva_promote.cli.context import load, output

    from minerva_promote.schema.migrate import migrate as run

    project = load()
    output(run(project, project.environment(_named(environment, option)), apply=apply), format_)


def _named(argument: str | None, option: str | None) -> str:
    """The environment, given in one of the two ways."""
    from minerva_promote.errors import UsageError

    if argument and option and argument != option:
        raise UsageError(f"two environments: {argument} and {option}", hint="name one")
    name = option or argument
    if not name:
        raise UsageError("no environment given", hint="--env test-prod")
    return name


def _ask_to_drop(target: Environment) -> None:
    """Let a person say yes; without one, --yes has to."""
    from minerva_promote.errors import UsageError

    name: Any = target.admin_url.dbname
    if not sys.stdin.isatty():
        raise UsageError(f"--recreate drops database {name}, and nobody is there to ask", hint="add --yes")
    click.confirm(f"drop database {name} of environment {target.name}, with all that is in it?", abort=True, err=True)
