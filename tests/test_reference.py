"""The generated reference pages are what the program says; `python -m tests.reference` writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.config.drift_codes import CODES
from minerva_promote.config.models.project import Limits
from tests.finding_codes import codes_of_the_package
from tests.material import REPOSITORY
from tests.reference import FOLDER, PAGES, field_comments


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_what_the_program_says(page: Path) -> None:
    write: Callable[[], str] = PAGES[page]
    assert page.read_text("utf-8") == write(), "run: python -m tests.reference"


def test_every_key_has_a_description() -> None:
    page = PAGES[FOLDER / "configuration.md"]()
    assert [line for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


def test_the_comment_beside_a_field_is_its_description() -> None:
    assert field_comments(Limits)["findings"] == "printed; the rest is counted"
    assert field_comments(Limits).keys() == Limits.model_fields.keys()


def test_the_page_of_findings_has_every_code() -> None:
    page = (REPOSITORY / "docs" / "reference" / "findings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (?:<a id=\"[a-z-]+\"></a>)?`([a-z-]+)` \| (.+?) \|", page, re.MULTILINE))
    codes = codes_of_the_package()
    assert len(codes) > 200
    assert codes.keys() == rows.keys()
    drift = page.partition("## Roles and privileges\n")[2].partition("\n## ")[0]
    assert [code for code, cause in CODES.items() if f"`{code}` | {cause[0].upper()}{cause[1:]}. |" not in drift] == []
    links = re.findall(r"<a id=\"([a-z-]+)\">", page)
    assert sorted(links) == sorted(codes)
