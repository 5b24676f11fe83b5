"""An undo beside other sessions, and rows of unusual columns that come again bit by bit."""

from __future__ import annotations

import time

import pytest

from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from tests.ledger.undoing import NOTHING, Undone, undone
from tests.run.exports import Export, key
from tests.run.sessions import holding
from tests.run.terminal import started

__all__ = ["undone"]

BOOK = key("b", 1)
AGAIN = "repeat the command when it is done, or raise timeouts.lock of the environment"


def test_two_at_once(undone: Undone) -> None:
    """One does it, the other waits and is told."""
    shop = undone.shop
    line = ("undo", "--env", "test-prod", undone.run, "--apply")
    with holding(shop, LOCK_STATEMENT), started(*line, cwd=shop.root) as first, started(*line, cwd=shop.root) as second:
        pass_both = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        while shop.rows(pass_both) != [(2,)]:
            time.sleep(0.02)
        shop.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'somebody'"
            " and datname = current_database()"
        )
        said = sorted(
            [(process.returncode, *out) for process in (first, second) if (out := process.communicate(timeout=60))]
        )
    assert [code for code, *_ in said] == [0, 2]
    assert "was undone already, as " in said[1][2]
    assert shop.rows("select count(*) from promote.events where kind = 'undone'") == [(1,)]


@pytest.mark.parametrize(
    ("statement", "doing"),
    [
        (f"insert into failed_scrapes (id, book_id, url) values ('{key('f', 1)}', '{BOOK}', 'u')", "reading books"),
        ("update chunks set chunk_text = 'x'", "locking chunks"),
        pytest.param(f"insert into chunks select '{key('d', 9)}', book_id, screenshot_ids, 9, 't', 1, embedding_config_id, embedding,"
         " 'v', 1, 1, now(), null, now() from chunks where chunk_sequence = 1", "locking chunks", marks=pytest.mark.soak),
    ],
)  # fmt: skip
def test_others_at_work(undone: Undone, statement: str, doing: str) -> None:
    """What they have not committed could depend on rows that are to go."""
    shop = undone.shop
    shop.environment(timeouts={"lock": "300ms"})
    before = shop.contents()
    with holding(shop, statement):
        assert undone.undo().exit_code == 0  # looking waits for nobody
        ran = undone.undo(None, "--apply")
    said, hint = ran.stderr.splitlines()
    assert said.startswith(f"error: {doing}: waited ")  # for whom is not seen within 300 ms for certain
    assert said.endswith(f"; {NOTHING} (rolled back)")
    assert hint == f"  {AGAIN}"
    assert shop.contents() == before
    undone.done()


def test_unusual_columns(undone: Undone) -> None:
    """Generated ones, identities, arrays, ranges, composites, numbers that no text shows in full, odd names."""
    shop = undone.shop
    shop.database.execute(
        "create type pair as (a int, b text)",
        "create type mood as enum ('good', 'bad')",
        "create domain positive as int check (value > 0)",
        "alter table books add no bigint generated always as identity",
        "alter table books add length int generated always as (length(title)) stored",
        'alter table books add "odd ""name" text default E\'a\\tb\\\\N\\n\'',
        "alter table books add moods mood[] default '{{good,NULL},{bad,bad}}'",
        "alter table books add pair pair default (1, null)",
        "alter table books add lucky positive default 7",
        "alter table books add real double precision default '-0'",
        "alter table books add nan real default 'nan'",
        "alter table books add money numeric default 1.2300",
        "alter table books add times tstzrange default tstzrange(now(), 'infinity')",
        "alter table books add spans int[] default '[3:5]={1,NULL,3}'",
        "alter table books add data jsonb default '{\"a\": [1, 2.50]}'",
        "alter table books add bits bit varying default b'0101'",
        "alter table books add long text default repeat('x', 100000)",
    )
    shop.accepted(Export(2))
    run, before = undone.latest(), undone.rows()
    undo = undone.done(run)
    assert shop.count("books") == 1
    undone.done(undo)
    assert undone.rows() == before
    assert shop.rows("select real::text, nan::text, no, length from books where id <> '" + BOOK + "'") == [
        ("-0", "NaN", 2, 6)
    ]
    second = undone.done(run)
    assert undone.rows()["books"] == [row for row in before["books"] if BOOK in row]
    undone.done(second)


def test_rows_that_depend_on_each_other(undone: Undone) -> None:
    """A key of the table to itself, and one that is checked in the end only."""
    shop = undone.shop
    shop.database.execute(
        "alter table chunks add next uuid default coalesce(null::uuid)",
        "alter table chunks add foreign key (next) references chunks on delete cascade",
        "alter table screenshots add chunk uuid default coalesce(null::uuid) references chunks deferrable",
    )
    shop.accepted(Export(2, chunks=300))
    shop.database.execute(
        "update chunks c set next = n.id from chunks n where n.book_id = c.book_id and n.chunk_sequence = c.chunk_sequence + 1",
        "update screenshots s set chunk = c.id from chunks c where c.book_id = s.book_id and c.chunk_sequence = 1",
    )
    before = undone.rows()
    undo = undone.done(undone.latest(), "--accept", "unproved")
    assert shop.count("chunks") == 3
    undone.done(undo)
    assert undone.rows() == before


def test_a_partitioned_table_with_a_key_of_two_columns(undone: Undone) -> None:
    shop = undone.shop
    undone.done(None, "--no-keep-shared")
    (shop.root / "checks" / "search.yaml").unlink()  # there is no index to search with
    shop.copy.edit("promote.yaml", "    chunks:\n      key: [id]", "    chunks:\n      key: [book_id, chunk_sequence]")
    shop.database.execute(
        "alter table chunks rename to old_chunks",
        "create table chunks (like old_chunks including defaults, primary key (book_id, chunk_sequence),"
        " unique (chunk_sequence, book_id), foreign key (book_id) references books) partition by hash (book_id)",
        "create table chunks_0 partition of chunks for values with (modulus 2, remainder 0)",
        "create table chunks_1 partition of chunks for values with (modulus 2, remainder 1)",
        "drop table old_chunks",
        "create table notes (book uuid, sequence int, foreign key (book, sequence) references chunks on delete cascade)",
        f"grant select, insert on chunks to {shop.role}",
    )
    runs = []
    for book in (1, 2, 3):
        text = Export(book).text()
        begin, chunks, rest = text.partition("INSERT INTO chunks")
        rest = rest.replace("ON CONFLICT (id)", "ON CONFLICT (book_id, chunk_sequence)")
        ran = shop.run(shop.file(begin + chunks + rest), "--rehearse-undo")
        assert ran.exit_code == 0, ran.stdout + ran.stderr
        runs.append(undone.latest())
    full = undone.rows()
    shop.database.execute(f"insert into notes values ('{key('b', 2)}', 3)")
    undone.refused(
        f"depends: 1 row of notes that this run did not add depends on chunks: (0,1) on {key('b', 2)}, 3"
        " (foreign key notes_book_sequence_fkey, ON DELETE CASCADE) | remove them first, or keep the run",
        run=runs[1],
    )
    shop.database.execute("delete from notes")
    undos = [undone.done(run, "--no-keep-shared") for run in reversed(runs)]
    assert undone.rows() == {table: [] for table in full}
    for undo in reversed(undos):
        undone.done(undo)
    assert undone.rows() == full
