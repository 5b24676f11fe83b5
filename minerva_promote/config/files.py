"""Read files of a project: only regular files of bounded size, so that no command hangs or runs out of memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 1 << 20  # of one configuration file


class UnreadableError(Exception):
    """A file cannot be read; ``message`` says why, in lower case, without the name of the file."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_bounded(path: Path, most: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most ``most`` bytes. Raises UnreadableError, FileNotFoundError."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe would wait for a writer
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        if path.is_symlink():
            raise UnreadableError("cannot be read: a link to a file that does not exist") from None
        raise
    except OSError as error:
        raise UnreadableError(f"cannot be read: {_reason(path, error)}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        directory = stat.S_ISDIR(mode)
        raise UnreadableError(f"cannot be read: is {'a directory' if directory else 'not a regular file'}")
    with os.fdopen(descriptor, "rb") as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read: {_reason(path, error)}") from None
        if len(data) > most:
            size = max(os.fstat(descriptor).st_size, len(data))
            raise UnreadableError(f"{size} bytes, at most {most} are read")
    return data


def is_present(path: Path) -> bool:
    """True when the name exists, also as a broken link or a pipe, which `read_bounded` refuses."""
    return os.path.lexists(path)


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8. Raises UnreadableError."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableError(f"not UTF-8 (line {line})") from None


def _reason(path: Path, error: OSError) -> str:
    return "is a directory" if path.is_dir() else (error.strerror or type(error).__name__).lower()
