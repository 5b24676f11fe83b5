"""The main job: rows that go in as the file has them, once; and the same again without a change."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Ran
from tests.run.conftest import Shop, plain
from tests.run.exports import CONFIG, Export, key
from tests.servers import ProjectCopy

CHECKS = """\
  check      books_present .................... ok     1
  check      screenshots_present .............. ok     2
  check      chunks_present ................... ok     3
  check      books_without_chunks ............. ok     0
  check      books_with_chunk_gaps ............ ok     0
  check      books_not_completed .............. ok     0
  check      chunks_without_embedding ......... ok     0
  check      chunks_with_other_dimensions ..... ok     0
  check      books_with_mixed_embeddings ...... ok     0
  check      inactive_embedding_configs ....... ok     0
  check      chunks_without_book .............. ok     0
  check      screenshots_without_book ......... ok     0
  check      chunks_without_config ............ ok     0
  check      chunks_with_foreign_screenshots .. ok     0
  check      screenshots_with_local_path ...... ok     0
"""
SPACE = """\
  check      embedding space .................. skip   nothing to compare: the target has no embedding of other books
"""
VALIDATED = """\
test-prod   run ID   export SHA (SIZE, 1 book, 3 chunks){dry}
  validate   export.sql ....................... ok     9 statements, 1 embedding_config, 1 book, 2 screenshots, 3 chunks
  preflight  schema, privileges, settings ..... ok
"""
NEW = """\
  import     embedding_configs ................ ok     1 new, 0 already there, 0 different
  import     books ............................ ok     1 new, 0 already there, 0 different
  import     screenshots ...................... ok     2 new, 0 already there, 0 different
  import     chunks ........................... ok     3 new, 0 already there, 0 different
"""
AFTER = """\
  check      search_plan ...................... ok     PLAN
  check      search_latency ................... SEARCHES
"""
OLD = NEW.replace("1 new, 0", "0 new, 1").replace("2 new, 0", "0 new, 2").replace("3 new, 0", "0 new, 3")


def test_a_book_goes_in(shop: Shop) -> None:
    ran = shop.accepted(Export())
    assert plain(ran.stdout) == f"{VALIDATED.format(dry='')}{NEW}{SPACE}{CHECKS}{AFTER}gate open: committed as run ID\n"


def test_the_target_holds_what_the_file_says(shop: Shop) -> None:
    export = Export(chunks=1)
    export.book["title"] = "'It''s \\n \"quoted\" “ok” \U0001f4a1'"
    export.book["kindle_url"] = "E'tab\\there'"
    export.book["capture_date"] = "'1999-12-31 23:59:59.5'"
    export.book["book_metadata"] = """'{"a": [1, 2.50, null], "b": "é"}'::json"""
    export.book["source_type"] = "'pdf'::source_type"
    export.book["word_count"] = "-2147483648"
    export.screenshots[0]["screenshot_hash"] = "NULL"
    export.chunks[0]["embedding"] = "'[1e-20, -0.333333333333, 12345678.9]'::vector(3)"
    shots = (key("c", 1, 2), key("c", 1, 1))
    export.chunks[0]["screenshot_ids"] = f"'{{{','.join(shots)}}}'"
    export.chunks[0]["chunk_text"] = "$t$ it's\n-- no comment; \\x $t$"
    shop.accepted(export)
    book = shop.rows(
        "select id::text, title, kindle_url, capture_date::text, book_metadata::text, source_type::text, word_count,"
        " total_screenshots, source_url, ingestion_status from books"
    )
    title = 'It\'s \\n "quoted" “ok” \U0001f4a1'
    metadata = '{"a": [1, 2.50, null], "b": "é"}'
    assert book == [
        (
            export.book_id, title, "tab\there", "1999-12-31 23:59:59.5", metadata, "pdf", -2147483648, 2, None,
            "completed",
        )
    ]  # fmt: skip
    assert shop.rows("select screenshot_hash from screenshots order by sequence_number") == [(None,), ("hash2",)]
    chunk = shop.rows("select chunk_text, screenshot_ids::text[], vector_send(embedding), chunk_metadata from chunks")
    vector = struct.pack(">hh3f", 3, 0, 1e-20, -0.333333333333, 12345678.9)
    assert chunk == [(" it's\n-- no comment; \\x ", list(shots), vector, None)]
    assert shop.rows("select id::text, dimensions, is_active, created_at::text from embedding_configs") == [
        (CONFIG, 3, True, "2026-01-02 03:04:05.678901")
    ]


def test_the_ledger(shop: Shop) -> None:
    ran = shop.accepted(Export())
    text = (shop.root / "export.sql").read_bytes()
    rows = shop.rows(
        "select left(run_id::text, 8), environment, actor, actor_role, file_name, file_sha256, file_bytes, roots, rows,"
        " details - 'types', jsonb_array_length(checks), seconds > 0, began <= at, at <= now()"
        " from promote.events where kind = 'committed'"
    )
    counts = {"embedding_configs": 1, "books": 1, "screenshots": 2, "chunks": 3}
    assert rows == [
        (
            ran.stdout.split("run ")[1][:8], "test-prod", shop.role, shop.role, "export.sql",
            hashlib.sha256(text).hexdigest(), len(text), [key("b", 1)],
            {table: {"new": count, "identical": 0} for table, count in counts.items()},
            {"repaired": []}, (SPACE + CHECKS).count("\n"), True, True, True,
        )
    ]  # fmt: skip


def test_the_same_file_again(shop: Shop) -> None:
    shop.accepted(Export())
    before = shop.contents()
    ran = shop.accepted(Export())
    assert plain(ran.stdout) == (
        f"{VALIDATED.format(dry='')}{OLD}{CHECKS}{AFTER}"
        "gate open: nothing was changed, all 7 rows are already there, identical\n"
    )
    assert shop.contents() == before


def test_another_book_with_the_same_config(shop: Shop) -> None:
    shop.accepted(Export(1))
    ran = shop.accepted(Export(2))
    assert "embedding_configs ................ ok     0 new, 1 already there, 0 different" in ran.stdout
    assert (shop.count("books"), shop.committed()) == (2, 2)


def test_dry_run(shop: Shop) -> None:
    before = shop.contents()
    ran = shop.accepted(Export(), "--dry-run")
    assert plain(ran.stdout) == (
        f"{VALIDATED.format(dry='   dry run')}{NEW}{SPACE}{CHECKS}{AFTER}"
        "dry run: gate open, 7 rows would be new; nothing was changed (rolled back)\n"
    )
    assert shop.contents() == before
    shop.accepted(Export())
    again = shop.accepted(Export(), "--dry-run")
    assert again.stdout.endswith("dry run: gate open: nothing was changed, all 7 rows are already there, identical\n")


def test_a_dry_run_finds_what_a_run_finds(shop: Shop) -> None:
    shop.accepted(Export())
    export = Export()
    export.chunks[1]["chunk_text"] = "'other'"
    dry, real = (shop.run(shop.file(export), *more) for more in (["--dry-run"], []))
    assert (dry.exit_code, real.exit_code) == (1, 1)
    assert plain(dry.stdout).replace("   dry run", "") == plain(real.stdout)


@pytest.mark.parametrize("first", [64 << 20, 0], ids=["validated-first", "while-it-goes-in"])
def test_a_file_with_a_fault_changes_nothing(shop: Shop, first: int) -> None:
    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    before = shop.contents()
    export = Export()
    export.chunks[2]["chunk_text"] = "NULL"
    ran = shop.run(shop.file(export))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert f"{shop.root}/export.sql:21:1: null: chunks.chunk_text is NULL\n        help: give its value\n" in ran.stdout
    said = ran.stdout.splitlines()[-1]
    assert said == "gate closed: nothing was changed" + (" (rolled back)" if not first else "")
    assert shop.contents() == before


def test_a_big_file_is_validated_while_its_rows_go_in(shop: Shop) -> None:
    shop.copy.edit("promote.yaml", "limits:", "limits:\n    validate_first: 0")
    ran = shop.accepted(Export())
    lines = VALIDATED.format(dry="").splitlines(keepends=True)
    assert plain(ran.stdout).startswith(lines[0] + lines[2] + lines[1] + NEW + SPACE + CHECKS)
    before = shop.contents()
    again = shop.accepted(Export())
    assert again.stdout.endswith("gate open: nothing was changed, all 7 rows are already there, identical\n")
    assert shop.contents() == before


def test_repair(shop: Shop) -> None:
    export = Export(chunks=2)
    export.rows["books"] = [{name.replace("book_metadata", "metadata"): value for name, value in export.book.items()}]
    for row in export.chunks:
        row["embedding"] = row["embedding"].replace("[", "{").replace("]", "}")
        for name in ("vision_prompt_tokens", "vision_completion_tokens", "extraction_timestamp"):
            del row[name]
    refused = shop.run(shop.file(export))
    assert refused.exit_code == 1
    ran = shop.accepted(export, "--repair")
    assert "5 repairs; " in ran.stdout
    rows = shop.rows("select embedding::text, vision_prompt_tokens, extraction_timestamp = created_at from chunks")
    assert sorted(rows) == [("[0.1,0.2,0.3]", 0, True), ("[0.2,0.2,0.3]", 0, True)]
    assert shop.rows("select details - 'types' from promote.events where kind = 'committed'") == [
        (
            {
                "repaired": [
                    "books.metadata is books.book_metadata (1 row)",
                    "chunks.embedding was in braces (2 rows)",
                    "chunks.extraction_timestamp was missing (2 rows)",
                    "chunks.vision_completion_tokens was missing (2 rows)",
                    "chunks.vision_prompt_tokens was missing (2 rows)",
                ]
            },
        )
    ]
    again = shop.accepted(export, "--repair")
    assert again.stdout.endswith("gate open: nothing was changed, all 6 rows are already there, identical\n")


def test_an_embedded_environment_sets_itself_up(embedded: ProjectCopy, promote: Callable[..., Ran]) -> None:
    first = promote("run", "--env", "test-prod", "--file", "export.sql", "--format", "json")
    assert first.exit_code == 0, first.stderr
    steps = json.loads(first.stdout)["steps"]
    assert [step["step"] for step in steps][:2] == ["setup", "setup"]
    again = promote("run", "test-prod", "--file", "export.sql", "--format", "json")
    assert "setup" not in {step["step"] for step in json.loads(again.stdout)["steps"]}
    assert json.loads(again.stdout)["changed"] is False


def test_a_missing_file_makes_no_database(embedded: ProjectCopy, promote: Callable[..., Ran]) -> None:
    ran = promote("run", "--env", "test-prod", "--file", "none.sql")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (2, "", "error: none.sql: no such file\n  check the path\n")
    with embedded.server.connect() as conn:
        there = conn.execute("select from pg_database where datname = %s", (embedded.database("test-prod").name,))
        assert there.fetchone() is None


def test_a_failing_check_closes_the_gate(shop: Shop) -> None:
    before = shop.contents()
    shop.add_check("  - {name: too_many, sql: select count(*) from chunks, expect: {max: 2}}\n")
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines()[-3:] == [
        "  check      too_many ......................... FAIL   3, must be <= 2",
        "             checks/of_this_test.yaml:2:5       promote check --env test-prod --only too_many",
        "gate closed: nothing was changed (rolled back)",
    ]
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select null::int", "returned NULL, which is neither a pass nor a failure; coalesce() it to a value"),
        ("select 1 / (count(*) - count(*)) from chunks", "division by zero"),
        ("select count(*) from nothing", 'relation "nothing" does not exist'),
    ],
)
def test_a_check_that_cannot_look_closes_the_gate(shop: Shop, sql: str, said: str) -> None:
    shop.add_check(f"  - {{name: blind, sql: '{sql}', expect: {{max: 0}}}}\n")
    ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 1
    assert f"  check      blind ............................ ERROR  {said}\n" in ran.stdout
    assert ran.stdout.endswith("\ngate closed: nothing was changed (rolled back)\n")
    assert shop.count("books") == 0


def test_a_preflight_check_comes_before_the_transaction(shop: Shop) -> None:
    shop.add_check(
        "  - {name: early, stage: preflight, sql: select count(*) from books, expect: {equals: {file: rows.books}}}\n"
    )
    ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 1
    assert "check      early ............................ FAIL   0, must be 1 (rows.books of the file)" in ran.stdout
    assert ran.stdout.endswith("\ngate closed: nothing was changed\n")


def test_a_check_after_commit_takes_nothing_back_and_says_so(shop: Shop) -> None:
    shop.add_check(
        "  - {name: late, stage: after_commit, sql: select count(*) from books, expect: {max: 0}}\n"
        "  - {name: later, stage: after_commit, sql: select count(*) from books, expect: {max: 1}}\n"
    )
    ran = shop.run(shop.file(Export()), "--format", "json")
    found: dict[str, Any] = json.loads(ran.stdout)
    assert (ran.exit_code, found["changed"], found["gate"]) == (1, True, "closed")
    assert plain(found["verdict"]) == "committed as run ID, but one of the checks after COMMIT failed: see above"
    assert {step["name"]: step["outcome"] for step in found["steps"]}.items() >= {"late": "FAIL", "later": "ok"}.items()
    assert shop.committed() == 1


def test_a_fault_in_a_template_is_found_before_anything_is_written(shop: Shop) -> None:
    shop.copy.write("templates/bad.sql.j2", "select count(*) from {{ nothing | ident }}\n")
    shop.add_check("  - {name: broken, stage: after_commit, template: bad.sql.j2, expect: {max: 0}}\n")
    ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: templates/bad.sql.j2:1: ")
    assert shop.count("books") == 0
