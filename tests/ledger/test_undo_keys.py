"""Tables whose primary key is another one by now, or gone: rows are told by the key that the run had."""

from __future__ import annotations

from tests.ledger.test_undo_refused import PUT_BACK
from tests.ledger.undoing import Undone, facts_in, found_in, undone, unproved
from tests.run.exports import Export, key

__all__ = ["undone"]

CHUNKS = [key("d", 1, number) for number in (1, 2, 3)]
NO_KEY = "alter table chunks drop constraint chunks_pkey, drop constraint uq_chunk_book_sequence"


def test_a_key_that_was_renamed(undone: Undone) -> None:
    """Which rows are the run's cannot be told, so nothing is said of what they depend on."""
    undone.shop.database.execute("alter table chunks rename column id to number")
    way = "take back the migration that removed it, or keep the run"
    fact = "column: chunks has no column id any more: whether its rows were changed cannot be told"
    undone.refused(f"{fact} | {way}")


def test_another_column_that_was_renamed(undone: Undone) -> None:
    """They are still known by their keys, and are not taken for rows of others."""
    undone.shop.database.execute("alter table chunks rename column chunk_text to body")
    way = "take back the migration that removed it, or keep the run"
    fact = "column: chunks has no column chunk_text any more: whether its rows were changed cannot be told"
    undone.refused(f"{fact} | {way}")


def test_columns_of_another_type(undone: Undone) -> None:
    """A key's means that no row is found; another's is told when the values cannot be compared."""
    shop = undone.shop
    way = "take back the migration that changed it, or keep the run"
    fact = "chunk_token_count was integer, is bigint: whether its rows were changed cannot be told"
    shop.accepted(Export(2))
    run = undone.latest()
    shop.database.execute("alter table chunks alter chunk_token_count type bigint")
    undone.refused(f"column-type: chunks: {fact} | {way}", run=run)
    shop.database.execute(
        "alter table chunks alter chunk_token_count type int", "alter table chunks alter id type text"
    )
    undone.refused(
        f"column-type: chunks: id was uuid, is text: whether its rows were changed cannot be told | {way}", run=run
    )
    shop.database.execute(
        "alter table chunks alter id type uuid using id::uuid",
        "alter table chunks alter vision_model type varchar(100)",
    )
    rewritten = unproved("3 rows", "chunks", *(key("d", 2, number) for number in (1, 2, 3)))
    assert facts_in(undone.undo(run)) == [rewritten]  # as a migration does that writes the table anew
    undone.done(run, "--accept", "unproved")


def test_no_key_any_more(undone: Undone) -> None:
    undone.shop.database.execute(NO_KEY, f"update chunks set chunk_text = 'x' where id = '{CHUNKS[1]}'")
    undone.refused(f"changed: 1 row of chunks was changed since the import: {CHUNKS[1]} | {PUT_BACK}")


def test_taken_back_under_another_key(undone: Undone) -> None:
    before = undone.rows()
    undo = undone.done()
    undone.shop.database.execute(NO_KEY, "alter table chunks add column number serial primary key")
    gained = "warn: column: chunks has gained number since: the rows that come again get the default there"
    ran = undone.undo(undo)
    assert (ran.exit_code, ran.stderr, found_in(ran)) == (0, "", [gained])
    assert f"3 rows would come again: {CHUNKS[0]}; {CHUNKS[1]}; and 1 more\n" in ran.stdout
    undone.done(undo)
    undone.shop.database.execute("alter table chunks drop column number")
    assert undone.rows() == before


def test_taken_back_without_a_key(undone: Undone) -> None:
    before = undone.rows()
    undone.shop.database.execute(NO_KEY, f"create table aside as select * from chunks where id = '{CHUNKS[0]}'")
    undone.done(undone.done())
    assert undone.rows() == before
    undo = undone.done()
    undone.shop.database.execute(
        "alter table chunks drop constraint chunks_book_id_fkey", "insert into chunks select * from aside"
    )
    undone.refused(
        f"taken: id of 1 row of chunks is taken: {CHUNKS[0]} | undo the run that added it since, or leave the rows away",
        run=undo,
    )
