"""What every command shares: options, the project and environment they name, confirmation, printing, errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from minerva_promote.cli.printing import print_err, print_out
from minerva_promote.errors import EXIT_UNFINISHED, ConfigErrors, PromoteError, UsageError
from minerva_promote.text_format import printable

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.results import RunResult

FORMATS = click.Choice(["text", "json"])
format_option = click.option("--format", "form", type=FORMATS, default="text", show_default=True)
env_argument = click.argument("environment", required=False, metavar="[ENV]")
env_option = click.option("--env", "option", metavar="ENV", help="The environment, as environments/ENV.yaml names it.")
yes_option = click.option(
    "--yes", metavar="ENV", help="Confirm changes to a protected environment by repeating its name."
)

_loaded: list[Project] = []  # at most one: the project of this process, for its secrets and its notices


def load_project(*, recorded: bool = True) -> Project:
    """The project of the working folder, or of --project, with the variables of --var.

    Without ``recorded`` the snapshot file of its contract is not read. Raises ConfigErrors with every fault of its
    files, and UsageError for a --var that is malformed, repeated or unknown.
    """
    from minerva_promote.config.load_project import load_project

    global_options: dict[str, Any] = click.get_current_context().find_root().obj or {}
    overrides: dict[str, str] = {}
    for option in global_options.get("variables", ()):
        name, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f'--var "{option}" has no value', hint="write --var NAME=VALUE")
        if name in overrides:
            message = f"--var {name} is given twice: {overrides[name]} and {value}"
            raise UsageError(message, hint="give each variable one value")
        overrides[name] = value
    project = load_project(Path(global_options.get("project") or "."), overrides, recorded=recorded)
    _loaded[:] = [project]
    return project


def print_notices() -> None:
    """Print the notices of the loaded project on stderr as warnings, each of them once."""
    for project in _loaded:
        for notice in project.notices:
            print_err(redact(f"warning: {notice}"))
        project.notices.clear()


def redact(text: str) -> str:
    """The text without any secret that this command has read; everything that is printed passes through it."""
    if _loaded:
        return _loaded[0].redact(text)
    from minerva_promote.config.variables import redact as redact_patterns

    return redact_patterns(text)


def environment_name(argument: str | None, option: str | None) -> str:
    """The name of the environment, given as --env NAME or as an argument. Raises UsageError without exactly one."""
    if argument and option and argument != option:
        raise UsageError(f"two environments: {argument} and {option}", hint="name one")
    name = option or argument
    if not name:
        raise UsageError("which environment?", hint="--env ENV; promote env list shows them")
    return name


def environment_of(project: Project, argument: str | None, option: str | None) -> Environment:
    """The environment that the command line names. Raises ConfigErrors with every fault of its file."""
    from minerva_promote.config.load_environment import read_environment

    return read_environment(project, environment_name(argument, option))


def confirm(target: Environment, yes: str | None) -> None:
    """Have a person type the name of a protected environment before it is changed, unless --yes carries that name.

    Raises UsageError for another name, and where there is no terminal to ask on.
    """
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
    """Print runnable SQL on stdout and end the command with this exit code."""
    from minerva_promote.report.as_sql import render_sql

    print_out(render_sql(redact(text)))
    raise SystemExit(exit_code)


def output(result: RunResult, form: str) -> NoReturn:
    """Print a result on stdout and end the command with its exit code."""
    from minerva_promote.report import json as json_report
    from minerva_promote.report import text as text_report

    result = with_unconfirmed_commits(result)
    report = json_report if form == "json" else text_report
    print_out(report.render(result, redact))
    raise SystemExit(result.exit_code)


def with_unconfirmed_commits(result: RunResult) -> RunResult:
    """The result with a failed step where a synchronous standby did not confirm a commit of this command."""
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


def print_error(error: PromoteError, *, as_json: bool) -> int:
    """Print the error on stderr, with ``as_json`` also as JSON on stdout; returns the exit code."""
    errors = error.errors if isinstance(error, ConfigErrors) else (error,)
    for single in errors:
        print_err(redact(f"error: {single}"))
        for line in filter(None, single.hint.splitlines()):
            print_err(redact(f"  {line}"))
    if as_json:
        print_error_values(error.exit_code, errors)
    return error.exit_code


def print_unexpected_error(error: Exception) -> int:
    """Print the traceback of a bug on stderr; returns the exit code."""
    import traceback

    for line in traceback.format_exception(error):
        print_err(redact(line.rstrip("\n")))
    print_err("error: this is a fault of promote itself; please report it with the lines above")
    return EXIT_UNFINISHED


def print_error_values(exit_code: int, errors: Sequence[PromoteError]) -> None:
    """Print on stdout, as JSON, the errors that stopped a command."""
    from minerva_promote.report.json import VERSION, dumped, location_values

    values = [
        {"message": redact(error.message), "hint": redact(error.hint), "at": location_values(error.location)}
        for error in errors
    ]
    print_out(dumped({"version": VERSION, "exit_code": exit_code, "errors": values}))
