"""Runs and lists that the import role wrote by hand: no undo deletes rows of others because of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from psycopg import errors

from minerva_promote.database.connection import Connection
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.run_rows import load_run_rows
from minerva_promote.promotion import run_recorder
from minerva_promote.promotion.state import RunState
from tests.ledger.forging import forge, list_of_book, load_list, write_list
from tests.ledger.undoing import Undone, facts_in, found_in, undone, unproved
from tests.run.conftest import Shop
from tests.run.exports import Export, key

__all__ = ["undone"]

BOOK, OTHER = key("b", 1), key("b", 7)
EVERYTHING = ("--no-keep-shared", "--accept", "unproved", "--accept", "gone", "--accept", "updated")
TRIGGER = (
    "create function promote.other() returns trigger language plpgsql as $$begin {body} end$$",
    "create trigger {name} {when} insert on promote.{table} for each row execute function promote.other()",
)
NOT_TAKEN = "a rule or a trigger swallows or replaces rows of the ledger"


def insert_book(shop: Shop, book: str, role: str | None = None) -> None:
    """A book that no run inserted."""
    with shop.database.connect(role) as conn:
        conn.execute(
            b"insert into books (id, title, author, ingestion_status, created_at, updated_at)"
            b" values (%s, 'Other', 'x', 'completed', now(), now())",
            (book,),
        )


def of_another_run(rows: str, table: str, run: str, *keys: str) -> str:
    """The finding for rows that an earlier run lists."""
    verb = "was" if rows == "1 row" else "were"
    return (
        f"of-another-run: {rows} of {table} {verb} inserted by another transaction, and run {run[:8]} lists them: "
        + ("; ".join(keys))
    )


def test_forged_and_replayed(undone: Undone) -> None:
    """A run that lists another run's rows, with their marks: nothing accepts them."""
    shop = undone.shop
    forged = forge(shop, load_list(shop, undone.run))
    before = undone.rows()
    for more in ((), EVERYTHING):
        for apply in ((), ("--apply",)):
            ran = undone.undo(forged, *more, *apply)
            assert ran.exit_code == 1
            assert of_another_run("1 row", "books", undone.run, BOOK) in facts_in(ran)
            assert not any(fact.startswith("warn: unproved") for fact in facts_in(ran))
    assert undone.rows() == before
    assert facts_in(undone.undo()) == []  # nor does it stand in the way of the run that inserted them
    with shop.database.connect(shop.role) as conn, pytest.raises(errors.UniqueViolation):
        conn.execute(
            b"insert into promote.events (kind, run_id, environment, promote_version)"
            b" values ('committed', %s, 'test-prod', '1')",
            (undone.run,),
        )
    undone.done()


def test_rows_that_no_run_lists(undone: Undone) -> None:
    """A book of an application: only the owner's word lets it go, who is shown it and who wrote the list."""
    shop = undone.shop
    insert_book(shop, OTHER)
    forged = forge(shop, [list_of_book(shop, OTHER)])
    finding = unproved("1 row", "books", OTHER, columns=COMPARED)
    for more in ((), ("--accept", "updated", "--accept", "gone")):
        ran = undone.undo(forged, "--apply", *more)
        assert (ran.exit_code, facts_in(ran)) == (1, [finding])
        assert f"the list of rows was written by {shop.role}; roles that may write one: " in found_in(ran)[0]
    assert shop.rows(f"select count(*) from books where id = '{OTHER}'") == [(1,)]
    undone.done(forged, "--accept", "unproved")
    assert shop.rows("select id::text from books") == [(BOOK,)]


COMPARED = (
    "kindle_url, total_screenshots, capture_date, ingestion_error, book_metadata, source_type, source_url, source_domain,"
    " published_date, word_count, page_count"
)


@contextmanager
def meddled(monkeypatch: pytest.MonkeyPatch, shop: Shop, *, keep_open: bool) -> Iterator[None]:
    """Before each run writes down its rows, the import role writes a list for the same run, part and table."""
    committed = run_recorder.committed
    with ExitStack() as stack:

        def meddle(conn: Connection, state: RunState) -> None:
            other = stack.enter_context(shop.database.connect(shop.role, autocommit=not keep_open))
            run_id = state.request.run_id
            write_list(other, run_id, [list_of_book(shop, OTHER)])
            other.execute(b"insert into promote.run_roots (run_id, root) values (%s, %s)", (run_id, OTHER))
            committed(conn, state)

        monkeypatch.setattr(run_recorder, "committed", meddle)
        yield


@pytest.mark.parametrize("keep_open", [False, True])
def test_poisoned_and_blocked(undone: Undone, monkeypatch: pytest.MonkeyPatch, keep_open: bool) -> None:
    """Rows slipped into an honest run, under the very key of its own, change nothing."""
    shop = undone.shop
    insert_book(shop, OTHER, shop.role)
    with meddled(monkeypatch, shop, keep_open=keep_open):
        shop.accepted(Export(2))
    run = undone.latest()
    assert [piece.keys for piece in load_list(shop, run) if piece.table == "books"] == [
        [(bytes.fromhex(key("b", 2).replace("-", "")),)]
    ]
    proved = shop.promote("history", "--env", "test-prod", "--verify")
    assert proved.exit_code == 0, proved.stdout
    slipped = f"promote.run_rows has rows of run {run[:8]} that another transaction than the run's wrote"
    assert slipped in proved.stdout
    assert OTHER not in shop.promote("history", "--env", "test-prod", "--root", key("b", 2), "--format", "json").stdout
    assert shop.promote("history", "--env", "test-prod", "--root", OTHER).stdout.endswith("no run\n")
    assert found_in(undone.undo(run)) == []
    undone.done(run)
    assert sorted(shop.rows("select id::text from books")) == [(BOOK,), (OTHER,)]


def test_other_rows_of_the_run_than_its_transaction_inserted(undone: Undone) -> None:
    """An honest list with one row more: all others are proved, and that one is not."""
    shop = undone.shop
    insert_book(shop, OTHER)
    with shop.database.connect(shop.role) as conn:
        run_id = "99999999-0000-4000-8000-000000000001"
        with conn.transaction():
            conn.execute(
                b"insert into books (id, title, author, ingestion_status, created_at, updated_at)"
                b" values (%s, 'Own', 'x', 'completed', now(), now())",
                (key("b", 8),),
            )
            add_event(conn, Event("started", run_id, "test-prod"))
            with shop.database.connect(shop.role) as reading:
                assert load_run_rows(reading, run_id) == ()
            victim = list_of_book(shop, OTHER)
            digest = write_list(conn, run_id, [victim])
            add_event(conn, Event("committed", run_id, "test-prod"), digest)
    assert facts_in(undone.undo(run_id)) == [unproved("1 row", "books", OTHER, columns=COMPARED)]


SWALLOWED = {
    "run_rows": ("before", "return null;"),
    "run_roots": ("before", "return null;"),
    "events": ("before", "if new.kind = 'committed' then return null; end if; return new;"),
}
REPLACED = {
    "run_rows": ("before", "new.keys := new.keys || ''::bytea || substr(new.keys, 1, 1); return new;"),
    "run_roots": ("before", "new.root := 'x'; return new;"),
    "events": ("before", "if new.kind = 'committed' then new.file_name := 'x'; end if; return new;"),
}
DELETED = {
    "run_rows": ("after", "delete from promote.run_rows; return null;"),
    "run_roots": ("after", "delete from promote.run_roots; return null;"),
    "events": ("after", "delete from promote.events where run_id = new.run_id and kind = 'committed'; return null;"),
}


# Triggers fire by name: aa_other before those of the ledger, zz_other after them.
FIRST, LAST = "aa_other", "zz_other"


@pytest.mark.parametrize(
    ("how", "name"),
    [
        pytest.param(SWALLOWED, FIRST, id="swallowed"),
        pytest.param(REPLACED, LAST, id="replaced"),
        pytest.param(DELETED, FIRST, id="deleted"),
        pytest.param(SWALLOWED, LAST, id="swallowed-last", marks=pytest.mark.soak),
        pytest.param(REPLACED, FIRST, id="replaced-first", marks=pytest.mark.soak),
        pytest.param(DELETED, LAST, id="deleted-last", marks=pytest.mark.soak),
    ],
)
def test_swallowed_and_replaced(undone: Undone, how: dict[str, tuple[str, str]], name: str) -> None:
    """A trigger of the ledger's owner that takes rows away, or writes others, is noticed before COMMIT."""
    shop = undone.shop
    before = shop.contents()
    for table, (when, body) in how.items():
        statements = [part.format(body=body, name=name, when=when, table=table) for part in TRIGGER]
        if how is DELETED:
            statements[0] = statements[0].replace("language plpgsql", "language plpgsql security definer")
            statements.append(f"alter table promote.{table} disable trigger append_only")
        shop.database.execute(*statements)
        ran = shop.run(shop.file(Export(2)))
        shop.database.execute(
            f"drop trigger {name} on promote.{table}",
            "drop function promote.other()",
            f"alter table promote.{table} enable always trigger append_only",
        )
        assert (ran.exit_code, NOT_TAKEN in ran.stdout + ran.stderr) == (3, True), (table, name, ran.stdout)
        assert shop.contents() == before


@pytest.mark.parametrize(
    "rule",
    [
        "on insert to promote.events do instead nothing",
        "on insert to promote.run_rows do instead nothing",
        "on insert to promote.events where new.kind = 'committed' do instead nothing",
        "on insert to promote.run_rows do also delete from promote.run_rows",
    ],
)
def test_rules(undone: Undone, rule: str) -> None:
    shop = undone.shop
    before = shop.contents()
    shop.database.execute(f"create rule other as {rule}")
    if "delete" in rule:
        shop.database.execute("alter table promote.run_rows disable trigger append_only")
    ran = shop.run(shop.file(Export(2)))
    assert ran.exit_code == 3, ran.stdout
    assert shop.contents() == before


def test_the_end_of_a_run_of_another_role(undone: Undone) -> None:
    """Only the role that began it, or the owner, says how a run ended."""
    shop, run_id = undone.shop, "99999999-0000-4000-8000-000000000002"
    other = shop.copy.name("minerva_reader")
    shop.database.execute(
        f"grant usage on schema promote to {other}",
        f"grant select on all tables in schema promote to {other}",
        f"grant insert on promote.events, promote.run_rows, promote.run_roots to {other}",
    )
    with shop.database.connect(shop.role) as conn, shop.database.connect(other) as stranger:
        add_event(conn, Event("started", run_id, "test-prod"))
        for kind in ("committed", "unchanged", "refused", "failed", "finished", "abandoned"):
            with pytest.raises(errors.InsufficientPrivilege, match=f"is of role {shop.role}"):
                stranger.execute(
                    b"insert into promote.events (kind, run_id, environment, promote_version)"
                    b" values (%s, %s, 'test-prod', '1')",
                    (kind, run_id),
                )
        ran = shop.run(shop.file(Export(2)))  # of the first role: it tells of the run, and gives it its end
        assert ran.exit_code == 0
    assert shop.rows(f"select kind from promote.events where run_id = '{run_id}' order by seq") == [
        ("started",), ("abandoned",),
    ]  # fmt: skip
    with shop.database.connect() as conn, shop.database.connect(other) as stranger:
        add_event(stranger, Event("started", run_id.replace("2", "3"), "test-prod"))
        add_event(conn, Event("failed", run_id.replace("2", "3"), "test-prod"))
        add_event(stranger, Event("started", run_id.replace("2", "4"), "test-prod"))
    ran = shop.run(shop.file(Export(3)))  # cannot give an end to the run of another role, and goes on
    assert ran.exit_code == 0
    assert "open-run" in ran.stdout
    assert shop.rows(f"select count(*) from promote.events where run_id = '{run_id.replace('2', '4')}'") == [(1,)]
