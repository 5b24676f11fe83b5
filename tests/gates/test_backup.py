"""A dump before a run: whole and restorable, or the gate is closed and nothing of it is left."""

from __future__ import annotations

import json
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gates.conftest import Pair, settled, step_of
from tests.run.conftest import Shop
from tests.run.exports import Export

SECRET = "s3cret-of-the-owner"
CLOSED = "gate closed: nothing was changed\n"


@pytest.fixture
def backups(shop: Shop) -> Path:
    """The folder that test-prod's dumps go to."""
    folder = shop.root / "back ups"
    folder.mkdir()
    shop.environment(backup={"folder": "back ups"})
    return folder


def program(shop: Shop, script: str) -> str:
    """A pg_dump that does what the script says after it was asked for its version; $file is where the dump goes."""
    path = shop.root / "bin" / "pg_dump"
    path.parent.mkdir(exist_ok=True)
    from minerva_promote.database.embedded.files import binary

    real = shlex.quote(str(binary("pg_dump")))
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi\n'
        f'for word in "$@"; do case $word in --file=*) file=${{word#--file=}};; esac; done\nreal={real}\n{script}\n',
        "utf-8",
    )
    path.chmod(0o755)
    shop.environment(backup={"folder": "back ups", "program": str(path)})
    return str(path)


def compared(shop: Shop) -> list[str]:
    """What `promote grants` reports, without the line that names the databases of other tests."""
    lines = shop.promote("grants", "--env", "test-prod").stdout.splitlines()
    return [line for line in lines if "not compared" not in line]


def test_what_is_told_and_what_is_left(shop: Shop, backups: Path) -> None:
    shop.accepted(Export(1))
    grants = compared(shop)
    before = shop.rows("select t::text from chunks t order by 1"), shop.rows("select t::text from promote.events t")
    ran = shop.accepted(Export(2))
    (first, second) = sorted(backups.iterdir(), key=lambda path: path.stat().st_mtime)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (first, second)] == [0o600, 0o600]
    assert second.name.startswith("test-prod-20")
    assert second.name.endswith(f"-{ran.stdout.split()[2]}.dump")
    version = settled(ran.stdout).split("pg_dump ")[1].split()[0]
    dots = "." * (34 - len(f"pg_dump {version}") - 1)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("  backup ")]
    assert settled(lines[0]) == f"  backup     pg_dump {version} {dots} ok     back ups/test-prod-TIME-ID.dump, SIZE"
    told = "  backup     to restore it .................... ok     "
    assert lines[1].startswith(told)
    done = subprocess.run(["sh", "-c", lines[1].removeprefix(told)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = shop.rows("select t::text from chunks t order by 1"), shop.rows("select t::text from promote.events t")
    assert after == before
    assert compared(shop) == grants
    shop.accepted(Export(2))


def test_old_ones_go_and_those_of_others_stay(shop: Shop, backups: Path) -> None:
    shop.environment(backup={"folder": "back ups", "keep": 2})
    kept = ["test-20200101T000000Z-00000000.dump", "test-prod-20200101T000000Z-mine.dump", "test-prod.dump"]
    for name in (*kept, *(f"test-prod-2020010{day}T000000Z-0000000{day}.dump" for day in (1, 2, 3))):
        (backups / name).touch()
    ran = shop.accepted(Export(), "--format", "json")
    step = next(step for step in json.loads(ran.stdout)["steps"] if step["step"] == "backup")
    new = Path(step["data"]["file"]).name
    assert step["detail"].endswith(", 2 older dumps deleted")
    assert (step["data"]["bytes"], step["data"]["deleted"]) == ((backups / new).stat().st_size, 2)
    assert {path.name for path in backups.iterdir()} == {*kept, "test-prod-20200103T000000Z-00000003.dump", new}


def test_no_dump_in_a_dry_run(shop: Shop, backups: Path) -> None:
    ran = shop.accepted(Export(), "--dry-run")
    assert step_of(ran, "backup").endswith(" ok     would be written to back ups")
    assert list(backups.iterdir()) == []


def test_a_password_is_handed_over_unseen(shop: Shop, backups: Path) -> None:
    seen = shop.root / "seen"
    said = (
        f'echo "$PGPASSWORD" > {seen}.password; echo "$@" > {seen}.arguments; echo "password=$PGPASSWORD" >&2; exit 3'
    )
    program(shop, said)
    url = shop.database.url().replace("@", f":{SECRET}@", 1) if shop.database.server.folder else shop.database.url()
    shop.environment(admin_url=url)
    ran = shop.run(shop.file(Export()))
    if shop.database.server.folder:
        assert Path(f"{seen}.password").read_text() == f"{SECRET}\n"
    assert SECRET not in Path(f"{seen}.arguments").read_text()
    assert SECRET not in ran.stdout + ran.stderr
    assert step_of(ran, "backup") == (
        "  backup     pg_dump 99.1 ..................... FAIL   pg_dump ended with exit code 3: password=***\n"
        "             nothing was imported, and no dump was left; correct it, then run the command again"
    )
    assert shop.rows("select reason from promote.events") == [
        ("backup pg_dump 99.1: pg_dump ended with exit code 3: password=***",)
    ]


BROKEN = {
    "full": ("ulimit -f 1; trap '' XFSZ; exec $real \"$@\"", "pg_dump ended with exit code 1: error: could not"),
    "killed": ("kill -9 $$", "pg_dump was ended by SIGKILL"),
    "silent": ("exit 0", "{program} wrote no dump"),
    "gone": ('rm "$file"', "{folder}/test-prod-TIME-ID.dump.partial: no such file or directory"),
    "slow": ("exec sleep 60", "not done after 0.1 s"),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.soak) if kind in ("silent", "gone") else kind for kind in BROKEN]
)
def test_a_dump_that_is_not_whole(shop: Shop, backups: Path, kind: str) -> None:
    script, fact = BROKEN[kind]
    path = program(shop, script)
    if kind == "slow":
        shop.environment(backup={"folder": "back ups", "program": path, "timeout": "100ms"})
    before = shop.count()
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (1, "")
    said = "  backup     pg_dump 99.1 ..................... FAIL   " + fact.format(program=path, folder=backups)
    assert step_of(ran, "backup").startswith(said)
    assert ran.stdout.endswith(CLOSED)
    assert (list(backups.iterdir()), shop.count()) == ([], before)


PROGRAM_LOCATION = "backup.program in environments/test-prod.yaml"


def refusal(shop: Shop, **backup: object) -> str:
    """Why the step refuses before pg_dump begins, with these settings."""
    shop.environment(backup={"folder": "back ups", **backup})
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr, shop.count()) == (1, "", 0)
    assert ran.stdout.endswith(CLOSED)
    return step_of(ran, "backup").removeprefix("  backup     pg_dump .......................... FAIL   ")


def test_a_folder_that_is_not_there(pair: Pair) -> None:
    shop, folder = pair.shop, pair.shop.root / "back ups"
    assert refusal(shop) == (
        f"the folder {folder} is not there\n"
        f"             mkdir -p '{folder}'; promote does not make it, for it may be a disk that is not mounted"
    )
    folder.touch()
    assert refusal(shop).startswith(f"the folder {folder} is not a folder\n")


def test_a_program_that_is_not_suitable(pair: Pair, tmp_path: Path) -> None:
    shop, folder = pair.shop, pair.shop.root / "back ups"
    folder.mkdir()
    assert refusal(shop, program="/nowhere/pg_dump") == (
        f"pg_dump cannot be started: /nowhere/pg_dump: no such file or directory\n             correct {PROGRAM_LOCATION}"
    )
    true = Path("/bin/true")
    assert refusal(shop, program=str(true)) == (
        f"{true} does not say that it is pg_dump of PostgreSQL\n             correct {PROGRAM_LOCATION}"
    )
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n", "utf-8")
    old.chmod(0o755)
    (version,) = shop.rows("select current_setting('server_version_num')::int")[0]
    major, minor = divmod(version, 10_000)
    assert refusal(shop, program=str(old)) == (
        f"pg_dump 9.6.24 ({old}) cannot dump a server of PostgreSQL {major}.{minor}\n             install the client"
        f" programs of PostgreSQL {major} or later, or name one: {PROGRAM_LOCATION}"
    )
    assert list(folder.iterdir()) == []


def test_an_owner_that_cannot_be_reached(pair: Pair) -> None:
    shop, folder = pair.shop, pair.shop.root / "back ups"
    folder.mkdir()
    shop.environment(admin_url=pair.prod.url())
    (server,) = shop.rows("select system_identifier from pg_control_system()")[0]
    assert refusal(shop) == (
        f'admin_url leads to another database than url: identity: {{system_identifier: "{server}", database:'
        f' "{pair.prod.name}"}}, not identity: {{system_identifier: "{server}", database: "{shop.database.name}"}}\n'
        "             both must reach the same database"
    )
    shop.environment(admin_url=None)
    assert refusal(shop) == (
        "environment test-prod has no admin_url\n"
        "             environments/test-prod.yaml        add the owner's URL: admin_url: ${TEST_PROD_ADMIN_DATABASE_URL},"
        " and set TEST_PROD_ADMIN_DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE"
    )
    assert list(folder.iterdir()) == []


def test_an_interrupted_one(shop: Shop, backups: Path) -> None:
    program(shop, f"echo $$ > {shlex.quote(str(shop.root))}/pid; exec sleep 60")
    file = shop.file(Export())
    command = [sys.executable, "-m", "minerva_promote", "run", "--env", "test-prod", "--file", str(file)]
    process = subprocess.Popen(command, cwd=shop.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while not (shop.root / "pid").exists() or not (shop.root / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3, out
    assert err == "error: stopped by Ctrl-C, did not finish: nothing was changed; rerun the command\n"
    assert list(backups.iterdir()) == []
    pid = (shop.root / "pid").read_text().strip()
    command_line = Path(f"/proc/{pid}/cmdline")  # the number may be another process's by now
    assert not command_line.exists() or b"sleep" not in command_line.read_bytes()
    assert shop.count() == 0
