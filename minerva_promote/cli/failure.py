"""How an error that stops a command is told: the place, the fact, the way out; never a secret."""

from __future__ import annotations

import traceback

from minerva_promote.cli.common import redact
from minerva_promote.cli.printing import complain, say
from minerva_promote.errors import EXIT_UNFINISHED, ConfigErrors, PromoteError
from minerva_promote.report.json import VERSION, dumped


def tell(error: PromoteError, *, as_json: bool) -> int:
    """Print the error on stderr, as JSON on stdout too when that was asked for; returns the exit code."""
    errors = error.errors if isinstance(error, ConfigErrors) else (error,)
    for one in errors:
        complain(redact(f"error: {one}"))
        for line in filter(None, one.hint.splitlines()):
            complain(redact(f"  {line}"))
    if as_json:
        say(dumped(error_values(error.exit_code, errors)))
    return error.exit_code


def tell_bug(error: Exception) -> int:
    """Print an error that nobody foresaw, so that it can be reported."""
    for line in traceback.format_exception(error):
        complain(redact(line.rstrip("\n")))
    complain("error: this is a fault of promote itself; please report it with the lines above")
    return EXIT_UNFINISHED


def error_values(exit_code: int, errors: tuple[PromoteError, ...]) -> dict[str, object]:
    """What stopped a command, as the JSON of a report has it."""
    return {
        "version": VERSION,
        "exit_code": exit_code,
        "errors": [
            {
                "message": redact(error.message),
                "hint": redact(error.hint),
                "at": {"file": error.location.file, "line": error.location.line, "column": error.location.column}
                if error.location
                else None,
            }
            for error in errors
        ],
    }
