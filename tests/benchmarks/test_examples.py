"""The example exports are what benchmarks/examples.py makes of their texts, and show what their README says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.examples import EXAMPLES, FILES, embedding, paragraphs


@pytest.mark.parametrize("name", FILES)
def test_is_up_to_date(name: str) -> None:
    assert (EXAMPLES / name).read_bytes() == FILES[name]().encode()


def test_all_files_are_made_here_and_named_in_the_readme() -> None:
    assert {path.name for path in EXAMPLES.glob("*.sql")} == set(FILES)
    readme = Path(EXAMPLES / "README.md").read_text("utf-8")
    assert all(name in readme for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_stays_small(name: str) -> None:
    assert (EXAMPLES / name).stat().st_size < 700_000


def test_the_books_have_24_and_18_chunks() -> None:
    assert [len(paragraphs(name)) for name in ("lighthouse", "bread")] == [24, 18]


def test_similar_texts_are_near_each_other() -> None:
    bread, again, light = (
        np.array([float(part) for part in embedding(text).decode().split(",")])
        for text in (
            "Flour and water make a dough; the dough makes a loaf.",
            "A loaf is a dough of flour and water.",
            "The keeper winds the clockwork of the lens.",
        )
    )
    assert len(bread) == 1536
    assert np.linalg.norm(bread) == pytest.approx(1.0, abs=1e-3)
    assert bread @ again > 0.8
    assert bread @ light < bread @ again - 0.2


def test_the_refused_file_has_the_faults_that_its_readme_names() -> None:
    text = FILES["refused.sql"]()
    assert "DROP TABLE" in text
    assert "'/Users/" in text
    assert ", NULL, 'gpt-4o-mini'" in text
    assert "-- Total Chunks: 4" in text
    assert text.count("INSERT INTO chunks") == 3
