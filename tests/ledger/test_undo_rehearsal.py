"""`promote run --rehearse-undo`: rows in, out again, and every table holds what it held."""

from __future__ import annotations

import json

import pytest

from tests.ledger.undoing import Undone, found_in, undone
from tests.run.conftest import Shop, plain
from tests.run.exports import Export, key

__all__ = ["undone"]

HELP = "a run could not be undone without a trace: find out what triggers and constraints of the target do"


def rehearsal(stdout: str) -> str:
    """The line of the rehearsal."""
    return next(line for line in plain(stdout).splitlines() if line.startswith("  rehearsal"))


def test_all_well(shop: Shop) -> None:
    """The same in a dry run; with nothing new there is nothing to rehearse; an environment may want it always."""
    before = shop.contents()
    dry = shop.accepted(Export(), "--rehearse-undo", "--dry-run")
    line = (
        "  rehearsal  undo ............................. ok     7 rows in and out again: 6 tables hold what they held"
    )
    assert rehearsal(dry.stdout) == line
    assert shop.contents() == before
    shop.environment(rehearse_undo=True)
    ran = shop.accepted(Export(), "--format", "json")
    step = next(step for step in json.loads(ran.stdout)["steps"] if step["step"] == "rehearsal")
    assert step["seconds"] > 0
    assert shop.count("books") == 1
    again = rehearsal(shop.accepted(Export()).stdout)
    assert again == "  rehearsal  undo ............................. skip   no row of the file is new"
    shop.environment(rehearse_undo=None)
    assert "rehearsal" not in shop.accepted(Export(2)).stdout


TRIGGER = "create trigger more {} on {} for each row execute function more()"
BODY = "create function more() returns trigger language plpgsql as $$begin {} return new; end$$"
OTHER = (
    "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
    f" values ('{key('b', 7)}', 'x', 'y', 'completed', now(), now())"
)
RUNS = "warn: trigger: trigger more on {} runs with the removal | what it does is counted afterwards"


@pytest.mark.parametrize(
    ("planted", "detail", "findings"),
    [
        (  # an import that cannot be taken back without a trace
            [BODY.format("update books set title = title || '!' where id <> new.id;"), OTHER,
             TRIGGER.format("after insert", "books")],
            "7 rows in and out again, and something is left",
            [f"content: books holds 1 row as before, with other values | {HELP}"],
        ),
        (
            [BODY.format("insert into ingestion_logs values (gen_random_uuid(), null, 's', 't', null, 1, null, now());"),
             "alter table ingestion_logs alter book_id drop not null", TRIGGER.format("after insert", "books")],
            "7 rows in and out again, and something is left",
            [f"content: ingestion_logs held 0 rows before, 1 afterwards | {HELP}"],
        ),
        (  # rows that depend on it before anybody can undo it
            [BODY.format("insert into failed_scrapes (id, book_id, url) values (new.id, new.id, 'u');"),
             TRIGGER.format("after insert", "books")],
            "the run could not be undone",
            [f"depends: 1 row of failed_scrapes that this run did not add depends on books: {key('b', 1)} on {key('b', 1)}"
             " (foreign key failed_scrapes_book_id_fkey, ON DELETE CASCADE) | remove them first, or keep the run"],
        ),
        (  # a removal that takes others along
            [BODY.format("delete from books where id <> old.book_id; return old;"), OTHER,
             TRIGGER.format("before delete", "chunks")],
            "the run could not be undone",
            [RUNS.format("chunks"), f"undo: 2 rows of books were removed, 1 was to be | {HELP}"],
        ),
        (
            ["create rule keep as on delete to chunks do instead nothing"],
            "the run could not be undone",
            ["rule: rule keep on chunks rewrites what is removed | DROP RULE keep ON chunks; a trigger can do the same"],
        ),
    ],
)  # fmt: skip
def test_the_gate_closes(shop: Shop, planted: list[str], detail: str, findings: list[str]) -> None:
    shop.database.execute(*planted)
    before = shop.contents()
    ran = shop.run(shop.file(Export()), "--rehearse-undo")
    assert rehearsal(ran.stdout) == f"  rehearsal  undo ............................. FAIL   {detail}"
    found = [line for line in found_in(ran) if "runs with the import" not in line]
    assert found == findings
    assert (ran.exit_code, ran.stdout.splitlines()[-1]) == (1, "gate closed: nothing was changed")
    assert shop.contents() == before
    reasons = shop.rows("select reason from promote.events where kind = 'refused'")
    assert len(reasons) == 1
    assert detail in reasons[0][0] or findings[-1].partition(":")[0] in reasons[0][0]


def test_triggers_that_write_elsewhere(shop: Shop) -> None:
    """It is told that this was not compared; it keeps nobody from anything."""
    shop.database.execute(
        "create table aside (a uuid)", f"grant insert on aside to {shop.role}",
        BODY.format("insert into aside values (new.id);"), TRIGGER.format("after insert", "books"),
    )  # fmt: skip
    ran = shop.run(shop.file(Export()), "--rehearse-undo")
    assert ran.exit_code == 0
    assert (
        "warn: trigger: triggers wrote to tables that are not compared: aside: 1 added | look whether that matters"
        in (found_in(ran))
    )
    assert shop.count("aside") == 1


def test_what_the_run_itself_refuses(undone: Undone) -> None:
    """A rehearsal leaves that to it."""
    shop = undone.shop
    export = Export()
    export.book["title"] = "'x'"
    ran = shop.run(shop.file(export), "--rehearse-undo")
    assert rehearsal(ran.stdout).endswith(" skip   rows of the file are refused")
    assert ran.exit_code == 1
    shop.database.execute("alter table chunks add constraint short check (chunk_token_count < 2) not valid")
    ran = shop.run(shop.file(Export(2)), "--rehearse-undo")
    assert rehearsal(ran.stdout).endswith(" skip   the target refuses a row")
    assert ran.exit_code == 1
    shop.copy.edit("promote.yaml", "limits:", "limits:\n    validate_first: 0")
    ran = shop.run(shop.file(Export(3).text().replace("'completed'", "'failed'")), "--rehearse-undo")
    assert rehearsal(ran.stdout).endswith(" skip   the file is refused")
    assert ran.exit_code == 1


def test_nobody_may_rehearse(shop: Shop) -> None:
    shop.environment(admin_url=None)
    ran = shop.run(shop.file(Export()), "--rehearse-undo")
    assert ran.exit_code in (2, 3)
    assert "environment test-prod has no admin_url" in ran.stderr
    assert shop.count("books") == 0
