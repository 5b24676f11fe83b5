"""`promote env`: list the environments of a project, and connect to one."""

from __future__ import annotations

import click

from minerva_promote.cli.common import env_argument, env_option, environment_of, format_option, load_project, output


@click.group()
def env() -> None:
    """List the environments, or see whether one answers.

    \b
    Examples:
      promote env list
      promote env ping --env prod
    """


@env.command("list")
@format_option
def list_command(form: str) -> None:
    """List the environments with their kind and where they are; connects to none.

    \b
    Example:
      promote env list
    """
    from minerva_promote.config.environment_list import list_environments

    output(list_environments(load_project()), form)


@env.command("ping")
@env_argument
@env_option
@format_option
def ping_command(environment: str | None, option: str | None, form: str) -> None:
    """Connect as each identity of an environment and report what answers. Changes nothing.

    \b
    Example:
      promote env ping --env test-prod
    """
    from minerva_promote.database.ping import ping

    project = load_project()
    output(ping(project, environment_of(project, environment, option)), form)
