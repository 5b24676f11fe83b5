"""`promote init`: what is laid out, what is left alone, and that the wheel carries all of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from tests.material import REPOSITORY

Promote = Callable[..., Any]
FOLDERS = ("environments", "checks", "templates", "alembic")


def test_a_new_project_is_a_copy_of_the_shipped_one(promote: Promote, tmp_path: Path) -> None:
    ran = promote("init", "knowledge", cwd=tmp_path)
    assert (ran.exit_code, ran.stderr) == (0, "")
    new = tmp_path / "knowledge"
    made = sorted(str(path.relative_to(new)) for path in new.rglob("*") if path.is_file())
    assert {"promote.yaml", ".env.example", ".gitignore", "alembic/env.py", "environments/prod.yaml"} <= set(made)
    assert not [name for name in made if "__pycache__" in name]
    assert all((new / name).read_bytes() == (REPOSITORY / name).read_bytes() for name in made)
    assert {Path(name).parts[0] for name in made if "/" in name} == set(FOLDERS)
    verdict = f"{len(made)} files made, 0 left alone; next: promote run --env test-prod --file EXPORT.sql"
    assert ran.stdout.splitlines()[-1] == verdict
    assert load_project(new).environment_names == ("local", "prod", "test-prod")


def test_what_is_there_is_left_alone(promote: Promote, tmp_path: Path) -> None:
    (tmp_path / "promote.yaml").write_text("mine")
    first = promote("init", cwd=tmp_path)
    assert first.exit_code == 0
    assert (tmp_path / "promote.yaml").read_text() == "mine"
    assert "  init       promote.yaml ..................... ok     already there\n" in first.stdout
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = promote("init", cwd=tmp_path)
    assert again.stdout.splitlines()[-1].startswith("0 files made, ")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_that_cannot_be(promote: Promote, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = promote("init", "file", cwd=tmp_path)
    assert ran.exit_code == 2
    assert "name a folder you can write to" in ran.stderr


@pytest.mark.parametrize("name", [*FOLDERS, "promote.yaml", ".env.example", ".gitignore"])
def test_the_wheel_carries_it(name: str) -> None:
    """The build lays each shipped file where init looks for it; .ci/run installs a wheel to prove the rest."""
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"][name] == f"minerva_promote/scaffold/{name}"
