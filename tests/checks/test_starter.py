"""The shipped checks: silent on good rows, each of them fires on the fault that it is for."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from minerva_promote.database.connection import Connection
from minerva_promote.results import Outcome, StepResult
from tests.checks.conftest import BOOK, CONFIG, FACTS, OTHER_BOOK, Check

# A fault in BOOK, and the shipped check that finds it: with the outcome's detail.
FAULTS = {
    "books_present": (f"delete from books where id = '{BOOK}'", "0, must be 1 (rows.books of the file)"),
    "screenshots_present": (
        f"delete from screenshots where book_id = '{BOOK}' and sequence_number = 1",
        "2, must be 3 (rows.screenshots of the file)",
    ),
    "chunks_present": (
        f"delete from chunks where book_id = '{BOOK}' and chunk_sequence = 3",
        "2, must be 3 (rows.chunks of the file)",
    ),
    "books_without_chunks": (f"delete from chunks where book_id = '{BOOK}'", "1, must be <= 0"),
    "books_with_chunk_gaps": (
        f"update chunks set chunk_sequence = 4 where chunk_sequence = 2 and book_id = '{BOOK}'",
        "1, must be <= 0",
    ),
    "books_not_completed": (f"update books set ingestion_status = 'failed' where id = '{BOOK}'", "1, must be <= 0"),
    "chunks_without_embedding": (f"update chunks set embedding = null where book_id = '{BOOK}'", "3, must be <= 0"),
    "chunks_with_other_dimensions": (
        f"update chunks set embedding = '[1,2]' where book_id = '{BOOK}' and chunk_sequence = 1",
        "1, must be <= 0",
    ),
    "books_with_mixed_embeddings": (
        "insert into embedding_configs select gen_random_uuid(), 'other', '1', 3, true; update chunks set "
        "embedding_config_id = (select id from embedding_configs where model_name = 'other') "
        f"where book_id = '{BOOK}' and chunk_sequence = 1",
        "1, must be <= 0",
    ),
    "inactive_embedding_configs": ("update embedding_configs set is_active = false", "1, must be <= 0"),
    "chunks_without_book": (f"delete from books where id = '{BOOK}'", "3, must be <= 0"),
    "screenshots_without_book": (f"delete from books where id = '{BOOK}'", "3, must be <= 0"),
    "chunks_without_config": ("delete from embedding_configs", "3, must be <= 0"),
    "chunks_with_foreign_screenshots": (
        "update chunks set screenshot_ids = screenshot_ids || "
        f"(select id from screenshots where book_id = '{OTHER_BOOK}' limit 1) "
        f"where book_id = '{BOOK}' and chunk_sequence = 1",
        "1, must be <= 0",
    ),
    "screenshots_with_local_path": ("update screenshots set file_path = '/home/a'", "6, must be <= 0"),
}


def by_name(results: list[StepResult]) -> dict[str, StepResult]:
    return {result.name: result for result in results}


@pytest.fixture
def bare(connection: Connection) -> Connection:
    """The database without the index that keeps vectors to one length."""
    connection.execute("drop index if exists chunks_embedding")
    connection.execute("alter table chunks alter column embedding type vector")
    return connection


def test_good_rows_pass(check: Check) -> None:
    results = by_name(check(stage="before_commit", facts=FACTS))
    assert {name for name, result in results.items() if result.outcome is not Outcome.OK} == set()
    assert set(results) == set(FAULTS), "every shipped check of the import has a test that fires"
    assert all(result.data["description"] for result in results.values())


def test_good_rows_pass_without_a_file(check: Check) -> None:
    results = by_name(check(stage="before_commit"))
    skipped = {name: result.detail for name, result in results.items() if result.outcome is Outcome.SKIP}
    assert skipped == dict.fromkeys(["books_present", "screenshots_present", "chunks_present"], "needs an export file")
    assert {result.outcome for result in results.values()} == {Outcome.OK, Outcome.SKIP}


@pytest.mark.parametrize("name", FAULTS)
def test_each_finds_its_fault(check: Check, bare: Connection, name: str) -> None:
    fault, detail = FAULTS[name]
    bare.execute(fault.encode())
    found = by_name(check(stage="before_commit", facts=FACTS))[name]
    assert (found.outcome, found.detail) == (Outcome.FAIL, detail)
    assert found.hint == f"promote check --env test-prod --only {name}"


@pytest.mark.parametrize(
    "fault",
    [
        f"delete from chunks where book_id = '{OTHER_BOOK}'",
        f"update chunks set embedding = null, chunk_sequence = chunk_sequence + 1 where book_id = '{OTHER_BOOK}'",
        f"update books set ingestion_status = 'failed' where id = '{OTHER_BOOK}'",
        f"update chunks set embedding = '[1]', screenshot_ids = '{{{CONFIG}}}' where book_id = '{OTHER_BOOK}'",
        f"delete from books where id = '{OTHER_BOOK}'",
    ],
)
def test_a_file_is_not_blamed_for_other_books(check: Check, bare: Connection, fault: str) -> None:
    bare.execute(fault.encode())
    with_file = check(stage="before_commit", facts=FACTS)
    assert {result.name for result in with_file if result.outcome is not Outcome.OK} == set()
    assert any(result.outcome is Outcome.FAIL for result in check(stage="before_commit"))


def test_paths_are_data_in_a_local_database(check: Check, bare: Connection) -> None:
    bare.execute("update screenshots set file_path = '/home/a'")
    (found,) = check("screenshots_with_local_path", env="local")
    assert (found.outcome, found.detail) == (Outcome.SKIP, "only for kind production; local is local")


def test_doubled_configs_are_a_warning_of_the_monitor(check: Check, connection: Connection) -> None:
    (found,) = check("doubled_embedding_configs", stage="monitor")
    assert (found.name, found.outcome, found.detail) == ("doubled_embedding_configs", Outcome.OK, "0")
    connection.execute(
        "insert into embedding_configs select gen_random_uuid(), model_name, model_version, dimensions, true "
        "from embedding_configs"
    )
    (found,) = check("doubled_embedding_configs", stage="monitor")
    assert (found.outcome, found.detail) == (Outcome.WARN, "1, must be <= 0")


@pytest.fixture
def many(connection: Connection) -> Callable[[int], None]:
    """Gives BOOK so many chunks and screenshots."""

    def grow(number: int) -> None:
        connection.execute("delete from chunks; delete from screenshots")
        connection.execute(
            f"insert into screenshots (book_id, sequence_number) select '{BOOK}', generate_series(1, {number})".encode()
        )
        connection.execute(
            "insert into chunks (book_id, screenshot_ids, chunk_sequence, chunk_text, embedding_config_id, embedding) "
            f"select book_id, array[id], sequence_number, 'text', '{CONFIG}', array[1, sequence_number, 2]::vector "
            "from screenshots".encode()
        )

    return grow


def test_ten_thousand_chunks_take_no_time(check: Check, many: Callable[[int], None], bare: Connection) -> None:
    bare.execute("begin")
    many(10_000)
    begun = time.perf_counter()
    results = check(stage="before_commit", facts=FACTS)
    assert time.perf_counter() - begun < 3  # a tenth of it on an idle machine
    assert by_name(results)["chunks_with_foreign_screenshots"].outcome is Outcome.OK
    assert by_name(results)["chunks_present"].detail == "10,000, must be 3 (rows.chunks of the file)"
