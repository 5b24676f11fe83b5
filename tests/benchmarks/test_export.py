"""The files that benchmarks/export.py makes: Minerva's layout, deterministic, of the size asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.export import Request, export, write
from benchmarks.vectors import DecimalText, Embeddings, Shape
from minerva_promote.embedding.direction_statistics import compare_directions

ROOT = Path(__file__).parents[2]
INSERT = re.compile(r"^INSERT INTO (\w+) \((.*)\)\nVALUES \((.*)\)\nON CONFLICT \(id\) DO (.*);$", re.MULTILINE)


def text(chunks: int, **rest: object) -> str:
    return b"".join(export(Request(chunks, dimensions=3, **rest))).decode()  # type: ignore[arg-type]


def test_has_the_layout_of_the_exporter() -> None:
    lines = text(120).split("\n")
    assert lines[1] == "-- Minerva Knowledge Base Export"
    assert [line for line in lines if line in ("BEGIN;", "COMMIT;")] == ["BEGIN;", "COMMIT;"]
    assert "-- Total Chunks: 120" in lines
    assert "-- Total Screenshots: 60" in lines
    assert [line for line in lines if "Progress" in line] == [
        "-- Progress: 50/120 chunks",
        "-- Progress: 100/120 chunks",
    ]
    assert lines[-2:] == ["-- Export complete", ""]


def test_has_one_insert_a_row_parents_first() -> None:
    made = INSERT.findall(text(120))
    tables = [table for table, *_ in made]
    assert tables == ["embedding_configs", "books", *["screenshots"] * 60, *["chunks"] * 120]
    assert {action for table, *_, action in made if table != "books"} == {"NOTHING"}
    assert (
        next(action for table, *_, action in made if table == "books") == "UPDATE SET updated_at = EXCLUDED.updated_at"
    )
    ids = [values.split(",")[0] for _, _, values, _ in made]
    assert len(set(ids)) == len(ids)


def test_chunks_refer_to_the_screenshots_of_the_file() -> None:
    content = text(9)
    screenshots = set(re.findall(r"INTO screenshots .*\nVALUES \('([0-9a-f-]{36})'", content))
    arrays = [re.findall(r"'([0-9a-f-]{36})'", array) for array in re.findall(r"ARRAY\[(.*?)\]::uuid\[\]", content)]
    assert len(screenshots) == 5
    assert len(arrays) == 9
    assert {len(array) for array in arrays} == {1, 2}
    assert set().union(*arrays) == screenshots


def test_vectors_have_length_one_and_are_written_without_blanks() -> None:
    vectors = re.findall(r"'\[(.*?)\]'::vector", text(50))
    assert len(vectors) == 50
    for vector in vectors:
        components = [float(part) for part in vector.split(",")]
        assert " " not in vector
        assert len(components) == 3
        assert sum(x * x for x in components) == pytest.approx(1.0)


def test_text_has_apostrophes_doubled_and_other_letters() -> None:
    content = text(50)
    assert "keeper''s eldest daughter" in content
    assert not content.isascii()
    assert content.count("'") % 2 == 0


def test_the_same_arguments_make_the_same_bytes() -> None:
    assert text(300) == text(300)
    assert text(300) != text(300, seed=2)


def test_books_of_two_seeds_are_of_one_model() -> None:
    first, second = (Embeddings(256, seed, Shape()).batch(200).astype(float) for seed in (1, 2))
    found = compare_directions(first, second, ["b"] * 200)
    assert found.structured
    assert not found.foreign
    assert found.cosine > 0.5


def test_two_seeds_share_the_embedding_config_and_nothing_else() -> None:
    first, second = (set(re.findall(r"VALUES \('([0-9a-f-]{36})'", text(20, seed=seed))) for seed in (1, 2))
    assert len(first & second) == 1


def test_shares_chunks_among_books_and_counts_each_from_one() -> None:
    made = [values for table, _, values, _ in INSERT.findall(text(5, books=2)) if table == "chunks"]
    sequences = [re.search(r"::uuid\[\], (\d+), ", values) for values in made]
    assert [int(match[1]) for match in sequences if match] == [1, 2, 3, 1, 2]
    assert len({values.split(", ")[1] for values in made}) == 2


def test_the_old_exporter_has_its_three_faults() -> None:
    content = text(2, old=True)
    columns = {table: columns.split(", ") for table, columns, _, _ in INSERT.findall(content)}
    assert "metadata" in columns["books"]
    assert "book_metadata" not in columns["books"]
    assert not {"vision_prompt_tokens", "vision_completion_tokens", "extraction_timestamp"} & set(columns["chunks"])
    assert "vision_model" in columns["chunks"]
    assert len(re.findall(r"'\{[^']*\}'::vector", content)) == 2


def test_a_chunk_of_1536_numbers_takes_some_25_kb(tmp_path: Path) -> None:
    size = write(Request(20), tmp_path / "sub" / "20.sql")
    assert size == (tmp_path / "sub" / "20.sql").stat().st_size
    assert 23_000 < size / 20 < 27_000
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["20.sql"]


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    out = tmp_path / "a.sql"
    command = [sys.executable, "-m", "benchmarks.export", "--chunks", "2", "--dims", "3", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{out}: 2 chunks, 0.0 MB\n"
    assert out.read_text("utf-8") == text(2)


@pytest.mark.parametrize("decimals", [8, 12])
def test_numbers_are_written_as_python_prints_them(decimals: int) -> None:
    rng = np.random.default_rng(5)
    tiny = rng.uniform(-1e-4, 1e-4, 500)
    special = np.array([0.5, -0.125, 1.0, -1.0, 1e-4, -9.9e-05, 0.1, -0.12, 0.123])
    values = np.concatenate([rng.uniform(-1, 1, 2000), tiny, special])
    expected = [repr(round(value, decimals)) for value in values.tolist() if round(value, decimals)]
    written = DecimalText(decimals).rows(values.reshape(1, -1))[0].decode().split(",")
    assert [number for number in written if number != "0.0"] == expected


def test_zero_is_written_without_a_sign() -> None:
    assert DecimalText(12).rows(np.array([[0.0, -0.0, 1e-14, -1e-14]])) == [b"0.0,0.0,0.0,0.0"]


def test_other_numbers_of_decimals_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^decimals is 10, must be 8 or 12$"):
        DecimalText(10)


def test_the_cosines_are_those_of_the_shape() -> None:
    vectors = Embeddings(1536, 7, Shape(mean_cosine=0.3, cluster_cosine=0.6, clusters=64, run=10)).batch(400)
    cosines = vectors @ vectors.T
    runs = np.arange(400) // 10
    same = (runs[:, None] == runs) & ~np.eye(400, dtype=bool)
    assert cosines[same].mean() == pytest.approx(0.6, abs=0.03)
    assert cosines[runs[:, None] != runs].mean() == pytest.approx(0.3, abs=0.03)
