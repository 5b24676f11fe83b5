"""What a run leaves in the ledger, however it ends; and what the next one says of a run that has no end."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from minerva_promote.database.advisory_lock import LOCK_STATEMENT
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.run_rows import load_run_rows, row_hash
from minerva_promote.ledger.unfinished_runs import read_unfinished_runs
from tests.run.conftest import Shop, plain
from tests.run.exports import Export, key
from tests.run.proxy import proxy_to
from tests.run.sessions import holding, wait_until_it_waits
from tests.run.terminal import started

LINE = ("run", "--env", "test-prod", "--file")
SLOW = "  - {name: slow, stage: after_commit, sql: 'select 1 from pg_sleep(30)', expect: {equals: 1}}\n"
FAILING = "  - {{name: never, stage: {}, sql: 'select 1', expect: {{equals: 0}}}}\n"


def last(shop: Shop, *columns: str) -> tuple[object, ...]:
    """Columns of the last event."""
    return tuple(shop.rows(f"select {', '.join(columns)} from promote.events order by seq desc limit 1")[0])


def runs(shop: Shop) -> list[tuple[str, bool]]:
    """State of every run and whether it passed, the newest first."""
    found = json.loads(shop.promote("history", "--env", "test-prod", "--format", "json").stdout)["data"]["runs"]
    return [(run["state"], run["passed"]) for run in found]


def test_the_events_of_a_run_and_of_the_same_again(shop: Shop) -> None:
    shop.accepted(Export())
    assert shop.events() == ["started", "committed", "finished"]
    rows = shop.rows(
        "select kind, file_name, roots, rows -> 'chunks', reason, details - 'types' from promote.events order by seq"
    )
    new = {"new": 3, "identical": 0}
    assert rows == [
        ("started", "export.sql", [key("b", 1)], None, None, {}),
        ("committed", "export.sql", [key("b", 1)], new, None, {"repaired": []}),
        ("finished", "export.sql", [key("b", 1)], None, None, {"repaired": []}),
    ]
    types = "select details -> 'types' -> 'chunks' ->> 'embedding' from promote.events where kind = 'committed'"
    assert shop.rows(types) == [("vector(3)",)]
    names = (
        "select array(select c ->> 'name' from jsonb_array_elements(checks) c) from promote.events where kind = '{}'"
    )
    before, after = (shop.rows(names.format(kind))[0][0] for kind in ("committed", "finished"))
    assert after == ["search_plan", "search_latency"]
    shop.accepted(Export())
    assert shop.events()[3:] == ["started", "unchanged"]
    assert shop.rows(names.format("unchanged"))[0][0] == [*before[1:], *after]  # not the space: nothing was new
    assert last(shop, "rows -> 'chunks'") == ({"new": 0, "identical": 3},)
    assert runs(shop) == [("unchanged", False), ("committed", True)]


def test_the_marks_are_those_of_what_stands_in_the_target(shop: Shop) -> None:
    shop.accepted(Export())
    shop.accepted(Export(2))
    ids = shop.rows("select run_id::text from promote.events where kind = 'committed' order by seq")
    kept = {}
    with shop.database.connect() as conn:
        for (run_id,) in ids:
            for piece in load_run_rows(conn, run_id):
                names = ", ".join(piece.columns)
                cursor = psycopg.RawCursor(conn)
                cursor.execute(f"select id, {names} from {piece.table}".encode(), binary=True)
                result = cursor.pgresult
                assert result is not None
                wire = {
                    result.get_value(row, 0): [result.get_value(row, place) for place in range(1, result.nfields)]
                    for row in range(result.ntuples)
                }
                assert piece.key_columns == ("id",)
                for (identity,), its_mark in zip(piece.keys, piece.marks, strict=True):
                    assert its_mark == row_hash(wire[identity])
                kept[run_id, piece.table] = len(piece.keys)
    (one,), (two,) = ids
    assert kept == {
        (one, "embedding_configs"): 1, (one, "books"): 1, (one, "screenshots"): 2, (one, "chunks"): 3,
        (two, "books"): 1, (two, "screenshots"): 2, (two, "chunks"): 3,
    }  # fmt: skip


def test_a_file_in_which_some_rows_are_new(shop: Shop) -> None:
    """Only what this run inserted is written down, not what others had."""
    with shop.database.connect() as conn:
        conn.execute(
            "insert into embedding_configs (id, model_name, model_version, dimensions, is_active, created_at) values"
            " ('eeeeeeee-0000-4000-8000-000000000000', 'text-embedding-3-small', 'v1', 3, true,"
            " '2026-01-02T03:04:05.678901')"
        )
    shop.accepted(Export())
    assert shop.rows("select table_name, rows from promote.run_rows order by 1") == [
        ("public.books", 1), ("public.chunks", 3), ("public.screenshots", 2),
    ]  # fmt: skip


def test_more_rows_than_a_part_holds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minerva_promote.load.load_result.PART_ROWS", 2)
    shop.accepted(Export(chunks=5))
    assert shop.rows("select part, rows from promote.run_rows where table_name = 'public.chunks' order by 1") == [
        (1, 2), (2, 2), (3, 1),
    ]  # fmt: skip
    with shop.database.connect(shop.role) as conn:
        (run_id,) = shop.rows("select run_id::text from promote.events limit 1")[0]
        chunks = [each for piece in load_run_rows(conn, run_id) if piece.table == "chunks" for each in piece.keys]
    assert len(set(chunks)) == 5


def test_a_dry_run_leaves_nothing(shop: Shop) -> None:
    assert shop.run(shop.file(Export()), "--dry-run").exit_code == 0
    assert shop.run(shop.file(Export().text().replace("[0.1,0.2,0.3]", "[0.1]")), "--dry-run").exit_code == 1
    assert (shop.events(), shop.count("promote.run_rows")) == ([], 0)


@pytest.mark.parametrize("big", [False, True], ids=["read first", "read while it goes in"])
def test_a_refused_file(shop: Shop, big: bool) -> None:
    if big:
        shop.copy.edit("promote.yaml", "limits:", "limits:\n    validate_first: 0")
    export = Export()
    export.book["title"] = "'see postgresql://u:s3cr3t@host/x'"
    text = export.text().replace("[0.1,0.2,0.3]", "[0.1]").replace("text 2", "PASSWORD ''s3cr3t''")
    ran = shop.run(shop.file(text, "bad.sql"))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert shop.events() == (["started", "refused"] if big else ["refused"])
    kind, name, sha, reason, details, seconds = last(
        shop, "kind", "file_name", "length(file_sha256)", "reason", "details", "seconds >= 0"
    )
    assert (kind, name, sha, seconds) == ("refused", "bad.sql", 64, True)
    assert str(reason).startswith("validate bad.sql: ")
    assert "vector-dimensions: " in str(reason) or "vector" in str(reason)
    assert "s3cr3t" not in f"{reason}{details}"
    assert runs(shop) == [("refused", False)]


def test_a_closed_gate(shop: Shop) -> None:
    shop.add_check(FAILING.format("before_commit"))
    assert shop.run(shop.file(Export())).exit_code == 1
    assert shop.events() == ["started", "refused"]
    assert last(shop, "reason", "rows -> 'chunks' ->> 'new'", "jsonb_path_exists(checks, '$[*] ? (@.name == \"never\")')") == (
        "check never: 1, must be 0", "3", True,
    )  # fmt: skip


def test_a_check_that_fails_after_commit_and_is_made_good(shop: Shop) -> None:
    shop.add_check(FAILING.format("after_commit"))
    assert shop.run(shop.file(Export())).exit_code == 1
    assert runs(shop) == [("committed", False)]
    again = shop.run(shop.file(Export()))
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (
        1,
        "nothing was changed, all 7 rows are already there, identical, but one of the checks failed: see above",
    )
    assert runs(shop) == [("unchanged", False), ("committed", False)]
    (shop.root / "checks" / "of_this_test.yaml").unlink()
    shop.accepted(Export())
    assert runs(shop) == [("unchanged", False), ("unchanged", False), ("committed", True)]


def test_a_run_that_could_not_finish(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    with holding(shop, LOCK_STATEMENT):
        ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    assert shop.events() == ["started", "failed"]
    (reason,) = last(shop, "reason")
    assert str(reason).startswith("the lock of this database is held by process ")
    assert str(reason).endswith("; nothing was changed (rolled back)")


def test_it_waits_for_the_chain_and_says_who_holds_it(shop: Shop) -> None:
    shop.environment(timeouts={"lock": "100ms"})
    with holding(shop, f"{LOCK_STATEMENT}; select from promote.chain for update") as pid:
        ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    assert ran.stderr.startswith(f"error: the lock of this database is held by process {pid} (somebody, role ")
    assert ran.stderr.partition("\n")[0].endswith("; waited 100ms; nothing was changed")
    assert ran.stdout.splitlines()[-1].startswith(
        "  ledger     failed ........................... WARN   could not be recorded: writing the ledger: waited "
    )
    assert shop.events() == []


def test_what_cannot_be_recorded_is_said(shop: Shop) -> None:
    shop.database.execute(
        f"revoke insert on promote.run_rows from {shop.role}", "revoke all on promote.events from public"
    )
    shop.database.execute(f"revoke insert (reason) on promote.events from {shop.role}")
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines()[-2:] == [
        "  ledger     refused .......................... WARN   could not be recorded: writing the ledger: permission denied"
        " for table events",
        "gate closed: nothing was changed",
    ]


def test_ctrl_c(shop: Shop) -> None:
    file = shop.file(Export())
    with holding(shop, LOCK_STATEMENT), started(*LINE, file, cwd=shop.root) as process:
        wait_until_it_waits(shop)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3, err
    assert (shop.events(), last(shop, "reason")) == (["started", "failed"], ("stopped by Ctrl-C",))


def kill_before_commit(shop: Shop, file: Path) -> tuple[str, str]:
    """Kill a run that waits for a lock; return its short identifier and how messages about it begin."""
    with holding(shop, LOCK_STATEMENT), started(*LINE, file, cwd=shop.root) as process:
        wait_until_it_waits(shop)
        listed = shop.promote("history", "--env", "test-prod").stdout.splitlines()[2]
        assert listed.endswith("still at work")
        with shop.database.connect(shop.role) as conn:
            (run,) = read_unfinished_runs(conn)
        run_id, began = shop.rows(
            "select left(run_id::text, 8), to_char(at, 'YYYY-MM-DD HH24:MI') from promote.events"
        )[0]
        said = f"run {run_id} of lighthouse.sql began {began} UTC and has no end: "
        assert (run.description, run.alive) == (f"{said}it is still at work", True)
        process.kill()
        process.wait(30)
    _gone(shop)
    return run_id, said


def kill_after_commit(shop: Shop, file: Path) -> str:
    """Kill a run during its checks after COMMIT; return what it printed."""
    shop.add_check(SLOW)
    with started(*LINE, file, cwd=shop.root) as process:
        wait_until_it_waits(shop, "Timeout")
        process.kill()
        out, _ = process.communicate(timeout=30)
    return out


@pytest.mark.soak
def test_killed_before_and_after_commit(shop: Shop) -> None:
    """The next command finds out, says it, and writes it down."""
    file = shop.file(Export(), "lighthouse.sql")
    run_id, said = kill_before_commit(shop, file)
    listed = shop.promote("history", "--env", "test-prod").stdout.splitlines()[2]
    assert listed.endswith("its session is gone; nothing was stored")
    out = kill_after_commit(shop, file)
    assert (
        f"    warn: open-run: {said}its session is gone; nothing was stored\n        help: run its file again when you like\n"
        in out
    )
    assert shop.events() == ["started", "abandoned", "started", "committed"]
    assert last(shop, "kind") == ("committed",)
    assert shop.rows("select reason, left(run_id::text, 8) from promote.events where kind = 'abandoned'") == [
        ("its session is gone; nothing was stored", run_id)
    ]
    shop.database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'promote %'"
        " and datname = current_database()"
    )
    _gone(shop)
    (shop.root / "checks" / "of_this_test.yaml").unlink()
    run_id, began = shop.rows("select left(run_id::text, 8), to_char(at, 'YYYY-MM-DD HH24:MI') from promote.events where"
        " kind = 'committed'")[0]  # fmt: skip
    assert runs(shop) == [("committed", False), ("abandoned", False)]
    again = shop.accepted(Export()).stdout
    assert (
        f"    warn: open-run: run {run_id} of lighthouse.sql was committed {began} UTC, and its session went before the checks"
        " after COMMIT had ended\n        help: run the same file again: nothing is changed, and the checks are made\n"
    ) in again
    assert runs(shop) == [("unchanged", False), ("committed", True), ("abandoned", False)]
    assert "open-run" not in shop.accepted(Export()).stdout


def _gone(shop: Shop) -> None:
    end = time.monotonic() + 30
    while shop.rows(
        "select from pg_stat_activity where datname = current_database() and application_name like 'promote %-%'"
    ):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_run_that_was_given_up_can_never_commit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its session was not seen, and it lives: the ledger does not take it any more."""
    from minerva_promote.promotion import run

    def hold(conn: object) -> None:
        (run_id,) = shop.rows("select run_id::text from promote.events")[0]
        with shop.database.connect(shop.role) as other:
            add_event(other, Event("abandoned", run_id, "test-prod", reason="gone"))

    monkeypatch.setattr(run, "acquire_target_lock", hold)
    ran = shop.run(shop.file(Export()))
    (run_id,) = shop.rows("select run_id::text from promote.events limit 1")[0]
    assert (ran.exit_code, ran.stderr) == (
        3,
        f"error: writing the ledger: run {run_id} has ended: no rows are added to it; nothing was changed (rolled back)\n",
    )
    assert (shop.events(), shop.count()) == (["started", "abandoned"], 0)


def test_an_answer_that_is_lost_and_one_that_nobody_knows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy_to(shop.database, "lose the request") as proxy:
        shop.environment(url=proxy.url(shop.role))
        ran = shop.run(shop.file(Export()))
    assert ran.exit_code == 3
    assert shop.events() == ["started", "failed"]
    monkeypatch.setattr("minerva_promote.ledger.commit_proof.WAIT_SECONDS", 0.3)
    with proxy_to(shop.database, "lose the answer") as proxy:
        shop.environment(url=proxy.url(shop.role))
        proxy.down_after_commit = True
        assert shop.run(shop.file(Export())).exit_code == 4
    assert shop.events()[2:] == ["started", "committed"]
    shop.environment(url=shop.database.url(shop.role))
    again = shop.accepted(Export()).stdout
    assert "was committed" in again
    assert plain(again).endswith("gate open: nothing was changed, all 7 rows are already there, identical\n")
    assert runs(shop) == [("unchanged", False), ("committed", True), ("failed", False)]


def test_clocks_that_differ(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    help_ = (
        "\n        help: set the wrong one right; the ledger's times, and `within`, are by the server's clock alone\n"
    )
    real = time.time
    for shift, word in ((-725, "behind"), (725, "ahead of")):
        monkeypatch.setattr("minerva_promote.preflight.server.time.time", lambda shift=shift: real() + shift)
        ran = shop.run(shop.file(Export()), "--dry-run")
        said = ran.stdout.replace("12 min 4 s", "12 min 5 s")
        assert f"    warn: clock: this machine's clock is 12 min 5 s {word} the server's{help_}" in said
        assert ran.exit_code == 0


def test_a_fault_of_promote_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from minerva_promote.promotion import run

    def fault(conn: object) -> None:
        raise RuntimeError("with a s3cr3t in it")

    monkeypatch.setattr(run, "acquire_target_lock", fault)
    assert shop.run(shop.file(Export())).exit_code == 3
    assert last(shop, "kind", "reason") == ("failed", "a fault of promote itself: RuntimeError")


def test_events_whose_texts_no_database_takes(shop: Shop) -> None:
    run_id = str(uuid4())
    with shop.database.connect(shop.role) as conn:
        event = Event("failed", run_id, "test-prod", reason="a\0b\ud800\nc " + "x" * 3000, details={"a\0": "b\0"})
        add_event(conn, event)
    reason, details = last(shop, "reason", "details")
    assert str(reason).startswith("a�b? c xxx")
    assert (len(str(reason)), details) == (2000, {"a�": "b�"})
