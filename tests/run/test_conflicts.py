"""Rows that the target has already: identical, different, blocked by another, or new children of an old book."""

from __future__ import annotations

import pytest

from tests.run.conftest import Shop
from tests.run.exports import CONFIG, Export, key, line_of
from tests.run.reports import OTHER, TAKEN, findings, refused

SHOTS = f"'{key('c', 1, 1)}'", f"'{key('c', 1, 2)}'"
SHARED = "shared: true                               # belongs to no book\n      required: true"


@pytest.mark.parametrize(
    ("table", "column", "theirs", "ours", "fact"),
    [
        pytest.param("books", "title", "'A'", "'a'", 'is "A", the file has "a"', marks=pytest.mark.soak),
        ("books", "title", "'é'", "'e\u0301'", 'is "é", the file has "e\u0301"'),
        pytest.param("books", "title", "'a '", "'a'", 'is "a ", the file has "a"', marks=pytest.mark.soak),
        pytest.param("books", "title", f"'{50 * 'a'}b'", f"'{55 * 'a'}'", 'is "…aaaaaaaaaab", the file has "…aaaaaaaaaaaaaaa"', marks=pytest.mark.soak),
        ("books", "kindle_url", "NULL", "''", 'is NULL, the file has ""'),
        pytest.param("books", "kindle_url", "'NULL'", "NULL", 'is "NULL", the file has NULL', marks=pytest.mark.soak),
        pytest.param("books", "total_screenshots", "2", "-2", "is 2, the file has -2", marks=pytest.mark.soak),
        pytest.param("books", "capture_date", "'2026-01-02 03:04:05'", "'2026-01-02 03:04:05.000001'",
         "is 2026-01-02 03:04:05, the file has 2026-01-02 03:04:05.000001", marks=pytest.mark.soak),
        pytest.param("books", "source_type", "'pdf'", "'website'", "is pdf, the file has website", marks=pytest.mark.soak),
        ("books", "book_metadata", """'{"a": 1}'""", """'{"a": 1.0}'""", 'is "{"a": 1}", the file has "{"a": 1.0}"'),
        pytest.param("books", "book_metadata", "'[1, 2]'", "'[2, 1]'", 'is "[1, 2]", the file has "[2, 1]"', marks=pytest.mark.soak),
        pytest.param("books", "book_metadata", "NULL", "'null'", 'is NULL, the file has "null"', marks=pytest.mark.soak),
        pytest.param("embedding_configs", "is_active", "true", "false", "is true, the file has false", marks=pytest.mark.soak),
        pytest.param("chunks", "chunk_token_count", "1", "2147483647", "is 1, the file has 2147483647", marks=pytest.mark.soak),
        ("chunks", "screenshot_ids", "ARRAY[{},{}]::uuid[]", "ARRAY[{1},{0}]::uuid[]",
         "is {2 uuids}, the file has another"),
        pytest.param("chunks", "embedding", "'[1,2,3]'", "'[1,2,3.0000002]'", "is a vector of 3, the file has another", marks=pytest.mark.soak),
        ("chunks", "embedding", "'[0,1,2]'", "'[-0,1,2]'", "is a vector of 3, the file has another"),
        pytest.param("screenshots", "sequence_number", "1", "3", "is 1, the file has 3", marks=pytest.mark.soak),
    ],
)  # fmt: skip
def test_different(shop: Shop, table: str, column: str, theirs: str, ours: str, fact: str) -> None:
    export = Export()
    row = export.rows[table][0]
    row[column] = theirs.format(*SHOTS) if column == "screenshot_ids" else theirs
    shop.accepted(export)
    row[column] = ours.format(*SHOTS) if column == "screenshot_ids" else ours
    file = shop.file(export)
    id_ = row["id"].strip("'")
    line = line_of(file, f"({row['id']}")
    refused(shop, file, f"{file}:{line}: different: {table} {id_}: {column} {fact} | {OTHER}")


@pytest.mark.parametrize(
    ("table", "column", "theirs", "ours"),
    [
        pytest.param(
            "books",
            "book_metadata",
            """'{"a": 1, "b": [true]}'""",
            """'{ "b" : [ true ], "a":1 }'""",
            marks=pytest.mark.soak,
        ),
        ("books", "book_metadata", """'{"é": "\\u00e9"}'""", """'{"é": "é"}'"""),
        pytest.param(
            "books",
            "capture_date",
            "'2026-01-02 03:04:05'",
            "'2026-01-02T03:04:05.000000'::timestamp",
            marks=pytest.mark.soak,
        ),
        pytest.param("books", "total_screenshots", "2", "'2'::int4", marks=pytest.mark.soak),
        pytest.param("books", "title", "'it''s'", "E'it\\x27s'", marks=pytest.mark.soak),
        pytest.param(
            "chunks", "embedding", "'[0.1,1,2]'", "'[1e-1, 1.0, +2]'".replace("+", ""), marks=pytest.mark.soak
        ),
        ("chunks", "embedding", "'[0.1,1,2]'", "'[0.100000001,1,2]'"),
        ("chunks", "screenshot_ids", f"ARRAY['{key('c', 1, 1)}']::uuid[]", f"'{{{key('c', 1, 1).upper()}}}'"),
        ("books", "updated_at", "'2026-01-02 03:04:05'", "'2026-02-03 03:04:05'"),  # conflict: may_update
    ],
)
def test_identical(shop: Shop, table: str, column: str, theirs: str, ours: str) -> None:
    export = Export()
    row = export.rows[table][0]
    row[column] = theirs
    shop.accepted(export)
    before = shop.contents()
    row[column] = ours
    row["id"] = row["id"].upper()
    ran = shop.accepted(export)
    assert ran.stdout.endswith("gate open: nothing was changed, all 7 rows are already there, identical\n")
    assert shop.contents() == before


@pytest.mark.soak
def test_many_differences_of_many_rows(shop: Shop) -> None:
    shop.copy.edit("promote.yaml", "findings: 100", "findings: 2")
    export = Export()
    shop.accepted(export)
    export.book.update(
        {
            "title": "'x'",
            "author": "'y'",
            "kindle_url": "'z'",
            "total_screenshots": "9",
            "updated_at": "'2027-01-01 00:00:00'",
        }
    )
    for row in export.chunks:
        row["chunk_text"] = "'x'"
    file = shop.file(export)
    before = shop.contents()
    ran = shop.run(file)
    assert ran.exit_code == 1
    assert findings(ran) == [
        f'{file}:6: different: books {export.book_id}: title is "Book 1", the file has "x"; author is "A. Uthor",'
        ' the file has "y"; kindle_url is "https://read.example/?asin=B0", the file has "z"; and 1 more | ' + OTHER,
        f'{file}:15: different: chunks {key("d", 1, 1)}: chunk_text is "text 1", the file has "x" | {OTHER}',
    ]
    assert "  import     chunks ........................... FAIL   0 new, 0 already there, 3 different" in ran.stdout
    assert shop.contents() == before


def test_columns_the_file_leaves_out_are_not_compared(shop: Shop) -> None:
    export = Export()
    export.book.update({"source_type": "'pdf'", "word_count": "5"})
    shop.accepted(export)
    del export.book["source_type"]
    assert shop.accepted(export).stdout.endswith("all 7 rows are already there, identical\n")
    del export.book["word_count"]  # has no default: an INSERT without it means NULL
    file = shop.file(export)
    refused(shop, file, f"{file}:6: different: books {export.book_id}: word_count is 5, the file has NULL | {OTHER}")


def test_values_of_the_target_that_no_file_may_hold(shop: Shop) -> None:
    export = Export()
    shop.accepted(export)
    shop.database.execute(
        "update books set capture_date = 'infinity', book_metadata = '{\"a\": 1, \"a\": 2}', title = E'\\x1b[31m'",
        "update chunks set screenshot_ids = '[2:2]={" + key("c", 1, 1) + "}'::uuid[] where chunk_sequence = 1",
        "update chunks set extraction_timestamp = '4000-01-01 BC' where chunk_sequence = 2",
        "update chunks set embedding = null where chunk_sequence = 3",
    )
    file = shop.file(export)
    refused(
        shop,
        file,
        f'{file}:6: different: books {export.book_id}: title is "\\x1b[31m", the file has "Book 1"; capture_date is'
        ' infinity, the file has 2026-01-02 03:04:05.678901; book_metadata is "{"a": 1, "a": 2}", the file has'
        ' "{"language": "en", "edition": 2}" | ' + OTHER,
        f"{file}:15: different: chunks {key('d', 1, 1)}: screenshot_ids is {{1 uuids}}, the file has another | {OTHER}",
        f"{file}:18: different: chunks {key('d', 1, 2)}: extraction_timestamp is 4000-01-01 00:00:00 BC, the file has"
        f" 2026-01-02 03:04:05.678901 | {OTHER}",
        f"{file}:21: different: chunks {key('d', 1, 3)}: embedding is NULL, the file has a vector of 3 | {OTHER}",
    )


def test_blocked_by_a_unique_set(shop: Shop) -> None:
    export = Export()
    shop.accepted(export)
    export.screenshots[1]["id"] = f"'{key('c', 9, 9)}'"
    export.chunks[2]["id"] = f"'{key('d', 9, 9)}'"
    file = shop.file(export)
    shot = f"{key('c', 9, 9)}: book_id {export.book_id}, sequence_number 2 is taken by {key('c', 1, 2)}"
    chunk = f"{key('d', 9, 9)}: book_id {export.book_id}, chunk_sequence 3 is taken by {key('d', 1, 3)}"
    refused(
        shop,
        file,
        f"{file}:12: blocked: screenshots {shot} | {TAKEN}",
        f"{file}:21: blocked: chunks {chunk} | {TAKEN}",
    )


def test_blocked_by_a_unique_set_that_only_the_target_has(shop: Shop) -> None:
    shop.accepted(Export(1))
    shop.database.execute(
        "create unique index on books (author, title)", "create unique index on books (lower(kindle_url))"
    )
    export = Export(2)
    export.book.update({"title": "'Book 1'", "kindle_url": "NULL"})
    file = shop.file(export)
    fact = f"author A. Uthor, title Book 1 is taken by {key('b', 1)}"
    assert findings(shop.run(file))[0] == f"{file}:6: blocked: books {export.book_id}: {fact} | {TAKEN}"
    export.book.update({"title": "'Book 2'", "kindle_url": "'HTTPS://read.example/?asin=B0'"})
    ran = shop.run(shop.file(export))
    assert findings(ran)[0] == (
        f"{file}:6: blocked: books {export.book_id}: another unique constraint of the target holds it back | {TAKEN}"
    )
    assert (ran.exit_code, shop.count("books")) == (1, 1)


def test_a_promoted_book_is_not_appended_to(shop: Shop) -> None:
    shop.accepted(Export(chunks=3))
    export = Export(chunks=4, screenshots=3)
    export.book["total_screenshots"] = "2"
    file = shop.file(export)
    fact = f"is new, but its row of books {export.book_id} was promoted before"
    help_ = "what was promoted is not appended to: export it whole under a new key, or leave it"
    refused(
        shop,
        file,
        f"{file}:15: appended: screenshots {key('c', 1, 3)}: {fact} | {help_}",
        f"{file}:27: appended: chunks {key('d', 1, 4)}: {fact} | {help_}",
    )


def test_a_book_with_more_chunks_in_the_target(shop: Shop) -> None:
    shop.accepted(Export(chunks=3))
    before = shop.contents()
    ran = shop.run(shop.file(Export(chunks=2)))
    assert ran.exit_code == 1
    assert (
        "  check      chunks_present ................... FAIL   3, must be 2 (rows.chunks of the file)\n" in ran.stdout
    )
    assert shop.contents() == before


def test_a_shared_row_that_only_the_target_has(shop: Shop) -> None:
    shop.copy.edit("promote.yaml", SHARED, "shared: true")
    shop.accepted(Export(1))
    export = Export(2)
    export.rows["embedding_configs"] = []
    ran = shop.accepted(export)
    assert "embedding_configs" not in ran.stdout.partition("check")[0].partition("import")[2]
    other = key("e", 7)
    export = Export(3)
    export.rows["embedding_configs"] = []
    for row in export.chunks:
        row["embedding_config_id"] = f"'{other}'"
    before = shop.contents()
    ran = shop.run(shop.file(export))
    assert ran.exit_code == 1
    assert findings(ran) == [
        f"reference: embedding_configs {other} is neither in the file nor in the target |"
        " put the row of embedding_configs into the file"
    ]
    assert ran.stdout.endswith("\ngate closed: nothing was changed\n")
    assert shop.contents() == before


def test_a_shared_row_of_the_target_for_other_vectors(shop: Shop) -> None:
    shop.copy.edit("promote.yaml", SHARED, "shared: true")
    shop.database.execute(
        f"insert into embedding_configs values ('{CONFIG}', 'm', 'v', 1536, true, '2026-01-02 03:04:05')"
    )
    export = Export()
    export.rows["embedding_configs"] = []
    for first in ("64", "0"):  # validated first, and while it goes in
        ran = shop.run(shop.file(export))
        assert ran.exit_code == 1
        assert findings(ran) == [
            f"vector-length: a vector of 3, embedding_configs {CONFIG} of the target says 1,536"
            " | compute it with the model of that row of embedding_configs"
        ]
        if first == "64":
            shop.copy.edit("promote.yaml", "limits:", "limits:\n    validate_first: 0")
    assert shop.count("books") == 0
