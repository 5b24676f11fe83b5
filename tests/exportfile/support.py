"""Accepted files with one thing changed, and what the reader says about them."""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from minerva_promote.config.load_project import load_project
from minerva_promote.config.models.project import Contract, Limits
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.exportfile.reader import ExportReader
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.validation import Validation, validate
from minerva_promote.results import Finding
from tests.material import REPOSITORY

CONFIG = "22222222-2222-4222-8222-222222222222"
BOOK = "11111111-1111-4111-8111-111111111111"
SHOT = "44444444-4444-4444-8444-000000000001"
CHUNK = "33333333-3333-4333-8333-000000000001"
NOW = "2026-01-02T03:04:05.678901"

_FOLDER = tempfile.TemporaryDirectory(prefix="promote-exportfile-")
_FILE = Path(_FOLDER.name) / "export.sql"


@cache
def contract_of(dimensions: int = 3) -> tuple[Contract, Snapshot]:
    """The shipped contract and its recorded columns, for vectors of this length."""
    project = load_project(REPOSITORY, {"embedding_dimensions": str(dimensions)})
    return project.contract, read_snapshot(project.root / project.contract.snapshot, project.variables)


@dataclass(frozen=True)
class Read:
    """What reading a file gave."""

    findings: tuple[Finding, ...]
    count: int
    warnings: tuple[Finding, ...]
    rows: tuple[tuple[str, tuple[str, ...], tuple[bytes | None, ...], int], ...]
    sha256: str

    @property
    def accepted(self) -> bool:
        return not self.count

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    @property
    def lines(self) -> list[str]:
        """Each finding as "line:column code: fact; help"."""
        return [line_of(finding) for finding in self.findings]

    def values(self, table: str) -> dict[str, bytes | None]:
        """The first row of a table."""
        _, columns, values, _ = next(row for row in self.rows if row[0] == table)
        return dict(zip(columns, values, strict=True))


def line_of(finding: Finding) -> str:
    place = (
        f"{finding.location.line}:{finding.location.column}" if finding.location and finding.location.line else "file"
    )
    return f"{place} {finding.code}: {finding.message}; {finding.hint}"


def read(
    content: str | bytes | Path, *, dimensions: int = 3, repair: bool = False, connected: bool = False, **changes: Any
) -> Read:
    """Read a file once; ``changes`` are fields of the contract, or its limits."""
    contract, snapshot = contract_of(dimensions)
    snapshot = changes.pop("snapshot", snapshot)
    limits = {name: value for name, value in changes.items() if name in Limits.model_fields}
    if limits:
        changes["limits"] = contract.limits.model_copy(update=limits)
    contract = contract.model_copy(update={name: value for name, value in changes.items() if name not in limits})
    path = content if isinstance(content, Path) else written(content)
    rules = RowRules(contract, snapshot, connected=connected)
    scan = ExportReader(path, contract, snapshot, repair=repair, rules=rules)
    rows = tuple((row.layout.table, row.layout.columns, tuple(row.values), row.offset) for row in scan.rows())
    found = scan.findings
    errors = tuple(sorted(found.errors, key=lambda finding: finding.location or 0))
    return Read(errors, found.count, tuple(found.warnings), rows, scan.sha256.hex())


def written(content: str | bytes) -> Path:
    """A file with this content; the next call overwrites it."""
    _FILE.write_bytes(content.encode() if isinstance(content, str) else content)
    return _FILE


def validate_file(path: Path, dimensions: int = 3) -> Validation:
    return validate(path, *contract_of(dimensions))


def findings(content: str | bytes | Path, **options: Any) -> list[str]:
    return read(content, **options).lines


@dataclass(frozen=True)
class Insert:
    """One INSERT of an export, by its parts; values are SQL."""

    table: str
    values: dict[str, str]
    name: str = ""  # how the table is written
    columns: str | None = None
    rows: str | None = None  # what follows VALUES
    conflict: str = "ON CONFLICT (id) DO NOTHING"
    end: str = ";\n"

    def __str__(self) -> str:
        columns = ", ".join(self.values) if self.columns is None else self.columns
        rows = f"({', '.join(self.values.values())})" if self.rows is None else self.rows
        return f"INSERT INTO {self.name or self.table} ({columns})\nVALUES {rows}\n{self.conflict}{self.end}"


def config(**changes: str | None) -> Insert:
    values = {
        "id": f"'{CONFIG}'", "model_name": "'text-embedding-3-small'", "model_version": "'v1'", "dimensions": "3",
        "is_active": "true", "created_at": f"'{NOW}'",
    }  # fmt: skip
    return _insert("embedding_configs", values, changes)


def book(**changes: str | None) -> Insert:
    values = {
        "id": f"'{BOOK}'", "title": "'Peptide Protocols'", "author": "'A. Uthor'",
        "kindle_url": "'https://read.example/?asin=B0'", "total_screenshots": "1", "capture_date": f"'{NOW}'",
        "ingestion_status": "'completed'", "book_metadata": "NULL", "created_at": f"'{NOW}'", "updated_at": f"'{NOW}'",
    }  # fmt: skip
    return _insert("books", values, changes)


def shot(number: int = 1, **changes: str | None) -> Insert:
    values = {
        "id": f"'{SHOT[:-1]}{number}'", "book_id": f"'{BOOK}'", "sequence_number": str(number), "file_path": "NULL",
        "screenshot_hash": "'ab12'", "captured_at": f"'{NOW}'",
    }  # fmt: skip
    return _insert("screenshots", values, changes)


def chunk(number: int = 1, **changes: str | None) -> Insert:
    values = {
        "id": f"'{CHUNK[:-1]}{number}'", "book_id": f"'{BOOK}'", "screenshot_ids": f"ARRAY['{SHOT}']::uuid[]",
        "chunk_sequence": str(number), "chunk_text": "'text'", "chunk_token_count": "3",
        "embedding_config_id": f"'{CONFIG}'", "embedding": "'[0.1,0.2,0.3]'::vector", "vision_model": "'tesseract'",
        "vision_prompt_tokens": "0", "vision_completion_tokens": "0", "extraction_timestamp": f"'{NOW}'",
        "created_at": f"'{NOW}'",
    }  # fmt: skip
    return _insert("chunks", values, changes)


def _insert(table: str, values: dict[str, str], changes: dict[str, str | None]) -> Insert:
    parts = {name: changes.pop(name) for name in ("name", "columns", "rows", "conflict", "end") if name in changes}
    given = {name: value for name, value in (values | changes).items() if value is not None}
    return Insert(table, given, **parts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Export:
    """A whole file; ``str()`` it. Lines: BEGIN 1, config 2-4, book 5-7, screenshot 8-10, chunk 11-13, COMMIT 14."""

    head: str = "BEGIN;\n"
    config: Insert | str = field(default_factory=config)
    book: Insert | str = field(default_factory=book)
    shot: Insert | str = field(default_factory=shot)
    chunk: Insert | str = field(default_factory=chunk)
    more: str = ""  # before COMMIT
    tail: str = "COMMIT;\n"

    def __str__(self) -> str:
        return f"{self.head}{self.config}{self.book}{self.shot}{self.chunk}{self.more}{self.tail}"


def export(**parts: Any) -> str:
    """An accepted file with these parts instead."""
    return str(replace(Export(), **parts))


def with_value(column: str, value: str, table: str = "chunk") -> str:
    """An accepted file whose book, shot, config or chunk has this SQL in one column."""
    make: Any = {"chunk": chunk, "book": book, "shot": shot, "config": config}[table]
    return export(**{table: make(**{column: value})})


def statements(text: bytes) -> list[bytes]:
    """The statements of a file, each with its semicolon, by PostgreSQL's own lexer; comments stay with what follows."""
    import postgast

    begin, found = 0, []
    for token in postgast.scan(text.decode()).tokens:
        if text[token.start : token.end] == b";":
            found.append(text[begin : token.end])
            begin = token.end
    return [*found, text[begin:]] if text[begin:].strip() else found


def floats(wire: bytes) -> tuple[float, ...]:
    return struct.unpack(f">{(len(wire) - 4) // 4}f", wire[4:])


class Asked:
    """What a server makes of texts and of SQL."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def wire(self, texts: list[str], type_name: str) -> list[bytes | None]:
        """The binary form of each text, read as this type."""
        with self._connection.cursor(binary=True) as cursor:
            query = f"select v::{type_name} from unnest(%s::text[]) with ordinality as t (v, n) order by n"
            cursor.execute(query, (texts,))
            return [cursor.pgresult.get_value(row, 0) for row in range(cursor.pgresult.ntuples)]

    def takes(self, text: str, type_name: str) -> bool:
        """Whether the server reads this text as the type."""
        try:
            self.wire([text], type_name)
        except psycopg.DataError:
            return False
        return True

    def text_of(self, literal: str) -> bytes | None:
        """What an SQL constant stands for; None when it is none."""
        try:
            with self._connection.cursor(binary=True) as cursor:
                cursor.execute(f"select {literal}::text".encode())
                return cursor.pgresult.get_value(0, 0)  # type: ignore[no-any-return]
        except psycopg.Error:
            return None
