"""What one sees: JSON for programs, progress on a terminal only, no secret and nothing that steers a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.run.conftest import Shop, plain
from tests.run.exports import Export
from tests.run.terminal import Terminal, environment, without_bars

KEYS = [
    "version", "command", "environment", "run_id", "title", "gate", "changed", "exit_code", "verdict", "steps", "data",
]  # fmt: skip
STEP_KEYS = ["step", "name", "outcome", "detail", "seconds", "at", "hint", "findings", "data"]
FINDING_KEYS = ["code", "severity", "fact", "at", "help", "count"]
EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\x08\x7f\u202e\u2028"


def as_json(shop: Shop, export: Export, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report of a run, which prints nothing else."""
    ran = shop.run(shop.file(export), "--format", "json", *more)
    assert ran.stderr == ""
    return ran.exit_code, json.loads(ran.stdout)


def test_json_of_an_open_gate(shop: Shop) -> None:
    code, found = as_json(shop, Export())
    assert (code, list(found), found["version"], found["command"]) == (0, KEYS, 1, "run")
    assert (found["gate"], found["changed"], found["exit_code"]) == ("open", True, 0)
    assert shop.rows("select run_id::text from promote.events where kind = 'committed'") == [(found["run_id"],)]
    assert [list(step) for step in found["steps"]] == [STEP_KEYS] * len(found["steps"])
    by_name = {step["name"]: step for step in found["steps"]}
    assert by_name["chunks"]["data"] == {"new": 3, "identical": 0, "different": 0, "blocked": 0, "appended": 0}
    assert by_name["export.sql"]["data"]["roots"] == [Export().book_id]
    assert by_name["chunks_present"]["data"]["values"] == {"value": 3}
    assert by_name["chunks_present"]["at"] == {"file": "checks/import.yaml", "line": 17, "column": 5}
    assert found["data"]["dry_run"] is False
    code, again = as_json(shop, Export())
    assert (code, again["gate"], again["changed"]) == (0, "open", False)
    code, dry = as_json(shop, Export(2), "--dry-run")
    assert (code, dry["gate"], dry["changed"], dry["data"]["dry_run"]) == (0, "open", False, True)


def test_json_of_a_closed_gate(shop: Shop) -> None:
    shop.accepted(Export())
    export = Export()
    export.chunks[1]["chunk_text"] = f"'{EVIL}'"
    code, found = as_json(shop, export)
    assert (code, found["gate"], found["changed"], found["exit_code"]) == (1, "closed", False, 1)
    (finding,) = next(step for step in found["steps"] if step["name"] == "chunks")["findings"]
    assert list(finding) == FINDING_KEYS
    at = {"file": str(shop.root / "export.sql"), "line": 18, "column": 0}
    assert (finding["code"], finding["severity"], finding["at"], finding["count"]) == ("different", "error", at, 1)


def test_json_of_an_error(shop: Shop) -> None:
    ran = shop.run("none.sql", "--format=json")
    assert (ran.exit_code, json.loads(ran.stdout)) == (
        2,
        {
            "version": 1,
            "exit_code": 2,
            "errors": [
                {
                    "message": "no such file",
                    "hint": "check the path",
                    "at": {"file": "none.sql", "line": 0, "column": 0},
                }
            ],
        },
    )
    assert ran.stderr == "error: none.sql: no such file\n  check the path\n"


def test_nothing_of_the_data_steers_a_terminal(shop: Shop) -> None:
    export = Export()
    export.book["title"] = f"'{EVIL}'"
    shop.accepted(export)
    export.book["title"] = f"'x{EVIL}'"
    export.book["author"] = f"'{EVIL}'"
    file = shop.file(export.text().replace("BEGIN", f"-- {EVIL}\nBEGIN"), f"{EVIL}.sql")
    shop.database.execute(f"alter table chunks add constraint \"{EVIL}\" check (chunk_text <> 'text 3') not valid")
    for form in ("text", "json"):
        for one in (file, shop.file(Export(2))):
            ran = shop.run(one, "--format", form)
            assert ran.exit_code == 1
            assert not [char for char in ran.stdout + ran.stderr if not (char.isprintable() or char == "\n")]
    assert "\\x1b[2J" in shop.run(file).stdout


def test_a_name_is_no_line_of_its_own(shop: Shop) -> None:
    file = shop.file(Export(), "a\ngate open: committed as run 0.sql")
    shown = "a\\x0agate open: committed as run 0.sql"
    assert f"  validate   {shown} .. ok     " in shop.run(file).stdout
    shop.database.execute(
        "insert into promote.events (kind, run_id, environment, promote_version, file_name)"
        " values ('started', gen_random_uuid(), 'test-prod', '1', E'a\\ngate open: committed as run 0.sql')"
    )
    again = shop.run(file, "--dry-run").stdout
    refused = shop.run(shop.file("BEGIN;\nDROP TABLE a;\nCOMMIT;\n", file.name)).stdout
    assert (shown in again, f" of {shown} began " in again, f"{shown}:2:1: statement: " in refused) == (True,) * 3
    for said in (again, refused):
        assert not [line for line in said.splitlines() if line.startswith("gate open: committed")]


@pytest.mark.parametrize("on_terminal", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["terminal", "pipe"])
def test_progress(shop: Shop, on_terminal: bool) -> None:
    """Bars are drawn on a terminal's stderr and leave nothing; a pipe gets none, and the same lines."""
    file = shop.file(Export(chunks=3000))
    read, write = os.pipe()
    line = ("run", "--env", "test-prod", "--file", file)
    if on_terminal:
        terminal = Terminal(*line, cwd=shop.root, stdout=write)
        os.close(write)
        assert terminal.end() == 0
        drawn = terminal.text
        with os.fdopen(read) as report:
            printed = report.read()
    else:
        os.close(read)
        os.close(write)
        done = subprocess.run(
            [sys.executable, "-m", "minerva_promote", *map(str, line)],
            cwd=shop.root, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        drawn, printed = done.stderr, done.stdout
    assert plain(printed).endswith("gate open: committed as run ID\n")
    assert "\x1b" not in printed
    assert "  check      search_latency ................... " in printed
    if on_terminal:
        assert "validate" in drawn
        assert re.search(r"[\d.]+/1\.7 MB.{0,40}?([\d.]+ [kM]B/s|\?)", drawn)  # ?: over before a speed is known
        assert without_bars(drawn).strip() == ""
    else:
        assert drawn == ""


@pytest.mark.soak
def test_no_progress_with_json_on_a_terminal(shop: Shop) -> None:
    line = ("run", "--env", "test-prod", "--file", shop.file(Export(chunks=3000)), "--format", "json")
    terminal = Terminal(*line, cwd=shop.root)
    assert terminal.end() == 0
    assert json.loads(terminal.text)["gate"] == "open"


@pytest.mark.soak
def test_nobody_reads_the_report(shop: Shop) -> None:
    """What `| head -1` leaves unread does not stop a run, and the exit code is the run's."""
    file = shop.file(Export())
    for more, code in (([], 0), (["--format", "json"], 0), (["--yes", "x"], 2)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "minerva_promote", "run", "--env", "test-prod", "--file", str(file), *more],
            cwd=shop.root, env=environment(), stdout=write, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        os.close(write)
        assert done.returncode == code, done.stderr
        assert (done.stderr == "") == (code == 0)
    assert shop.committed() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_report_for_which_there_is_no_room(shop: Shop) -> None:
    export = Export()
    export.chunks[0]["chunk_text"] = "NULL"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minerva_promote", "run", "test-prod", "--file", str(shop.file(export))],
            cwd=shop.root, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "error: the report could not be written: No space left on device\n")


SECRETS = ("p4ss/w%rd", "p4ss%2Fw%25rd", "r0le's s3cret", "r0le''s s3cret", "adm1n_s3cret", "s3cret", servers.PASSWORD)


@pytest.fixture
def secretive(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose URLs and roles have passwords, which the embedded server does not ask for."""
    url, admin = shop.database.url(shop.role), shop.database.url()
    if shop.database.server.folder is not None:
        url, admin = url.replace("@", ":p4ss%2Fw%25rd@", 1), f"{admin}&password=adm1n_s3cret"
    monkeypatch.setenv("THE_URL", url)
    monkeypatch.setenv("THE_ADMIN_URL", admin)
    monkeypatch.setenv("THE_PASSWORD", "r0le's s3cret")
    roles = {shop.role: {"login": True, "password": "${THE_PASSWORD}"}}
    shop.environment(url="${THE_URL}", admin_url="${THE_ADMIN_URL}", roles=roles)
    return shop


def without_secrets(text: str) -> None:
    """None of the secrets is in the text, in whatever spelling."""
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets(secretive: Shop, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from minerva_promote.promotion import run

    embedded = secretive.database.server.folder is not None
    secret, shown = ("p4ss/w%rd", "p4ss/w%%rd") if embedded else (servers.PASSWORD, servers.PASSWORD)
    file = secretive.file(Export())
    said = [secretive.run(file, "--format", form)]
    assert said[0].exit_code == 0
    leak = f"{shown} and password=r0le''s s3cret in postgresql://u:adm1n_s3cret@h/d"
    secretive.database.execute(
        f"create function leak() returns trigger language plpgsql as $$begin raise exception '{leak}'; end$$",
        "create trigger leak before insert on books for each row execute function leak()",
    )
    said.append(secretive.run(secretive.file(Export(2)), "--format", form))
    assert said[1].exit_code == 3
    assert "***" in said[1].stderr

    def fault(*_: object) -> None:
        raise RuntimeError(secret, secretive.database.url(), "postgresql://u:adm1n_s3cret@h/d r0le's s3cret")

    monkeypatch.setattr(run, "acquire_target_lock", fault)
    said.append(secretive.run(file, "--format", form))
    assert said[2].exit_code == 3
    assert "RuntimeError" in said[2].stderr
    said.append(secretive.promote("run", "--help"))
    said.append(secretive.promote("env", "ping", "--env", "test-prod", "--format", form))
    for ran in said:
        without_secrets(ran.stdout + ran.stderr)
    without_secrets(repr(secretive.rows("select t from promote.events t")))
