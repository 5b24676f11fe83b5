"""What depends on more than the file: limits, --repair, another contract, a connection, what the file is."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.config.models.project import Repair
from minerva_promote.config.snapshot import Column, Snapshot
from minerva_promote.errors import FileError, NoSuchFile
from minerva_promote.exportfile.reader import ExportReader
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.rule_model import DeferredRow
from minerva_promote.exportfile.validation import validate
from tests.exportfile import support
from tests.exportfile.refused import REFUSED
from tests.exportfile.support import CONFIG, book, chunk, contract_of, export, findings, read, shot
from tests.material import REPOSITORY

EXPORTS = REPOSITORY / "examples"


def test_file_size() -> None:
    size = len(export().encode())
    assert findings(export(), file_bytes=size) == []
    assert findings(export(), file_bytes=size - 1) == [
        f"file file-size: {size:,} bytes, at most {size - 1:,}; raise contract.limits.file_bytes in promote.yaml"
    ]


def test_rows() -> None:
    assert findings(export(), rows=4) == []
    help_ = "raise contract.limits.rows in promote.yaml"
    assert findings(export(), rows=3) == [f"12:8 rows: more than 3 rows; {help_}"]
    rows = ", ".join(f"({', '.join(chunk(number).values.values())})" for number in (1, 2, 3))
    found = read(export(chunk=chunk(rows=rows)), rows=4)
    assert found.lines == [f"12:303 rows: more than 4 rows; {help_}"]
    assert len(found.rows) == 4
    assert found.sha256 == ""


def test_rows_of_one_shape() -> None:
    """Statements that are read without being parsed count as well."""
    statements = "".join(str(chunk(number)) for number in (1, 2, 3, 4))
    reading = read(export(chunk=statements), rows=6)
    assert (reading.codes, len(reading.rows)) == (["rows"], 6)


def test_a_fault_behind_other_constants_of_one_shape() -> None:
    """Line and column are those of the constant, though the statement was not parsed."""
    tokens = [chunk(number, chunk_token_count="12") for number in (1, 2)]
    wrong = chunk(3, chunk_text="'it''s plain'", chunk_token_count="99999999999")
    text = export(chunk="".join(map(str, (*tokens, wrong))))
    line, column = next(
        (number, line.index("99999999999") + 1)
        for number, line in enumerate(text.splitlines(), 1)
        if "99999999999" in line
    )
    reading = read(text)
    assert [str(finding.location).partition(":")[2] for finding in reading.findings] == [f"{line}:{column}"]


def test_a_number_below_the_first_of_its_sequence() -> None:
    reading = read(export(chunk=chunk(chunk_sequence="-1")))
    assert any("chunks.chunk_sequence is -1, must start at 1" in line for line in reading.lines), reading.lines


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (export(chunk=chunk(chunk_text=f"'{'x' * 5000}'")), "12:8"),
        (export(chunk=chunk(rows=f"({', '.join(chunk().values.values())}), /* 2 */ ('{'x' * 5000}'")), "12:303"),
        (export(chunk=str(chunk()) + str(chunk(2)) + str(chunk(3, chunk_text=f"'{'x' * 5000}'"))), "18:8"),
        (export(more="SELECT '" + "x" * 5000), "14:1"),
        (export(more=f"SELECT {'1, ' * 2000} 1;"), "14:1"),
        (export(more=f"-- {'x' * 5000}\nSELECT"), "14:1"),
        (export(more=f"/* {'x' * 5000}"), "14:1"),
        (export(chunk=chunk(conflict=f"ON CONFLICT (id) /* {'x' * 5000} */ DO NOTHING")), "13:1"),
    ],
    ids=["row", "later row", "later statement", "open string", "statement", "comment", "open comment", "tail"],
)
@pytest.mark.parametrize("block", [64, 1000, 1 << 22])
def test_row_bytes(content: str, place: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minerva_promote.exportfile.byte_window.BLOCK", block)
    fact = "too-long: a row or statement of more than 4,096 bytes begins here"
    help_ = "close its quotes, or raise contract.limits.row_bytes in promote.yaml"
    assert findings(content, row_bytes=4096) == [f"{place} {fact}; {help_}"]
    assert "too-long" not in read(content).codes


def test_many_findings_are_counted() -> None:
    content = export(more="SELECT 1;\n" * 5000)
    found = read(content, findings=7)
    assert found.count == 5000
    assert [line.split()[0] for line in found.lines] == [f"{line}:1" for line in range(14, 21)]
    assert read(content).count == 5000
    assert len(read(content).findings) == 100


EACH_ROW = ("vision_prompt_tokens", "vision_completion_tokens", "extraction_timestamp")
OF_EACH_ROW: dict[str, Any] = dict.fromkeys(EACH_ROW)


def test_repairs() -> None:
    old = export(
        book=book(book_metadata=None, metadata="'{\"a\": 1}'"),
        chunk=str(chunk(embedding="'{1,2,3}'::vector", **OF_EACH_ROW))
        + str(chunk(2, embedding="'[4,5,6]'::vector", **OF_EACH_ROW)),
    )
    assert findings(old) == [
        "5:126 column: books has no column metadata; old exporters write it for book_metadata: run with --repair",
        "11:21 column-missing: chunks.vision_prompt_tokens, vision_completion_tokens, extraction_timestamp are not given; "
        "old exporters leave them out: run with --repair",
        "14:21 column-missing: chunks.vision_prompt_tokens, vision_completion_tokens, extraction_timestamp are not given; "
        "old exporters leave them out: run with --repair",
    ]
    found = read(old, repair=True)
    assert found.lines == []
    assert [support.line_of(warning) + f" × {warning.count}" for warning in found.warnings] == [
        "file repaired: books.metadata is books.book_metadata (1 row); update the exporter × 1",
        "file repaired: chunks.embedding was in braces (1 row); update the exporter × 1",
        "file repaired: chunks.extraction_timestamp was missing (2 rows); update the exporter × 2",
        "file repaired: chunks.vision_completion_tokens was missing (2 rows); update the exporter × 2",
        "file repaired: chunks.vision_prompt_tokens was missing (2 rows); update the exporter × 2",
    ]
    values = found.values("chunks")
    assert values["extraction_timestamp"] == values["created_at"]
    assert values["vision_prompt_tokens"] == b"\0\0\0\0"
    assert support.floats(values["embedding"] or b"") == (1.0, 2.0, 3.0)
    assert found.values("books")["book_metadata"] == b'{"a": 1}'


def test_repair_changes_nothing_in_a_sound_file() -> None:
    found = read(export(), repair=True)
    assert (found.lines, found.warnings) == ([], ())
    assert found.rows == read(export()).rows


def test_repair_does_not_take_a_column_twice() -> None:
    both = export(book=book(metadata="NULL"))
    assert findings(both, repair=True) == ["5:141 columns: books.book_metadata is named twice; name each column once"]


def test_repair_does_not_mend_other_vectors() -> None:
    sparse = export(chunk=chunk(embedding="'{1:1}/3'"))
    assert read(sparse, repair=True).codes == ["vector-braces"]
    assert read(export(chunk=chunk(embedding="'{1,2}'")), repair=True).codes == ["vector-length"]
    assert read(export(chunk=chunk(embedding="'{{1,2,3}}'")), repair=True).codes == ["vector-component"]


def test_shared_rows_may_stand_in_the_target() -> None:
    """Only with a connection, and only rows of a shared table."""
    contract, _ = contract_of()
    tables = dict(contract.tables)
    tables["embedding_configs"] = tables["embedding_configs"].model_copy(update={"required": False})
    content = export(config="")
    assert read(content, tables=tables).codes == ["reference"]
    assert findings(content, tables=tables, connected=True) == []
    assert read(export(book=""), connected=True).codes == ["table-empty", "parent-missing", "parent-missing"]
    rules = RowRules(contract, contract_of()[1], connected=True)
    for _ in ExportReader(support.written(content), contract, contract_of()[1], rules=rules).rows():
        pass
    assert rules.deferred == {
        ("embedding_configs", bytes.fromhex(CONFIG.replace("-", ""))): DeferredRow((CONFIG,), CONFIG, {3})
    }


def with_column(table: str, column: Column) -> Snapshot:
    snapshot = contract_of()[1]
    changed = replace(snapshot.tables[table], columns={**snapshot.tables[table].columns, column.name: column})
    return replace(snapshot, tables={**snapshot.tables, table: changed})


@pytest.mark.parametrize(
    ("column", "sql", "said"),
    [
        (Column("extra", "xml"), "'<a/>'", "column-type: books.extra is xml, which no export may hold; leave it out"),
        (Column("extra", "money[]"), "'{}'", "column-type: books.extra is money[], which no export may hold; leave it out"),
        (Column("extra", "text[]"), "'{}'", ""),
        (Column("extra", "character(3)"), "'a'", ""),
        (Column("extra", "integer", generated=True, has_default=True), "1", "column: books.extra is generated; leave it out"),
        (Column("extra", "bigint"), "9223372036854775808", "integer-range: books.extra: 9223372036854775808 is out of range "
         "(-9223372036854775808 to 9223372036854775807); correct the number"),
        (Column("extra", "smallint"), "32768", "integer-range: books.extra: 32768 is out of range (-32768 to 32767); correct the number"),
        (Column("extra", "bigint"), "9223372036854775807", ""),
        (Column("extra", "text"), "text 'a'", ""),
        (Column("extra", "vector"), "'[1]'", ""),
        (Column("extra", "character varying(3)"), "'abc'::varchar(3)", ""),
        (Column("extra", "uuid[]"), "'{}'", ""),
        (Column("extra", "timestamp(3) without time zone"), "'2026-01-01T00:00:00.1234'", "time-rounded: books.extra: "
         "2026-01-01T00:00:00.1234 would be rounded to 3 digits; give it as it will be stored"),
    ],
)  # fmt: skip
def test_other_columns(column: Column, sql: str, said: str) -> None:
    snapshot = with_column("books", column)
    found = read(export(book=book(extra=sql)), snapshot=snapshot)
    assert [line.partition(" ")[2] for line in found.lines] == ([said] if said else [])


@pytest.mark.parametrize("name", ["id", "book_id", "chunk_sequence", "embedding_config_id", "embedding"])
def test_a_column_with_a_rule_is_given_even_if_it_has_a_default(name: str) -> None:
    columns = contract_of()[1].tables["chunks"].columns
    snapshot = with_column("chunks", replace(columns[name], has_default=True))
    columns_of_row: dict[str, Any] = {name: None}
    found = read(export(chunk=chunk(**columns_of_row)), snapshot=snapshot)
    assert [line.partition(" ")[2] for line in found.lines] == [
        f"column-missing: chunks.{name} is not given; give its value"
    ]


def test_several_roots() -> None:
    contract, _ = contract_of()
    second = "11111111-1111-4111-8111-111111111112"
    content = export(
        book=str(book()) + str(book(id=f"'{second}'")),
        shot=str(shot()) + str(shot(2, book_id=f"'{second}'", sequence_number="1")),
        chunk=str(chunk())
        + str(chunk(2, book_id=f"'{second}'", chunk_sequence="1", screenshot_ids=f"'{{{support.SHOT[:-1]}2}}'")),
    )
    assert contract.roots is not None
    roots = contract.roots.model_copy(update={"max": 2})
    assert findings(content, roots=roots) == []
    assert read(content).codes == ["too-many-roots"]
    crossed = content.replace(f"'{{{support.SHOT[:-1]}2}}'", f"'{{{support.SHOT}}}'")
    assert [line.partition(" ")[2] for line in findings(crossed, roots=roots)] == [
        "reference: chunks.screenshot_ids names a row of screenshots that belongs to another row of books; "
        "name rows of the same root"
    ]


def test_repairs_of_one_table_add_up() -> None:
    repairs = (
        Repair(table="books", rename={"name": "title"}),
        Repair(table="books", rename={"metadata": "book_metadata"}),
        Repair(table="books", default={"updated_at": "created_at", "author": "unknown"}),
    )
    old = export(book=book(title=None, name_="'x'", updated_at=None, author=None)).replace("name_", "name")
    assert read(old, repairs=repairs, repair=True).values("books")["author"] == b"unknown"
    assert "title" in findings(old, repairs=repairs)[0]


FOREIGN = {
    "a gzip file": b"\x1f\x8b\x08\x00rest",
    "a zip archive": b"PK\x03\x04rest",
    "a bzip2 file": b"BZh91AY&SY",
    "an xz file": b"\xfd7zXZ\x00\x00",
    "a zstd file": b"\x28\xb5\x2f\xfd\x24",
    "an lz4 file": b"\x04\x22\x4d\x18\x64",
    "a 7z archive": b"7z\xbc\xaf\x27\x1c\x00",
    "a rar archive": b"Rar!\x1a\x07\x01\x00",
    "a tar archive": b"export.sql".ljust(257, b"\0") + b"ustar\x0000",
    "a pg_dump archive in custom format": b"PGDMP\x01\x0f",
    "binary COPY data": b"PGCOPY\n\xff\r\n\x00\x00",
    "UTF-16 text": "BEGIN;".encode("utf-16"),
    "UTF-8 text with a byte-order mark": b"\xef\xbb\xbfBEGIN;",
    "a SQLite database": b"SQLite format 3\x00",
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "a PNG picture": b"\x89PNG\r\n\x1a\n",
    "a JPEG picture": b"\xff\xd8\xff\xe0",
    "a program": b"\x7fELF\x02\x01",
    "a Parquet file": b"PAR1\x15\x04",
    "markup (HTML or XML)": b"<!DOCTYPE html>\n<html>",
    "JSON": b'[{"id": 1}]',
    "a pg_dump of a database": b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n",
    "a MySQL dump": b"/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `x`;\n",
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("block", [1, 1 << 22])
def test_foreign_files(what: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minerva_promote.exportfile.byte_window.BLOCK", block)
    found = read(FOREIGN[what])
    assert found.lines[0].startswith(f"1:1 foreign: this looks like {what}; ")
    assert found.count == 1
    assert found.rows == ()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile, match="no such file"):
        read(tmp_path / "nothing.sql")
    with pytest.raises(NoSuchFile, match="is a directory"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NoSuchFile, match="is not a regular file"):
        read(tmp_path / "pipe")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "export.sql"
    path.write_text(export())
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(FileError, match="cannot be read: Permission denied"):
        read(path)


def test_validate() -> None:
    found = validate(EXPORTS / "lighthouse.sql", *contract_of(1536))
    assert found.accepted
    assert found.manifest.rows == {"embedding_configs": 1, "books": 1, "screenshots": 12, "chunks": 24}
    assert found.manifest.roots == ("4849c435-9ba0-494d-a99c-befbdf45a005",)
    assert found.manifest.statements == 40
    assert found.manifest.size == (EXPORTS / "lighthouse.sql").stat().st_size
    assert len(found.manifest.sha256) == 64
    refused = validate(EXPORTS / "refused.sql", *contract_of(1536))
    assert not refused.accepted
    assert refused.error_count == len(refused.errors) > 0


MEMORY = """
import sys
from pathlib import Path
from tests.exportfile.support import contract_of, validate_file
found = validate_file(Path(sys.argv[1]))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(found.error_count, sum(found.manifest.rows.values()), int(status["VmHWM"].split()[0]) // 1024)
"""


def read_in_a_process(path: Path) -> tuple[int, int, int]:
    """Errors, rows, and the largest memory in MiB, of reading this file."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, path], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    errors, rows, memory = map(int, done.stdout.split())
    return errors, rows, memory


@pytest.mark.soak  # tests/run/test_memory.py looks at a whole run
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """One INSERT of 60 MB with many rows, one file of as many statements, and one of nothing but faults."""
    text, count = "x" * 20_000, 3_000
    rows = [
        chunk(1, id=f"'33333333-3333-4333-8333-{number:012}'", chunk_sequence=str(number), chunk_text=f"'{text}'")
        for number in range(1, count + 1)
    ]
    path = tmp_path / "export.sql"
    many = ",\n".join(f"({', '.join(row.values.values())})" for row in rows)
    path.write_text(export(chunk=chunk(rows=many)))
    assert path.stat().st_size > 60_000_000
    errors, number, base = read_in_a_process(path)
    assert (errors, number) == (0, count + 3)
    assert base < 200
    path.write_text(export(chunk="".join(map(str, rows))))
    errors, number, memory = read_in_a_process(path)
    assert (errors, number) == (0, count + 3)
    assert memory < 200
    path.write_text(export(more=f"INSERT INTO chunks (id) VALUES (f(1), '{text}'), (B'1', $1);\n" * count))
    errors, _, memory = read_in_a_process(path)
    assert errors > count
    assert memory < 200
    shapes = (
        f"INSERT INTO chunks (id) VALUES (f({', '.join('1' * number)}), '{text * 3}');\n" for number in range(1, 400)
    )
    path.write_text(export(more="".join(shapes)))
    errors, _, memory = read_in_a_process(path)
    assert errors > 399
    assert memory < 200


def test_nothing_of_a_file_is_remembered() -> None:
    """Refusals are kept for the next file, the frames they were raised in are not."""
    contents = [content for files in REFUSED.values() for content in files.values()][::3]
    for content in contents:
        read(content)
    gc.collect()
    before = len(gc.get_objects())
    for content in contents:
        read(content)
    gc.collect()
    assert len(gc.get_objects()) < before + 500
