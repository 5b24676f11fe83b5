"""Files that cannot be promoted: one clear message, and a target that is not even asked, or not changed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.database.advisory_lock import acquire_target_lock
from tests.conftest import Ran
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.reports import findings
from tests.run.terminal import environment

CHANGED = (
    "error: {}: changed while it was read; nothing was changed in the target\n"
    "  let nobody write to it, then run the command again\n"
)


def stopped(ran: Ran, code: int, message: str) -> None:
    """The command ends with this message and nothing on stdout."""
    assert (ran.exit_code, ran.stdout, ran.stderr) == (code, "", message)


def test_missing(shop: Shop) -> None:
    stopped(shop.run("none.sql"), 2, "error: none.sql: no such file\n  check the path\n")


def test_a_directory(shop: Shop) -> None:
    stopped(shop.run("checks"), 2, "error: checks: is a directory\n  name the export file itself\n")


def test_a_pipe(shop: Shop) -> None:
    os.mkfifo(shop.root / "pipe")
    hint = "save it to a file first"
    stopped(shop.run("pipe"), 2, f"error: pipe: is not a regular file: it is read twice\n  {hint}\n")
    stopped(shop.run("/dev/null"), 2, f"error: /dev/null: is not a regular file: it is read twice\n  {hint}\n")


def test_a_link_that_leads_nowhere(shop: Shop) -> None:
    (shop.root / "link.sql").symlink_to("gone.sql")
    stopped(shop.run("link.sql"), 2, "error: link.sql: no such file\n  check the path\n")


def test_a_link_to_a_file(shop: Shop) -> None:
    shop.file(Export())
    (shop.root / "link.sql").symlink_to("export.sql")
    assert shop.run("link.sql").exit_code == 0
    assert shop.rows("select file_name from promote.events where kind = 'committed'") == [("link.sql",)]


def test_without_a_file(shop: Shop) -> None:
    ran = shop.promote("run", "--env", "test-prod")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "Error: Missing option '--file'." in ran.stderr


def test_no_permission(shop: Shop) -> None:
    file = shop.file(Export())
    file.chmod(0)
    done = subprocess.run(
        [sys.executable, "-m", "minerva_promote", "run", "--env", "test-prod", "--file", "export.sql"],
        cwd=shop.root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_without_privileges if os.geteuid() == 0 else None,
    )
    said = "error: export.sql: cannot be read: Permission denied\n  check its permissions\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)


def _without_privileges() -> None:
    """Let root be refused like everybody else: drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH for what is executed."""
    for capability in (1, 2):
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens and cannot be read")
def test_a_disk_that_fails(shop: Shop) -> None:
    ran = shop.run("/proc/self/mem")
    assert ran.exit_code == 3
    assert ran.stderr.startswith("error: /proc/self/mem: cannot be read: ")


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"", " empty: the file is empty | export again"),
        (b"\n", "2:1: begin: there is no BEGIN | export again: it may be cut off"),
        (
            b"PGDMP\x01\x0e\x00",
            "1:1: foreign: this looks like a pg_dump archive in custom format"
            " | promote takes the exporter's INSERT files",
        ),
        (b"\x1f\x8b\x08\x00", "1:1: foreign: this looks like a gzip file | unpack it: gunzip FILE"),
    ],
    ids=["empty", "blank", "dump", "gzip"],
)
def test_nothing_of_ours(shop: Shop, content: bytes, finding: str) -> None:
    (shop.root / "export.sql").write_bytes(content)
    ran = shop.run("export.sql")
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [f"export.sql:{finding}"]
    assert ran.stdout.endswith("\ngate closed: nothing was changed\n")
    assert shop.count("books") == 0


def rewrite(path: Path, data: bytes) -> None:
    """Other content in the same file."""
    path.write_bytes(data)


def same_size(path: Path) -> None:
    rewrite(path, path.read_bytes().replace(b"text 2", b"TEXT 2"))


def shorter(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 40)


def longer(path: Path) -> None:
    rewrite(path, path.read_bytes() + b"-- more\n")


def another_book(path: Path) -> None:
    Export(2).write(path)


def replaced(path: Path) -> None:
    Export(2).write(path.with_suffix(".new")).replace(path)


def replaced_by_a_broken_one(path: Path) -> None:
    export = Export()
    export.chunks[1]["book_id"] = export.config["id"]
    rewrite(path, export.text().encode())


def with_a_fault(path: Path) -> None:
    rewrite(path, path.read_bytes().replace(b"'[0.2,", b"'[x.2,"))


def no_text(path: Path) -> None:
    rewrite(path, b"\xff\xfe" + path.read_bytes())


def empty(path: Path) -> None:
    rewrite(path, b"")


def gone(path: Path) -> None:
    path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = (
    same_size,
    pytest.param(shorter, marks=pytest.mark.soak),
    pytest.param(longer, marks=pytest.mark.soak),
    another_book,
    replaced,
    replaced_by_a_broken_one,
    with_a_fault,
    pytest.param(no_text, marks=pytest.mark.soak),
    empty,
    gone,
    a_directory,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_changed_between_the_two_readings(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    from minerva_promote.promotion import run

    file = shop.file(Export())
    before = shop.contents()
    hold = acquire_target_lock

    def meddle(conn: Any) -> None:
        hold(conn)
        change(file)

    monkeypatch.setattr(run, "acquire_target_lock", meddle)
    ran = shop.run("export.sql")
    assert (ran.exit_code, ran.stderr) == (3, CHANGED.format("export.sql"))
    assert shop.contents() == before


@pytest.mark.parametrize("change", [same_size, shorter, longer, replaced, gone], ids=lambda change: change.__name__)
@pytest.mark.parametrize("first", ["67108864", "0"], ids=["validated-first", "while-it-goes-in"])
def test_changed_while_it_is_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], first: str
) -> None:
    from minerva_promote.exportfile.reader import ExportReader

    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    file = shop.file(Export())
    before = shop.contents()
    rows = ExportReader.rows

    def meddle(self: ExportReader) -> Any:
        for number, row in enumerate(rows(self)):
            if number == 1 and file.exists():
                change(file)
            yield row

    monkeypatch.setattr(ExportReader, "rows", meddle)
    ran = shop.run("export.sql")
    assert (ran.exit_code, ran.stderr) == (3, CHANGED.format("export.sql"))
    assert shop.contents() == before


def test_a_file_with_a_name_that_is_no_text(shop: Shop) -> None:
    name = os.fsdecode(b"caf\xe9 \x1b[31m.sql")
    file = shop.file(Export()).rename(shop.root / name)
    ran = shop.run(file)
    assert ran.exit_code == 0, ran
    assert "\x1b" not in ran.stdout
    assert shop.rows("select file_name from promote.events where kind = 'committed'") == [("caf\\xe9 \x1b[31m.sql",)]
