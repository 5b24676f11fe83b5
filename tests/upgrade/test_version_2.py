"""What was made with ledger version 2 goes on working: before its owner runs `promote setup`, and after it."""

from __future__ import annotations

import json

from tests.upgrade.conftest import OldProject

COMMITTED = "41b3f4da"  # book 1
REINSTATED, FIRST_UNDO, RESTORE = "1b923092", "9a136239", "88276021"  # book 2, its undo, and that undo reverted
UNDONE, UNDO = "b1b4cda4", "0025674f"  # book 3
STATES = {
    COMMITTED: "committed",
    REINSTATED: "committed",
    FIRST_UNDO: "undo",
    RESTORE: "restore",
    UNDONE: "undone",
    UNDO: "undo",
    "4465239a": "refused",
    "b39ee31c": "unchanged",
}


def states(old: OldProject) -> dict[str, str]:
    """Every run of test-prod and its state, in the order in which they began."""
    ran = old.must("history", "--env", "test-prod", "--format", "json")
    return {run["run_id"][:8]: run["state"] for run in reversed(json.loads(ran.stdout)["data"]["runs"])}


def requirement(old: OldProject, book: int) -> tuple[str, str]:
    """The outcome of the requirement when a book goes to prod, and the run that it names."""
    file = f"book_{book}.sql"
    ran = old.promote("run", "--env", "prod", "--file", file, "--dry-run", "--format", "json", cwd=old.copy.root)
    step = next(step for step in json.loads(ran.stdout)["steps"] if step["step"] == "requires")
    return step["outcome"], step["data"].get("run_id", "")[:8]


def undo(old: OldProject, run: str) -> None:
    """Undo a run, or revert an undo; the rows of a dump may need the owner's word, as nothing proves who wrote them."""
    command = ("undo", run, "--env", "test-prod", "--apply")
    if old.restored and old.promote(*command, cwd=old.copy.root).exit_code == 0:
        return
    old.must(*command, *(("--accept", "unproved") if old.restored else ()))


def test_it_goes_on_working(old: OldProject) -> None:
    old.must("setup", "--env", "prod", "--yes", "prod")
    assert requirement(old, 1) == ("ok", COMMITTED)  # by a ledger whose owner has not run setup yet

    old.must("setup", "--env", "test-prod")
    assert old.must("setup", "--env", "test-prod").stdout.endswith("ready: nothing was changed\n")
    old.must("grants", "--env", "test-prod")
    old.must("history", "--env", "test-prod", "--verify")
    assert states(old) == STATES
    for run, state in STATES.items():
        shown = json.loads(old.must("show", run, "--env", "test-prod", "--format", "json").stdout)["data"]["run"]
        assert shown["state"] == state
    assert requirement(old, 2) == ("ok", REINSTATED)
    assert requirement(old, 3)[0] == "FAIL"  # it was undone

    assert old.books() == [1, 2]
    for run, books in ((COMMITTED, [2]), (UNDO, [2, 3]), (REINSTATED, [3])):
        undo(old, run)
        assert old.books() == books
    for book in (1, 4):
        old.must("run", "--env", "test-prod", "--file", f"book_{book}.sql")
    assert old.books() == [1, 3, 4]
    newest = [*states(old).items()][-1]
    assert newest[1] == "committed"
    assert requirement(old, 4) == ("ok", newest[0])
    old.must("history", "--env", "test-prod", "--verify")
