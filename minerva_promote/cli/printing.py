"""Where all output leaves the program: one function for stdout, one for stderr, and both escape what they print."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from minerva_promote.text_format import printable


def say(text: str) -> bool:
    """Print on stdout; False when nobody reads it any more (``| head``, a closed terminal, a full disk).

    What a command did is done, and its exit code says how it ended: whoever reads the report changes nothing. SQL and
    YAML come here already escaped in their own way, which this leaves as it is.
    """
    try:
        click.echo(printable(text))
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"error: the report could not be written: {error.strerror}")
        silence(sys.stdout)
        return False
    return True


def complain(text: str) -> None:
    """Print on stderr, if anybody is there to read it."""
    try:
        click.echo(printable(text), err=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Send a stream that cannot be written to nowhere: what is left in its buffer would fail again at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
