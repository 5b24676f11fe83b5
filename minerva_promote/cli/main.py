"""The command `promote`. Commands are imported when they run, so that --help and --version stay fast."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from minerva_promote import __version__, commit_log
from minerva_promote.cli.command_line import refuse_repeated_options, report_usage_error, wants_json
from minerva_promote.cli.printing import discard_output, print_err
from minerva_promote.signals import current, interrupted, interruption_behind, listening

# name -> module:attribute of the command, and its one line of help
COMMANDS = {
    "validate": (
        "minerva_promote.cli.validate:validate",
        "Read export files and report every fault, without a database.",
    ),
    "plan": ("minerva_promote.cli.plan:plan", "Show what a run would do, with a digest to hold it to."),
    "run": ("minerva_promote.cli.run:run", "Promote one export file to an environment, or change nothing."),
    "history": ("minerva_promote.cli.history:history", "Every run of an environment; --verify proves its ledger."),
    "show": ("minerva_promote.cli.history:show", "Everything that the ledger knows about one run."),
    "check": ("minerva_promote.cli.check:check", "Run the checks against an environment, or list them."),
    "setup": ("minerva_promote.cli.setup:setup", "Make an environment ready: database, roles, migrations, ledger."),
    "migrate": ("minerva_promote.cli.setup:migrate", "Show the migrations that a database lacks; --apply runs them."),
    "undo": ("minerva_promote.cli.undo:undo", "Delete exactly the rows that a run inserted; shows them first."),
    "schema": (
        "minerva_promote.cli.schema:schema",
        "Compare schemas, record one, or look for drift from migrations.",
    ),
    "grants": (
        "minerva_promote.cli.grants:grants",
        "Compare roles with their declaration; --apply, --prove, --generate.",
    ),
    "golden": ("minerva_promote.cli.golden:golden", "Record queries with their exact results, for the check `golden`."),
    "index": (
        "minerva_promote.cli.index:index",
        "Measure vector indexes and recommend fixes; --apply applies them.",
    ),
    "env": ("minerva_promote.cli.env:env", "List the environments, or see whether one answers."),
    "server": ("minerva_promote.cli.server:server", "The embedded PostgreSQL: start, stop, status, psql, reset."),
    "init": ("minerva_promote.cli.init:init", "Lay out a new project: promote.yaml, checks, templates, migrations."),
}
GLOBAL_OPTIONS = ("--var", "--project")


class Commands(click.Group):
    """Finds commands by name and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, with KeyboardInterrupt turned into Interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            current().finish()
            raise interrupted(stop) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line for each command, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with a suggestion for a misspelt name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            known = ", ".join(COMMANDS)
            suggestion = f'did you mean "{near[0]}"?' if near else f"commands: {known}"
            raise click.UsageError(f'no command "{args[0]}"; {suggestion}', ctx) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="promote", message="%(prog)s %(version)s")
@click.option("--project", metavar="DIR", help="The project's folder; otherwise promote.yaml is searched upwards.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable of promote.yaml.")
@click.pass_context
def cli(ctx: click.Context, project: str | None, variables: tuple[str, ...]) -> None:
    """Move curated knowledge from one PostgreSQL + pgvector database to another, and prove that it was safe.

    \b
    Examples:
      promote validate export.sql
      promote run --env test-prod --file export.sql
      promote run --env prod --file export.sql --dry-run
      promote --var embedding_dimensions=3 validate small.sql

    Exit codes: 0 open, in step, or applied; 1 gate closed, drift, or findings; 2 wrong command line or configuration;
    3 could not finish, nothing changed; 4 outcome unknown, with what to do next.
    """
    ctx.obj = {"project": project, "variables": variables}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code. Without ``arguments`` they are those of the process."""
    with listening(restore=arguments is not None):
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        _tune()
        commit_log.clear()
        commit_log.listen(_announce)
        words = _globals_first(list(sys.argv[1:] if arguments is None else arguments))
        code = _run(words)
        _print_notices()
        _flush()
    sys.exit(code)


def _announce(line: str) -> None:
    """Print on stderr, if that is a terminal, a line about a wait or a change."""
    if sys.stderr is not None and sys.stderr.isatty():
        print_err(line)


def _print_notices() -> None:
    """Print the notices about the configuration, if a command has read any."""
    if common := sys.modules.get("minerva_promote.cli.common"):
        common.print_notices()


def _flush() -> None:
    """Flush both streams; one that cannot be written to is discarded, so that the interpreter's exit does not fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            discard_output(stream)


def _tune() -> None:
    """Run the garbage collector rarely, as rows form no reference cycles, and keep OpenBLAS to one thread."""
    gc.set_threshold(1_000_000, 50, 50)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _run(words: list[str]) -> int:
    from minerva_promote.errors import EXIT_UNFINISHED, PromoteError

    as_json = wants_json(words)
    try:
        refuse_repeated_options(cli, words)
        result = cli.main(words, prog_name="promote", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except PromoteError as error:
        from minerva_promote.cli.common import print_error

        return print_error(error, as_json=as_json)
    except click.Abort as abort:
        return _stopped(abort, words)
    except click.ClickException as error:
        return report_usage_error(error, as_json=as_json)
    except KeyboardInterrupt as stop:
        return _stopped(stop, words)
    except BrokenPipeError as error:
        if interruption_behind(error) is not None:
            return _stopped(error, words)
        sys.stderr.close()
        return 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_UNFINISHED
    except Exception as error:
        from minerva_promote.cli.common import print_unexpected_error

        # an OSError after SIGHUP: the terminal is gone
        if isinstance(error, OSError) and interruption_behind(error) is not None:
            return _stopped(error, words)
        return print_unexpected_error(error)


def _stopped(error: BaseException, words: list[str]) -> int:
    """Print that a signal, or the end of the input at a prompt, stopped the command; returns the exit code."""
    from minerva_promote.cli.common import print_error
    from minerva_promote.errors import Interrupted

    current().finish()
    stop = interruption_behind(error)
    reported = interrupted(stop) if stop else Interrupted("the input ended, did not finish: nothing was changed")
    return print_error(reported, as_json=wants_json(words))


def _globals_first(words: list[str]) -> list[str]:
    """The words with --var and --project, which may stand anywhere before ``--``, moved to the front."""
    end = words.index("--") if "--" in words else len(words)
    global_words: list[str] = []
    other_words: list[str] = []
    index = 0
    while index < end:
        word = words[index]
        if word in GLOBAL_OPTIONS and index + 1 < end:
            global_words += words[index : index + 2]
            index += 2
            continue
        is_global = word.startswith(tuple(f"{name}=" for name in GLOBAL_OPTIONS))
        (global_words if is_global else other_words).append(word)
        index += 1
    return global_words + other_words + words[end:]
