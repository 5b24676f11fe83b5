"""The table "where to change what" of docs/contributing.md names files that exist."""

from __future__ import annotations

import re

from tests.material import REPOSITORY

PAGE = REPOSITORY / "docs" / "contributing.md"
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")  # in backquotes, with a slash: a file or a folder of the repository


def rows_of(text: str) -> list[str]:
    """The rows of the table, its head left out."""
    _, _, table = text.partition("## Where to change what\n")
    return [line for line in table.splitlines() if line.startswith("| ")][1:]


def missing_paths(rows: list[str]) -> list[str]:
    """Paths that the rows name and the repository has not."""
    return [path for row in rows for path in PATH.findall(row) if not (REPOSITORY / path).exists()]


def test_every_path_of_the_table_exists() -> None:
    rows = rows_of(PAGE.read_text("utf-8"))
    assert len(rows) >= 25
    assert [row for row in rows if not PATH.search(row)] == []
    assert missing_paths(rows) == []


def test_a_missing_path_is_found() -> None:
    text = (
        "## Where to change what\n\n| to change | go to |\n|---|---|\n| a | `docs/contributing.md`, `docs/none.md` |\n"
    )
    assert missing_paths(rows_of(text)) == ["docs/none.md"]
