"""The chain: what the import role cannot forge, and what `promote history --verify` finds when somebody else does."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from minerva_promote.database.connection import Connection
from minerva_promote.database.embedded.files import binary
from minerva_promote.errors import TargetError
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.install import chain_function_text
from minerva_promote.ledger.verify import verify_chain
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.servers import Database

EVENT = (
    """insert into promote.events (kind, run_id, environment, promote_version{}) values (%s, %s, 'test-prod', '1'{})"""
)


def added(database: Database, role: str, *kinds: str) -> list[str]:
    """Events of the import role, each of a run of its own; their ids."""
    ids = [str(uuid4()) for _ in kinds]
    with database.connect(role) as conn:
        for kind, run_id in zip(kinds, ids, strict=True):
            add_event(conn, Event(kind, run_id, "test-prod", file_name="some.sql", seconds=0.1))  # type: ignore[arg-type]
    return ids


def said(shop: Shop) -> list[str]:
    """The findings of the proof, as the import role has it."""
    with shop.database.connect(shop.role) as conn:
        return [f"{finding.code}: {finding.message}" for finding in verify_chain(conn).findings]


def without_triggers(shop: Shop, *statements: str) -> None:
    """Statements of a superuser that no trigger sees."""
    with shop.database.connect() as conn, conn.transaction():
        for table in ("events", "run_rows", "run_roots"):
            conn.execute(f"alter table promote.{table} disable trigger all".encode())
        for statement in statements:
            conn.execute(statement.encode())
        for table, names in (
            ("events", ("a_stamp", "b_chain", "append_only")),
            ("run_rows", ("a_stamp", "not_late", "append_only")),
            ("run_roots", ("a_stamp", "not_late", "append_only")),
        ):
            for name in names:
                conn.execute(f"alter table promote.{table} enable always trigger {name}".encode())


FORGED = {
        "seq": "9", "format": "1", "at": "'2000-01-01'", "began": "'2000-01-01'", "actor": "'x'", "actor_role": "'x'",
        "client_addr": "'x'", "xact": "1", "database": "'x'", "system_identifier": "'x'", "postgresql": "'x'",
        "pgvector": "'x'", "revision": "'x'", "rows_digest": "'x'", "roots_digest": "'x'", "removed_digest": "'x'", "previous": "''", "hash": "''",
}  # fmt: skip


def test_what_the_import_role_cannot_do(shop: Shop) -> None:
    shop.accepted(Export())
    run_id = str(shop.rows("select run_id from promote.events where kind = 'committed'")[0][0])
    with shop.database.connect(shop.role) as conn:
        refused = refusals_of(conn)
        for column, value in FORGED.items():
            said = refused(errors.InsufficientPrivilege, EVENT.format(f", {column}", f", {value}"), "failed", run_id)
            assert said == "permission denied for table events"
        for statement in ("update {} set run_id = run_id", "delete from {}", "truncate {}"):
            for table in ("events", "run_rows", "removed_rows"):
                refused(errors.InsufficientPrivilege, statement.format(f"promote.{table}"))
        for statement in (
            "update promote.chain set seq = 0",
            "delete from promote.chain",
            "delete from promote.ledger",
        ):
            refused(errors.InsufficientPrivilege, statement)
        refused(errors.InsufficientPrivilege, "insert into promote.removed_rows (run_id) values (%s)", run_id)
        refused(errors.InsufficientPrivilege, "insert into promote.chain values (false, 1, '')")
        refused(errors.InsufficientPrivilege, "select promote.chain_event()")
        for kind in ("undone", "restored", "adopted", "replaced"):
            said = refused(errors.InsufficientPrivilege, EVENT.format("", ""), kind, str(uuid4()))
            assert said == f"only the owner of the ledger records an event {kind}"
        for kind in ("committed", "failed", "abandoned", "started"):
            said = refused(errors.UniqueViolation, EVENT.format("", ""), kind, run_id)
            assert said == f"run {run_id} is recorded as {'started' if kind == 'started' else 'committed'} already"
            refused(errors.UniqueViolation, EVENT.format("", "") + " on conflict do nothing", kind, run_id)
        again = "insert into promote.run_rows select run_id, table_name, 9, key_columns, columns, rows, keys, marks"
        said = refused(errors.ObjectNotInPrerequisiteState, f"{again} from promote.run_rows")
        assert said == f"run {run_id} has ended: no rows are added to it"


def refusals_of(conn: Connection) -> Callable[..., str]:
    """A function that executes a statement, expects an error of a class, and returns its message."""

    def refused(error: type[psycopg.Error], statement: str, *values: str) -> str:
        with pytest.raises(error) as caught:
            conn.execute(statement.encode(), values)
        return caught.value.diag.message_primary or ""

    return refused


def test_the_ledger_is_append_only_for_its_owner(shop: Shop) -> None:
    shop.accepted(Export())
    with shop.database.connect() as conn:
        for table in ("events", "run_rows"):
            for statement in (f"update promote.{table} set run_id = run_id", f"truncate promote.{table}"):
                with pytest.raises(errors.ObjectNotInPrerequisiteState, match=rf"promote\.{table} is append-only"):
                    conn.execute(statement.encode())
    proved = shop.promote("history", "--env", "test-prod", "--verify")
    head = shop.rows("select hash from promote.events order by seq desc limit 1")[0][0]
    assert (proved.exit_code, proved.stdout) == (
        0,
        f"test-prod   database {shop.database.name}\n"
        "  verify     events and their order ........... ok     3 events\n"
        "  verify     ledger schema .................... ok     as this release creates it\n"
        f"proved: 3 events, none was changed, removed or reordered; head {head}\n",
    )


def test_the_server_writes_what_a_client_cannot_know(shop: Shop) -> None:
    shop.accepted(Export())
    (row,) = shop.rows(
        "select e.actor, e.actor_role, e.database, e.revision, e.postgresql = current_setting('server_version'),"
        " e.pgvector = x.extversion, e.system_identifier, e.xmin::text::bigint = e.xact & 4294967295, e.began <= e.at,"
        " (select count(*) from chunks c where c.xmin::text::bigint = e.xact & 4294967295), e.environment,"
        " e.configuration ~ '^[0-9a-f]{64}$' from promote.events e, pg_extension x"
        " where e.kind = 'committed' and x.extname = 'vector'"
    )
    (system,) = shop.rows("select system_identifier::text from pg_control_system()")[0]
    name = shop.database.name
    assert row == (shop.role, shop.role, name, "f41c9d7e53b2", True, True, system, True, True, 3, "test-prod", True)


CHANGED = {
    "kind": "'failed'", "run_id": "gen_random_uuid()", "subject": "gen_random_uuid()", "environment": "'prod'",
    "at": "at + interval '1 microsecond'", "began": "began - interval '1 s'", "actor": "'x'", "actor_role": "'x'",
    "client_addr": "'10.0.0.1'", "xact": "xact + 1", "database": "'x'", "system_identifier": "'1'",
    "postgresql": "'19'", "pgvector": "null", "revision": "null", "client_host": "'x'", "client_user": "null",
    "promote_version": "'0'", "file_name": "'x'", "file_sha256": "repeat('a', 64)", "file_bytes": "file_bytes + 1",
    "roots": "'{}'", "rows": "'{}'", "checks": "checks - 0", "seconds": "seconds + 1e-12", "reason": "''",
    "configuration": "null", "details": """'{"x": null}'""", "rows_digest": "repeat('a', 64)", "format": "1",
    "roots_digest": "repeat('a', 64)", "removed_digest": "'x'", "signing_key": "'x'", "signature": "'x'",
    "previous": "hash", "hash": "previous",
}  # fmt: skip


def test_every_changed_column_is_found(shop: Shop) -> None:
    shop.accepted(Export())
    added(shop.database, shop.role, "failed")
    names = shop.rows("select attname from pg_attribute where attrelid = 'promote.events'::regclass and attnum > 0")
    assert {name for (name,) in names} == {"seq", *CHANGED}
    (run_id,) = shop.rows("select run_id::text from promote.events where seq = 2")[0]
    with shop.database.connect() as conn, shop.database.connect(shop.role) as role:
        conn.execute("alter table promote.events disable trigger all")
        conn.execute("create table kept as select * from promote.events where seq = 2")
        for name, value in CHANGED.items():
            conn.execute(f"update promote.events set {name} = {value} where seq = 2".encode())
            found = [f"{finding.code}: {finding.message}" for finding in verify_chain(role).findings]
            kind = "failed" if name == "kind" else "committed"
            (run,) = conn.execute("select left(run_id::text, 8) from promote.events where seq = 2").fetchone() or ("",)
            first = [each for each in found if each.startswith("ledger-changed")]
            assert first == [f"ledger-changed: event 2 ({kind}, run {run}) was changed after it was written"], name
            more = {
                f"ledger-rows: promote.run_rows has rows of run {run_id[:8]}, and no event says that it was committed"
            }
            assert set(found) - set(first) == (more if name in ("kind", "run_id") else set()), name
            conn.execute(f"update promote.events e set {name} = k.{name} from kept k where e.seq = 2".encode())
            assert verify_chain(role).findings == (), name


def six_events(shop: Shop) -> tuple[list[str], Callable[..., list[str]]]:
    """The names of six events, from 1; and a function: the findings after some statements, which it takes back."""
    ids = added(shop.database, shop.role, *["failed"] * 6)
    names = ["", *(f"event {number} (failed, run {run_id[:8]})" for number, run_id in enumerate(ids, 1))]
    assert said(shop) == []
    with shop.database.connect() as conn:
        conn.execute("create table kept as select * from promote.events")
        conn.execute("create table head as select * from promote.chain")

    def after(*statements: str) -> list[str]:
        without_triggers(shop, *statements)
        found = said(shop)
        back = (
            "delete from promote.events",
            "insert into promote.events select * from kept",
            "delete from promote.chain",
        )
        without_triggers(shop, *back, "insert into promote.chain select * from head")
        assert said(shop) == []
        return found

    return names, after


def test_missing_events(shop: Shop) -> None:
    names, after = six_events(shop)
    event = "promote.events where seq"
    assert after(f"delete from {event} = 3") == [
        f"ledger-missing: event 3 is missing after {names[2]}, before {names[4]}"
    ]
    assert after(f"delete from {event} in (2, 3)") == [
        f"ledger-missing: 2 events from 2 to 3 are missing after {names[1]}, before {names[4]}"
    ]
    assert after(f"delete from {event} = 1") == [
        f"ledger-missing: event 1 is missing at the beginning, before {names[2]}"
    ]
    assert after(f"delete from {event} = 6") == [
        f"ledger-missing: event 6 is missing after {names[5]}: the head of the chain knows of more"
    ]
    assert after(f"delete from {event} > 4") == [
        f"ledger-missing: 2 events from 5 to 6 are missing after {names[4]}: the head of the chain knows of more"
    ]
    assert after("delete from promote.events") == ["ledger-missing: 6 events from 1 to 6 are missing at the beginning"]


def test_events_in_another_order(shop: Shop) -> None:
    names, after = six_events(shop)
    swap = "update promote.events set seq = case seq when -3 then 4 else 3 end where seq in (-3, -4)"
    third, fourth = names[4].replace("event 4", "event 3"), names[3].replace("event 3", "event 4")
    assert after("update promote.events set seq = -seq where seq in (3, 4)", swap) == [
        f"ledger-reordered: {third} was event 4: the order was changed",
        f"ledger-reordered: {fourth} was event 3: the order was changed",
    ]
    moved = names[2].replace("event 2", "event 9")
    assert after("update promote.events set seq = 9 where seq = 2") == [
        f"ledger-reordered: {moved} was event 2: the order was changed",
        f"ledger-missing: 2 events from 7 to 8 are missing after {names[6]}, before {moved}",
        f"ledger-changed: {moved} was added beside the chain, whose head is 6",
    ]
    assert after("delete from promote.chain") == [
        "ledger-head: the head of the chain was removed: nothing can be added any more"
    ]
    assert after("update promote.chain set hash = repeat('a', 64)") == [
        f"ledger-changed: {names[6]} is not the one that the head of the chain names"
    ]


def test_an_event_with_a_hash_of_its_own(shop: Shop) -> None:
    """Who knows how the chain is made can make another one: the next event does not fit, or a head noted before."""
    ids = added(shop.database, shop.role, "failed", "failed", "failed")
    (noted,) = shop.rows("select hash from promote.events where seq = 3")[0]
    hashed = chain_function_text().partition("/* hash */")[2].partition("/* end */")[0]
    rehash = f"update promote.events t set hash = (select {hashed} from (select t.*) e) where seq = {{}}"
    link = "update promote.events t set previous = p.hash from promote.events p where p.seq = t.seq - 1 and t.seq = 3"
    without_triggers(shop, "update promote.events set actor = 'x' where seq = 2", rehash.format(2))
    assert said(shop) == [
        f"ledger-changed: event 2 (failed, run {ids[1][:8]}) is not the one that event 3 (failed, run {ids[2][:8]})"
        " was added to"
    ]
    head = "update promote.chain set hash = (select hash from promote.events where seq = 3)"
    without_triggers(shop, link, rehash.format(3), head)
    assert said(shop) == []
    line = ("history", "--env", "test-prod", "--verify", "--head")
    ran = shop.promote(*line, noted)
    assert (ran.exit_code, ran.stdout) == (
        1,
        f"test-prod   database {shop.database.name}\n"
        "  verify     events and their order ........... FAIL   3 events\n"
        f"    ledger-head: the chain has no event with the hash {noted}\n"
        "        help: if it was noted from this ledger, then that event was changed or removed, and all that follow\n"
        "  verify     ledger schema .................... ok     as this release creates it\n"
        "the ledger is not what it was: 1 finding\n",
    )
    (first,) = shop.rows("select hash from promote.events where seq = 1")[0]
    assert shop.promote(*line, first[:16]).exit_code == 0
    wrong = shop.promote(*line, "x")
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        'error: --head "x" is no hash\n  16 to 64 hexadecimal digits, as history --verify says it\n',
    )


def test_the_rows_of_a_run(shop: Shop) -> None:
    shop.accepted(Export())
    (run_id,) = shop.rows("select run_id::text from promote.events where seq = 2")[0]
    changed = (
        f"ledger-rows: the rows in promote.run_rows of event 2 (committed, run {run_id[:8]}) were changed, removed or"
        " added to"
    )
    without_triggers(shop, "create table kept as select * from promote.run_rows")
    for statement in (
        "update promote.run_rows set marks = set_byte(marks, 0, get_byte(marks, 0) # 1) where table_name = 'public.chunks'",
        "update promote.run_rows set keys = set_byte(keys, 9, get_byte(keys, 9) # 1) where table_name = 'public.books'",
        "update promote.run_rows set columns = columns[2:] where table_name = 'public.books'",
        "update promote.run_rows set table_name = 'public.bookz' where table_name = 'public.books'",
        "delete from promote.run_rows where table_name = 'public.books'",
        "insert into promote.run_rows select run_id, table_name, 2, key_columns, columns, rows, keys, marks, xact"
        " from kept",
    ):
        without_triggers(shop, statement)
        assert said(shop) == [changed], statement
        without_triggers(shop, "delete from promote.run_rows", "insert into promote.run_rows select * from kept")
    strange = str(uuid4())
    without_triggers(shop, f"insert into promote.run_rows select '{strange}', table_name, part, key_columns, columns,"
        " rows, keys, marks, xact from kept where table_name = 'public.books'")  # fmt: skip
    assert said(shop) == [
        f"ledger-rows: promote.run_rows has rows of run {strange[:8]}, and no event says that it was committed"
    ]


def test_another_function_is_no_witness_and_is_told(shop: Shop) -> None:
    """Replaced in the target, it may write what it likes: neither --verify nor grants believe it."""
    added(shop.database, shop.role, "failed")
    forged = chain_function_text().partition("\n")[2].replace("NEW.at :=", "NEW.actor := 'nobody'; NEW.at :=")
    forged = forged.replace("NEW.hash := (", "NEW.hash := repeat('a', 64); PERFORM (")
    head = "create or replace function promote.chain_event() returns trigger language plpgsql security definer"
    shop.database.execute(f"{head} set search_path = pg_catalog, pg_temp as $chain${forged}$chain$")
    with pytest.raises(TargetError, match="did not take a row as it was sent"):
        added(shop.database, shop.role, "failed")
    (run_id,) = shop.rows("select run_id::text from promote.events where seq = 2")[0]
    assert said(shop) == [f"ledger-changed: event 2 (failed, run {run_id[:8]}) was changed after it was written"]
    ran = shop.promote("grants", "--env", "test-prod")
    assert (ran.exit_code, "trigger b_chain on promote.events" in ran.stdout) == (1, True)


def test_the_text_of_the_chain_belongs_to_its_version() -> None:
    """Another text is told as drift in every target that has this one: give the ledger a new version with it."""
    assert hashlib.sha256(chain_function_text().encode()).hexdigest()[:16] == "a776b9001085d6f0"


def test_it_is_in_step_and_proved_as_installed(shop: Shop) -> None:
    assert shop.promote("setup", "--env", "test-prod").exit_code == 0  # a copy has no settings of roles
    again = shop.promote("setup", "--env", "test-prod")
    assert again.stdout.endswith("ready: nothing was changed\n")
    for more in ((), ("--prove",)):
        ran = shop.promote("grants", "--env", "test-prod", *more)
        assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout


def test_many_at_once(shop: Shop) -> None:
    """One waits for the other: the chain has no gap and no fork."""
    run_id = str(uuid4())

    def write() -> None:
        with shop.database.connect(shop.role) as conn:
            for _ in range(10):
                added(shop.database, shop.role, "failed")
            with pytest.raises(errors.UniqueViolation), conn.transaction():  # all but one of those who claim the same
                conn.execute(EVENT.format("", "").encode(), ("abandoned", run_id))
                conn.execute(EVENT.format("", "").encode(), ("failed", run_id))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.rows("select min(seq), max(seq), count(*), count(distinct previous) from promote.events") == [
        (1, 40, 40, 40)
    ]
    assert said(shop) == []


def test_who_comes_second_waits_and_is_refused(shop: Shop) -> None:
    """What is written down as given up can never be committed: the two are decided one after the other."""
    run_id = str(uuid4())
    with shop.database.connect(shop.role, autocommit=False) as one, shop.database.connect(shop.role) as other:
        one.execute(EVENT.format("", "").encode(), ("committed", run_id))
        caught: list[BaseException] = []

        def give_up() -> None:
            try:
                other.execute(EVENT.format("", "").encode(), ("abandoned", run_id))
            except psycopg.Error as error:
                caught.append(error)

        thread = threading.Thread(target=give_up)
        thread.start()
        waits = f"select from pg_stat_activity where pid = {other.info.backend_pid} and wait_event_type = 'Lock'"
        while not shop.rows(waits):
            time.sleep(0.01)
        one.commit()
        thread.join()
    assert [str(error).splitlines()[0] for error in caught] == [f"run {run_id} is recorded as committed already"]
    assert shop.events() == ["committed"]


def test_after_a_dump_and_a_restore(shop: Shop, make_database: Callable[..., Database], tmp_path: Path) -> None:
    shop.accepted(Export())
    shop.run(shop.file(Export().text().replace("[0.1,0.2,0.3]", "[0.1]"), "bad.sql"))
    before = shop.rows("select * from promote.events order by seq")
    copy, file = make_database(), tmp_path / "all.dump"
    for command in (
        [binary("pg_dump"), "-Fc", "-f", file, "-d", shop.database.url()],
        [binary("pg_restore"), "--exit-on-error", "-d", copy.url(), file],
    ):
        subprocess.run(list(map(str, command)), check=True)
    shop.environment(url=copy.url(shop.role), admin_url=copy.url())
    copy.execute(f"grant connect on database {copy.name} to {shop.role}")
    with copy.connect() as conn:
        assert conn.execute("select * from promote.events order by seq").fetchall() == before
    ran = shop.promote("history", "--env", "test-prod", "--verify")
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout
    again = shop.run(shop.file(Export()))
    assert again.exit_code == 0
    assert shop.promote("history", "--env", "test-prod", "--verify", "--format", "json").exit_code == 0
    found = json.loads(shop.promote("history", "--env", "test-prod", "--format", "json").stdout)["data"]["runs"]
    assert [(run["state"], run["passed"]) for run in found] == [
        ("unchanged", False), ("refused", False), ("committed", True),
    ]  # fmt: skip
