"""The ledger's own schema: `promote history --verify` names every difference, and `promote setup` repairs it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from psycopg import errors

from minerva_promote.ledger.repair import repair_structure
from minerva_promote.ledger.structure import compare_structure, read_structure
from minerva_promote.ledger.structure_findings import structure_findings
from minerva_promote.results import Severity
from tests.ledger.write_structure import FILE, format_structure, install_ledger
from tests.material import REPOSITORY
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.servers import Database

TABLE = "public.alembic_version"
SETUP = "promote setup --env test-prod repairs it"
FORGED = "what was written meanwhile may be forged: find out who can change this database"
NOT_OURS = "is not the one that this release creates"
STAMP = "create or replace function promote.stamp() returns trigger language plpgsql"


@dataclass(frozen=True)
class Case:
    """One way to tamper with the ledger's schema."""

    change: str  # statements, one transaction each, separated by ";; "
    fact: str
    guards: bool = True  # it decides what is written


REPAIRED = [
    Case("alter table promote.events disable trigger append_only", "trigger append_only on promote.events is disabled"),
    Case("alter table promote.run_rows enable trigger not_late",
         "trigger not_late on promote.run_rows does not fire in every session"),
    Case("alter table promote.events enable replica trigger b_chain",
         "trigger b_chain on promote.events fires in replication sessions only"),
    Case("drop trigger append_only on promote.removed_rows", "trigger append_only on promote.removed_rows is missing"),
    Case("drop trigger append_only on promote.run_rows;; create trigger append_only before update on promote.run_rows"
         " for each statement execute function promote.refuse_change();;"
         " alter table promote.run_rows enable always trigger append_only",
         f"trigger append_only on promote.run_rows {NOT_OURS}"),
    Case("drop trigger a_stamp on promote.events;; create trigger a_stamp before insert on promote.events for each row"
         " when (new.kind <> 'committed') execute function promote.stamp();;"
         " alter table promote.events enable always trigger a_stamp", f"trigger a_stamp on promote.events {NOT_OURS}"),
    Case("create trigger aa before insert on promote.events for each row execute function promote.refuse_change()",
         "trigger aa on promote.events does not belong to the ledger: CREATE TRIGGER aa BEFORE INSERT ON promote.events FOR"
         " EACH ROW EXECUTE FUNCTION promote.refuse_change()"),
    Case('create trigger " on x" before insert on promote.chain for each row execute function promote.refuse_change()',
         'trigger " on x" on promote.chain does not belong to the ledger: CREATE TRIGGER " on x" BEFORE INSERT ON'
         " promote.chain FOR EACH ROW EXECUTE FUNCTION promote.refuse_change()"),
    Case(f"{STAMP} set search_path = pg_catalog, pg_temp as 'begin new.actor := ''nobody''; return new; end'",
         f"function promote.stamp() {NOT_OURS}"),
    Case("alter function promote.stamp() set search_path = public, pg_temp", f"function promote.stamp() {NOT_OURS}"),
    Case("alter function promote.chain_event() security invoker", f"function promote.chain_event() {NOT_OURS}"),
    Case("alter function promote.refuse_change() reset all", f"function promote.refuse_change() {NOT_OURS}"),
    Case("grant execute on function promote.chain_event() to public",
         "function promote.chain_event() can be executed by PUBLIC"),
    Case("grant execute on function promote.chain_event() to {role}",
         "function promote.chain_event() can be executed by {role}"),
    Case("alter function promote.stamp() owner to {role}",
         "function promote.stamp() belongs to {role}, not to the owner of the ledger"),
    Case("create rule swallow as on insert to promote.events where new.kind = 'refused' do instead nothing",
         "rule swallow on promote.events does not belong to the ledger: CREATE RULE swallow AS ON INSERT TO promote.events"
         " WHERE (new.kind = 'refused'::text) DO INSTEAD NOTHING;"),
    Case("create rule twice as on insert to promote.run_rows do also nothing",
         "rule twice on promote.run_rows does not belong to the ledger: CREATE RULE twice AS ON INSERT TO promote.run_rows"
         " DO NOTHING;"),
    Case("alter table promote.events enable row level security", "table promote.events has row security"),
    Case("alter table promote.run_rows force row level security", "table promote.run_rows has row security forced"),
    Case("create policy hide on promote.events using (kind <> 'undone')",
         "policy hide on promote.events does not belong to the ledger: * permissive (kind <> 'undone'::text)"),
    Case("create table public.more () inherits (promote.events)",
         "table promote.events is inherited by public.more, whose rows are read with its own"),
    Case("create table public.less (hash text not null);; alter table promote.chain inherit public.less",
         "table promote.chain inherits from public.less"),
    Case("alter table promote.events drop constraint events_kind_check",
         "constraint events_kind_check on promote.events is missing", guards=False),
    Case("alter table promote.events drop constraint events_file_bytes_check;;"
         " alter table promote.events add constraint events_file_bytes_check check (file_bytes >= -1)",
         "constraint events_file_bytes_check on promote.events is CHECK ((file_bytes >= '-1'::integer)), expected CHECK"
         " ((file_bytes >= 0))", guards=False),
    Case("alter table promote.events add constraint mine check (kind <> 'undone') not valid",
         "constraint mine on promote.events does not belong to the ledger: CHECK ((kind <> 'undone'::text))", guards=False),
    Case("alter table promote.events drop constraint events_pkey",
         "constraint events_pkey on promote.events is missing", guards=False),
    Case("alter table promote.events alter details drop default",
         "column details of promote.events has default none, expected '{{}}'::jsonb", guards=False),
    Case("alter table promote.events alter reason set default 'x'",
         "column reason of promote.events has default 'x'::text, expected none", guards=False),
    Case("alter table promote.events alter actor drop not null", "column actor of promote.events may be NULL", guards=False),
    Case("alter table promote.events alter seq add generated by default as identity",
         "column seq of promote.events has identity d, expected none", guards=False),
    Case("drop index promote.events_run_id_idx", "index promote.events_run_id_idx is missing", guards=False),
    Case("create unique index once on promote.events (kind, run_id)",
         "index promote.once does not belong to the ledger: CREATE UNIQUE INDEX once ON promote.events USING btree (kind,"
         " run_id)", guards=False),
    Case("create or replace view promote.revision as select 'x'::varchar(32) as version_num",
         "view promote.revision has reads none, expected public.alembic_version, is not the one that this release creates",
         guards=False),
    Case("create table public.other (version_num varchar(32));;"
         " create or replace view promote.revision as select version_num from public.other",
         "view promote.revision has reads public.other, expected public.alembic_version", guards=False),
    Case("create or replace view promote.revision as select version_num from public.alembic_version where version_num = 'x'",
         "view promote.revision is not the one that this release creates", guards=False),
    Case("alter view promote.revision set (security_invoker = true)",
         "view promote.revision has options security_invoker=true, expected none", guards=False),
    Case("drop view promote.revision", "view promote.revision is missing", guards=False),
    Case("alter table promote.chain owner to {role}",
         "table promote.chain belongs to {role}, not to the owner of the ledger", guards=False),
]  # fmt: skip
LOST = "what it held is lost: restore the database from a backup, or find out who removed it"
REWRITES = (
    "no command does it: it rewrites every row, and undo can then no longer prove which rows a run inserted; decide,"
    " and do it as the owner: "
)
BY_HAND = [  # what no statement undoes without rewriting or losing rows; with its hint
    (Case("alter table promote.events set unlogged", "table promote.events is unlogged: a crash of the server empties it"),
     f"{REWRITES}ALTER TABLE promote.events SET LOGGED"),
    (Case("alter table promote.run_rows alter part type bigint",
          "column part of promote.run_rows has type bigint, expected integer"),
     f"{REWRITES}ALTER TABLE promote.run_rows ALTER COLUMN … TYPE …"),
    (Case("alter table promote.events drop column pgvector", "column pgvector of promote.events is missing"), LOST),
    (Case('alter table promote.events add column "a b" text', 'column "a b" of promote.events does not belong to the ledger'),
     'if nothing else needs it, as the owner: ALTER TABLE promote.events DROP COLUMN "a b"'),
    (Case("drop table promote.removed_rows cascade", "table promote.removed_rows is missing"), LOST),
]  # fmt: skip
BESIDE = [  # of others, and no matter of the ledger's
    "create index mine on promote.events (at)",
    "create trigger a before insert on books for each row execute function suppress_redundant_updates_trigger()",
    "alter table promote.events set (fillfactor = 80, autovacuum_enabled = false)",
    "alter table promote.events alter reason set storage external",
    "comment on table promote.events is 'mine'",
    "alter table promote.events replica identity full",
]


OLDER = {
    "new": b"",
    "version 1": (REPOSITORY / "tests/ledger/version_1.sql").read_bytes(),
    "version 2": (REPOSITORY / "tests/upgrade/ledger_2.sql").read_bytes().partition(b"-- What setup granted.")[0],
}


@pytest.mark.parametrize("before", OLDER)
def test_new_and_upgraded_ledgers_are_as_recorded(database: Database, before: str) -> None:
    """On every release of PostgreSQL, and whatever the order of the columns."""
    with database.connect() as conn:
        structure = install_ledger(conn, OLDER[before])
    lines = FILE.read_text("utf-8").splitlines()
    assert format_structure(structure).splitlines() == lines, "run python -m tests.ledger.write_structure"


def facts(shop: Shop) -> list[tuple[str, str, str]]:
    """Code, fact and hint of every finding, with the names of the roles of the case."""
    with shop.database.connect(shop.role) as conn:  # the import role sees as much as the owner
        return [(f.code, f.message, f.hint) for f in structure_findings(conn, "test-prod", revision_table=TABLE)]


def tamper(shop: Shop, case: Case) -> None:
    shop.database.execute(*case.change.replace("{role}", shop.role).split(";;"))


def test_every_difference_is_named_and_repaired(shop: Shop) -> None:
    shop.accepted(Export())
    before = shop.contents()
    with shop.database.connect() as conn:
        for case in REPAIRED:
            tamper(shop, case)
            fact = case.fact.replace("{role}", shop.role).replace("{{}}", "{}")
            expected = ("ledger-unguarded", f"{SETUP}; {FORGED}") if case.guards else ("ledger-schema", SETUP)
            assert facts(shop) == [(expected[0], fact, expected[1])], case.change
            with conn.transaction():
                repair = repair_structure(conn, TABLE)
            assert (len(repair.done), repair.left) == (1, ()), case.change
            assert facts(shop) == [], case.change
    shop.database.execute("drop table public.more")
    assert shop.contents() == before


def test_what_setup_leaves_to_a_person(shop: Shop) -> None:
    with shop.database.connect() as conn:
        for case, hint in BY_HAND:
            with conn.transaction(force_rollback=True):
                conn.execute(case.change)
                found = structure_findings(conn, "test-prod")
                assert [(f.message, f.hint, f.severity) for f in found] == [(case.fact, hint, Severity.ERROR)]
                repair = repair_structure(conn, TABLE)
                assert (repair.done, len(repair.left)) == ((), 1)
        with conn.transaction(force_rollback=True):  # nothing of the ledger is touched by it
            conn.execute("create table promote.notes (id int primary key, text text default 'x')")
            conn.execute("create function promote.nothing() returns int language sql as 'select 1'")
            found = structure_findings(conn, "test-prod")
            assert [(f.message, f.severity) for f in found] == [
                ("table promote.notes does not belong to the ledger", Severity.WARN),
                ("function promote.nothing() does not belong to the ledger", Severity.WARN),
            ]


def test_what_changes_nothing_is_not_told(shop: Shop) -> None:
    shop.database.execute(*BESIDE)
    with shop.database.connect() as conn:
        assert compare_structure(read_structure(conn), TABLE) == ()
        assert repair_structure(conn, TABLE) == ((), ())
        assert conn.execute("select current_setting('search_path')").fetchone() == ('"$user", public',)


def damage_structure(shop: Shop) -> None:
    """Two differences that are repaired, and a privilege of PUBLIC, after a run."""
    shop.accepted(Export())
    shop.database.execute(
        "alter table promote.events disable trigger append_only",
        "create rule swallow as on insert to promote.run_rows do also nothing",
        "grant delete on promote.events to public",
    )


def test_verify_reports_the_structure(shop: Shop) -> None:
    damage_structure(shop)
    ran = shop.promote("history", "--env", "test-prod", "--verify")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines()[1:] == [
        "  verify     events and their order ........... ok     3 events",
        "  verify     ledger schema .................... FAIL   2 findings",
        "    ledger-unguarded: rule swallow on promote.run_rows does not belong to the ledger: CREATE RULE swallow AS ON"
        " INSERT TO promote.run_rows DO NOTHING;",
        f"        help: {SETUP}; {FORGED}",
        "    ledger-unguarded: trigger append_only on promote.events is disabled",
        f"        help: {SETUP}; {FORGED}",
        "3 events, none was changed, removed or reordered, but the ledger's schema is not as it was created",
    ]


def test_setup_repairs_the_structure(shop: Shop) -> None:
    damage_structure(shop)
    before = shop.contents()
    made = shop.promote("setup", "--env", "test-prod", "--format", "json")
    assert made.exit_code == 0, made.stdout
    result = json.loads(made.stdout)
    step = next(step for step in result["steps"] if step["name"] == "ledger schema")
    assert result["changed"] is True
    assert (step["outcome"], step["detail"]) == ("WARN", "2 differences repaired; no row was changed")
    assert [finding["fact"].rpartition(": ")[2] for finding in step["findings"]] == ["dropped", "restored"]
    assert shop.contents() == before
    assert shop.events()[-1] == "repaired"
    listed = shop.promote("history", "--env", "test-prod", "--state", "repair")
    assert listed.stdout.splitlines()[2].endswith("2 differences of the ledger's schema repaired")
    short = listed.stdout.split()[listed.stdout.split().index("repair") - 1]
    shown = shop.promote("show", short, "--env", "test-prod").stdout
    assert "    ledger-unguarded   trigger append_only on promote.events is disabled: restored" in shown
    undone = shop.promote("undo", short, "--env", "test-prod")
    assert undone.stderr.startswith(f"error: run {short} repaired the ledger's own schema and changed no row: there is")

    again = shop.promote("setup", "--env", "test-prod")
    assert again.stdout.endswith("ready: nothing was changed\n")
    assert shop.events().count("repaired") == 1
    with pytest.raises(errors.InsufficientPrivilege), shop.database.connect(shop.role) as conn:
        conn.execute(
            "insert into promote.events (kind, run_id, environment, promote_version, details)"
            " values ('repaired', gen_random_uuid(), 'test-prod', 'x', '{}')"
        )
    proved = shop.promote("history", "--env", "test-prod", "--verify")
    assert (proved.exit_code, proved.stderr) == (0, "")
    assert "  verify     ledger schema .................... ok     as this release creates it\n" in proved.stdout


def test_what_setup_cannot_repair(shop: Shop) -> None:
    shop.database.execute("alter table promote.run_rows set unlogged")
    made = shop.promote("setup", "--env", "test-prod")
    assert (made.exit_code, made.stdout.splitlines()[-1].partition(":")[0]) == (1, "not ready")
    assert "table promote.run_rows is unlogged: a crash of the server empties it" in made.stdout


@pytest.mark.parametrize("identity", ["import", "owner"])
def test_removed_rows_are_verified_as_the_owner(shop: Shop, identity: str) -> None:
    shop.accepted(Export())
    run = shop.rows("select run_id::text from promote.events where kind = 'committed'")[0][0]
    assert shop.promote("undo", run, "--env", "test-prod", "--apply").exit_code == 0
    verify = ("history", "--env", "test-prod", "--verify", "--as", identity)
    ran = shop.promote(*verify)
    assert (ran.exit_code, ran.stderr) == (0, "")
    hint = "promote history --env test-prod --verify --as owner"
    assert (hint in ran.stdout) == (identity == "import")
    shop.database.execute(
        "alter table promote.removed_rows disable trigger append_only",
        "update promote.removed_rows set content = 'x'",
        "alter table promote.removed_rows enable always trigger append_only",
    )
    ran = shop.promote(*verify)
    assert (ran.exit_code, "ledger-rows" in ran.stdout) == ((1, True) if identity == "owner" else (0, False))
