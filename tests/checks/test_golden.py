"""Golden queries: recorded from one database into a small file, demanded from another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.checks.golden_file import Golden, GoldenFault, GoldenFile, agreement, kendall, read, render, write
from minerva_promote.search.recall import Answer
from tests.conftest import Ran
from tests.run.conftest import Shop

CONFIG = "3f0e8f7a-0000-4000-8000-000000000001"
BOOK = "3f0e8f7a-0000-4000-8000-000000000002"
ROWS = f"""
insert into embedding_configs (id, model_name, model_version, dimensions, is_active, created_at)
values ('{CONFIG}', 'text-embedding-3-small', '1', 3, true, now());
insert into books (id, title, author, ingestion_status, created_at, updated_at)
values ('{BOOK}', 'Knots', 'A', 'completed', now(), now());
insert into chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id,
                    embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp,
                    created_at)
select md5(n::text)::uuid, '{BOOK}', '{{}}', n, 'text', 1, '{CONFIG}',
       array[sin(n), cos(n * 7), sin(n * n)]::vector, 'm', 0, 0, now(), now() from generate_series(1, 60) n;
"""
CHECK = """
  - name: search_golden
    stage: monitor
    probe: golden
    template: vector_search.sql.j2
    params: {table: chunks, column: embedding, limit: 10}
    expect: {recall_at_k: {min: 1}, rank_agreement: {min: 0.99}, p95_ms: {max: 5000}, missing: {max: 0}}
"""
FILE = GoldenFile(
    k=2,
    queries=(Golden((0.1, 0.2), (("a", 0.0), ("b", 0.25))), Golden((1.0, 0.0), (("b", 0.5),))),
    models=("small 1 (2)",),
    environment="local",
    table="chunks",
    rows=2,
    recorded_at="2026-01-02T03:04:05Z",
)


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A shop with 60 chunks, a golden check, and no index that was built when the table was empty."""
    shop.database.execute(ROWS, "drop index idx_chunks_embedding_ivfflat")
    shop.add_check(CHECK)
    return shop


def recorded(shop: Shop, *more: str) -> Ran:
    return shop.promote("golden", "record", "--env", "test-prod", *more)


def demanded(shop: Shop) -> tuple[Ran, dict[str, Any]]:
    ran = shop.promote("check", "--env", "test-prod", "--only", "search_golden", "--format", "json")
    (step,) = json.loads(ran.stdout)["steps"]
    return ran, step


def told(shop: Shop) -> str:
    """The sentence of an ERROR."""
    ran, step = demanded(shop)
    assert (ran.exit_code, step["outcome"]) == (1, "ERROR")
    return str(step["detail"])


def test_record_and_demand(stocked: Shop) -> None:
    ran = recorded(stocked, "--queries", "5")
    assert (ran.exit_code, ran.stderr) == (0, "")
    path = stocked.root / "golden" / "search.json"
    size = f"{path.stat().st_size / 1000:.1f} kB"
    assert [line.strip() for line in ran.stdout.splitlines()] == [
        "test-prod",
        f"golden     golden/search.json ............... ok     5 queries at k = 10 from 60 rows, {size}",
        "recorded: keep golden/search.json in the repository",
    ]
    found = json.loads(path.read_text())
    assert list(found) == [
        "version",
        "environment",
        "recorded_at",
        "table",
        "rows",
        "models",
        "dimensions",
        "k",
        "queries",
    ]
    assert (found["models"], found["rows"], found["dimensions"]) == (["text-embedding-3-small 1 (3)"], 60, 3)
    before = path.read_bytes()
    assert "it said so already" in recorded(stocked, "--queries", "5").stdout
    assert path.read_bytes() == before
    ran, step = demanded(stocked)
    values = step["data"]["values"]
    assert (ran.exit_code, step["outcome"]) == (0, "ok"), step
    assert (values["recall_at_k"], values["rank_agreement"], values["queries"], values["missing"]) == (1, 1, 5, 0)
    assert step["detail"].startswith("50 of 50 rows at k = 10, rank agreement 1.000, p95 ")
    assert " ms, 5 queries" in step["detail"]


def test_an_index_that_misses_rows_is_found_out(stocked: Shop) -> None:
    recorded(stocked)
    stocked.database.execute(
        "create index broken on chunks using ivfflat (embedding vector_cosine_ops) with (lists = 30)",
        f"alter database {stocked.database.name} set enable_seqscan = off",
    )
    ran, step = demanded(stocked)
    assert (ran.exit_code, step["outcome"]) == (1, "FAIL")
    assert step["data"]["values"]["recall_at_k"] < 0.9


def test_rows_that_are_not_there_are_named_and_not_counted(stocked: Shop) -> None:
    recorded(stocked, "--queries", "60")
    stocked.database.execute("delete from chunks where chunk_sequence <= 2")
    ran, step = demanded(stocked)
    names = sorted(str(row[0]) for row in stocked.rows("select md5(n::text)::uuid from generate_series(1, 2) n"))
    assert (ran.exit_code, step["outcome"], step["data"]["missing_rows"]) == (1, "FAIL", names)
    values = step["data"]["values"]
    assert (values["recall_at_k"], values["missing"]) == (1, 2)
    assert step["detail"].startswith("missing 2, must be <= 0 (")
    assert f"; 2 of 60 recorded rows are not there: {', '.join(names)}" in step["detail"]


def test_missing_rows_warn_where_the_check_is_silent_about_them(stocked: Shop) -> None:
    (checks,) = [path for path in (stocked.root / "checks").glob("*.yaml") if "search_golden" in path.read_text()]
    checks.write_text(checks.read_text().replace(", missing: {max: 0}", ""))
    recorded(stocked, "--queries", "60")
    stocked.database.execute("delete from chunks where chunk_sequence <= 2")
    ran, step = demanded(stocked)
    assert (ran.exit_code, step["outcome"]) == (0, "WARN")
    assert step["detail"].startswith("missing 2, must be <= 0 (")
    checks.write_text(checks.read_text().replace("min: 0.99}", "min: 0.99}, missing: {max: 2}"))
    assert demanded(stocked)[1]["outcome"] == "ok"


def test_nearer_rows_that_are_new_displace_and_are_told(stocked: Shop) -> None:
    recorded(stocked, "--queries", "3")
    stocked.database.execute(
        "alter table chunks drop constraint if exists uq_chunks_book_sequence",
        "insert into chunks select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), "
        "'chunk_sequence', c.chunk_sequence + 1000))).* from chunks c",
    )
    ran, step = demanded(stocked)
    assert (ran.exit_code, step["outcome"]) == (0, "ok"), step
    assert step["data"]["values"]["displaced"] > 0
    assert f"; {step['data']['values']['displaced']} have nearer rows before them now" in step["detail"]


def test_what_cannot_be_compared_has_its_sentence(stocked: Shop) -> None:
    assert told(stocked) == "no file golden/search.json; record it: promote golden record --env ENV"
    recorded(stocked, "--queries", "3")
    path = stocked.root / "golden" / "search.json"
    kept = path.read_text()
    at = json.loads(kept)["recorded_at"]
    path.write_text(kept.replace("small 1", "large 2"))
    assert told(stocked) == (
        "recorded with text-embedding-3-large 2 (3), the target has text-embedding-3-small 1 (3): "
        f"recorded from test-prod, {at}"
    )
    path.write_text(render(FILE))
    assert told(stocked) == (
        "recorded with vectors of 2, the target's have 3: recorded from local, 2026-01-02T03:04:05Z"
    )
    path.write_text("{}")
    assert told(stocked) == (
        "golden/search.json is no golden file (KeyError: 'version'); record it anew: promote golden record"
    )
    path.write_text(kept)
    stocked.database.execute("update chunks set id = gen_random_uuid()")
    total = len({row[0] for query in json.loads(kept)["queries"] for row in query["rows"]})
    assert told(stocked) == f"none of the {total} recorded rows is there: recorded from test-prod, {at}"
    stocked.database.execute("delete from chunks")
    assert told(stocked) == "no row to search with: there is no stored vector"
    ran = recorded(stocked)
    assert ran.exit_code == 1
    assert [line.strip() for line in ran.stdout.splitlines()[1:]] == [
        "golden     golden/search.json ............... ERROR  no row to search with: there is no stored vector",
        "nothing was recorded",
    ]


def test_given_vectors_are_recorded(stocked: Shop) -> None:
    given = stocked.copy.write("questions.json", "[[1, 0, 0], [0.5, -0.25, 1e-3]]")
    assert recorded(stocked, "--vectors", str(given), "--k", "3").exit_code == 0
    found = read(stocked.root / "golden" / "search.json", "golden/search.json")
    assert [query.vector[:2] for query in found.queries] == [(1.0, 0.0), (0.5, -0.25)]
    assert [len(query.rows) for query in found.queries] == [3, 3]
    given.write_text("[[1, 0]]")
    ran = recorded(stocked, "--vectors", str(given))
    assert "ERROR  a vector of 2 was given, the stored ones have 3" in ran.stdout
    for text, message in (
        ("[1, 2]", f"{given} is no list of vectors"),
        ("[[NaN]]", f"{given} is no list of vectors"),
        ("{", f"{given} is not JSON"),
    ):
        given.write_text(text)
        ran = recorded(stocked, "--vectors", str(given))
        assert ran.exit_code == 2
        assert message in ran.stderr


def test_what_is_recorded_is_clear(shop: Shop) -> None:
    shop.database.execute(ROWS)
    assert recorded(shop, "--k", "4").exit_code == 0  # no check declares a search: the contract's vector column
    assert read(shop.root / "golden" / "search.json", "it").k == 4
    shop.add_check(CHECK)
    ran = recorded(shop, "--k", "11")
    assert (ran.exit_code, ran.stderr.splitlines()[0]) == (
        2,
        "error: --k 11, but the search of search_golden has LIMIT 10",
    )
    shop.add_check(CHECK + CHECK.replace("search_golden", "other_golden"))
    assert "2 golden checks: other_golden, search_golden" in recorded(shop).stderr
    assert recorded(shop, "--check", "other_golden").exit_code == 0
    assert (
        'no golden check "others_golden"; did you mean "other_golden"?'
        in recorded(shop, "--check", "others_golden").stderr
    )


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "search.json"
    single = GoldenFile(**{**_fields(FILE), "queries": tuple(_single(query) for query in FILE.queries)})
    assert write(path, single)
    assert read(path, "it") == single
    assert not write(path, GoldenFile(**{**_fields(single), "recorded_at": "later"}))
    assert write(path, GoldenFile(**{**_fields(single), "rows": 3}))
    assert path.read_text() == render(read(path, "it"))


def test_twenty_queries_of_1536_are_a_small_file() -> None:
    rows = tuple((f"3f0e8f7a-0000-4000-8000-{n:012}", 0.123456) for n in range(10))
    queries = tuple(Golden((0.1234567,) * 1536, rows) for _ in range(20))
    assert len(render(GoldenFile(**{**_fields(FILE), "queries": queries}))) < 200_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "list indices must be integers or slices, not str"),
        ('{"version": 2}', "version 2, expected 1"),
        (render(FILE).replace('"dimensions": 2', '"dimensions": 3'), "its vectors are not of the length that it names"),
        (render(GoldenFile(**{**{f: getattr(FILE, f) for f in FILE.__slots__}})).replace("zc", "*c", 1), "Only base64"),
        (render(FILE).replace('"k": 2', '"k": 0'), "k is 0"),
        (render(FILE).replace('"k": 2', '"k": 2.5'), "k is 2.5"),
        (render(FILE).replace('"k": 2', '"k": 1'), "query 1: 2 rows, k is 1"),
        (render(FILE).replace('["b", 0.5]', ""), "query 2: 0 rows, k is 2"),
        (render(FILE).replace("0.25]", "NaN]"), "query 1: not all of its numbers are finite"),
        (render(FILE).replace("0.25]", "-0.25]"), "query 1: its distances fall"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "search.json"
    path.write_text(text)
    with pytest.raises(GoldenFault) as refused:
        read(path, "golden/search.json")
    assert str(refused.value).startswith(f"golden/search.json is no golden file ({reason}")


def test_agreement_counts_what_the_target_must_find() -> None:
    rows = (("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.4))
    query, there = Golden((1.0,), rows), frozenset("abcd")

    def answer(*found: tuple[str, float]) -> Answer:
        return Answer(tuple((key,) for key, _ in found), tuple(distance for _, distance in found), 0.0)

    same = agreement(query, answer(*rows), there, 4)
    assert (same.expected, same.matched, same.displaced, same.rank) == (4, 4, 0, 1.0)
    missed = agreement(query, answer(("a", 0.1), ("c", 0.3), ("d", 0.4), ("x", 0.5)), there, 4)
    assert (missed.expected, missed.matched, missed.displaced) == (4, 3, 0)
    new = agreement(query, answer(("a", 0.1), ("x", 0.15), ("b", 0.2), ("c", 0.3)), there, 4)
    assert (new.expected, new.matched, new.displaced) == (3, 3, 1)
    few = agreement(query, answer(("a", 0.1)), there, 4)
    assert (few.expected, few.matched, few.rank) == (4, 1, None)
    gone = agreement(query, answer(*rows[1:]), frozenset("bcd"), 4)
    assert (gone.expected, gone.matched) == (3, 3)


def test_kendalls_tau() -> None:
    up = [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]
    assert kendall(up) == 1.0
    assert kendall([(left, -right) for left, right in up]) == -1.0
    assert kendall([(0.1, 0.1), (0.2, 0.3), (0.3, 0.2)]) == pytest.approx(1 / 3)
    assert kendall([(0.1, 0.1), (0.1, 0.2)]) is None
    assert kendall([]) is None


def _fields(golden: GoldenFile) -> dict[str, Any]:
    return {name: getattr(golden, name) for name in GoldenFile.__slots__}


def _single(query: Golden) -> Golden:
    import numpy as np

    return Golden(tuple(np.array(query.vector, np.float32).astype(float).tolist()), query.rows)
