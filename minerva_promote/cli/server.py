"""`promote server`: the embedded PostgreSQL server, which starts by itself and stops only when it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from minerva_promote.cli.printing import say
from minerva_promote.text_format import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minerva_promote.config.connection_url import Target
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.database.embedded.server import EmbeddedServer, ServerInfo

STAYS = "it goes on running after this command; stop it with: promote server stop"


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
    info = _server().ensure_running()
    say(f"{_title(info)} {'started' if info.started else 'was running already'}")
    say(STAYS)


@server.command()
def stop() -> None:
    """Stop the server; open sessions are ended and what they had not committed is rolled back.

    \b
    Example:
      promote server stop
    """
    say("the embedded server is stopped" if _server().stop() else "the embedded server was not running")


@server.command()
def status() -> None:
    """Say whether the server runs, where its data and its socket are, and which databases it has.

    \b
    Example:
      promote server status
    """
    from minerva_promote.database.embedded.server import databases

    found = _server()
    info = found.status()
    if info is None:
        say("the embedded server is not running")
        say(_line("data", str(found.data) if found.data.exists() else f"{found.data} (made on first use)"))
        return
    say(f"{_title(info)} is running")
    say(_line("data", str(info.data)))
    say(_line("socket", f"{info.host} (port {info.port}, user {info.superuser})"))
    for name, size in databases(info).items():
        say(_line(f"database {name}", f"{size / 1_000_000:,.1f} MB"))
    say(STAYS)


@server.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop the server and delete all its data: every database, every role, every ledger in it.

    \b
    Example:
      promote server reset --yes
    """
    import sys

    from minerva_promote.errors import UsageError

    found = _server()
    if not found.data.exists():
        found.stop()
        say(f"nothing to delete: there is no {found.data}")
        return
    if not yes:
        if not sys.stdin.isatty():
            hint = f"it would delete {found.data}; say so: promote server reset --yes"
            raise UsageError("reset needs a confirmation, and there is no terminal to ask on", hint=hint)
        click.confirm(printable(f"delete every database in {found.data}?"), abort=True)
    found.reset()
    say(f"deleted {found.data}; the next command that needs it makes it anew")


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

    from minerva_promote.cli.common import load_project, tell_notices
    from minerva_promote.database.psql import psql_command

    project = load_project()
    from minerva_promote.config.load_environment import read_environment

    params = _params(project, read_environment(project, name), identity)
    program, argv, env = psql_command(params, arguments, os.environ)
    tell_notices()
    sys.stdout.flush()
    os.execve(program, argv, env)


def _params(project: Project, environment: Environment, identity: Literal["admin", "import"]) -> Mapping[str, str]:
    """The libpq keywords of one identity; the embedded server is started, and must have the database."""
    from minerva_promote.database.embedded.server import EmbeddedServer, databases, embedded_params
    from minerva_promote.errors import TargetError

    target = _target(environment, identity)
    if not target.embedded:
        _require_identity(project, environment, target)
        return target.params
    if target.dbname not in databases(EmbeddedServer(project.root).ensure_running()):
        hint = f"make it: promote setup --env {environment.name}"
        raise TargetError(f"the embedded server has no database {target.dbname}", hint=hint)
    params = embedded_params(project.root, target)
    if identity == "import" and target.user is None and environment.import_role is not None:
        params["user"] = environment.import_role
    _require_identity(project, environment, target)
    return params


def _require_identity(project: Project, environment: Environment, target: Target) -> None:
    """Look where the URL leads before psql does, where the environment is pinned."""
    if environment.pin is not None:
        from minerva_promote.database.session import connect_to

        connect_to(project, environment, target).close()


def _target(environment: Environment, identity: Literal["admin", "import"]) -> Target:
    # an embedded server belongs to us, owner and superuser alike: its environments may leave out admin_url
    if identity == "import" or ("admin_url" not in environment.settings and environment.url.embedded):
        return environment.url
    return environment.admin_url


def _server() -> EmbeddedServer:
    from minerva_promote.cli.common import load_project
    from minerva_promote.database.embedded.server import EmbeddedServer

    return EmbeddedServer(Path(load_project().root))


def _title(info: ServerInfo) -> str:
    return f"the embedded server (PostgreSQL {info.version}, process {info.pid})"


def _line(name: str, value: str) -> str:
    return f"  {name} ".ljust(32, ".") + f" {value}"
