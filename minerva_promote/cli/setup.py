"""`promote setup` and `promote migrate`: prepare an environment as its owner, and apply migrations to it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from minerva_promote.cli.common import (
    confirm,
    env_argument,
    env_option,
    environment_of,
    format_option,
    load_project,
    output,
    output_script,
    yes_option,
)
from minerva_promote.errors import UsageError
from minerva_promote.text_format import printable

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment


@click.command()
@env_argument
@env_option
@click.option("--recreate", is_flag=True, help="Drop the database first, and all that is in it.")
@click.option(
    "--yes",
    is_flag=False,
    flag_value="",
    metavar="[ENV]",
    help="Confirm changes to a protected environment by repeating its name; without a name, confirm --recreate.",
)
@format_option
def setup(environment: str | None, option: str | None, recreate: bool, yes: str | None, form: str) -> None:
    """Make an environment ready: database, extension, roles, migrations, ledger and grants.

    Works as the owner (admin_url). What is there already is left alone: a second run changes nothing and says so.
    A protected environment wants its name typed, or --yes ENV; --recreate is refused for it.

    \b
    Examples:
      promote setup --env test-prod
      promote setup --env test-prod --recreate --yes
      promote setup --env prod --yes prod
    """
    from minerva_promote.setup.command import setup as run

    project = load_project(recorded=False)  # a snapshot file of before the tables were changed is no obstacle
    if yes and not environment and not option:  # `setup --recreate --yes test-prod`: an argument behind a flag
        environment, yes = yes, ""
    target = environment_of(project, environment, option)
    if not (recreate and target.protected):  # which setup refuses, confirmed or not
        confirm(target, yes or None)
        if recreate and yes is None:
            _ask_to_drop(target)
    output(run(project, target, recreate=recreate), form)


@click.command()
@env_argument
@env_option
@click.option("--apply", is_flag=True, help="Apply what is pending, in one transaction.")
@click.option("--sql", is_flag=True, help="Print the SQL that --apply would send, for psql; run nothing.")
@yes_option
@format_option
def migrate(environment: str | None, option: str | None, apply: bool, sql: bool, yes: str | None, form: str) -> None:
    """Show the migrations that a database lacks, and what they lock; --apply runs them, as the owner (admin_url).

    --apply waits for the target's lock and for each table at most timeouts.lock. Where a revision cannot be part of a
    transaction (CREATE INDEX CONCURRENTLY), a failure reports what was done and what was not. Exit code 0 when it
    is up to date or was brought there, 1 when something is pending.

    \b
    Examples:
      promote migrate --env test-prod
      promote migrate --env test-prod --sql > pending.sql
      promote migrate --env test-prod --apply
      promote migrate --env prod --apply --yes prod
    """
    from minerva_promote.migrations.command import migrate as run
    from minerva_promote.migrations.command import script

    if apply and sql:
        raise UsageError("--sql runs nothing, --apply does", hint="one of them")
    project = load_project(recorded=False)
    target = environment_of(project, environment, option)
    if sql:
        text = script(project, target)
        output_script(text or "-- nothing is pending", 1 if text else 0)
    if apply:
        confirm(target, yes)
    output(run(project, target, apply=apply), form)


def _ask_to_drop(target: Environment) -> None:
    """Ask before the database is dropped. Raises UsageError where there is no terminal to ask on."""
    name = target.admin_url.dbname
    if not sys.stdin.isatty():
        raise UsageError(f"--recreate drops database {name}, and nobody is there to ask", hint="add --yes")
    question = f"drop database {name} of environment {target.name}, with all that is in it?"
    click.confirm(printable(question), abort=True, err=True)
