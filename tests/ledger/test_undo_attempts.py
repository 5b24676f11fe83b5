"""An undo that was refused or that failed is in the ledger, in a transaction of its own; one that was only shown is not."""

from __future__ import annotations

import json

from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from tests.ledger.test_undo_refused import CHUNK, changed
from tests.ledger.undoing import Undone, undone
from tests.run.sessions import holding

__all__ = ["undone"]

LAST = """
select kind, subject::text, file_name, file_sha256 is not null, rows, reason, details ->> 'keep_shared', actor = current_user
from promote.events order by seq desc limit 1
"""


def test_refused(undone: Undone) -> None:
    shop = undone.shop
    shop.database.execute("update chunks set chunk_text = 'x' where chunk_sequence = 1")
    before = shop.events()
    assert undone.undo().exit_code == 1
    assert shop.events() == before
    ran = undone.undo(None, "--apply", "--reason", "wrong edition")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert shop.events() == [*before, "refused"]
    why = changed("chunks", CHUNK).partition(" | ")[0]
    assert shop.rows(LAST) == [("refused", undone.run, "export.sql", True, None, why, "true", True)]
    found = json.loads(shop.promote("history", "--env", "test-prod", "--format", "json").stdout)["data"]["runs"]
    assert [(run["state"], run["subject"]) for run in found] == [("refused", undone.run), ("committed", None)]
    attempt = found[0]["run_id"]
    lines = shop.promote("history", "--env", "test-prod").stdout.splitlines()
    assert f" undo of {undone.run[:8]}: {why}"[:60] in lines[2]
    shown = shop.promote("show", "--env", "test-prod", attempt).stdout
    assert f"  of           {undone.run}\n" in shown
    assert shown.endswith(f"  findings\n    changed   {why.removeprefix('changed: ')}\n")
    assert undone.undo(attempt).stderr == (
        f"error: run {attempt[:8]} was refused and changed nothing: there is nothing to undo\n"
        f"  promote show --env test-prod {attempt[:8]}\n"
    )
    assert "none was changed, removed or reordered" in shop.promote("history", "--env", "test-prod", "--verify").stdout


def test_taking_back_that_is_refused(undone: Undone) -> None:
    undo = undone.done()
    undone.shop.database.execute("delete from embedding_configs")
    assert undone.undo(undo, "--apply").exit_code == 1
    ((kind, subject, *_),) = undone.shop.rows(LAST)
    assert (kind, str(subject)[:8]) == ("refused", undo)


def test_failed(undone: Undone) -> None:
    """A trigger that does more than it may; and somebody who holds the lock."""
    shop = undone.shop
    shop.database.execute(
        "create function more() returns trigger language plpgsql as 'begin delete from chunks; return old; end'",
        "create trigger more before delete on books for each row execute function more()",
        "create function back() returns trigger language plpgsql as 'begin return null; end'",
        "create trigger back before delete on chunks for each row execute function back()",
    )
    ran = undone.undo(None, "--apply")
    said = "0 rows of chunks were removed, 3 were to be; nothing was changed (rolled back)"
    assert (ran.exit_code, ran.stderr.splitlines()[0]) == (3, f"error: {said}")
    assert shop.rows(LAST) == [("failed", undone.run, "export.sql", True, None, said, "true", True)]
    shop.environment(timeouts={"lock": "300ms"})
    with holding(shop, LOCK_STATEMENT):
        ran = undone.undo(None, "--apply")
    assert ran.exit_code == 3
    ((kind, subject, _, _, _, reason, *_),) = shop.rows(LAST)
    assert (kind, subject) == ("failed", None)
    assert f"error: {reason}" == ran.stderr.splitlines()[0]


def test_a_wrong_id_is_no_attempt(undone: Undone) -> None:
    undone.done()
    before = undone.shop.events()
    for run in (undone.run, "0000", "x"):
        assert undone.undo(run, "--apply").exit_code == 2
    assert undone.shop.events() == before
