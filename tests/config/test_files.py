"""Configuration is read from regular files of bounded size; anything else is one clear fault, and never a wait."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.checks.golden_file import MAX_BYTES, GoldenFault, read
from minerva_promote.config.files import UnreadableError, read_bounded
from minerva_promote.errors import ConfigError
from minerva_promote.migrations.tree_files import find_tree

Promote = Callable[..., object]


def huge(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, 1 << 30)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (lambda path: os.mkfifo(path), "cannot be read: is not a regular file"),
    "directory": (lambda path: path.mkdir(), "cannot be read: is a directory"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "cannot be read: a link to a file that does not exist"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "cannot be read: is not a regular file"),
    "huge": (huge, "1073741824 bytes, at most 1048576 are read"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_files(kind: str, tmp_path: Path) -> None:
    make, fact = KINDS[kind]
    make(tmp_path / "file")
    with pytest.raises(UnreadableError) as caught:
        read_bounded(tmp_path / "file")
    assert caught.value.message == fact


def test_regular_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * 100)
    assert read_bounded(tmp_path / "file", 100) == b"a" * 100
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_bounded(tmp_path / "link") == b"a" * 100
    with pytest.raises(UnreadableError, match="100 bytes, at most 99 are read"):
        read_bounded(tmp_path / "file", 99)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none")


@pytest.mark.parametrize("kind", ["pipe", "dangling", "device", "huge"])
@pytest.mark.parametrize(
    "name", ["promote.yaml", "environments/other.yaml", "checks/other.yaml", ".env", "alembic/snapshot.yaml"]
)
def test_commands(kind: str, name: str, tmp_path: Path, promote: Callable[..., object]) -> None:
    assert promote("init", "p", cwd=tmp_path).exit_code == 0  # type: ignore[attr-defined]
    path = tmp_path / "p" / name
    path.unlink(missing_ok=True)
    make, fact = KINDS[kind]
    make(path)
    environment = "other" if "other" in name else "prod"
    ran = promote("env", "ping", "--env", environment, cwd=tmp_path / "p")
    assert ran.exit_code == 2  # type: ignore[attr-defined]
    most = "65536" if name == ".env" else "1048576"
    said = fact.replace("1048576", most)
    assert ran.stderr == f"error: {name}: {said}\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_other_readers(kind: str, tmp_path: Path) -> None:
    make, fact = KINDS[kind]
    (tmp_path / "alembic").mkdir()
    make(tmp_path / "alembic" / "script.ini")
    if kind != "directory":  # then it is the folder of the revisions
        with pytest.raises(ConfigError) as caught:
            find_tree(tmp_path / "alembic" / "script.ini")
        assert str(caught.value) == f"script.ini: {fact}"
    make(tmp_path / "golden.json")
    with pytest.raises(GoldenFault) as golden:
        read(tmp_path / "golden.json", "golden.json")
    assert str(golden.value) == f"golden.json {fact.replace('1048576', str(MAX_BYTES))}"
