"""What every command shares: the project, the way results are printed, the name of the environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from minerva_promote.cli.printing import complain, say
from minerva_promote.errors import UsageError
from minerva_promote.text_format import printable

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.results import RunResult

FORMATS = click.Choice(["text", "json"])
format_option = click.option("--format", "form", type=FORMATS, default="text", show_default=True)
env_argument = click.argument("environment", required=False, metavar="[ENV]")
env_option = click.option("--env", "option", metavar="ENV", help="The environment, as environments/ENV.yaml names it.")
yes_option = click.option("--yes", metavar="ENV", help="Agree to change this protected environment, by its name.")


_loaded: list[Project] = []  # the project of this process, for its secrets


def load_project(*, recorded: bool = True) -> Project:
    """The project of the working folder, or of --project, with the variables of --var.

    Without ``recorded`` the snapshot file of its contract is not looked at.
    """
    from minerva_promote.config.load_project import load_project

    asked: dict[str, Any] = click.get_current_context().find_root().obj or {}
    overrides: dict[str, str] = {}
    for word in asked.get("variables", ()):
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f'--var "{word}" has no value', hint="write --var NAME=VALUE")
        if name in overrides:
            fact = f"--var {name} is given twice: {overrides[name]} and {value}"
            raise UsageError(fact, hint="give each variable one value")
        overrides[name] = value
    project = load_project(Path(asked.get("project") or "."), overrides, recorded=recorded)
    _loaded[:] = [project]
    return project


def tell_notices() -> None:
    """Warn on stderr, once, of what is odd about the configuration that this command has read."""
    for project in _loaded:
        for notice in project.notices:
            complain(redact(f"warning: {notice}"))
        project.notices.clear()


def redact(text: str) -> str:
    """The text without any secret that this command has read; for all that is printed."""
    if _loaded:
        return _loaded[0].redact(text)
    from minerva_promote.config.variables import redact as generic

    return generic(text)


def environment_name(argument: str | None, option: str | None) -> str:
    """The environment, given as --env NAME or as an argument."""
    if argument and option and argument != option:
        raise UsageError(f"two environments: {argument} and {option}", hint="name one")
    name = option or argument
    if not name:
        raise UsageError("which environment?", hint="--env ENV; promote env list shows them")
    return name


def environment_of(project: Project, argument: str | None, option: str | None) -> Environment:
    """The environment that the command line names, with its variables as they are set now."""
    from minerva_promote.config.load_environment import read_environment

    return read_environment(project, environment_name(argument, option))


def confirm(target: Environment, yes: str | None) -> None:
    """Have a person type a protected environment's name before it is changed; without one, --yes has to say it."""
    if yes is not None and yes != target.name:
        raise UsageError(f"--yes {yes}, but the environment is {target.name}", hint=f"--yes {target.name}")
    if not target.protected or yes is not None:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{target.name} is protected, and nobody is there to ask", hint=f"--yes {target.name}")
    typed = click.prompt(printable(f"{target.name} is protected; type its name to change it"), err=True)
    if typed != target.name:
        raise UsageError(f"{typed!r} is not {target.name}: nothing was changed")


def output_script(text: str, exit_code: int) -> NoReturn:
    """Print SQL on stdout, as it can be run, and end the command with this exit code."""
    from minerva_promote.report.as_sql import render_sql

    say(render_sql(redact(text)))
    raise SystemExit(exit_code)


def output(result: RunResult, form: str) -> NoReturn:
    """Print a result on stdout and end the command with its exit code."""
    from minerva_promote.report import json as as_json
    from minerva_promote.report import text

    result = confirmed(result)
    say(as_json.render(result, redact) if form == "json" else text.render(result, redact))
    raise SystemExit(result.exit_code)


def confirmed(result: RunResult) -> RunResult:
    """The result with a failed step where a commit was not confirmed by the synchronous standby of the server."""
    from dataclasses import replace

    from minerva_promote.commit_log import unconfirmed
    from minerva_promote.results import Outcome, StepResult

    waits = unconfirmed()
    if not waits or "unconfirmed" in result.data:
        return result
    detail = f"not confirmed: COMMIT waited {max(waits):.0f} s for it (wait event SyncRep) and was cancelled"
    hint = "it is committed on this server and may be missing after a failover; see pg_stat_replication"
    step = StepResult("commit", "synchronous standby", Outcome.FAIL, detail, hint=hint, data={"waited_s": max(waits)})
    verdict = result.verdict.removeprefix("gate open: ")
    return replace(
        result,
        steps=(*result.steps, step),
        verdict=f"{verdict}; committed here, not confirmed by its synchronous standby",
        data={**result.data, "unconfirmed": True},
    )
