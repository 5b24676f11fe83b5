"""All output leaves the program here: one function for stdout, one for stderr; both escape control characters."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from minerva_promote.text_format import printable


def print_out(text: str) -> bool:
    """Print on stdout; False when that fails (``| head``, a closed terminal, a full disk), which raises nothing.

    A report that cannot be written changes neither what the command did nor its exit code. SQL and YAML arrive already
    escaped by their own rules, which stay as they are.
    """
    try:
        click.echo(printable(text))
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print_err(f"error: the report could not be written: {error.strerror}")
        discard_output(sys.stdout)
        return False
    return True


def print_err(text: str) -> None:
    """Print on stderr; a stream that cannot be written to is ignored."""
    try:
        click.echo(printable(text), err=True)
    except OSError:
        discard_output(sys.stderr)


def discard_output(stream: TextIO) -> None:
    """Redirect a stream that cannot be written to the null device: its buffer would fail again at exit."""
    with suppress(OSError, ValueError):
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, stream.fileno())
        os.close(null_device)
