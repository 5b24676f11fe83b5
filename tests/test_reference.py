"""The generated reference pages are what the program says; `python -m tests.reference` writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.config.models import Limits
from tests.reference import PAGES, field_comments


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_what_the_program_says(page: Path) -> None:
    write: Callable[[], str] = PAGES[page]
    assert page.read_text("utf-8") == write(), "run: python -m tests.reference"


def test_the_comment_beside_a_field_is_its_description() -> None:
    assert field_comments(Limits)["findings"] == "printed; the rest is counted"
    assert "rows" not in field_comments(Limits)
