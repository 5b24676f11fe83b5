"""What a file that is no export looks like, by its first bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class FileTypeGuess(NamedTuple):
    """What a file looks like."""

    what: str
    hint: str
    certain: bool  # False: only a comment says so, and an export may begin with it as well


_SIGNATURES = (
    (b"\x1f\x8b", "a gzip file", "unpack it: gunzip FILE"),
    (b"PK\x03\x04", "a zip archive", "unpack it"),
    (b"BZh", "a bzip2 file", "unpack it: bunzip2 FILE"),
    (b"\xfd7zXZ\x00", "an xz file", "unpack it: unxz FILE"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it: unzstd FILE"),
    (b"\x04\x22\x4d\x18", "an lz4 file", "unpack it: unlz4 FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it"),
    (b"PGDMP", "a pg_dump archive in custom format", "promote takes the exporter's INSERT files"),
    (b"PGCOPY\n\xff\r\n\x00", "binary COPY data", "promote takes the exporter's INSERT files"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (b"\xef\xbb\xbf", "UTF-8 text with a byte-order mark", "save it as UTF-8 without one"),
    (b"SQLite format 3\x00", "a SQLite database", "export it first"),
    (b"%PDF-", "a PDF document", "name the export file"),
    (b"\x89PNG", "a PNG picture", "name the export file"),
    (b"\xff\xd8\xff", "a JPEG picture", "name the export file"),
    (b"\x7fELF", "a program", "name the export file"),
    (b"PAR1", "a Parquet file", "name the export file"),
)
_TEXTS = (
    (re.compile(rb"\s*(?:<!doctype|<html|<\?xml)", re.I), "markup (HTML or XML)", "name the export file"),
    (re.compile(rb"\s*[{\[]\s*(?:\"|\{|\[|\d|\})"), "JSON", "promote takes the exporter's INSERT files"),
    (
        re.compile(rb"\s*--\s*\n--\s+PostgreSQL database dump"),
        "a pg_dump of a database",
        "promote takes the exporter's INSERT files",
    ),
    (re.compile(rb"\s*--\s+MySQL dump|\s*/\*!"), "a MySQL dump", "promote takes the exporter's INSERT files"),
)


def read_file_type(path: Path) -> FileTypeGuess | None:
    """What the file looks like that begins so; None when it begins like an export file."""
    with path.open("rb") as file:
        return guess_file_type(file.read(600))


def guess_file_type(head: bytes) -> FileTypeGuess | None:
    """What these first bytes look like, with the way out; None when they begin like an export file."""
    for signature, what, hint in _SIGNATURES:
        if head.startswith(signature):
            return FileTypeGuess(what, hint, True)
    if head[257:262] == b"ustar":
        return FileTypeGuess("a tar archive", "unpack it", True)
    for pattern, what, hint in _TEXTS:
        if match := pattern.match(head):
            return FileTypeGuess(what, hint, match.group().strip()[:1] in (b"<", b"{", b"["))
    return None
