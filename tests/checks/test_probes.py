"""Probes measure a real search on a real server; where there is nothing to measure they never pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.database.connection import Connection
from minerva_promote.results import Outcome, StepResult
from minerva_promote.search.search_runner import percentile
from tests.checks.conftest import FACTS, Check

Search = Callable[..., StepResult]
INDEX = "create index chunks_embedding on chunks using {} (embedding vector_{}_ops)"
HINT = "promote check --env test-prod --only extra"


def cheap(found: StepResult) -> str:
    """The sentence without what measuring cost, which is said when it is worth it."""
    return re.sub(r", \d+\.\d s$", "", found.detail)


@pytest.fixture
def search(folder: Path, check: Check) -> Search:
    """The result of one probe of a search that is given as SQL."""

    def run(probe: str, sql: str | None = None, more: str = "", **options: Any) -> StepResult:
        shipped = (folder / "templates" / "vector_search.sql.j2").read_text()
        (folder / "templates" / "mine.sql.j2").write_text(sql or shipped)
        expect = "{index_usable: {equals: 1}}\n    warn: {index_chosen: {equals: 1}}"
        (folder / "checks" / "extra.yaml").write_text(
            f"checks:\n  - name: extra\n    probe: {probe}\n    template: mine.sql.j2\n    stage: after_commit\n"
            "    params: {table: chunks, root: book_id, column: embedding, limit: 2}\n"
            f"    expect: {expect if probe == 'plan' else '{p95_ms: {max: 5000}}'}\n    {more}\n"
        )
        (result,) = check("extra", **options)
        return result

    return run


@pytest.fixture
def index(connection: Connection) -> Callable[..., None]:
    """Makes the vector index anew."""

    def make(method: str | None, operator: str = "cosine") -> None:
        connection.execute("drop index if exists chunks_embedding")
        connection.execute("alter table chunks alter column embedding type vector(3)")
        if method:
            connection.execute(INDEX.format(method, operator).encode())

    return make


def test_latency(search: Search) -> None:
    found = search("latency", facts=FACTS)
    assert found.outcome is Outcome.OK
    values = found.data["values"]
    assert list(values) == [
        *("p50_ms", "p95_ms", "p99_ms", "max_ms", "first_ms", "samples", "rows", "rows_missing", "concurrency"),
        "per_second",
    ]
    assert 0 < values["p50_ms"] <= values["p95_ms"] <= values["p99_ms"] <= values["max_ms"]
    assert (values["samples"], values["rows"], found.data["vectors"]) == (30, 2, 3)
    assert cheap(found) == (
        f"p50 {values['p50_ms']:.1f} ms, p95 {values['p95_ms']:.1f} ms, first {values['first_ms']:.1f} ms, "
        "30 searches with 3 vectors"
    )
    assert found.seconds > 0


def test_latency_that_is_too_long(search: Search) -> None:
    found = search("latency", "select pg_sleep(0.003), {{ query }}", "samples: 3", facts=FACTS)
    assert found.outcome is Outcome.OK
    found = search("latency", "select pg_sleep(0.003), {{ query }}", "samples: 3\n    warn: {p50_ms: {max: 2}}")
    assert found.outcome is Outcome.WARN
    assert found.detail.startswith(f"p50_ms {found.data['values']['p50_ms']:.6g}, must be <= 2 (p50 ")
    assert found.hint == HINT


def test_all_searches_together_keep_to_the_timeout(search: Search) -> None:
    found = search("latency", "select pg_sleep(0.05), {{ query }}", "samples: 200\n    timeout: 400ms")
    assert found.outcome is Outcome.ERROR
    assert found.detail.startswith("its timeout of 400ms was over after ")
    assert found.detail.endswith(" of 200 searches")
    assert 0.3 < found.seconds < 3


@pytest.mark.parametrize("probe", ["latency", "plan"])
def test_an_empty_table_is_an_error(search: Search, connection: Connection, probe: str) -> None:
    connection.execute("update chunks set embedding = null")
    found = search(probe)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "no row to search with: there is no stored vector")


def test_a_search_that_finds_nothing_is_an_error(search: Search) -> None:
    found = search("latency", "select id from chunks where false order by embedding <=> {{ query }} limit 1")
    assert found.outcome is Outcome.ERROR
    assert found.detail == "a search for a stored vector found no row; the search or its index is broken"


@pytest.mark.parametrize("probe", ["latency", "plan"])
def test_a_search_that_fails_is_an_error(search: Search, probe: str) -> None:
    found = search(probe, "select id from chunks order by embeddings <=> {{ query }} limit 1")
    assert found.outcome is Outcome.ERROR
    assert found.detail.startswith('column "embeddings" does not exist')


@pytest.mark.parametrize("method", ["ivfflat", "hnsw"])
def test_an_index_that_fits_is_usable(search: Search, index: Callable[..., None], method: str) -> None:
    index(method)
    found = search("plan")
    assert found.data["values"]["index_usable"] == 1
    assert (found.data["index"], found.data["indexes"][0]["method"]) == ("chunks_embedding", method)
    assert found.data["order_by"] == "ORDER BY (chunks.embedding <=> '[…]'::vector)"
    assert found.outcome in (Outcome.OK, Outcome.WARN)


def test_a_small_table_is_read_whole_and_warned_of(search: Search, index: Callable[..., None]) -> None:
    index("ivfflat")
    found = search("plan")
    assert found.outcome is Outcome.WARN
    assert found.data["values"] == {"index_usable": 1, "index_chosen": 0, "operator_matches": 1, "pages_share": 0.0}
    assert cheap(found) == (
        "index_chosen 0, must be 1 (chunks_embedding is usable; the planner prefers another plan, as for a small table)"
    )


@pytest.mark.soak
def test_a_large_table_uses_its_index(
    search: Search, index: Callable[..., None], connection: Connection, check: Check
) -> None:
    connection.execute(
        "insert into chunks (book_id, screenshot_ids, chunk_sequence, chunk_text, embedding_config_id, embedding) "
        "select book_id, '{}', n, 'text', embedding_config_id, array[sin(n), cos(n * 7), sin(n * n)]::vector "
        "from (select * from chunks limit 1) c, generate_series(4, 2000) n"
    )
    index(None)
    connection.execute(INDEX.format("ivfflat", "cosine").encode() + b" with (lists = 20)")
    connection.execute("analyze chunks")
    found = search("plan")
    values = found.data["values"]
    assert found.outcome is Outcome.OK
    assert (values["index_usable"], values["index_chosen"], values["operator_matches"]) == (1, 1, 1)
    assert 0 < values["pages_share"] < 0.2
    touched, pages = found.data["pages_touched"], found.data["indexes"][0]["pages"]
    order = "ORDER BY (chunks.embedding <=> '[…]'::vector)"
    assert cheap(found) == f"chunks_embedding for {order}, {touched} of its {pages} pages touched"
    shipped = {result.name: result for result in check(stage="after_commit", facts=FACTS)}
    assert shipped["search_plan"].outcome is shipped["search_latency"].outcome is Outcome.OK
    assert shipped["search_latency"].data["values"]["samples"] == 50


@pytest.mark.parametrize(
    "order",
    [
        "1 - (embedding <=> {{ query }}) desc",
        "embedding <-> {{ query }}",
        "embedding <=> {{ query }} desc",
        "(embedding <=> {{ query }}) + 0",
    ],
)
@pytest.mark.parametrize("method", ["ivfflat", "hnsw"])
def test_a_search_of_the_wrong_shape_fails(search: Search, index: Callable[..., None], method: str, order: str) -> None:
    index(method)
    found = search("plan", f"select id from chunks order by {order} limit 2")
    values = found.data["values"]
    assert (found.outcome, values["index_usable"], values["index_chosen"]) == (Outcome.FAIL, 0, 0)
    assert values["operator_matches"] == ("<=>" in order)
    assert found.detail.startswith("index_usable 0, must be 1 (ORDER BY ")
    assert cheap(found).endswith(" cannot use chunks_embedding (vector_cosine_ops))")


def test_an_index_of_another_operator_or_none_fails(search: Search, index: Callable[..., None]) -> None:
    index("hnsw", "l2")
    assert cheap(search("plan")).endswith(" cannot use chunks_embedding (vector_l2_ops))")
    index(None)
    found = search("plan")
    assert found.outcome is Outcome.FAIL
    assert "(no ivfflat or hnsw index on the searched tables, for ORDER BY " in found.detail


def test_the_planner_settings_are_as_before(search: Search, index: Callable[..., None], connection: Connection) -> None:
    index("hnsw")
    connection.execute("begin")
    search("plan")
    state = connection.execute("select current_setting('enable_seqscan'), current_setting('enable_sort')").fetchone()
    assert state == ("on", "on")


def test_percentiles_are_of_the_nearest_rank() -> None:
    times = [float(number) for number in range(1, 31)]
    assert [percentile(times, share) for share in (0.5, 0.95, 0.99)] == [15.0, 29.0, 30.0]
    assert percentile([7.0], 0.5) == 7.0
