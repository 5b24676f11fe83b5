"""Faults of the command line, the same for every command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from minerva_promote.cli.main import cli

Promote = Callable[..., Any]


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    yield words, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from commands(inner, (*words, name))


def single_options() -> Iterator[tuple[tuple[str, ...], str]]:
    for words, command in commands(cli):
        for param in command.params:
            if isinstance(param, click.Option) and not (param.is_flag or param.multiple or param.count):
                yield words, param.opts[0]


def test_every_single_option_given_twice(promote: Promote) -> None:
    options = list(single_options())
    assert len(options) > 40
    for words, name in options:
        for arguments in ((name, "a", name, "b"), (f"{name}=a", "--", name, "b"), (name, "a", f"{name}=b")):
            ran = promote(*words, *arguments)
            if "--" in arguments:
                assert "is given twice" not in ran.stderr
                continue
            assert ran.exit_code == 2, (words, name)
            assert ran.stderr.splitlines()[-1] == f"Error: {name} is given twice: a and b", (words, name)
            assert ran.stdout == ""


def test_what_contradicts_itself(promote: Promote, project: Any) -> None:
    ran = promote("undo", "1f3a9c", "--keep-shared", "--no-keep-shared", "--format", "json")
    assert ran.exit_code == 2
    assert json.loads(ran.stdout)["errors"][0]["message"] == "--keep-shared and --no-keep-shared are both given"
    ran = promote("--var", "embedding_dimensions=3", "env", "list", "--var=embedding_dimensions=4", "--format", "json")
    assert ran.exit_code == 2
    message = "--var embedding_dimensions is given twice: 3 and 4"
    assert json.loads(ran.stdout)["errors"][0]["message"] == message


def test_what_may_stand_twice(promote: Promote) -> None:
    for words in (
        ("validate", "--repair", "--repair", "nothing.sql"),
        ("--var", "a=1", "--var", "b=2", "validate", "nothing.sql"),
        ("setup", "--yes", "--recreate", "--env", "nowhere"),
        ("undo", "1f3a9c", "--no-keep-shared", "--no-keep-shared"),
    ):
        assert " given" not in promote(*words).stderr


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("run", "--file", "a", "--file", "b"), "--file is given twice: a and b", "promote run --help"),
        (("bogus",), 'no command "bogus"; commands: ', "promote --help"),
        (("schema", "bogus"), "No such command 'bogus'.", "promote schema --help"),
        (("run", "--bogus"), "No such option", "promote run --help"),
        (("validate",), "Missing argument 'FILE...'.", "promote validate --help"),
        (("history", "--limit", "0"), "Invalid value for '--limit'", "promote history --help"),
        (("schema",), "", "promote schema --help"),
    ],
)
@pytest.mark.parametrize("form", [("--format", "json"), ("--format=json",)])
def test_usage_errors_as_json(
    promote: Promote, words: tuple[str, ...], message: str, hint: str, form: tuple[str, ...]
) -> None:
    ran = promote(*words, *form)
    assert ran.exit_code == 2
    values = json.loads(ran.stdout)
    assert (values["version"], values["exit_code"], len(values["errors"])) == (1, 2, 1)
    error = values["errors"][0]
    assert error["message"].startswith(message)
    assert (error["hint"], error["at"]) == (hint, None)
    assert ran.stderr.startswith("Usage: promote")
    plain = promote(*words)
    assert plain.exit_code == 2
    assert plain.stdout == ""


def test_what_was_typed_is_escaped(promote: Promote) -> None:
    ran = promote("\x1b[31m\u202e", "--format", "json")
    assert ran.exit_code == 2
    assert "\x1b" not in ran.stderr + ran.stdout
    assert "\u202e" not in ran.stderr + ran.stdout
    ran = promote("run", "--file", "a", "--file", "b\n::error::c ##[error]d")
    assert "\n::" not in ran.stderr
    assert "##[" not in ran.stderr


def test_two_environments(promote: Promote, project: Any) -> None:
    assert promote("plan", "local", "--env", "local", "--file", "nothing.sql").stderr.startswith("error: nothing.sql")
    ran = promote("plan", "local", "--env", "prod", "--file", "nothing.sql", "--format", "json")
    assert ran.exit_code == 2
    assert json.loads(ran.stdout)["errors"][0]["message"] == "two environments: local and prod"
