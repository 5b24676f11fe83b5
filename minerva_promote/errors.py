"""Exceptions that stop a command, locations in files, and exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

EXIT_OPEN = 0  # gate open, in step, or applied
EXIT_CLOSED = 1  # gate closed, drift, or findings
EXIT_USAGE = 2  # wrong command line or configuration
EXIT_UNFINISHED = 3  # could not finish; nothing changed
EXIT_UNKNOWN = 4  # the outcome is not known


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A location in a file. Lines and columns count from 1, columns in characters; 0 means the whole file or line."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class PromoteError(Exception):
    """An error that the user can act on; the command line prints it without a traceback.

    ``message`` says what is wrong, in lower case; ``at`` where; ``hint`` what to do about it.
    """

    exit_code: ClassVar[int] = EXIT_UNFINISHED

    def __init__(self, message: str, *, at: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.location = at
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location else self.message


class UsageError(PromoteError):
    """Invalid command-line usage."""

    exit_code = EXIT_USAGE


class ConfigError(PromoteError):
    """A fault in promote.yaml, environments/, checks/ or templates/."""

    exit_code = EXIT_USAGE


class ConfigErrors(ConfigError):
    """All faults of the configuration, in the order of their locations."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)


class FileError(PromoteError):
    """The export file cannot be read, or changed while it was read."""


class FileChanged(FileError):
    """The export file was written to, or replaced, while it was read."""


class NoSuchFile(FileError):
    """The command line names a file that does not exist, or that is not a regular file."""

    exit_code = EXIT_USAGE


class TargetError(PromoteError):
    """The database cannot be reached or does not let the command finish; nothing was changed.

    ``sqlstate`` is the server's code, empty when it did not answer.
    """

    def __init__(self, message: str, *, at: Location | None = None, hint: str = "", sqlstate: str = "") -> None:
        super().__init__(message, at=at, hint=hint)
        self.sqlstate = sqlstate


class ServerError(PromoteError):
    """The embedded server cannot be started or stopped."""


class Interrupted(PromoteError):
    """Stopped by a signal; the message says which changes remain."""


class OutcomeUnknown(PromoteError):
    """The connection was lost at COMMIT; the hint says how to find out what became of it."""

    exit_code = EXIT_UNKNOWN
