"""A target whose tables are not what contract and file expect: what is planted is told at once, before a row goes in."""

from __future__ import annotations

import pytest

from tests.conftest import Ran
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.reports import findings

MIGRATE = "promote migrate --env test-prod"


def told(shop: Shop, ran: Ran, code: int = 1) -> list[str]:
    """The findings, without the project's folder and what is told of roles and of the snapshot file elsewhere."""
    assert (ran.exit_code, ran.stderr) == (code, ""), ran.stdout + ran.stderr
    found = [each.replace(f"{shop.root}/", "") for each in findings(ran)]
    return [each for each in found if not each.startswith(("warn: undeclared", "warn: stale-snapshot"))]


def run(shop: Shop, export: Export | None = None, *more: str) -> Ran:
    return shop.run(shop.file(export or Export(chunks=1)), *more)


def test_columns_and_promises(shop: Shop) -> None:
    shop.database.execute(
        "alter table chunks set unlogged",
        "alter table chunks rename column chunk_text to chunk_txt",
        "alter table chunks alter column created_at type xml using null",
        "alter table chunks drop constraint uq_chunk_book_sequence",
        "create unique index uq_part on chunks (book_id, chunk_sequence) where chunk_sequence > 5",
        "alter table chunks drop constraint chunks_book_id_fkey",
        "alter table chunks add constraint belongs foreign key (book_id) references books not valid",
        "alter table chunks drop constraint chunks_embedding_config_id_fkey",
        "alter table chunks drop constraint chunks_pkey",
        "alter table chunks add constraint chunks_pkey primary key (id) deferrable",
        "alter table books add column isbn text not null",
        "alter table books add constraint once exclude (title with =) deferrable",
        "create trigger meddle before insert on books for each row"
        " execute function suppress_redundant_updates_trigger()",
    )
    assert told(shop, run(shop)) == [
        "export.sql:5:20: column-missing: books.isbn is not given | give its value",
        "export.sql:14:66: column: chunks has no column chunk_text | did you mean chunk_txt?",
        "deferrable: exclusion once of books is deferrable: no INSERT with ON CONFLICT is possible"
        " | make once anew, NOT DEFERRABLE",
        "warn: unlogged: chunks is unlogged: the server empties it after a crash | ALTER TABLE chunks SET LOGGED",
        "column: the target has no column chunks.chunk_text; did you mean chunk_txt? | promote migrate --env test-prod",
        "type: chunks.created_at is xml, timestamp without time zone in the snapshot:"
        " no export may hold it"
        " | promote migrate --env test-prod",
        "unique: chunks has no unique constraint on (book_id, chunk_sequence): uq_part is for some rows"
        " only, WHERE (chunk_sequence > 5)"
        " | promote migrate --env test-prod",
        "deferrable: the primary key of chunks is deferrable: no INSERT with ON CONFLICT is possible"
        " | make chunks_pkey anew, NOT DEFERRABLE",
        "warn: foreign-key: foreign key belongs from chunks.book_id to books is NOT VALID: rows from before"
        " it may break it"
        " | ALTER TABLE chunks VALIDATE CONSTRAINT belongs",
        "warn: foreign-key: the target has no foreign key from chunks.embedding_config_id to"
        " embedding_configs"
        " | promote migrate --env test-prod",
        "warn: trigger: trigger meddle on books runs with the import | all rows are read back and compared",
    ]


def test_more_columns_and_promises(shop: Shop) -> None:
    shop.database.execute(
        "drop index idx_chunks_embedding_ivfflat",
        "alter table chunks alter column embedding type text",
        "alter table chunks alter column chunk_sequence type text",
        "update pg_index set indisvalid = false where indexrelid = 'uq_chunk_book_sequence'::regclass",
        "alter table chunks disable trigger all",
        "alter table screenshots drop column sequence_number",
        "alter table screenshots add column sequence_number int not null generated always as (1) stored",
        "create domain hash as text",
        "alter table screenshots alter column id type text",
        "alter table embedding_configs drop constraint embedding_configs_pkey cascade",
    )
    assert told(shop, run(shop)) == [
        "export.sql:8:39: column: screenshots.sequence_number is generated | leave it out",
        "export.sql:11:39: column: screenshots.sequence_number is generated | leave it out",
        "export.sql:15:137: value-kind: a number for chunks.chunk_sequence | write a string",
        "key: the primary key of embedding_configs is (none), the contract says (id)"
        " | correct promote.yaml, or migrate the target",
        "generated: the target makes screenshots.sequence_number itself, and the contract has the file give"
        " it"
        " | promote migrate --env test-prod",
        "unique: screenshots has no unique constraint on (book_id, sequence_number) | promote migrate --env test-prod",
        "type: chunks.chunk_sequence is text, the contract numbers it: it must be an integer"
        " | promote migrate --env test-prod",
        "type: chunks.embedding is text, the contract says vector(3) | promote migrate --env test-prod",
        "unique: chunks has no unique constraint on (book_id, chunk_sequence): uq_chunk_book_sequence is"
        " invalid, there may be duplicates"
        " | REINDEX INDEX CONCURRENTLY uq_chunk_book_sequence, which names the duplicates",
        "warn: foreign-key: foreign key chunks_book_id_fkey from chunks.book_id to books is switched off by"
        " DISABLE TRIGGER"
        " | ALTER TABLE chunks ENABLE TRIGGER ALL",
        "warn: foreign-key: the target has no foreign key from chunks.embedding_config_id to"
        " embedding_configs"
        " | promote migrate --env test-prod",
    ]


def test_tables_that_are_elsewhere_or_something_else(shop: Shop) -> None:
    shop.database.execute(
        "create schema archive",
        "alter table chunks set schema archive",
        "alter table screenshots rename to shots",
        "create view screenshots as select * from shots",
        "alter table books rename to book",
        "drop table embedding_configs cascade",
    )
    assert told(shop, run(shop)) == [
        "table: the target has no table embedding_configs | promote migrate --env test-prod",
        "table: the target has no table books; did you mean book?"
        " | ALTER TABLE book RENAME TO books, or promote migrate --env test-prod",
        "table: screenshots is a view in the target, must be a table | promote migrate --env test-prod",
        "table: the target has no table chunks in schema public; there is one in schema archive"
        " | ALTER TABLE archive.chunks SET SCHEMA public",
    ]


@pytest.mark.parametrize("first", ["67108864", "0"], ids=["validated-first", "while-it-goes-in"])
def test_what_only_the_file_can_tell(shop: Shop, first: str) -> None:
    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    shop.database.execute(
        "alter table chunks drop column chunk_token_count",
        "alter table screenshots rename column screenshot_hash to screenshot_hsh",
        "alter table books alter column book_metadata type jsonb",
        "create domain positive as money",
        "alter table books alter column total_screenshots type positive using null",
    )
    columns = (
        "id, book_id, screenshot_ids, chunk_sequence, chunk_text, embedding_config_id, embedding, vision_model,"
        " vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at"
    )
    assert told(shop, run(shop, Export(chunks=1, screenshots=1))) == [
        "export.sql:5:1: column-type: books.total_screenshots is positive, which no export may hold | leave it out",
        "export.sql:8:67: column: screenshots has no column screenshot_hash | did you mean screenshot_hsh?",
        f"export.sql:11:78: column: chunks has no column chunk_token_count | it has {columns}",
    ]


@pytest.mark.parametrize(
    "first", [pytest.param("67108864", marks=pytest.mark.soak), "0"], ids=["validated-first", "while-it-goes-in"]
)
def test_what_only_a_row_can_tell(shop: Shop, first: str) -> None:
    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    shop.database.execute(
        "alter type source_type rename value 'pdf' to 'paper'",
        "alter table books alter column author type varchar(3)",
        "alter table chunks alter column chunk_token_count type smallint",
        "alter table chunks add constraint few check (chunk_token_count < 2)",
    )
    export = Export(chunks=1)
    export.book["source_type"] = "'pdf'"
    export.chunks[0]["chunk_token_count"] = "40000"
    assert told(shop, run(shop, export)) == [
        "export.sql:6:52: too-long-text: books.author: 8 characters, at most 3 | shorten it",
        "export.sql:6:239: enum: books.source_type: pdf is not one of kindle, website, paper"
        " | write one of these labels",
        "export.sql:15:150: integer-range: chunks.chunk_token_count: 40000 is out of range (-32768 to 32767)"
        " | correct the number",
    ]
    export.book.update(source_type="'kindle'", author="'A'")
    export.chunks[0]["chunk_token_count"] = "2"
    (finding,) = told(shop, run(shop, export))
    assert finding.startswith(
        'refused: importing chunks: new row for relation "chunks" violates check constraint "few": Failing row contains'
    )
    assert finding.endswith(" | correct the data, or the target")


def test_a_trigger_of_a_partition(shop: Shop) -> None:
    shop.database.execute(
        "alter table chunks rename to all_chunks",
        "create table chunks (like all_chunks including defaults, primary key (id, book_id)) partition by hash (book_id)",
        "create table chunks_0 partition of chunks for values with (modulus 1, remainder 0)",
        "create trigger meddle before insert on chunks_0 for each row"
        " execute function suppress_redundant_updates_trigger()",
    )
    assert told(shop, run(shop)) == [
        "key: the primary key of chunks is (id, book_id), the contract says (id)"
        " | correct promote.yaml, or migrate the target",
        "unique: chunks has no unique constraint on (book_id, chunk_sequence) | promote migrate --env test-prod",
        "warn: foreign-key: the target has no foreign key from chunks.book_id to books"
        " | promote migrate --env test-prod",
        "warn: foreign-key: the target has no foreign key from chunks.embedding_config_id to"
        " embedding_configs"
        " | promote migrate --env test-prod",
        f"privilege: {shop.role} lacks SELECT and INSERT on public.chunks"
        f" | promote setup --env test-prod, or GRANT SELECT, INSERT ON public.chunks TO {shop.role}",
        "warn: trigger: trigger meddle of partition chunks_0 on chunks runs with the import"
        " | all rows are read back and compared",
    ]


def findings_of_notices(ran: Ran) -> list[str]:
    """What stands below the line of the server's notices, which is the last one."""
    _, line, below = ran.stdout.partition("  notices    server notices ................... WARN\n")
    assert line, ran.stdout
    return [each.strip() for each in below.splitlines()[:-1]]


def test_what_the_server_says_meanwhile(shop: Shop) -> None:
    shop.database.execute(
        "create function speak() returns trigger language plpgsql as"
        " $$begin raise notice 'a chunk'; raise warning 'number %', new.chunk_sequence; return new; end$$",
        "create trigger speak after insert on chunks for each row execute function speak()",
    )
    ran = run(shop, Export(chunks=30))
    assert findings_of_notices(ran) == [
        "warn: server-notice: a chunk (30 times)",
        *(f"warn: server-notice: number {number}" for number in range(1, 20)),
        "warn: server-notice: 11 more notices of the server",
    ]


def test_extensions(shop: Shop) -> None:
    shipped = 'extensions: {vector: "0.5"}'
    shop.copy.edit("promote.yaml", shipped, 'extensions: {vector: "99", pg_trgm: "1.0", plpgsql: "1.0"}')
    ((version,),) = shop.rows("select extversion from pg_extension where extname = 'vector'")
    assert told(shop, run(shop)) == [
        "extension: the extension pg_trgm is missing, promote.yaml says at least 1.0"
        " | as an administrator: CREATE EXTENSION pg_trgm",
        f"extension: the extension vector is {version}, promote.yaml says at least 99"
        f" | install a newer one on the server, which has {version}; then as its owner: ALTER EXTENSION vector UPDATE",
    ]


def test_versions_that_are_none(shop: Shop) -> None:
    shop.copy.edit("promote.yaml", 'extensions: {vector: "0.5"}', 'extensions: {vector: 0.7, pg_trgm: "new"}')
    fault = "error: promote.yaml:5:22: extensions.vector: expected text, found 0.7\n  put it in quotes\n"
    assert (run(shop).exit_code, run(shop).stderr) == (2, fault)
    shop.copy.edit("promote.yaml", 'extensions: {vector: 0.7, pg_trgm: "new"}', 'extensions: {pg_trgm: "new"}')
    ran = run(shop)
    assert (ran.exit_code, ran.stderr) == (
        2,
        'error: promote.yaml:5:23: extensions.pg_trgm: "new" is no version\n'
        '  numbers with dots between them, in quotes: {vector: "0.7"}\n',
    )
