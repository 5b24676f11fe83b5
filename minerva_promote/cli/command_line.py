"""Mistakes in the command line of any command: repeated options, and usage errors as text or JSON."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

import click

from minerva_promote.cli.printing import print_err
from minerva_promote.errors import EXIT_USAGE, UsageError


def refuse_repeated_options(command: click.Command, words: Sequence[str]) -> None:
    """Raise click.UsageError for a single-valued option given twice, or as --x and --no-x: click keeps the last one."""
    rest = list(words)
    ctx: click.Context | None = None
    name: str | None = "promote"
    while True:
        ctx = click.Context(command, info_name=name, parent=ctx, **command.context_settings)
        rest = _check_options(command, rest, ctx)
        if not rest or not isinstance(command, click.Group):
            return
        subcommand = command.get_command(ctx, rest[0])
        if subcommand is None:
            return  # click reports an unknown command
        command, name, rest = subcommand, rest[0], rest[1:]


def _check_options(command: click.Command, words: list[str], ctx: click.Context) -> list[str]:
    """Check the options of one command; returns the words from its subcommand on."""
    options = {
        name: param
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }
    values: dict[click.Option, str] = {}
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            return []
        name, equals, value = word.partition("=")
        option = options.get(name)
        if option is None:
            if isinstance(command, click.Group) and not word.startswith("-"):
                return words[index - 1 :]
            continue
        if option.is_flag and option.secondary_opts and values.setdefault(option, name) != name:
            raise click.UsageError(f"{values[option]} and {name} are both given", ctx)
        if option.is_flag or option.count:
            continue
        if not equals and index < len(words) and not (_takes_optional_value(option) and words[index].startswith("-")):
            value = words[index]
            index += 1
        if option.multiple:
            continue
        if option in values:
            raise click.UsageError(f"{name} is given twice: {values[option]} and {value}", ctx)
        values[option] = value
    return []


def _takes_optional_value(option: click.Option) -> bool:
    """Whether the option may stand without a value (``--yes [ENV]``)."""
    return bool(getattr(option, "_flag_needs_value", False))


def wants_json(words: Sequence[str]) -> bool:
    """Whether --format json stands anywhere in the command line, which need not be valid."""
    return "--format=json" in words or ("--format", "json") in pairwise(words)


def report_usage_error(error: click.ClickException, *, as_json: bool) -> int:
    """Print click's message on stderr, with ``as_json`` also as JSON on stdout; returns the exit code."""
    text = io.StringIO()
    error.show(text)
    print_err(text.getvalue().rstrip("\n"))
    if as_json:
        from minerva_promote.cli.common import print_error_values

        ctx = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"{ctx.command_path if ctx else 'promote'} --help"
        is_help = isinstance(error, click.exceptions.NoArgsIsHelpError)  # its message is the whole help text
        message = "no command is given" if is_help else error.format_message()
        print_error_values(EXIT_USAGE, (UsageError(message, hint=hint),))
    return EXIT_USAGE
