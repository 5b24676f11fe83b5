"""The command `promote`: its groups are imported when they are used, so that --help and --version are instant."""

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
from minerva_promote.cli.printing import complain, silence
from minerva_promote.signals import current, interrupted, interruption_behind, listening

# command -> where it is, and its one line of help
COMMANDS = {
    "validate": (
        "minerva_promote.cli.validate:validate",
        "Read export files and name every fault, without a database.",
    ),
    "plan": ("minerva_promote.cli.plan:plan", "Show all that a run would do, with a digest to hold it to."),
    "run": ("minerva_promote.cli.run:run", "Promote one export file to an environment, or change nothing."),
    "history": ("minerva_promote.cli.history:history", "Every run of an environment; --verify proves its ledger."),
    "show": ("minerva_promote.cli.history:show", "Everything that the ledger knows about one run."),
    "check": ("minerva_promote.cli.check:check", "Run the checks against an environment, or list them."),
    "setup": ("minerva_promote.cli.setup:setup", "Make an environment ready: database, roles, migrations, ledger."),
    "migrate": ("minerva_promote.cli.setup:migrate", "Show the migrations that a database lacks; --apply runs them."),
    "undo": ("minerva_promote.cli.undo:undo", "Take back exactly what a run added; shows it first."),
    "schema": (
        "minerva_promote.cli.schema:schema",
        "Compare schemas, record one, or look for drift from migrations.",
    ),
    "grants": (
        "minerva_promote.cli.grants:grants",
        "Compare roles with their declaration; --apply, --prove, --generate.",
    ),
    "golden": ("minerva_promote.cli.golden:golden", "Record queries with their exact results, for the check `golden`."),
    "index": ("minerva_promote.cli.index:index", "Measure every vector index and say what it needs; --apply does it."),
    "env": ("minerva_promote.cli.env:env", "List the environments, or see whether one answers."),
    "server": ("minerva_promote.cli.server:server", "The embedded PostgreSQL: start, stop, status, psql, reset."),
    "init": ("minerva_promote.cli.init:init", "Lay out a new project: promote.yaml, checks, templates, migrations."),
}
GLOBAL_OPTIONS = ("--var", "--project")


class Commands(click.Group):
    """Finds commands by name and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; a signal becomes the sentence of an interrupted command, whichever it is."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            current().finish()
            raise interrupted(stop) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])

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
        _tell_notices()
        _flush()
    sys.exit(code)


def _announce(line: str) -> None:
    """Say on a terminal what the command waits for."""
    if sys.stderr is not None and sys.stderr.isatty():
        complain(line)


def _tell_notices() -> None:
    """Warn on stderr of what is odd about the configuration that was read."""
    if context := sys.modules.get("minerva_promote.cli.common"):
        context.tell_notices()


def _flush() -> None:
    """Write what is left. Where the terminal is gone, nothing fails later because of that."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            silence(stream)


def _tune() -> None:
    """One process, one job: rows make no reference cycles to look for, and a vector needs no second thread."""
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
        from minerva_promote.cli.failure import tell

        return tell(error, as_json=as_json)
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
        from minerva_promote.cli.failure import tell_bug

        if (
            isinstance(error, OSError) and interruption_behind(error) is not None
        ):  # the terminal is gone, as SIGHUP says
            return _stopped(error, words)
        return tell_bug(error)


def _stopped(error: BaseException, words: list[str]) -> int:
    """Say that a signal, or the end of the input at a prompt, stopped the command; the exit code."""
    from minerva_promote.cli.failure import tell
    from minerva_promote.errors import Interrupted

    current().finish()
    stop = interruption_behind(error)
    told = interrupted(stop) if stop else Interrupted("the input ended, did not finish: nothing was changed")
    return tell(told, as_json=wants_json(words))


def _globals_first(words: list[str]) -> list[str]:
    """--var and --project may stand anywhere before ``--``."""
    end = words.index("--") if "--" in words else len(words)
    first: list[str] = []
    rest: list[str] = []
    place = 0
    while place < end:
        word = words[place]
        if word in GLOBAL_OPTIONS and place + 1 < end:
            first += words[place : place + 2]
            place += 2
            continue
        (first if word.startswith(tuple(f"{name}=" for name in GLOBAL_OPTIONS)) else rest).append(word)
        place += 1
    return first + rest + words[end:]
