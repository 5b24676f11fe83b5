"""`requires`: production takes only what test-prod has passed, by the word of test-prod's ledger."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.gates.conftest import Pair, settled, step_of, validated_with_its_rows
from tests.run.exports import Export

LINE = "  requires   passed in test-prod .............. "
FUTURE = """create or replace function promote.stamp() returns trigger language plpgsql as $$
begin new.at := clock_timestamp() + interval '3 days'; new.began := new.at; new.actor := session_user;
new.actor_role := current_user; new.xact := pg_current_xact_id()::text::bigint; return new; end $$"""


def refused(pair: Pair, file: Path) -> str:
    """What is said of a file that prod does not take; nothing may have changed there."""
    before = pair.rows()
    ran = pair.to_prod(file)
    assert (ran.exit_code, ran.stderr, pair.rows()) == (1, "", before), ran
    assert ran.stdout.endswith("gate closed: nothing was changed\n")
    said = step_of(ran, "requires")
    assert said.startswith(f"{LINE}FAIL   "), said
    fact, below = said.removeprefix(f"{LINE}FAIL   ").split("\n")
    place = re.match(r" +environments/[\w-]+\.yaml(:\d+:\d+)? +", below)
    assert place is not None, below
    return f"{fact} | {below[place.end() :]}"


def history(pair: Pair) -> str:
    """What history says of test-prod."""
    return pair.shop.promote("history", "--env", "test-prod").stdout


def test_the_way_of_a_file(pair: Pair) -> None:
    file = pair.file()
    again = f"promote run --env test-prod --file {file}"
    assert refused(pair, file) == f"export.sql (SHA…) was never promoted to test-prod | {again}"

    pair.shop.add_check(
        "  - {name: later, stage: after_commit, sql: select 1, expect: {max: 0}, when: {environments: [test-prod]}}\n"
    )
    assert pair.shop.run(file).exit_code == 1
    fact = "run ID in test-prod committed it at TIME, but of its checks failed: later"
    assert refused(pair, file) == f"{fact} | {again} makes them again"

    check = pair.shop.root / "checks" / "of_this_test.yaml"
    failing = check.read_text()
    check.unlink()
    assert pair.shop.run(file).exit_code == 0
    for stage in ("after_commit", "before_commit"):
        check.write_text(failing.replace("after_commit", stage))
        assert pair.shop.run(file).exit_code == 1
        fact = "run ID in test-prod committed it at TIME, but when run ID made its checks again at TIME, of them failed: later"
        assert refused(pair, file) == f"{fact} | {again} makes them again"
        assert re.search(r" committed .* 1 of its checks failed in run \w{8} of the same file\n", history(pair))
        check.unlink()
        assert pair.shop.run(file).exit_code == 0
    assert " of its checks failed" not in history(pair).partition(" committed ")[2]
    ran = pair.to_prod(file, "--dry-run")
    assert (ran.exit_code, step_of(ran, "requires")) == (0, f"{LINE}ok     run ID of TIME, within 7d")


def test_the_way_of_a_file_that_passed(pair: Pair) -> None:
    file = pair.file()
    again = f"promote run --env test-prod --file {file}"
    assert pair.shop.run(file).exit_code == 0
    pair.environment(requires={"passed_in": "test-prod", "within": "0s"})
    said = re.sub(r"\d+ seconds?", "N seconds", refused(pair, file))
    fact = "run ID passed at TIME, N seconds ago, must be within 0s"
    assert said == f"{fact} | {again} looks again; its checks count, also when nothing is new"
    pair.environment(requires={"passed_in": "test-prod"})

    other = pair.shop.file(Export(2), "other/export.sql")
    fact = (
        "export.sql (SHA…) was never promoted to test-prod: the export.sql that passed there in run ID of TIME is"
        " another one (SHA…)"
    )
    hint = f"promote that one, or let this one pass: promote run --env test-prod --file {other}"
    assert refused(pair, other) == f"{fact} | {hint}"

    ran = pair.to_prod(file)
    assert (ran.exit_code, step_of(ran, "requires")) == (0, f"{LINE}ok     run ID of TIME")
    assert pair.rows() == 3
    with pair.prod.connect() as conn:
        told = conn.execute("select details->'requires'->>'run_id' from promote.events where kind = 'committed'")
        run_id = str(told.fetchall()[0][0])

    assert pair.shop.promote("undo", "--env", "test-prod", run_id, "--apply").exit_code == 0
    assert refused(pair, file) == f"run ID in test-prod was undone at TIME | {again}"


def test_refused_there(pair: Pair) -> None:
    wrong = Export(3)
    wrong.rows["chunks"][0]["embedding"] = "'[1,2]'"
    file = pair.shop.file(wrong)
    pair.shop.run(file)
    ran = pair.to_prod(file)
    assert "  requires " not in ran.stdout, "the file itself is at fault"
    pair.shop.add_check(
        "  - {name: never, stage: before_commit, sql: select 1, expect: {max: 0}, when: {environments: [test-prod]}}\n"
    )
    file = pair.file()
    assert pair.shop.run(file).exit_code == 1
    fact = "run ID in test-prod refused it at TIME: check never: 1, must be <= 0"
    assert refused(pair, file) == f"{fact} | correct what it says, then promote run --env test-prod --file {file}"


def test_a_ledger_that_cannot_be_asked(pair: Pair) -> None:
    file = pair.file()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
    there = pair.shop.database.url(pair.shop.role)
    pair.shop.environment(url=f"postgresql://u:s3cret@{where}/d")
    fact = f"its ledger cannot be read: postgresql://u:***@{where}/d: no server answers at {where}"
    assert refused(pair, file) == f"{fact} | start it, or correct host and port"
    pair.shop.environment(url="${NOT_SET_DATABASE_URL}")
    assert refused(pair, file) == (
        "its ledger cannot be read: url: NOT_SET_DATABASE_URL is not set | set it in the environment or in .env:"
        " NOT_SET_DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE"
    )
    pair.shop.environment(url=there, identity={"database": "minerva"})
    said = refused(pair, file)
    fact = f"environment test-prod is database minerva, this URL leads to {pair.shop.database.name}"
    assert said.startswith(f"its ledger cannot be read: {fact} | ")
    pair.shop.environment(identity=None)
    pair.shop.database.execute("drop schema promote cascade")
    fact = "its ledger cannot be read: test-prod: there is no ledger"
    assert refused(pair, file) == f"{fact} | promote setup --env test-prod"
    pair.shop.environment(url=pair.prod.url(pair.shop.role), admin_url=pair.prod.url())
    fact = f"test-prod and prod are the same database, {pair.prod.name}"
    assert refused(pair, file) == f"{fact} | correct the URLs: promote env ping --env test-prod"


@pytest.mark.parametrize(
    ("statements", "fact", "hint"),
    [
        (
            ("set session_replication_role = replica", FUTURE),
            "run ID passed at TIME, and the server's clock says that it is TIME now",
            "set the clock of the server of test-prod right",
        ),
        (
            (
                "alter table promote.events disable trigger user",
                "update promote.events set checks = '[]' where kind = 'finished'",
            ),
            "the ledger of test-prod cannot be believed: event 3 (finished, run ID) was changed after it was written",
            "promote history --env test-prod --verify",
        ),
    ],
    ids=["a clock", "a change"],
)
def test_what_is_not_believed(pair: Pair, statements: tuple[str, ...], fact: str, hint: str) -> None:
    file = pair.file()
    if statements[1] is FUTURE:
        pair.shop.database.execute(FUTURE)
    pair.shop.accepted(Export())
    if statements[1] is not FUTURE:
        pair.shop.database.execute(*statements)
    assert refused(pair, file) == f"{fact} | {hint}"


def test_a_run_of_another_environment(pair: Pair) -> None:
    """A copy of the ledger of another environment proves nothing of this one."""
    file = pair.file()
    path = pair.shop.root / "environments" / "test-prod.yaml"
    (path.parent / "staging.yaml").write_text(path.read_text("utf-8"), "utf-8")
    assert pair.shop.promote("run", "--env", "staging", "--file", file).exit_code == 0
    fact = "export.sql (SHA…) was never promoted to test-prod: run ID, which its ledger tells of, was one of staging"
    again = f"promote run --env test-prod --file {file}"
    assert refused(pair, file) == f"{fact} | {again}"
    assert pair.shop.run(file).exit_code == 0
    fact = "run ID in test-prod found all its rows there already at TIME, and no run of it has brought them"
    assert refused(pair, file) == f"{fact} | promote the file that did; promote history --env test-prod shows which"


def test_a_big_file_is_known_before_its_rows_go_in(pair: Pair) -> None:
    validated_with_its_rows(pair.shop)
    file = pair.file()
    assert refused(pair, file).startswith("export.sql (SHA…) was never promoted to test-prod | ")
    pair.shop.accepted(Export())
    ran = pair.to_prod(file)
    assert (ran.exit_code, pair.rows()) == (0, 3)
    assert settled(ran.stdout).endswith("gate open: committed as run ID\n")
