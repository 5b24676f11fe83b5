"""What `promote history --verify` says of the triggers that keep the ledger as it was written."""

from __future__ import annotations

import pytest

from minerva_promote.ledger.guards import unguarded
from tests.run.conftest import Shop
from tests.run.exports import Export

FORGED = "what was written meanwhile may be forged: look at who may change this database"
OTHER = "does something else than this release's"
STAMP = "create or replace function promote.stamp() returns trigger language plpgsql"


def on(table: str, name: str) -> str:
    """How a way out begins."""
    return f"ALTER TABLE promote.{table} ENABLE ALWAYS TRIGGER {name}; {FORGED}"


@pytest.mark.parametrize(
    ("statement", "fact", "help_"),
    [
        ("alter table promote.events disable trigger append_only",
         "trigger append_only on promote.events is switched off", on("events", "append_only")),
        ("alter table promote.run_rows enable trigger not_late",
         "trigger not_late on promote.run_rows does not run in every session", on("run_rows", "not_late")),
        ("drop trigger append_only on promote.removed_rows",
         "trigger append_only on promote.removed_rows is missing", FORGED),
        (f"{STAMP} set search_path = pg_catalog, pg_temp as 'begin new.actor := ''nobody''; return new; end'",
         f"trigger a_stamp on promote.events {OTHER}", FORGED),
        ("alter function promote.stamp() set search_path = public, pg_temp", f"trigger a_stamp on promote.events {OTHER}", FORGED),
        ("alter function promote.chain_event() security invoker", f"trigger b_chain on promote.events {OTHER}", FORGED),
        ("drop trigger append_only on promote.run_rows;; create trigger append_only before update on promote.run_rows"
         " for each statement execute function promote.refuse_change()", f"trigger append_only on promote.run_rows {OTHER}", FORGED),
        ("create trigger aa before insert on promote.events for each row execute function promote.refuse_change()",
         "trigger aa on promote.events is none of the ledger's", FORGED),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_made(shop: Shop, statement: str, fact: str, help_: str) -> None:
    shop.accepted(Export())
    shop.database.execute(*statement.split(";; "))
    ran = shop.promote("history", "--env", "test-prod", "--verify")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines()[1:] == [
        "  verify     events and their order ........... ok     3 events",
        "  verify     what guards them ................. FAIL   1 finding",
        f"    ledger-unguarded: {fact}",
        f"        help: {help_}",
        "3 events, none was changed, removed or reordered, but what guards them is not as it was made",
    ]


def test_as_it_was_made(shop: Shop) -> None:
    """The owner sees as much as the import role; another schema's triggers are no matter of the ledger's."""
    shop.database.execute(
        "create function nothing() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger a before insert on books for each row execute function nothing()",
    )
    for role in (shop.role, None):
        with shop.database.connect(*filter(None, [role])) as conn:
            assert list(unguarded(conn)) == []
