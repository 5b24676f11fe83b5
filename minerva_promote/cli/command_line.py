"""Faults of the command line, for every command: options given twice, and usage errors as text or JSON."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

import click

from minerva_promote.cli.printing import complain, say
from minerva_promote.errors import EXIT_USAGE, UsageError


def refuse_repeated_options(command: click.Command, words: Sequence[str]) -> None:
    """Raise UsageError for an option of one value that stands twice, or as yes and no: click keeps the last of them."""
    rest = list(words)
    ctx: click.Context | None = None
    name: str | None = "promote"
    while True:
        ctx = click.Context(command, info_name=name, parent=ctx, **command.context_settings)
        rest = _check(command, rest, ctx)
        if not rest or not isinstance(command, click.Group):
            return
        inner = command.get_command(ctx, rest[0])
        if inner is None:
            return  # what click has to say of it is clearer
        command, name, rest = inner, rest[0], rest[1:]


def _check(command: click.Command, words: list[str], ctx: click.Context) -> list[str]:
    """Check the options of one command; returns the words from its subcommand on."""
    options = {
        name: param
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }
    values: dict[click.Option, str] = {}
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "--":
            return []
        name, equals, value = word.partition("=")
        option = options.get(name)
        if option is None:
            if isinstance(command, click.Group) and not word.startswith("-"):
                return words[place - 1 :]
            continue
        if option.is_flag and option.secondary_opts and values.setdefault(option, name) != name:
            raise click.UsageError(f"{values[option]} and {name} are both given", ctx)
        if option.is_flag or option.count:
            continue
        if not equals and place < len(words) and not (_optional(option) and words[place].startswith("-")):
            value = words[place]
            place += 1
        if option.multiple:
            continue
        if option in values:
            raise click.UsageError(f"{name} is given twice: {values[option]} and {value}", ctx)
        values[option] = value
    return []


def _optional(option: click.Option) -> bool:
    """Whether the option may stand without a value (``--yes [ENV]``)."""
    return bool(getattr(option, "_flag_needs_value", False))


def wants_json(words: Sequence[str]) -> bool:
    """Whether the command line asks for JSON, wherever it says so; it need not be a valid one."""
    return "--format=json" in words or ("--format", "json") in pairwise(words)


def report_usage_error(error: click.ClickException, *, as_json: bool) -> int:
    """Print on stderr what click says, and on stdout the values of an error when JSON was asked for."""
    text = io.StringIO()
    error.show(text)
    complain(text.getvalue().rstrip("\n"))
    if as_json:
        from minerva_promote.cli.failure import error_values
        from minerva_promote.report.json import dumped

        ctx = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"{ctx.command_path if ctx else 'promote'} --help"
        without = isinstance(error, click.exceptions.NoArgsIsHelpError)  # its message is the whole help
        message = "no command is given" if without else error.format_message()
        say(dumped(error_values(EXIT_USAGE, (UsageError(message, hint=hint),))))
    return EXIT_USAGE
