"""Probes with settings, query vectors of their own and several sessions; recall against exact search."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.database.connection import Connection
from minerva_promote.errors import ConfigErrors
from minerva_promote.results import Outcome, StepResult
from tests import yamlfile
from tests.checks.conftest import BOOK, FACTS, Check
from tests.servers import Database

Probe = Callable[..., StepResult]
MANY = (
    "insert into chunks (book_id, screenshot_ids, chunk_sequence, chunk_text, embedding_config_id, embedding) "
    "select book_id, '{}', n, 'text', embedding_config_id, array[sin(n), cos(n * 7), sin(n * n)]::vector "
    "from (select * from chunks limit 1) c, generate_series(4, 2000) n"
)
RECALL = {"expect": {"recall_at_k": {"min": 0.99}}}
LATENCY = {"expect": {"rows_missing": {"max": 0}}}


@pytest.fixture
def probe(folder: Path, check: Check) -> Probe:
    """The result of one probe of the shipped search, with these keys."""

    def run(kind: str, *, limit: int = 10, params: dict[str, Any] | None = None, **keys: Any) -> StepResult:
        asked = {option: keys.pop(option) for option in ("facts", "env") if option in keys}
        entry = {
            "name": "extra",
            "stage": "after_commit",
            "probe": kind,
            "template": "vector_search.sql.j2",
            "params": {"table": "chunks", "root": "book_id", "column": "embedding", "limit": limit, **(params or {})},
            **keys,
        }
        yamlfile.write(folder / "checks" / "extra.yaml", {"checks": [entry]})
        (result,) = check("extra", **asked)
        return result

    return run


def _without_cost(found: StepResult) -> str:
    return re.sub(r", \d+\.\d s$", "", found.detail)


@pytest.fixture
def lists(connection: Connection) -> Connection:
    """2,000 chunks whose ivfflat index has 40 lists."""
    connection.execute("drop index chunks_embedding")
    connection.execute("alter table chunks alter column embedding type vector(3)")
    connection.execute(MANY.encode())
    connection.execute("create index lists on chunks using ivfflat (embedding vector_cosine_ops) with (lists = 40)")
    connection.execute("analyze chunks")
    return connection


def test_recall_of_a_table_that_is_read_whole_is_one(probe: Probe) -> None:
    found = probe("recall", **RECALL)
    values = found.data["values"]
    assert found.outcome is Outcome.OK
    assert (values["recall_at_k"], values["low"], values["high"], values["k"], values["queries"]) == (1, 1, 1, 6, 6)
    assert _without_cost(found) == (
        f"1 at k = 6 (k is 10, exact search finds 6 rows): every row is read, {values['exact_ms']:.1f} ms"
    )


def test_recall_rises_with_the_settings(probe: Probe, lists: Connection) -> None:
    few = probe("recall", **RECALL)
    values = few.data["values"]
    assert few.outcome is Outcome.FAIL
    assert 0 < values["low"] < values["recall_at_k"] < values["high"] < 1
    assert _without_cost(few) == (
        f"recall_at_k {values['recall_at_k']:.6g}, must be >= 0.99 ({values['recall_at_k']:.3f} at k = 10, "
        f"95 % interval {values['low']:.3f} to {values['high']:.3f}; lists {values['p50_ms']:.1f} ms, "
        f"exact {values['exact_ms']:.1f} ms, 30 queries)"
    )
    assert few.hint == "promote index --env test-prod"
    every = probe("recall", search={"ivfflat.probes": 20}, warn={"low": {"min": 0.98}}, **RECALL)
    assert (every.outcome, every.data["values"]["recall_at_k"]) == (Outcome.OK, 1)
    assert "30 queries, ivfflat.probes = 20" in every.detail


def test_recall_inside_of_an_import_sees_its_rows(probe: Probe, lists: Connection) -> None:
    lists.execute("begin")
    lists.execute("delete from chunks where chunk_sequence > 3")
    found = probe("recall", **RECALL)
    assert found.data["values"]["k"] == 6
    lists.execute("rollback")


def test_vectors_of_a_list(probe: Probe) -> None:
    found = probe("recall", vectors="list", params={"vectors": [[1, 0, 0], [0.5, -1.5, 2e-3]]}, **RECALL)
    assert (found.outcome, found.data["values"]["queries"], found.data["vectors"]) == (Outcome.OK, 2, 2)
    found = probe("latency", vectors="list", params={"vectors": [[1, 0]]}, **LATENCY)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "different vector dimensions 3 and 2")


def test_vectors_of_the_file_need_one(probe: Probe) -> None:
    found = probe("recall", vectors="file", **RECALL)
    assert (found.outcome, found.detail) == (Outcome.SKIP, "needs an export file")
    found = probe("recall", vectors="file", facts=FACTS, **RECALL)
    assert (found.outcome, found.data["values"]["queries"]) == (Outcome.OK, 3)


def test_a_file_that_is_not_there_has_no_vectors(probe: Probe, connection: Connection) -> None:
    connection.execute(f"delete from chunks where book_id = '{BOOK}'".encode())
    found = probe("recall", vectors="file", facts=FACTS, **RECALL)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "no row to search with: there is no stored vector")


def test_rows_that_an_index_leaves_out_fail(probe: Probe, lists: Connection) -> None:
    found = probe("latency", limit=200, **LATENCY)
    values = found.data["values"]
    assert (found.outcome, values["rows_missing"]) == (Outcome.FAIL, 200 - values["rows"])
    assert found.detail.startswith(f"rows_missing {values['rows_missing']}, must be <= 0 (p50 ")
    assert probe("latency", limit=200, search={"ivfflat.probes": 40}, **LATENCY).outcome is Outcome.OK


def test_fewer_rows_than_the_limit_are_no_fault_of_the_index(probe: Probe) -> None:
    found = probe("latency", **LATENCY)
    assert (found.outcome, found.data["values"]["rows"], found.data["values"]["rows_missing"]) == (Outcome.OK, 6, 0)


@pytest.fixture
def reachable(folder: Path, minerva: Database) -> None:
    """test-prod is the private database, for sessions that a probe opens itself."""
    yamlfile.change(folder / "environments" / "test-prod.yaml", url=minerva.url(), admin_url=minerva.url())


@pytest.mark.usefixtures("reachable")
def test_several_sessions_search_at_the_same_time(probe: Probe) -> None:
    found = probe("latency", samples=21, concurrency=4, warm_up=3, **LATENCY)
    values = found.data["values"]
    assert found.outcome is Outcome.OK
    assert (values["samples"], values["concurrency"]) == (21, 4)
    assert values["per_second"] > 0
    assert f"21 searches with 6 vectors in 4 sessions, {values['per_second']:,.0f} a second" in found.detail


@pytest.mark.usefixtures("reachable")
def test_inside_of_a_transaction_there_is_one_session(probe: Probe, connection: Connection) -> None:
    connection.execute("begin")
    found = probe("latency", samples=5, concurrency=4, **LATENCY)
    connection.execute("rollback")
    assert found.data["values"]["concurrency"] == 1
    assert "5 searches with 5 vectors in 1 session instead of 4: no other sees the rows before COMMIT" in found.detail


def test_sessions_that_cannot_be_opened_are_an_error(probe: Probe, folder: Path) -> None:
    nowhere = "postgresql://nobody@localhost:1/nothing"
    yamlfile.change(folder / "environments" / "test-prod.yaml", url=nowhere, admin_url=nowhere)
    found = probe("latency", samples=4, concurrency=2, **LATENCY)
    assert found.outcome is Outcome.ERROR
    assert found.detail.startswith("2 sessions at the same time: ")


def test_the_plan_without_a_fitting_operator(probe: Probe, connection: Connection) -> None:
    connection.execute("drop index chunks_embedding")
    connection.execute("alter table chunks alter column embedding type vector(3)")
    connection.execute("create index other on chunks using hnsw (embedding vector_l2_ops)")
    found = probe("plan", expect={"operator_matches": {"equals": 1}})
    assert (found.outcome, found.data["values"]["operator_matches"]) == (Outcome.FAIL, 0)
    assert found.detail.startswith("operator_matches 0, must be 1 (ORDER BY ")
    assert _without_cost(found).endswith(" cannot use other (vector_l2_ops))")


def test_an_index_that_was_built_empty_touches_most_of_itself(probe: Probe, lists: Connection) -> None:
    lists.execute("drop index lists")
    lists.execute("create table kept as select * from chunks")
    lists.execute("truncate chunks")
    lists.execute("create index empty on chunks using ivfflat (embedding vector_cosine_ops) with (lists = 1)")
    lists.execute("insert into chunks select * from kept")
    lists.execute("analyze chunks")
    lists.execute("set enable_seqscan = off")
    found = probe("plan", expect={"pages_share": {"max": 0.5}})
    assert found.outcome is Outcome.FAIL
    assert found.data["values"]["pages_share"] > 0.8


def test_keys_that_a_probe_does_not_know(folder: Path) -> None:
    head = "    template: vector_search.sql.j2\n    expect: {p95_ms: {max: 1}}\n    stage: after_commit\n"
    (folder / "checks" / "bad.yaml").write_text(
        "checks:\n"
        f"  - name: a\n    probe: latency\n{head}    k: 5\n"
        f"  - name: b\n    probe: recall\n{head}    concurrency: 2\n"
        "  - name: c\n    sql: select 1\n    expect: {max: 1}\n    search: {ivfflat.probes: 5}\n"
        f"  - name: d\n    probe: latency\n{head}    search: {{ivf.probes: 5, hnsw.ef_search: fast}}\n"
        f"  - name: e\n    probe: latency\n{head.replace('after', 'before')}    concurrency: 2\n"
        f"  - name: f\n    probe: latency\n{head}    vectors: list\n    params: {{vectors: [[1, a]]}}\n"
        f"  - name: g\n    probe: golden\n{head}    golden: ../search.json\n"
    )
    with pytest.raises(ConfigErrors) as refused:
        load_project(folder)
    known = "hnsw.ef_search, hnsw.iterative_scan, hnsw.max_scan_tuples, ivfflat.iterative_scan, ivfflat.max_probes, "
    assert [f"{error} | {error.hint}" for error in refused.value.errors] == [
        "checks/bad.yaml:7:5: checks[0].k: a latency probe has no k | it belongs to probe: recall",
        "checks/bad.yaml:13:5: checks[1].concurrency: a recall probe has no concurrency | it belongs to probe: latency",
        "checks/bad.yaml:17:5: checks[2].search: a check without a probe has no search | "
        "it belongs to probe: latency, recall, plan, golden",
        'checks/bad.yaml:23:14: checks[3].search: no search setting "ivf.probes"; did you mean "ivfflat.probes"? | '
        f"settings: {known}ivfflat.probes",
        'checks/bad.yaml:23:29: checks[3].search: hnsw.ef_search is "fast" | a whole number from 1 to 1,000',
        "checks/bad.yaml:29:18: checks[4].concurrency: before COMMIT one session alone sees the rows | "
        "measure at stage after_commit, or take concurrency out",
        "checks/bad.yaml:36:23: checks[5].params.vectors: no list of vectors | "
        "params: {vectors: [[0.1, 0.2], [0.3, 0.4]]}",
        "checks/bad.yaml:42:13: checks[6].golden: ../search.json is not a file of the project | "
        "golden: golden/search.json",
    ]


def test_recall_compares_searches_of_one_snapshot(probe: Probe, folder: Path, lists: Connection) -> None:
    (folder / "templates" / "isolated.sql.j2").write_text(
        "select id from chunks where current_setting('transaction_isolation') = 'repeatable read'"
        " order by embedding <=> {{ query }} limit 10\n"
    )
    assert probe("recall", template="isolated.sql.j2", **RECALL).data["values"]["k"] == 10
