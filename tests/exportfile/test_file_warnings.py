"""Warnings about a file as a whole: columns that it does not give, and texts that were changed on their way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minerva_promote.config.models.contract import Repair
from minerva_promote.config.snapshot import Column, Snapshot
from minerva_promote.exportfile.misread_text import misread_word
from minerva_promote.results import Severity
from tests.exportfile.support import Insert, book, chunk, config, contract_of, read, shot


def export(*inserts: Insert) -> str:
    """A file with these statements, and a screenshot where there is none, before the chunks."""
    parents = [insert for insert in inserts if insert.table != "chunks"]
    if all(insert.table != "screenshots" for insert in inserts):
        parents.append(shot())
    chunks = [insert for insert in inserts if insert.table == "chunks"]
    return f"BEGIN;\n{''.join(map(str, [config(), *parents, *chunks]))}COMMIT;\n"


def warnings(*inserts: Insert, **changes: Any) -> list[tuple[str, str, int]]:
    """Code, message and count of every warning about a file with these statements, which is accepted."""
    report = read(export(*inserts), **changes)
    assert report.accepted, report.lines
    assert all(warning.severity is Severity.WARN for warning in report.warnings)
    return [(warning.code, warning.message, warning.count) for warning in report.warnings]


def without_optional(table: str, *, keep: tuple[str, ...] = ()) -> dict[str, Any]:
    """The shipped contract's tables, of which one has only these optional columns."""
    tables = dict(contract_of()[0].tables)
    tables[table] = tables[table].model_copy(update={"optional": keep})
    return {"tables": tables}


def with_column(table: str, column: Column) -> dict[str, Any]:
    """The recorded tables, of which one has one more column."""
    snapshot = contract_of()[1]
    columns = {**snapshot.tables[table].columns, column.name: column}
    return {"snapshot": Snapshot({**snapshot.tables, table: replace(snapshot.tables[table], columns=columns)}, "test")}


def test_columns_that_a_file_does_not_give() -> None:
    changes = without_optional("books", keep=("source_url", "source_domain", "published_date", "word_count"))
    assert warnings(book(), chunk(), **changes) == [
        ("not-given", "books.ingestion_error is not given: NULL is stored (1 row)", 1),
        ("not-given", "books.source_type is not given: its default 'kindle'::source_type is stored (1 row)", 1),
        ("not-given", "books.page_count is not given: NULL is stored (1 row)", 1),
    ]


def test_rows_of_several_shapes_are_counted_together() -> None:
    inserts = [chunk(number, chunk_metadata=None if number % 2 else "NULL") for number in range(1, 6)]
    assert warnings(book(), *inserts, **without_optional("chunks")) == [
        ("not-given", "chunks.chunk_metadata is not given: NULL is stored (3 rows)", 3)
    ]


def test_the_hint_names_the_word_of_the_contract() -> None:
    (warning,) = read(export(book(), chunk(chunk_metadata=None)), **without_optional("chunks")).warnings
    assert warning.hint == "export it, or name it in promote.yaml: contract.tables.chunks.optional: [chunk_metadata]"


@pytest.mark.parametrize(
    "column",
    [
        Column("number", "bigint", not_null=True, has_default=True, default="nextval('chunks_number_seq'::regclass)"),
        Column("number", "bigint", not_null=True, has_default=True),  # an identity
        Column("sum", "bigint", has_default=True, generated=True),
    ],
    ids=["serial", "identity", "generated"],
)
def test_columns_that_the_target_fills_in_are_left_out(column: Column) -> None:
    assert warnings(book(), chunk(), **with_column("chunks", column)) == []


def test_a_column_that_must_be_null_may_be_missing() -> None:
    assert warnings(book(), shot(file_path=None), chunk()) == []


def test_an_optional_column_of_a_rule_may_be_left_out() -> None:
    tables = dict(contract_of()[0].tables)
    rule = tables["books"].columns | {"source_type": tables["books"].columns["ingestion_status"]}
    tables["books"] = tables["books"].model_copy(update={"columns": rule, "optional": ()})
    report = read(export(book(), chunk()), tables=tables)
    assert [line.partition(":")[2] for line in report.lines] == [
        "20 column-missing: books.source_type is not given; give its value"
    ]
    tables["books"] = tables["books"].model_copy(update={"optional": contract_of()[0].tables["books"].optional})
    assert warnings(book(), chunk(), tables=tables) == []


@pytest.mark.parametrize("word", ["None", "null", "NULL"])
def test_words_for_null(word: str) -> None:
    inserts = (book(kindle_url=f"'{word}'"), chunk())
    assert warnings(*inserts) == [("null-text", f"books.kindle_url is the text '{word}' in 1 row", 1)]


def test_words_for_null_where_they_can_be_nothing_else() -> None:
    assert warnings(book(title="'None'", kindle_url="'Nullarbor'"), chunk(chunk_text="'null'")) == []


def test_line_ends_of_windows() -> None:
    texts = [
        chunk(1, chunk_text="'one\r\ntwo'"),
        chunk(2, chunk_text="'one line'"),
        chunk(3, chunk_text="'a\r\nb\r\n'"),
    ]
    message = "every line of the texts ends in CRLF (2 values of several lines)"
    assert warnings(book(), *texts) == [("line-ends", message, 2)]


def test_other_line_ends() -> None:
    texts = [chunk(1, chunk_text="'one\r\ntwo'"), chunk(2, chunk_text="'one\ntwo'"), chunk(3, chunk_text="'a\r\nb'")]
    assert warnings(book(), *texts) == []


def test_misread_texts() -> None:
    inserts = [chunk(1, chunk_text="'GrÃ¼n ist die Heide'"), chunk(2, chunk_text="'itâ€™s'"), chunk(3)]
    assert warnings(book(author="'MÃ¼ller'"), *inserts) == [
        ("misread-text", "books.author holds UTF-8 that was read as Latin-1 (1 row): MÃ¼ller for Müller", 1),
        ("misread-text", "chunks.chunk_text holds UTF-8 that was read as Latin-1 (2 rows): GrÃ¼n for Grün", 2),
    ]


def misread(text: str, encoding: str) -> str:
    """The text as one sees it whose UTF-8 was read in another encoding."""
    data = text.encode()
    return "".join(bytes([byte]).decode(encoding, "ignore") or bytes([byte]).decode("latin-1") for byte in data)


WORDS = [
    "Grün", "Österreich", "Größe", "été", "naïve", "señor", "São", "Ærø", "it’s", "“word”", "so—so", "10\u00a0kg",
    "Привет", "Ελληνικά", "日本語", "😀",
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("word", WORDS)
def test_what_is_misread(word: str, encoding: str) -> None:
    wrong = misread(word, encoding)
    assert misread_word(f"a {wrong} b".encode()) == ((wrong, word))


@pytest.mark.parametrize(
    "text",
    [
        *WORDS,
        "„Größe“ und Maß“ – ‚Spaß‘, »Ä«»Ö«»Ü«, ß…",
        "« Hélas ! » dit-elle, à l’âge où l’Être naît ; ÊTRE, ÂGE, « là » : voilà »… à”’",
        "AMANHÃ” IRMû «MÃ\u00a0» ALEMÃ–ALEMÃ ALEMÃ… NÃO, PÃO, «Ã» “”, Â Ã Ä",
        "În țară, ÎNTÂI, Â», «Î»; Þórður Ðað: «Æ» Ø…",
        "Zażółć gęślą jaźń; čeština Žluťoučký; ő ű Ő Ű; ñandú ¿Qué? ¡Él! 5 € à 20 €, ±½°C",
        "ÇA, GARÇON, SÉJOUR… İstanbul, IĞDIR, ÎLE ™ ÃO",
    ],
)
def test_what_is_not_misread(text: str) -> None:
    assert misread_word(text.encode()) is None


OFFSETS = [
    ("2026-01-02T03:04:05+02:00", "2026-01-02 01:04:05"),
    ("2026-01-02 03:04:05.123456-05", "2026-01-02 08:04:05.123456"),
    ("2026-01-01 00:30:00+01", "2025-12-31 23:30:00"),
    ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
    ("2026-01-02 03:04:05 UTC", "2026-01-02 03:04:05"),
]


@pytest.mark.parametrize(("written", "in_utc"), OFFSETS)
def test_a_time_with_an_offset_names_the_time_in_utc(written: str, in_utc: str) -> None:
    (finding,) = read(export(book(created_at=f"'{written}'"), chunk())).findings
    assert finding.code == "timestamp-offset"
    assert finding.hint == f"in UTC it is {in_utc}: write that, or run with --repair"


@pytest.mark.parametrize(("written", "in_utc"), OFFSETS)
def test_repair_converts_a_time_with_an_offset(written: str, in_utc: str) -> None:
    report = read(export(book(created_at=f"'{written}'"), chunk()), repair=True)
    assert report.accepted, report.lines
    assert [warning.message for warning in report.warnings if warning.code == "repaired"] == [
        "books.created_at had an offset and was converted to UTC (1 row)"
    ]
    right = read(export(book(created_at=f"'{in_utc}'"), chunk()))
    assert report.values("books") == right.values("books")


def test_repair_leaves_times_that_do_not_exist_refused() -> None:
    inserts = (book(created_at="'2026-01-02 03:04:05+99'", updated_at="'2026-02-30 01:02:03Z'"), chunk())
    report = read(export(*inserts), repair=True)
    assert report.codes == ["timestamp-offset", "timestamp-offset"]
    assert {finding.hint for finding in report.findings} == {"write the time without it"}


def test_a_repair_counts_rows_of_all_shapes() -> None:
    inserts = [
        chunk(number, created_at="'2026-01-02 03:04:05Z'", chunk_metadata=None if number % 2 else "NULL")
        for number in range(1, 6)
    ]
    report = read(export(book(), *inserts), repair=True, repairs=(Repair(table="chunks"),))
    assert [(warning.message, warning.count) for warning in report.warnings] == [
        ("chunks.created_at had an offset and was converted to UTC (5 rows)", 5)
    ]


@pytest.mark.parametrize("value", ["'{2026-01-02 03:04:05+02}'", "ARRAY['2026-01-02 03:04:05+02']::timestamp[]"])
def test_times_inside_of_arrays_are_not_repaired(value: str) -> None:
    changes = with_column("books", Column("times", "timestamp without time zone[]"))
    report = read(export(book(times=value), chunk()), repair=True, **changes)
    assert [finding.hint for finding in report.findings] == ["in UTC it is 2026-01-02 01:04:05: write that"]
