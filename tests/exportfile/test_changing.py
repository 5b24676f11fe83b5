"""A file that is written to, cut or replaced while it is read is refused, whatever was found in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.errors import FileChanged
from minerva_promote.exportfile.reader import ExportReader
from minerva_promote.exportfile.row_rules import RowRules
from tests.exportfile.support import chunk, contract_of, export


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("-- more\n")


def append_a_lot(path: Path) -> None:
    with path.open("a") as file:
        file.write("-- more\n" * 500_000)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 8)


def replace(path: Path) -> None:
    other = path.with_name("other.sql")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [append, append_a_lot, cut, replace, touch, Path.unlink])
@pytest.mark.parametrize("content", [export(), export(more="SELECT 1;\n")])
def test_changed_files(change: Callable[[Path], None], content: str, tmp_path: Path) -> None:
    path = tmp_path / "export.sql"
    path.write_text(content)
    contract, snapshot = contract_of()
    rows = ExportReader(path, contract, snapshot, rules=RowRules(contract, snapshot, connected=False)).rows()
    next(rows)
    change(path)
    with pytest.raises(FileChanged, match="changed while it was read"):
        list(rows)


def test_a_file_that_grows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minerva_promote.exportfile.byte_window.BLOCK", 1000)
    path = tmp_path / "export.sql"
    path.write_text(export(chunk=str(chunk()) * 20))
    contract, snapshot = contract_of()
    rows = ExportReader(path, contract, snapshot, tick=lambda _: append(path)).rows()
    with pytest.raises(FileChanged):
        list(rows)
    assert path.stat().st_size < 100_000


def test_a_file_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "export.sql"
    path.write_text(export())
    contract, snapshot = contract_of()
    assert len(list(ExportReader(path, contract, snapshot).rows())) == 4
