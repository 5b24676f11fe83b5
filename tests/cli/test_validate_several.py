"""`promote validate` with a file that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.material import REPOSITORY


@pytest.mark.usefixtures("project")
def test_a_file_that_is_not_there(promote: Callable[..., Ran], tmp_path: Path) -> None:
    """Alone it stops the command; among others it is a step of its own, and the others are validated."""
    missing, sound = tmp_path / "missing.sql", REPOSITORY / "examples" / "lighthouse.sql"
    alone = promote("validate", missing)
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "missing.sql" in alone.stderr
    ran = promote("validate", missing, sound, "--format", "json")
    steps = json.loads(ran.stdout)["steps"]
    assert [step["outcome"] for step in steps] == ["ERROR", "ok"], ran.stdout
