"""Lists of rows that no release of promote writes: they take nothing of others along, and stand in nobody's way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from minerva_promote.database.connection import Connection
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.run_rows import RunRows, Wire, row_hash
from minerva_promote.ledger.runs import find_run
from minerva_promote.undo.rows_to_remove import trusted_xmins
from tests.ledger.forging import forge, write_list
from tests.ledger.undoing import Undone, facts_in, undone
from tests.run.exports import key

__all__ = ["undone"]

EVERYTHING = ("--no-keep-shared", "--accept", "unproved", "--accept", "gone")
BOOK = (
    b"insert into books (id, title, author, ingestion_status, created_at, updated_at)"
    b" values (%s, 'x', 'x', 'completed', now(), now())"
)
CHUNK = b"""insert into chunks select (jsonb_populate_record(c, jsonb_build_object(
    'id', %s::uuid, 'book_id', %s::uuid, 'chunk_sequence', %s::int))).* from chunks as c order by c.id limit 1"""
INSERT = b"""insert into promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks)
    values (%s, %s, %s, %s::text[], %s::text[], %s, %s, %s)"""
UNLIKE = "row-list: the ledger's list of rows of {} is none that promote writes: {}"


def binary(text: str) -> bytes:
    """A uuid in wire form."""
    return bytes.fromhex(text.replace("-", ""))


def record(conn: Connection, run_id: str, *kinds: str) -> None:
    """Events of a run, whatever its lists look like."""
    for kind in kinds:
        conn.execute(
            b"insert into promote.events (kind, run_id, environment, promote_version, file_name)"
            b" values (%s, %s, 'test-prod', '1', 'x.sql')",
            (kind, run_id),
        )


def test_two_ways_to_name_a_row(undone: Undone) -> None:
    """A row of its own, named by a column whose value is the key of somebody else's row."""
    shop, victim, run_id = undone.shop, key("d", 1, 1), str(uuid4())
    with shop.database.connect(shop.role) as conn:
        add_event(conn, Event("started", run_id, "test-prod"))
        with conn.transaction():
            conn.execute(BOOK, (victim,))
            conn.execute(CHUNK, (key("d", 9, 1), victim, 1))
            conn.execute(CHUNK, (key("d", 9, 2), victim, 2))
            own: list[tuple[Wire, ...]] = [(binary(key("d", 9, number)),) for number in (1, 2)]
            book: tuple[Wire, ...] = (binary(victim),)
            lists = [
                RunRows("books", ("id",), ("id",), [book], [row_hash(book)]),
                RunRows("chunks", ("id",), ("id",), own, [row_hash(row) for row in own]),
                RunRows("chunks", ("book_id",), ("book_id",), [book], [row_hash(book)]),
            ]
            add_event(conn, Event("committed", run_id, "test-prod"), write_list(conn, run_id, lists))
    for more in ((), EVERYTHING):
        ran = undone.undo(run_id, "--apply", *more)
        assert ran.exit_code == 1
        assert UNLIKE.format("chunks", "its rows are named by different columns") in facts_in(ran)
    assert shop.rows(f"select count(*) from chunks where id = '{victim}'") == [(1,)]


def test_lists_of_nothing(undone: Undone) -> None:
    """Nothing of them is deleted, and no undo of another run stops at them."""
    shop, row = undone.shop, (binary(key("b", 1)),)
    one: dict[str, Any] = {"key_columns": ("id",), "columns": ("id",), "keys": [row], "marks": [row_hash(row)]}
    lists: dict[str, dict[str, Any]] = {
        "a row is in it twice": {"keys": [row, row], "marks": [row_hash(row)] * 2},
        "a row in it has no whole key": {"keys": [(None,)]},
        "its rows are named by different columns": {"key_columns": ("id", "id"), "keys": [row * 2]},
        "it names no columns": {"columns": ()},
        "no run inserts rows into the schema promote": {"table": "promote.events"},
        "no run inserts rows into the schema pg_catalog": {"table": "pg_catalog.pg_authid"},
    }
    before = shop.contents()
    for why, changes in lists.items():
        forged = RunRows(**{"table": "books", **one, **changes})
        ran = undone.undo(forge(shop, [forged]), "--apply", *EVERYTHING)
        assert (ran.exit_code, facts_in(ran)) == (1, [UNLIKE.format(forged.table, why)])
    unreadable = [
        ("{id}", "{id}", 1, b"\0\1", row_hash(row)),
        ("{id}", "{id}", 1, b"\xff\xff", row_hash(row)),
        ("{{id}}", "{{id}}", 1, b"\0\0", row_hash(row)),
        ("{NULL}", "{id}", 1, b"\0\0", row_hash(row)),
    ]
    with shop.database.connect(shop.role) as conn:
        for number, values in enumerate(unreadable):
            run_id = str(uuid4())
            with conn.transaction():
                conn.execute(INSERT, (run_id, "public.books", 1, *values))
                record(conn, run_id, "committed")
            ran = undone.undo(run_id, "--apply", *EVERYTHING)
            message = f"error: the list of rows of run {run_id[:8]} cannot be read: no release of promote wrote it"
            assert (ran.exit_code, ran.stderr.startswith(message)) == (3, True), (number, ran)
    after = shop.contents()
    for table in before:
        assert table.startswith("promote.") or after[table] == before[table]
    shop.database.execute("update chunks set chunk_text = chunk_text")  # from now on nothing proves them
    ran = undone.undo(undone.run, "--accept", "unproved", "--apply")
    assert ran.exit_code == 0, ran.stdout + ran.stderr


def test_rows_of_another_run_under_the_name_of_a_partition(undone: Undone) -> None:
    shop, row = undone.shop, (binary(key("a", 1)),)
    shop.database.execute(
        "create table notes (id uuid primary key) partition by hash (id)",
        "create table notes_1 partition of notes for values with (modulus 1, remainder 0)",
        f"insert into notes values ('{key('a', 1)}')",
    )
    runs = [forge(shop, [RunRows(name, ("id",), ("id",), [row], [row_hash(row)])]) for name in ("notes", "notes_1")]
    for run, code in zip(runs, ("added-again", "of-another-run"), strict=True):
        ran = undone.undo(run, "--apply", *EVERYTHING)
        assert (ran.exit_code, [fact.partition(":")[0] for fact in facts_in(ran)]) == (1, [code])


def test_numbers_of_transactions_that_came_twice(undone: Undone) -> None:
    """After 2^32 transactions an old row may have the number of a young transaction."""
    with undone.shop.database.connect() as conn:
        run = find_run(conn, undone.run)
        assert trusted_xmins(conn, run).distrust == ""
        events = tuple(replace(event, xact=(event.xact or 0) + 2**32) for event in run.events)
        found = trusted_xmins(conn, replace(run, events=events))
    assert (found.xmins, "2^32" in found.distrust) == (frozenset(), True)


def test_rows_with_the_same_key(undone: Undone) -> None:
    """The key of the run is none any more, and somebody added a row that has its values."""
    shop = undone.shop
    shop.database.execute(
        "alter table chunks drop constraint chunks_pkey, drop constraint uq_chunk_book_sequence",
        "insert into chunks select * from chunks limit 1",
    )
    ran = undone.undo(undone.run, "--apply", *EVERYTHING)
    assert (ran.exit_code, "several rows of chunks have the same id" in ran.stderr) == (3, True)


def test_shared_rows_that_stay(undone: Undone) -> None:
    """They depend on a row that would go, as they are kept."""
    shop = undone.shop
    shop.copy.edit("promote.yaml", "    screenshots:", "    screenshots:\n      shared: true")
    ran = undone.undo(undone.run)
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    assert any(fact.startswith("depends: 2 rows of screenshots") for fact in facts_in(ran))


def test_every_row_that_is_accepted_is_named(undone: Undone) -> None:
    """A row of others does not go unseen at the end of a long list."""
    shop, numbers = undone.shop, range(1, 131)
    with shop.database.connect() as conn:
        for number in numbers:
            conn.execute(BOOK, (key("b", 100 + number),))
    rows: list[tuple[Wire, ...]] = [(binary(key("b", 100 + number)),) for number in numbers]
    run = forge(shop, [RunRows("books", ("id",), ("id",), rows, [row_hash(row) for row in rows])])
    ran = undone.undo(run, "--accept", "unproved")
    assert ran.exit_code == 0
    assert all(key("b", 100 + number) in "".join(facts_in(ran)) for number in numbers)


def test_finished_before_it_was_committed(undone: Undone) -> None:
    """Checks after COMMIT that were recorded before it prove nothing."""
    run_id = str(uuid4())
    with undone.shop.database.connect(undone.shop.role) as conn:
        record(conn, run_id, "started", "finished", "committed")
        run = find_run(conn, run_id)
        assert (run.state, run.passed, run.check_events) == ("committed", False, ())
        assert find_run(conn, undone.run).passed
