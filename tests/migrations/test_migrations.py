"""The revisions: what they make, what they refuse, and the way back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minerva_promote.errors import TargetError
from tests.migrations.migrated_databases import (
    BOOK,
    CHUNK,
    HEAD,
    MINERVA,
    TIME,
    chunk,
    fetch,
    migrate_on,
    migrate_to,
    rows_of_minerva,
    schema_of,
)
from tests.servers import Database

CHAIN = ["c8d7004725a4", MINERVA, "7b1f0c5a9e42", "2d94e6b81fa0", "e35a7d20c6b8", HEAD]
KINDS = pytest.mark.parametrize("kind", ["local", "production"])

# EXPORT_FORMAT's table of columns: type, then ! for NOT NULL, then = and the default.
COLUMNS = {
    "books": """id uuid!; title character varying!; author character varying!; kindle_url character varying;
        total_screenshots integer; capture_date timestamp without time zone; ingestion_status character varying!;
        ingestion_error character varying; book_metadata json; created_at timestamp without time zone!;
        updated_at timestamp without time zone!; source_type source_type! = 'kindle'::source_type;
        source_url character varying; source_domain character varying(255);
        published_date timestamp without time zone; word_count integer; page_count integer""",
    "screenshots": """id uuid!; book_id uuid!; sequence_number integer!; file_path character varying;
        screenshot_hash character varying; captured_at timestamp without time zone!""",
    "embedding_configs": """id uuid!; model_name character varying!; model_version character varying!;
        dimensions integer!; is_active boolean!; created_at timestamp without time zone!""",
    "chunks": """id uuid!; book_id uuid!; screenshot_ids uuid[]!; chunk_sequence integer!;
        chunk_text character varying!; chunk_token_count integer!; embedding_config_id uuid!; embedding vector(3);
        vision_model character varying!; vision_prompt_tokens integer! = 0; vision_completion_tokens integer! = 0;
        extraction_timestamp timestamp without time zone! = now(); chunk_metadata json;
        created_at timestamp without time zone!""",
    "ingestion_logs": """id uuid!; book_id uuid!; pipeline_stage character varying!; status character varying!;
        error_message character varying; execution_time_ms integer; log_metadata json;
        created_at timestamp without time zone!""",
    "failed_scrapes": """id uuid!; book_id uuid!; url text!; error_message text; retry_count integer! = 0;
        created_at timestamp without time zone! = now(); updated_at timestamp without time zone! = now()""",
}
CONSTRAINTS = {
    "books_pkey": "PRIMARY KEY (id)",
    "chunks_book_id_fkey": "FOREIGN KEY (book_id) REFERENCES books(id)",
    "chunks_embedding_config_id_fkey": "FOREIGN KEY (embedding_config_id) REFERENCES embedding_configs(id)",
    "chunks_pkey": "PRIMARY KEY (id)",
    "ck_screenshots_file_path_null": "CHECK ((file_path IS NULL))",
    "embedding_configs_pkey": "PRIMARY KEY (id)",
    "failed_scrapes_book_id_fkey": "FOREIGN KEY (book_id) REFERENCES books(id) ON DELETE CASCADE",
    "failed_scrapes_pkey": "PRIMARY KEY (id)",
    "ingestion_logs_book_id_fkey": "FOREIGN KEY (book_id) REFERENCES books(id)",
    "ingestion_logs_pkey": "PRIMARY KEY (id)",
    "screenshots_book_id_fkey": "FOREIGN KEY (book_id) REFERENCES books(id)",
    "screenshots_pkey": "PRIMARY KEY (id)",
    "uq_chunk_book_sequence": "UNIQUE (book_id, chunk_sequence)",
    "uq_screenshot_book_sequence": "UNIQUE (book_id, sequence_number)",
}
INDEXES = {
    "idx_books_published_date": "books USING btree (published_date)",
    "idx_books_source_domain": "books USING btree (source_domain)",
    "idx_books_source_type": "books USING btree (source_type)",
    "idx_chunks_embedding_ivfflat": "chunks USING ivfflat (embedding vector_cosine_ops) WITH (lists='100')",
    "idx_failed_scrapes_book_id": "failed_scrapes USING btree (book_id)",
    "idx_failed_scrapes_url": "failed_scrapes USING btree (url)",
    "ix_books_author": "books USING btree (author)",
    "ix_books_ingestion_status": "books USING btree (ingestion_status)",
    "ix_books_title": "books USING btree (title)",
    "ix_chunks_book_id": "chunks USING btree (book_id)",
    "ix_embedding_configs_is_active": "embedding_configs USING btree (is_active)",
    "ix_embedding_configs_model_name": "embedding_configs USING btree (model_name)",
    "ix_ingestion_logs_book_id": "ingestion_logs USING btree (book_id)",
    "ix_ingestion_logs_created_at": "ingestion_logs USING btree (created_at)",
    "ix_ingestion_logs_pipeline_stage": "ingestion_logs USING btree (pipeline_stage)",
    "ix_ingestion_logs_status": "ingestion_logs USING btree (status)",
    "ix_screenshots_book_id": "screenshots USING btree (book_id)",
    "ix_screenshots_screenshot_hash": "screenshots USING btree (screenshot_hash)",
}


def columns_of(schema: list[tuple[str, ...]]) -> dict[str, list[str]]:
    tables: dict[str, list[tuple[int, str]]] = {}
    for kind, table, number, name, type_, not_null, default in schema:
        if kind == "column" and table != "alembic_version":
            text = f"{name} {type_}{'!' if not_null == 'true' else ''}{f' = {default}' if default else ''}"
            tables.setdefault(table, []).append((int(number), text))
    return {table: [text for _, text in sorted(columns)] for table, columns in tables.items()}


def expected_columns() -> dict[str, list[str]]:
    return {table: [" ".join(part.split()) for part in text.split(";")] for table, text in COLUMNS.items()}


def test_the_production_schema(database: Database) -> None:
    migrate_to(database, "head")
    schema = schema_of(database)
    assert columns_of(schema) == expected_columns()
    ours = [row for row in schema if row[1] != "alembic_version"]
    assert {row[3]: row[4] for row in ours if row[0] == "constraint"} == CONSTRAINTS
    made_by_keys = CONSTRAINTS.keys() & {row[3] for row in ours if row[0] == "index"}
    indexes = {row[3]: row[4].partition(" ON public.")[2] for row in ours if row[0] == "index"}
    assert {name: text for name, text in indexes.items() if name not in made_by_keys} == INDEXES
    assert [row[3] for row in schema if row[0] == "label"] == ["kindle", "pdf", "website"]
    assert fetch(database, "select enum_range(null::source_type)::text") == [("{kindle,website,pdf}",)]


def test_a_local_database_differs_in_the_paths_only(make_database: Callable[[], Database]) -> None:
    production, local = make_database(), make_database()
    migrate_to(production, "head")
    migrate_to(local, "head", kind="local")
    differences = set(schema_of(production)) ^ set(schema_of(local))
    assert {(row[0], row[3], row[5]) for row in differences} == {
        ("column", "file_path", "false"),
        ("column", "file_path", "true"),
        ("constraint", "ck_screenshots_file_path_null", "true"),
    }


@KINDS
def test_every_revision_can_be_taken_back(database: Database, kind: str) -> None:
    seen = []
    for revision in CHAIN:
        migrate_to(database, revision, kind=kind)
        seen.append(schema_of(database))
    for revision, before in zip(reversed(CHAIN[:-1]), reversed(seen[:-1]), strict=True):
        migrate_to(database, revision, kind=kind, down=True)
        assert [strip_numbers(row) for row in schema_of(database)] == [strip_numbers(row) for row in before]
    migrate_to(database, "base", kind=kind, down=True)
    assert {row[1] for row in schema_of(database)} == {"alembic_version"}
    migrate_to(database, "head", kind=kind)
    assert columns_of(schema_of(database)) == columns_of(seen[-1])


def strip_numbers(row: tuple[str, ...]) -> tuple[str, ...]:
    """Without the number of a column, which grows when one is added again."""
    return (*row[:2], *row[3:])


@KINDS
def test_a_database_of_minerva_upgrades_in_place(make_database: Callable[[], Database], kind: str) -> None:
    old, fresh = make_database(), make_database()
    migrate_to(old, CHAIN[0], kind=kind)
    rows_of_minerva(old, path="" if kind == "production" else "/home/me/shot-1.png")
    migrate_to(old, MINERVA, kind=kind)
    book = "select source_type::text, source_url, kindle_url, total_screenshots from books"
    assert fetch(old, book) == [("kindle", "https://read.example/?asin=B0", "https://read.example/?asin=B0", 1)]
    migrate_to(old, "head", kind=kind)
    migrate_to(fresh, "head", kind=kind)
    assert schema_of(old) == schema_of(fresh)
    paths = [(None,)] if kind == "production" else [("/home/me/shot-1.png",)]
    assert fetch(old, "select file_path from screenshots") == paths
    assert fetch(old, "select id::text, embedding::text from chunks") == [(CHUNK, "[0.1,0.2,0.3]")]


@KINDS
def test_rows_survive_the_way_down_and_up(database: Database, kind: str) -> None:
    migrate_to(database, "head", kind=kind)
    rows_of_minerva_without_path(database, kind)
    before = fetch(database, "select b.*, s.*, c.* from books b, screenshots s, chunks c")
    migrate_to(database, CHAIN[0], kind=kind, down=True)
    assert fetch(database, "select kindle_url, total_screenshots from books") == [("https://read.example/?asin=B0", 1)]
    migrate_to(database, "head", kind=kind)
    assert sorted(map(str, fetch(database, "select b.*, s.*, c.* from books b, screenshots s, chunks c")[0])) == sorted(
        map(str, before[0])
    )


def rows_of_minerva_without_path(database: Database, kind: str) -> None:
    if kind == "local":
        rows_of_minerva(database)
    else:
        database.execute("alter table screenshots drop constraint ck_screenshots_file_path_null")
        rows_of_minerva(database)
        database.execute(
            "update screenshots set file_path = null",
            "alter table screenshots add constraint ck_screenshots_file_path_null check (file_path is null)",
        )
    database.execute("update books set source_url = kindle_url")


def test_going_back_does_not_lose_sources_silently(database: Database) -> None:
    migrate_to(database, MINERVA)
    database.execute(
        "insert into books (id, title, author, ingestion_status, created_at, updated_at, source_type, source_url)"
        f" values ('{BOOK}', 'T', 'A', 'completed', '{TIME}', '{TIME}', 'website', 'https://x.example')",
        f"insert into failed_scrapes (id, book_id, url) values (gen_random_uuid(), '{BOOK}', 'https://x.example')",
    )
    with pytest.raises(TargetError) as caught:
        migrate_to(database, CHAIN[0], down=True)
    assert caught.value.message == (
        "migrating: going back would lose what 1 books and 1 rows of failed_scrapes say about their sources"
    )
    assert caught.value.hint == "save them first, then repeat with -x lose_data=yes"
    migrate_to(database, CHAIN[0], down=True, lose_data="yes")
    assert fetch(database, "select kindle_url, total_screenshots from books") == [("", 0)]


def test_a_chunk_gets_the_defaults(database: Database) -> None:
    migrate_to(database, "7b1f0c5a9e42")
    rows_of_minerva(database)
    database.execute(
        "insert into chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count,"
        " embedding_config_id, vision_model, created_at)"
        " select gen_random_uuid(), book_id, '{}', 2, 'x', 1, embedding_config_id, 'm', created_at from chunks"
    )
    new = "select vision_prompt_tokens, vision_completion_tokens, extraction_timestamp > now() - interval '1 hour'"
    assert fetch(database, f"{new} from chunks where chunk_sequence = 2") == [(0, 0, True)]


def test_repeated_chunk_numbers_are_named(database: Database) -> None:
    migrate_to(database, MINERVA)
    rows_of_minerva(database)
    twice = [chunk(f"77777777-7777-4777-8777-{number:012}", 1 + number % 6) for number in range(6, 18)]
    database.execute(*twice)
    before = schema_of(database)
    with pytest.raises(TargetError) as caught:
        migrate_to(database, "head")
    listed = "; ".join(f"book {BOOK} chunk_sequence {n} ({3 if n == 1 else 2} rows)" for n in range(1, 6))
    assert caught.value.message == (f"migrating: chunks has 6 numbers used more than once in a book: {listed}; ...")
    assert caught.value.hint == "keep one row of each (renumber or delete the others), then repeat the command"
    assert schema_of(database) == before  # not even the revision before it
    assert fetch(database, "select version_num from alembic_version") == [(MINERVA,)]


def test_paths_are_not_cleared_without_being_asked(database: Database) -> None:
    migrate_to(database, MINERVA)
    rows_of_minerva(database)
    with pytest.raises(TargetError) as caught:
        migrate_to(database, "head")
    assert caught.value.message == (
        "migrating: screenshots has 1 rows with a file_path; a database of kind production has none"
    )
    statements = caught.value.hint.partition(": ")[2]
    assert "DROP NOT NULL" in statements
    database.execute(*statements.split("; "))  # the way out that the message names
    migrate_to(database, "head")
    assert fetch(database, "select file_path from screenshots") == [(None,)]
    with database.connect() as conn, pytest.raises(Exception, match="ck_screenshots_file_path_null"):
        conn.execute("update screenshots set file_path = 'x'")


@pytest.mark.parametrize(("dimensions", "indexed"), [(2000, True), (2001, False)])
def test_long_vectors_have_no_index(database: Database, dimensions: int, indexed: bool) -> None:
    said = migrate_to(database, "head", embedding_dimensions=dimensions)
    found = fetch(database, "select count(*) from pg_indexes where indexname = 'idx_chunks_embedding_ivfflat'")
    assert found == [(int(indexed),)]
    left_out = f"index idx_chunks_embedding was left out: {dimensions} dimensions, and pgvector indexes at most 2000"
    assert (left_out in said) is not indexed


def test_an_owner_without_the_extension_is_told_what_to_run(suffix: str, database: Database) -> None:
    owner = f"owner_{suffix}"
    database.execute(
        f"create role {owner} login password 'made-for-tests'", f"alter database {database.name} owner to {owner}"
    )
    with database.connect(owner) as conn, pytest.raises(TargetError) as caught:
        migrate_on(conn, "head")
    assert caught.value.message == f"migrating: extension vector is missing, and {owner} may not create it"
    assert caught.value.hint == f"as an administrator of database {database.name}: CREATE EXTENSION vector"
    database.execute("create extension vector")
    with database.connect(owner) as conn:
        migrate_on(conn, "head")
    assert fetch(database, "select version_num from alembic_version") == [(HEAD,)]
