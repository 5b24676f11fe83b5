"""Reading a file again: its rows with proof that it is the same file, and its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.errors import FileChanged, FileError, Location
from minerva_promote.exportfile.byte_window import file_changed
from minerva_promote.exportfile.reader import ExportReader, Tick
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.validation import Manifest, Validation

Sink = Callable[[Row], object]


def reread_rows(
    path: Path, contract: Contract, snapshot: Snapshot, validated: Validation, *, repair: bool, tick: Tick, sink: Sink
) -> None:
    """Hand every row of a validated file to ``sink``, in the order of then, and prove that it is still the same file.

    Raises FileError when it is not.
    """
    take, finish = validated.order.sorted(sink)
    try:
        reader = ExportReader(path, contract, snapshot, repair=repair, tick=tick)
        for row in reader.rows():
            take(row)
        finish()
    except (FileError, KeyError):  # a row that was held back is not there any more
        raise file_changed_error(path) from None
    if reader.findings.count or reader.sha256.hex() != validated.manifest.sha256:
        raise file_changed_error(path)


def require_same_file(path: Path, manifest: Manifest) -> None:
    """Raise FileError when the file is not the validated one: then its rows say nothing about that one."""
    try:
        same = hash_of(path) == manifest.sha256
    except FileError:
        same = False
    if not same:
        raise file_changed_error(path)


def hash_of(path: Path) -> str:
    """The sha256 of a file, in hex. Raises FileError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FileError(f"cannot be read: {reason}", at=Location(str(path))) from error


def file_changed_error(path: Path) -> FileError:
    """The exception for a file that somebody wrote to meanwhile."""
    error = file_changed(path)
    return FileChanged(f"{error.message}; nothing was changed in the target", at=error.location, hint=error.hint)
