"""`promote server`: the embedded PostgreSQL server, which other commands start and only this one stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from minerva_promote.cli.printing import print_out
from minerva_promote.text_format import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from minerva_promote.database.embedded.server import EmbeddedServer


@click.group()
def server() -> None:
    """Start, stop, look at and enter the embedded PostgreSQL server.

    It serves the environments whose URL is embedded:///DATABASE, from data under .promote/ of the project. Commands
    that need it start it by themselves.

    \b
    Example:
      promote server status
    """


@server.command()
def start() -> None:
    """Start the server; on first use its data is made.

    \b
    Example:
      promote server start
    """
    from minerva_promote.database.embedded import command

    _print(command.start(_server()))


@server.command()
def stop() -> None:
    """Stop the server; open sessions are ended and what they had not committed is rolled back.

    \b
    Example:
      promote server stop
    """
    from minerva_promote.database.embedded import command

    _print(command.stop(_server()))


@server.command()
def status() -> None:
    """Show whether the server runs, where its data and its socket are, and which databases it has.

    \b
    Example:
      promote server status
    """
    from minerva_promote.database.embedded import command

    _print(command.status(_server()))


@server.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop the server and delete all its data: every database, every role, every ledger in it.

    \b
    Example:
      promote server reset --yes
    """
    from minerva_promote.database.embedded import command

    embedded_server = _server()
    if not yes and embedded_server.data.exists():
        _confirm_reset(embedded_server.data)
    _print(command.reset(embedded_server))


@server.command(context_settings={"ignore_unknown_options": True})
@click.option("--env", "name", required=True, metavar="ENV", help="The environment to connect to.")
@click.option(
    "--as",
    "identity",
    type=click.Choice(["admin", "import"]),
    default="admin",
    show_default=True,
    help="As its owner, or as its import role.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENTS OF PSQL]")
def psql(name: str, identity: Literal["admin", "import"], arguments: tuple[str, ...]) -> None:
    """Enter an environment with psql, which comes with promote; passwords go by environment variables.

    \b
    Examples:
      promote server psql --env local
      promote server psql --env test-prod --as import -- -c "select count(*) from chunks"
    """
    import os
    import sys

    from minerva_promote.cli.common import load_project, print_notices
    from minerva_promote.config.load_environment import read_environment
    from minerva_promote.database.psql import psql_command, psql_params

    project = load_project()
    params = psql_params(project, read_environment(project, name), identity)
    program, argv, variables = psql_command(params, arguments, os.environ)
    print_notices()
    sys.stdout.flush()
    os.execve(program, argv, variables)


def _server() -> EmbeddedServer:
    from minerva_promote.cli.common import load_project
    from minerva_promote.database.embedded.server import EmbeddedServer

    return EmbeddedServer(load_project().root)


def _confirm_reset(data: Path) -> None:
    """Ask before deleting; raises UsageError where there is no terminal to ask on."""
    import sys

    from minerva_promote.errors import UsageError

    if not sys.stdin.isatty():
        hint = f"it would delete {data}; say so: promote server reset --yes"
        raise UsageError("reset needs a confirmation, and there is no terminal to ask on", hint=hint)
    click.confirm(printable(f"delete every database in {data}?"), abort=True)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print_out(line)
