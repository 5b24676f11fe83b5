"""What stands against taking a run back: each time the rows are named, and nothing is touched."""

from __future__ import annotations

import json
from itertools import zip_longest

import pytest

from tests.ledger.undoing import Undone, facts_in, found_in, undone, unproved
from tests.run.exports import CONFIG, Export, key

__all__ = ["undone"]

BOOK, SHOT, CHUNK = key("b", 1), key("c", 1, 1), key("d", 1, 1)
PUT_BACK = (
    "promote run --env test-prod --dry-run with the run's file names the values: put them back as the file has them,"
    " or keep the run"
)
REMOVE = "remove them first, or keep the run"


def changed(table: str, id_: str) -> str:
    """The finding for one row that was changed."""
    return f"changed: 1 row of {table} was changed since the import: {id_} | {PUT_BACK}"


COLUMNS = {
    "chunks": (CHUNK, {
        "screenshot_ids": "'{}'", "chunk_sequence": "9", "chunk_text": "'text 1 '", "chunk_token_count": "9",
        "embedding": "'[0.1,0.2,0.30000004]'", "vision_model": "'x'", "vision_prompt_tokens": "9",
        "vision_completion_tokens": "9", "extraction_timestamp": "now()", "chunk_metadata": "'{}'",
        "created_at": "created_at + interval '1 microsecond'",
    }),
    "screenshots": (SHOT, {"sequence_number": "9", "screenshot_hash": "'x'", "captured_at": "now()"}),
    "books": (BOOK, {
        "title": "'x'", "author": "'x'", "kindle_url": "null", "total_screenshots": "9", "capture_date": "now()",
        "ingestion_status": "'x'", "book_metadata": "null", "ingestion_error": "'x'", "source_url": "'x'",
        "source_domain": "'x'", "published_date": "now()", "word_count": "1", "page_count": "1", "created_at": "now()", "updated_at": "now()",
    }),
}  # fmt: skip


def test_any_column_that_the_file_gave(undone: Undone) -> None:
    """One after the other, one of each table at a time, each in its own transaction; and back again."""
    shop = undone.shop
    several = [[(table, id_, *each) for each in values.items()] for table, (id_, values) in COLUMNS.items()]
    with shop.database.connect() as conn:
        for table in COLUMNS:
            conn.execute(f"create table {table}_aside as select * from {table}".encode())
        for first, *cases in zip_longest(*several):
            present = [case for case in (first, *cases) if case is not None]
            for table, id_, column, value in present:
                conn.execute(f"update {table} set {column} = {value} where id = '{id_}'".encode())
            expected = [changed(table, id_) for table, id_, _, _ in present]
            assert [line for line in found_in(undone.undo()) if not line.startswith("unproved")] == expected, present
            for table, _, column, _ in present:
                back = f"update {table} t set {column} = a.{column} from {table}_aside a where a.id = t.id"
                conn.execute(back.encode())
    given = shop.rows(
        "select attrelid::regclass::text, attname from pg_attribute where attnum > 0 and not attisdropped"
        " and attrelid in ('books'::regclass, 'screenshots'::regclass, 'chunks'::regclass)"
    )
    left = {(table, column) for table, column in given if column not in COLUMNS[table][1]}
    assert left == {
        ("books", "source_type"),  # has a default: see below
        ("books", "id"), ("screenshots", "id"), ("chunks", "id"), ("screenshots", "book_id"), ("chunks", "book_id"),
        ("screenshots", "file_path"), ("chunks", "embedding_config_id"),
    }  # fmt: skip


@pytest.mark.parametrize("column", ["source_type = 'pdf'", "title = title"])
def test_rows_that_another_transaction_wrote(undone: Undone, column: str) -> None:
    """An update of the run's row looks like a row of somebody else: only the owner's word lets it go."""
    shop, finding = undone.shop, unproved("1 row", "books", BOOK, columns="source_type")
    shop.database.execute(f"update books set {column}")
    before = shop.contents()
    for more in ((), ("--accept", "updated"), ("--accept", "gone")):
        for apply in ((), ("--apply",)):
            ran = undone.undo(None, *more, *apply)
            assert (ran.exit_code, facts_in(ran)) == (1, [finding])
            assert f"the list of rows was written by {shop.role}; roles that may write one: " in found_in(ran)[0]
            assert found_in(ran)[0].endswith("if all of them are this run's: --accept unproved")
            assert ("--accept updated does not cover them" in found_in(ran)[0]) == ("updated" in more)
    assert shop.contents() == before
    ran = undone.undo(None, "--accept", "unproved")
    assert (ran.exit_code, facts_in(ran)) == (0, [f"warn: {finding}"])
    (help_,) = (line.partition(" | ")[2] for line in found_in(ran))
    accepted = f"accepted: --accept unproved; the list of rows was written by {shop.role}; roles that may write one: "
    assert help_.startswith(accepted)
    roles = help_.removeprefix(accepted).split("; ")
    assert shop.role in roles
    assert shop.copy.name("minerva_reader") not in roles
    undo = undone.done(None, "--accept", "unproved")
    assert shop.count("books") == 0
    undone.done(undo)
    assert found_in(undone.undo()) == []  # the owner's own transaction inserted it


def test_changed_and_changed_back(undone: Undone) -> None:
    """Equal values do not tell whose a row is."""
    undone.shop.database.execute(
        "update chunks set chunk_text = 'x'", "update chunks set chunk_text = 'text ' || chunk_sequence"
    )
    finding = unproved("3 rows", "chunks", CHUNK, key("d", 1, 2), key("d", 1, 3))
    assert facts_in(undone.undo()) == [finding]
    data = json.loads(undone.undo(None, "--format", "json").stdout)["steps"]
    chunks = next(step["data"] for step in data if step["name"] == "chunks")
    assert chunks["unproved_keys"] == [CHUNK, key("d", 1, 2), key("d", 1, 3)]
    assert undone.done(None, "--accept", "unproved")
    assert undone.shop.count("chunks") == 0


def test_rows_that_are_gone(undone: Undone) -> None:
    undone.shop.database.execute("delete from chunks where chunk_sequence <> 2")
    gone = f"gone: 2 rows of chunks were removed by somebody else: {CHUNK}; {key('d', 1, 3)}"
    undone.refused(f"{gone} | to remove the others: --accept gone")
    ran = undone.undo(None, "--accept", "gone")
    assert found_in(ran) == [f"warn: {gone} | accepted: --accept gone"]
    undo = undone.done(None, "--accept", "gone")
    assert undone.shop.count("chunks") == 0
    undone.done(undo)
    assert undone.shop.rows("select chunk_sequence from chunks") == [(2,)]


def test_rows_that_another_run_added_again(undone: Undone) -> None:
    """They are that run's, whatever their values prove."""
    shop = undone.shop
    shop.database.execute(*(f"delete from {table}" for table in ("chunks", "screenshots", "books")))
    shop.accepted(Export())
    again = undone.latest()
    short = again[:8]
    way = f"they are that run's now: promote undo --env test-prod {short}"
    shots, chunks = ([key(kind, 1, number) for number in range(1, most)] for kind, most in (("c", 3), ("d", 4)))
    undone.refused(
        *(
            f"added-again: {counted} removed by somebody else and added again by run {short}: {'; '.join(keys)} | {way}"
            for counted, keys in (
                ("3 rows of chunks were", chunks),
                ("2 rows of screenshots were", shots),
                ("1 row of books was", [BOOK]),
            )
        ),
        more=("--accept", "unproved", "--accept", "gone"),
    )
    assert undone.done(again)
    assert len(found_in(undone.undo())) == 3  # now they are gone


def test_many_rows_are_counted(undone: Undone) -> None:
    shop = undone.shop
    shop.accepted(Export(2, screenshots=0, chunks=7))
    shop.database.execute("update chunks set chunk_text = 'x'")
    ran = undone.undo(undone.latest())
    keys = "; ".join(key("d", 2, number) for number in range(1, 6))
    assert found_in(ran) == [
        f"changed: 7 rows of chunks were changed since the import: {keys}; and 2 more | {PUT_BACK}"
    ]


PLANTED = """
create schema other
create table other.notes (id int primary key, book uuid references books on delete cascade)
insert into other.notes values (1, '{book}'), (2, '{book}'), (3, null)
insert into failed_scrapes (id, book_id, url) values ('{scrape}', '{book}', 'u')
create table emptied (chunk uuid references chunks on delete set null)
insert into emptied values ('{chunk}')
create table pairs (a int, b uuid, foreign key (b, a) references chunks (book_id, chunk_sequence) on delete set default)
alter table pairs add primary key (a, b)
insert into pairs values (2, '{book}')
create table parted (id int, book uuid references books on delete cascade, primary key (id)) partition by range (id)
create table parted_1 partition of parted for values from (0) to (10)
create table alone (id int, book uuid) partition by range (id)
create table alone_1 partition of alone for values from (0) to (10)
alter table alone_1 add foreign key (book) references books on delete restrict
insert into parted values (1, '{book}')
insert into alone values (1, '{book}')
create table unchecked (id int primary key, book uuid references books)
insert into unchecked values (1, '{book}')
alter table unchecked disable trigger all
insert into screenshots values ('{shot}', '{book}', 3, null, 'h', now())
insert into books (id, title, author, ingestion_status, created_at, updated_at) values ('{other}', 'x', 'y', 'z', now(), now())
alter table chunks drop constraint chunks_book_id_fkey
insert into chunks select '{named}', '{other}', array['{second}', '{first}', '{first}', '{other}']::uuid[], 1, 't', 1, embedding_config_id, \
    embedding, 'v', 1, 1, now(), null, now() from chunks where chunk_sequence = 1
insert into chunks select '{added}', book_id, '{{}}', 9, 't', 1, embedding_config_id, embedding, 'v', 1, 1, now(), null, now() \
    from chunks where id = '{chunk}'
""".format(
    book=BOOK, chunk=CHUNK, first=SHOT, second=key("c", 1, 2), scrape=key("f", 1), shot=key("c", 1, 3), other=key("b", 7), named=key("d", 7, 1),
    added=key("d", 1, 9),
)  # fmt: skip
DEPENDENT = [
    ("emptied", "chunks", f"(0,1) on {CHUNK}", "foreign key emptied_chunk_fkey, ON DELETE SET NULL"),
    ("pairs", "chunks", f"2, {BOOK} on {key('d', 1, 2)}", "foreign key pairs_b_a_fkey, ON DELETE SET DEFAULT"),
    ("chunks", "screenshots", f"{key('d', 7, 1)} on {SHOT}", "chunks.screenshot_ids, a reference of the contract"),
    ("other.notes", "books", f"1 on {BOOK}; 2 on {BOOK}", "foreign key notes_book_fkey, ON DELETE CASCADE"),
    ("alone_1", "books", f"(0,1) on {BOOK}", "foreign key alone_1_book_fkey, ON DELETE RESTRICT"),
    ("failed_scrapes", "books", f"{key('f', 1)} on {BOOK}",
     "foreign key failed_scrapes_book_id_fkey, ON DELETE CASCADE"),
    ("parted", "books", f"1 on {BOOK}", "foreign key parted_book_fkey, ON DELETE CASCADE"),
    ("screenshots", "books", f"{key('c', 1, 3)} on {BOOK}",
     "foreign key screenshots_book_id_fkey, ON DELETE NO ACTION"),
    ("unchecked", "books", f"1 on {BOOK}", "foreign key unchecked_book_fkey, ON DELETE NO ACTION"),
    ("chunks", "books", f"{key('d', 1, 9)} on {BOOK}", "chunks.book_id, a reference of the contract"),
]  # fmt: skip


def test_what_depends_on_it(undone: Undone) -> None:
    """Foreign keys of any table, whatever they would do; arrays of keys; rows that were added to the book.

    A row counts once, on however many it depends.
    """
    undone.shop.database.execute(*PLANTED.replace("\\\n", "").strip().splitlines())
    undone.refused(*(depends(*each) for each in DEPENDENT))


def depends(child: str, parent: str, rows: str, what: str) -> str:
    """The finding for rows that depend on others."""
    count = rows.count(" on ")
    some = (
        f"{count} rows of {child} that this run did not add depend"
        if count > 1
        else f"1 row of {child} that this run did not add depends"
    )
    return f"depends: {some} on {parent}: {rows} ({what}) | {REMOVE}"


def test_tables_that_are_not_what_they_were(undone: Undone) -> None:
    way = "take back the migration that removed it, or keep the run"
    column = "column: chunks has no column chunk_metadata any more: whether its rows were changed cannot be told"
    rule = "rule: rule keep on chunks rewrites what is removed"
    undone.shop.database.execute("create rule keep as on delete to chunks do instead nothing")
    undone.refused(f"{rule} | DROP RULE keep ON chunks; a trigger can do the same")
    undone.shop.database.execute("alter table chunks drop column chunk_metadata")
    assert found_in(undone.undo())[0] == f"{column} | {way}"
    undone.shop.database.execute("drop table chunks")
    assert found_in(undone.undo()) == [
        f"table: there is no table chunks any more: 3 rows of it cannot be found | {way}"
    ]


def test_a_later_run_that_uses_a_shared_row(undone: Undone) -> None:
    """The way out names the run."""
    undone.shop.accepted(Export(2, chunks=6))
    later = undone.latest()[:8]
    chunks = "; ".join(f"{key('d', 2, number)} on {CONFIG}" for number in range(1, 6))
    undone.refused(
        f"in-use: 6 rows of chunks that this run did not add depend on embedding_configs: {chunks}; and 1 more (foreign key"
        " chunks_embedding_config_id_fkey, ON DELETE NO ACTION) | leave it there: --keep-shared; or undo what was added"
        f" later first: promote undo --env test-prod {later}",
        more=("--no-keep-shared",),
    )
    assert undone.done()
    assert undone.shop.count("embedding_configs") == 1


def test_row_security(undone: Undone) -> None:
    """The owner of the tables may be somebody to whom their policies apply."""
    shop = undone.shop
    owner = f"owner_{shop.role.removeprefix('minerva_api_')}"
    with shop.database.connect() as conn:
        conn.execute(f"create role {owner} login password 'made-for-tests'".encode())
        try:
            conn.execute(f"grant {shop.rows('select current_user')[0][0]} to {owner} with inherit false".encode())
            conn.execute(f"grant connect on database {shop.database.name} to {owner}".encode())
            conn.execute(f"grant usage on schema public, promote to {owner}".encode())
            conn.execute(f"grant all on all tables in schema public, promote to {owner}".encode())
            conn.execute(f"revoke delete on screenshots from {owner}".encode())
            conn.execute(b"alter table chunks enable row level security")
            conn.execute(b"create schema hidden")
            conn.execute(b"create table hidden.notes (book uuid references books on delete cascade)")
            shop.environment(admin_url=shop.database.url(owner))
            ran = undone.undo()
        finally:
            conn.execute(f"drop owned by {owner}".encode())
            conn.execute(f"drop role {owner}".encode())
    assert ran.exit_code == 1
    assert found_in(ran) == [
        "row-security: row security is active on chunks: rows could be hidden"
        " | give the role of admin_url BYPASSRLS, or let it own the table",
        "privilege: the role of admin_url lacks DELETE on screenshots | let it own the table, or grant it what it lacks",
        "hidden: rows of hidden.notes may depend on books, and this role may not see them (foreign key notes_book_fkey,"
        " ON DELETE CASCADE) | GRANT SELECT ON hidden.notes TO the role of admin_url",
    ]
