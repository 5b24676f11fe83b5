"""The search benchmark: where its vectors come from, its COPY rows, its table and its picture."""

from __future__ import annotations

import uuid
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from benchmarks.search import Answers, Record, _points, record, report
from benchmarks.search_data import Generator, Mixture, chunk_rows, copy_head, copy_tail, mixture_for
from benchmarks.search_plot import Point, goals, plot
from tests import servers

SMALL = replace(Mixture(), dimensions=256, clusters=40, intrinsic=16)


def test_the_mixture_is_what_it_says() -> None:
    generator = Generator(SMALL, 1, "rows")
    vectors = generator.batch(3000)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors.T
    near = np.argmax(vectors @ generator.centres.T, axis=1)
    same = near[:, None] == near[None, :]
    np.fill_diagonal(cosines, np.nan)
    assert abs(np.nanmean(cosines[~same]) - 0.2) < 0.05
    assert abs(np.nanmean(cosines[same]) - 0.5) < 0.05
    sizes = np.sort(np.bincount(near, minlength=40))[::-1]
    assert 1.3 < sizes[0] / sizes[1] < 3  # the largest is twice the next
    assert 2.5 < sizes[0] / sizes[4] < 10


def test_queries_are_of_the_same_clusters_and_no_rows() -> None:
    rows, queries = (Generator(SMALL, 1, stream).batch(200) for stream in ("rows", "queries"))
    nearest = (queries @ rows.T).max(1)
    assert 0.5 < nearest.mean() < 0.95
    assert nearest.max() < 0.999
    assert (Generator(SMALL, 1, "rows").batch(200) == rows).all()
    assert mixture_for(16).intrinsic == 8


def test_rows_are_read_by_the_server(database: servers.Database) -> None:
    database.execute(
        "create extension vector",
        "create table chunks (id uuid, book_id uuid, screenshot_ids uuid[], chunk_sequence int, chunk_text varchar,"
        " chunk_token_count int, embedding_config_id uuid, embedding vector(3), vision_model varchar,"
        " created_at timestamp)",
    )
    book, config = uuid.UUID(int=1 << 124), uuid.UUID(int=2 << 124)
    vectors = np.array([[1, 2, 3], [0.5, 0, -1]], np.float32)
    with database.connect() as connection:
        with connection.cursor().copy("copy chunks from stdin (format binary)") as sink:
            sink.write(copy_head() + b"".join(chunk_rows(vectors, 7, book, config)) + copy_tail())
        found = connection.execute(
            "select book_id, embedding_config_id, chunk_sequence, embedding::text, cardinality(screenshot_ids),"
            " vision_model, created_at::date::text from chunks order by chunk_sequence"
        ).fetchall()
    assert found == [
        (book, config, 7, "[1,2,3]", 0, "gpt-4o-mini", "2025-12-25"),
        (book, config, 8, "[0.5,0,-1]", 0, "gpt-4o-mini", "2025-12-25"),
    ]


ids = [uuid.UUID(int=number) for number in range(20)]
EXACT = Answers((tuple(ids[:10]), tuple(ids[10:])), (0.2, 0.4))


def test_recall_and_percentiles() -> None:
    half = Answers((tuple(ids[5:15]), tuple(ids[10:])), (0.002, 0.004))
    assert record("applied", 100, half, EXACT, "idx", 1.26, "said") == Record(
        "applied", 100, 2, 2.0, 4.0, 0.75, "idx", 1.3, "said"
    )
    none = Answers(((), ()), (0.002, 0.004))
    assert record("shipped", 100, none, EXACT, "idx", 0, "").recall == 0


RECORDS = [
    Record("exact", 1000, 60, 5.0, 8.0, 1.0, "sequential scan", 0.0, "index scans switched off"),
    Record("applied", 1000, 60, 0.5, 1.0, 0.975, "idx_chunks_embedding", 2.5, "healthy"),
]


def test_the_report() -> None:
    text = report(RECORDS, SMALL, {"cores": "2", "postgresql": "18.4"})
    assert text.splitlines() == [
        "cores 2, postgresql 18.4",
        "",
        "40 clusters on the unit sphere of 256 dimensions, sizes ~ rank^-1;",
        "mean cosine 0.2 between clusters and 0.5 within one; the members of a cluster differ in 16 directions",
        "with variances ~ rank^-0.5, and 5 % of the squared length is noise in all directions",
        "",
        "                                     p50 ms  p95 ms  recall@10  times exact  made in s              plan",
        "-----------------------------------  ------  ------  ---------  -----------  ---------  ----------------",
        "1,000 chunks, exact                     5.0     8.0      1.000          1.0        0.0  table read whole",
        "1,000 chunks, promote index --apply     0.5     1.0      0.975          8.0        2.5             index",
        "exact: index scans switched off",
        "promote index --apply: healthy",
    ]


def test_goals_are_those_of_the_largest_size() -> None:
    assert goals(_points(RECORDS)) == ""
    points = [Point("exact", 100_000, 900.0, 1.0), Point("applied", 100_000, 50.0, 0.96)]
    assert goals(points).splitlines() == [
        "ok     100,000 chunks after promote index --apply: recall@10 is 0.960, at least 0.95",
        "MISSED 100,000 chunks after promote index --apply: p95 is 18 times as fast as exact search, at least 20",
        "ok     100,000 chunks after promote index --apply: p95 is 50.0 ms, less than 200",
    ]


def test_the_picture_is_an_svg_with_a_marker_for_each_figure() -> None:
    picture = plot(_points(RECORDS), {"applied": "promote index --apply", "exact": "exact"}, "2 cores <& more>")
    root = ElementTree.fromstring(picture)
    name = "{http://www.w3.org/2000/svg}"
    said = [title.text for circle in root.iter(f"{name}circle") for title in circle.iter(f"{name}title")]
    assert said == [
        "promote index --apply, 1,000 chunks: recall 0.97, p95 1.0 ms",
        "exact, 1,000 chunks: recall 1.00, p95 8.0 ms",
    ]
    assert "2 cores <& more>" in [text.text for text in root.iter(f"{name}text")]
    assert picture == plot(_points(RECORDS), {"applied": "promote index --apply", "exact": "exact"}, "2 cores <& more>")
