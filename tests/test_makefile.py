"""The Makefile's targets do what README.md and CI say they do."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.material import REPOSITORY

TESTS = '.venv/bin/pytest -m "not soak" -n auto'
CHECK = [".venv/bin/ruff check .", ".venv/bin/ruff format --check .", ".venv/bin/mypy", f"{TESTS} --cov --cov-report="]


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("demo", [".venv/bin/promote run --env test-prod --file examples/lighthouse.sql"]),
        ("test", [TESTS]),
        ("check", CHECK),
        ("soak", [".venv/bin/pytest -m soak -n auto"]),
    ],
)
def test_what_make_runs(target: str, lines: list[str]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    done = subprocess.run(
        ["make", "-n", target, "VENV=.venv"], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=True
    )
    installing = ("python3 -m venv", "-m pip install", "touch ")
    assert [line for line in done.stdout.splitlines() if not any(word in line for word in installing)] == lines
