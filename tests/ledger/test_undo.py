"""`promote undo`: exactly what a run added goes, and comes again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minerva_promote.ledger import install
from tests.conftest import Ran
from tests.ledger.undoing import NOTHING, TABLES, Undone, found_in, rows_of, undone
from tests.run.conftest import Shop
from tests.run.exports import CONFIG, Export, key
from tests.run.proxy import proxy_to

__all__ = ["undone"]

NONE: dict[str, list[str]] = {table: [] for table in TABLES}
BOOK, CHUNK = key("b", 1), key("d", 1, 1)


def steps(ran: Ran) -> list[str]:
    """The report without its heading, and without what differs from time to time."""
    return [line.strip() for line in ran.stdout.splitlines()[1:]]


def told(ran: Ran) -> list[str]:
    """What an error says: the fact, then the way out."""
    assert ran.stdout == ""
    return [line.strip() for line in ran.stderr.splitlines()]


def test_shown(undone: Undone) -> None:
    shop, before = undone.shop, undone.shop.contents()
    ran = undone.undo(undone.run[:6])
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"test-prod   undo of run {undone.run[:8]} of export.sql, 2")
    assert steps(ran) == [
        f"undo       chunks ........................... ok     3 rows would go: {CHUNK}; {key('d', 1, 2)}; and 1 more",
        f"undo       screenshots ...................... ok     2 rows would go: {key('c', 1, 1)}; {key('c', 1, 2)}",
        f"undo       books ............................ ok     1 row would go: {BOOK}",
        "undo       embedding_configs ................ skip   1 row kept, shared (--no-keep-shared removes it too)",
        "6 rows would go; nothing was changed: --apply removes them",
    ]
    assert shop.contents() == before


def test_applied(undone: Undone) -> None:
    shop, full = undone.shop, undone.rows()
    ran = undone.undo(None, "--apply", "--reason", "wrong\nedition")
    undo = shop.rows("select run_id::text from promote.events where kind = 'undone'")[0][0]
    assert steps(ran)[2:] == [
        f"undo       books ............................ ok     1 row removed: {BOOK}",
        "undo       embedding_configs ................ skip   1 row kept, shared",
        f"undone as {undo[:8]}: 6 rows removed; promote undo --env test-prod {undo[:8]} brings them back",
    ]
    config = full["embedding_configs"]
    assert undone.rows() == {**NONE, "embedding_configs": config}
    recorded = shop.rows(
        "select subject::text, reason, file_name, rows, actor = current_user, details - 'types', rows_digest is not null"
        " from promote.events where kind = 'undone'"
    )
    counts = {"chunks": 3, "screenshots": 2, "books": 1, "embedding_configs": 0}
    assert recorded == [(
        undone.run, "wrong edition", "export.sql",
        {table: {"removed": count, "kept": int(not count)} for table, count in counts.items()},
        True, {"accepted": [], "keep_shared": True}, True,
    )]  # fmt: skip
    assert told(undone.undo())[0].startswith(f"error: run {undone.run[:8]} was undone already, as {undo[:8]}, 2")
    assert told(undone.undo())[1] == f"to bring its rows back: promote undo --env test-prod {undo[:8]}"


def test_taken_back(undone: Undone) -> None:
    shop, full = undone.shop, undone.rows()
    undo = undone.done(None)
    ran = undone.undo(undo[:8])
    assert steps(ran)[-1] == "6 rows would come again; nothing was changed: --apply puts them back"
    ran = undone.undo(undo[:8], "--apply")
    restored = shop.rows("select run_id::text from promote.events where kind = 'restored'")[0][0]
    assert steps(ran) == [
        f"restore    books ............................ ok     1 row put back: {BOOK}",
        f"restore    screenshots ...................... ok     2 rows put back: {key('c', 1, 1)}; {key('c', 1, 2)}",
        f"restore    chunks ........................... ok     3 rows put back: {CHUNK}; {key('d', 1, 2)}; and 1 more",
        f"taken back as {restored[:8]}: 6 rows put back; run {undone.run[:8]} stands again",
    ]
    assert undone.rows() == full
    again = f"to undo run {undone.run[:8]} again: promote undo --env test-prod {undone.run[:8]}"
    said = told(undone.undo(undo[:8]))
    assert said[0].startswith(f"error: the undo {undo[:8]} was taken back already, as {restored[:8]}, 2")
    assert said[1] == again
    assert told(undone.undo(restored[:8])) == [
        f"error: {restored[:8]} is no run: it took back the undo {undo[:8]}", again,
    ]  # fmt: skip
    second = undone.done(None, "--no-keep-shared")
    assert undone.rows() == NONE
    undone.done(second)
    assert undone.rows() == full
    assert shop.promote("history", "--env", "test-prod", "--verify").exit_code == 0


def test_the_history_of_an_undo(undone: Undone) -> None:
    """Its note has the run and the reason; the rows are stored in parts from 1 on."""
    assert undone.undo(None, "--apply", "--reason", "an older edition").exit_code == 0
    listed = undone.shop.promote("history", "--env", "test-prod").stdout.splitlines()
    assert listed[2].endswith(f" of {undone.run[:8]}: an older edition")
    assert undone.shop.rows("select distinct part from promote.removed_rows") == [(1,)]


def test_json(undone: Undone) -> None:
    """Every key is in it."""
    shop = undone.shop
    shop.database.execute("update chunks set chunk_text = 'x' where chunk_sequence = 3")
    ran = undone.undo(None, "--format", "json")
    values = json.loads(ran.stdout)
    assert (ran.exit_code, values["command"], values["gate"], values["changed"]) == (1, "undo", "closed", False)
    assert 0 <= values["data"]["seconds"] < 600
    assert values["data"] | {"seconds": 0} == {
        "id": None, "run": undone.run, "undo": None, "applied": False, "seconds": 0,
    }  # fmt: skip
    chunks = [key("d", 1, number) for number in (1, 2, 3)]
    assert values["steps"][0]["data"] == {
        "rows": 3, "kept": 0, "gone": 0, "keys": chunks, "changed_keys": chunks[2:],
        "unproved": {"rows": 0, "columns": []},
    }  # fmt: skip
    assert values["steps"][0]["findings"][0]["code"] == "changed"
    assert values["steps"][3]["data"] == {"rows": 0, "kept": 1, "gone": 0}


def test_runs_that_added_nothing(undone: Undone) -> None:
    shop = undone.shop
    shop.accepted(Export())
    shop.run(shop.file(Export(2).text().replace("'completed'", "'failed'")))
    ids = dict(shop.rows("select kind, run_id::text from promote.events"))
    for number, kind in enumerate(("failed", "started", "at work")):
        ids[kind] = key("f", number)
        event = "started" if kind == "at work" else kind
        shop.database.execute(
            "insert into promote.events (kind, run_id, environment, promote_version)"
            f" values ('{event}', '{ids[kind]}', 'test-prod', '1')"
        )
    show = "promote show --env test-prod {}"
    with shop.database.connect(application_name=f"promote {ids['at work']}"):
        for kind, fact in {
            "unchanged": "added nothing, every row of its file was there already: there is nothing to undo",
            "refused": "was refused and changed nothing: there is nothing to undo",
            "failed": "failed and changed nothing: there is nothing to undo",
            "started": "was broken off before its COMMIT and changed nothing: there is nothing to undo",
            "at work": "is still at work: nothing of it can be undone yet",
        }.items():
            short = ids[kind][:8]
            ran = undone.undo(ids[kind], "--apply")
            hint = show.format(short) + (" tells when it has ended" if kind == "at work" else "")
            assert told(ran) == [f"error: run {short} {fact}", hint]
            assert ran.exit_code == 2


def test_a_run_of_the_first_ledger(undone: Undone) -> None:
    undone.shop.database.execute(
        "alter table promote.events disable trigger all",
        "update promote.events set details = '{\"ledger_version\": 1}' where kind = 'committed'",
    )
    short = undone.run[:8]
    assert told(undone.undo()) == [
        f"error: run {short} was recorded by version 1 of the ledger, which did not keep the rows that a run added:"
        " it cannot be undone",
        f"its roots: {BOOK}; remove by hand what nothing else depends on",
    ]


def test_after_later_runs_and_a_re_run_of_the_same_file(undone: Undone) -> None:
    shop, first = undone.shop, undone.rows()
    undo = undone.done()
    shop.accepted(Export(2))
    shop.accepted(Export())
    both = undone.rows()
    assert shop.count("books") == 2
    taken = "undo the run that added it since, or leave the rows away"
    undone.refused(
        f"taken: id of 1 row of books is taken: {BOOK} | {taken}",
        f"taken: id of 2 rows of screenshots are taken: {key('c', 1, 1)}; {key('c', 1, 2)} | {taken}",
        f"taken: book_id, sequence_number of 2 rows of screenshots are taken: {BOOK}, 1; {BOOK}, 2 | {taken}",
        f"taken: id of 3 rows of chunks are taken: {CHUNK}; {key('d', 1, 2)}; {key('d', 1, 3)} | {taken}",
        f"taken: book_id, chunk_sequence of 3 rows of chunks are taken: {BOOK}, 1; {BOOK}, 2; {BOOK}, 3 | {taken}",
        run=undo,
    )
    undone.done(undone.latest())
    undone.done(undo)
    assert undone.rows() == both
    undone.done()
    assert undone.done(shop.rows("select run_id::text from promote.events where kind = 'committed' order by seq")[1][0])
    assert undone.rows() == {**NONE, "embedding_configs": first["embedding_configs"]}


def test_only_shared_rows(undone: Undone) -> None:
    """The run of a book whose rows were there, but for the shared one, has nothing that goes by itself."""
    shop = undone.shop
    shop.copy.edit("promote.yaml", "      shared: true                               # belongs to no book\n", "")
    assert undone.undo().stdout.count("would go") == 5
    shop.copy.edit("promote.yaml", "    books:\n      key: [id]", "    books:\n      shared: true\n      key: [id]")
    undone.shop.database.execute("delete from chunks", "delete from screenshots", "delete from embedding_configs")
    ran = undone.undo(None, "--accept", "gone")
    assert (
        "books ............................ skip   1 row kept, shared (--no-keep-shared removes it too)" in ran.stdout
    )


def test_no_parent_and_a_lost_column(undone: Undone) -> None:
    shop = undone.shop
    undo = undone.done()
    shop.database.execute("alter table books add isbn text default 'none'", "delete from embedding_configs")
    parent = (
        f"parent: rows of chunks need 1 row of embedding_configs that is gone: {CONFIG} (foreign key"
        " chunks_embedding_config_id_fkey) | put the rows of embedding_configs back first"
    )
    gained = "warn: column: books has gained isbn since: the rows that come again get the default there"
    undone.refused(gained, parent, run=undo)
    shop.database.execute(
        "alter table books drop page_count", "alter table chunks alter vision_prompt_tokens type bigint"
    )
    way = "take back the migration that"
    undone.refused(
        f"column: books has no column page_count any more: its rows cannot come again as they were | {way} removed it",
        gained,
        "column-type: chunks: vision_prompt_tokens was integer, is bigint: its rows cannot come again as they were"
        f" | {way} changed it",
        run=undo,
    )
    shop.database.execute("drop table chunks")
    gone = "table: there is no table chunks any more: 3 rows of it cannot be found"
    assert f"{gone} | {way} removed it, or keep the run" in found_in(undone.undo(undo))


MORE = "create function more() returns trigger language plpgsql as $$begin {} return {}; end$$"
HELP = "find out what a trigger or a rule of the target does; nothing was removed"


@pytest.mark.parametrize(
    ("body", "returns", "when", "fact"),
    [
        ("delete from books where id <> old.book_id;", "null", "after", "2 rows of books were removed, 1 was to be"),
        ("delete from aside;", "old", "before", "1 row of aside was removed, 0 were to be"),
        ("truncate aside;", "null", "after", "aside was emptied or rewritten by what ran with the removal"),
        ("", "null", "before", "0 rows of screenshots were removed, 2 were to be"),
        ("update books set title = 'x' where id <> old.book_id;", "null", "after",
         "2 rows of books were changed by the removal, 0 were to be"),
    ],
)  # fmt: skip
def test_a_trigger_that_does_more(undone: Undone, body: str, returns: str, when: str, fact: str) -> None:
    shop = undone.shop
    other = key("b", 7)
    shop.database.execute(
        "create table aside (a int)", "insert into aside values (1)",
        "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
        f" values ('{other}', 'x', 'y', 'completed', now(), now())",
        MORE.format(body, returns),
        f"create trigger more {when} delete on screenshots for each row execute function more()",
    )  # fmt: skip
    before = shop.contents()
    warned = "warn: trigger: trigger more on screenshots runs with the removal | what it does is counted afterwards"
    assert found_in(undone.undo()) == [warned]
    ran = undone.undo(None, "--apply")
    assert told(ran) == [f"error: {fact}; {NOTHING} (rolled back)", HELP]
    assert ran.exit_code == 3
    assert shop.contents() == before
    assert shop.count("aside") == 1


def test_a_trigger_that_puts_rows_back_or_adds_some(undone: Undone) -> None:
    shop = undone.shop
    another = (
        "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
        " values (gen_random_uuid(), 'x', 'y', 'completed', now(), now());"
    )
    for body, fact in {
        "insert into books select old.*;": "1 row of books came again after the removal",
        another: "1 row of books was added by the removal, 0 were to be",
    }.items():
        shop.database.execute(
            "drop function if exists more cascade",
            MORE.format(body, "null"),
            "create trigger more after delete on books for each row execute function more()",
        )
        before = shop.contents()
        assert told(undone.undo(None, "--apply")) == [f"error: {fact}; {NOTHING} (rolled back)", HELP]
        assert shop.contents() == before


def test_a_server_that_does_not_count(undone: Undone) -> None:
    """Then the rows of every table that could be touched are."""
    shop = undone.shop
    shop.database.execute(
        f"alter database {shop.database.name} set track_counts = off",
        "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
        f" values ('{key('b', 7)}', 'x', 'y', 'completed', now(), now())",
        MORE.format("delete from books where id <> old.book_id;", "null"),
        "create trigger more after delete on screenshots for each row execute function more()",
    )
    ran = undone.undo(None, "--apply")
    assert told(ran) == [f"error: 2 rows of books were removed, 1 was to be; {NOTHING} (rolled back)", HELP]
    shop.database.execute("drop trigger more on screenshots")
    assert undone.done()


@pytest.mark.soak
def test_wide_rows(undone: Undone) -> None:
    """A row may be as big as the contract lets it."""
    shop = undone.shop
    export = Export(2, chunks=30)
    for chunk in export.chunks:
        chunk["chunk_text"] = f"'{'wide ' * 200_000}'"
    shop.accepted(export)
    before = undone.rows()
    undone.done(undone.done(undone.latest()))
    assert undone.rows() == before
    assert shop.rows("select count(*) from promote.removed_rows where table_name = 'public.chunks'")[0][0] > 3


def test_a_trigger_that_writes_down_what_was_removed(undone: Undone) -> None:
    """It is told, and keeps nobody from anything."""
    undone.shop.database.execute(
        "create table aside (a text)",
        MORE.format("insert into aside values (old.id);", "null"),
        "create trigger more after delete on chunks for each row execute function more()",
    )
    ran = undone.undo(None, "--apply")
    assert ran.exit_code == 0
    assert "other tables ..................... WARN   triggers wrote to other tables: aside: 3 added\n" in ran.stdout


def test_rows_that_do_not_come_again_as_they_were(undone: Undone) -> None:
    undo = undone.done()
    before = undone.shop.contents()
    undone.shop.database.execute(
        MORE.format("new.chunk_text := 'x';", "new"),
        "create trigger more before insert on chunks for each row execute function more()",
    )
    ran = undone.undo(undo, "--apply")
    fact = f"3 rows of chunks did not come again as before: {CHUNK}; {key('d', 1, 2)}; {key('d', 1, 3)}"
    assert told(ran) == [
        f"error: {fact}; {NOTHING} (rolled back)", "find out what a trigger of the target does; nothing was put back",
    ]  # fmt: skip
    assert undone.shop.contents() == before


def test_a_ledger_that_was_tampered_with(undone: Undone) -> None:
    shop = undone.shop
    undo = undone.done()
    shop.database.execute(
        "alter table promote.removed_rows disable trigger all",
        "update promote.removed_rows set content = overlay(content placing 'x'::bytea from 60)"
        " where table_name = 'public.books'",
    )
    assert told(undone.undo(undo)) == [
        f"error: the rows that the ledger keeps of undo {undo} are not those that it recorded; {NOTHING}",
        "promote history --verify tells what else was changed; restore them from a backup",
    ]


def test_an_event_that_was_tampered_with(undone: Undone) -> None:
    """Together with the rows that it vouches for: the event's own hash is looked at, too."""
    shop, short = undone.shop, undone.run[:8]
    digest = install.expression("run_rows")
    shop.database.execute(
        "alter table promote.run_rows disable trigger all",
        "alter table promote.events disable trigger all",
        "update promote.run_rows set marks = substr(marks, 17) || substr(marks, 1, 16) where table_name = 'public.chunks'",
        f"update promote.events e set rows_digest = ({digest}) where kind = 'committed'",
    )
    before = shop.contents()
    for apply, rolled in ((), ""), (("--apply",), " (rolled back)"):
        assert told(undone.undo(None, *apply)) == [
            f"error: event 2 (committed, run {short}) of the ledger was changed after it was written; {NOTHING}{rolled}",
            "promote history --verify tells what else was changed; nobody can say what the run inserted",
        ]
    assert shop.contents() == before


@pytest.mark.parametrize("at_commit", ["lose the answer", "lose the request"])
def test_the_connection_is_lost_at_commit(undone: Undone, at_commit: str) -> None:
    shop = undone.shop
    before = shop.contents()
    role = shop.rows("select current_user")[0][0]
    with proxy_to(shop.database, at_commit) as proxy:
        shop.environment(admin_url=proxy.url(role))
        ran = undone.undo(None, "--apply")
        shop.environment(admin_url=shop.database.url())
    if at_commit == "lose the answer":
        assert ran.exit_code == 0
        assert " (the connection was lost at COMMIT; the ledger proves it): 6 rows removed; " in ran.stdout
        assert shop.count("books") == 0
        return
    assert told(ran) == [
        "error: the connection was lost at COMMIT; the ledger has no such run: nothing was changed",
        "run the command again",
    ]
    assert shop.contents() == before
    undone.done()


def test_nobody_agrees(undone: Undone) -> None:
    undone.shop.environment(protected=True)
    assert undone.undo().exit_code == 0
    ran = undone.undo(None, "--apply")
    assert told(ran) == ["error: test-prod is protected, and nobody is there to ask", "--yes test-prod"]
    assert undone.done(None, "--yes", "test-prod")


def test_no_ledger(shop: Shop, tmp_path: Path) -> None:
    shop.database.execute("drop schema promote cascade")
    ran = shop.promote("undo", "--env", "test-prod", "1f3a")
    assert told(ran)[1] == "promote setup --env test-prod"
    assert ran.exit_code == 3


def test_content_is_what_it_was(undone: Undone) -> None:
    """All rows of others stay as they are, bit by bit and version by version."""
    shop = undone.shop
    shop.accepted(Export(2))
    before, full = shop.contents(), rows_of(shop.database)
    undone.done(undone.latest())
    after = shop.contents()
    assert after["books"] == [row for row in before["books"] if BOOK in row[2]]
    assert after["chunks"] == [row for row in before["chunks"] if BOOK in row[2]]
    assert rows_of(shop.database)["embedding_configs"] == full["embedding_configs"]
