"""`promote index` on a real server: verdicts, advice, what --apply leaves behind."""

from __future__ import annotations

import json
import re

import pytest

from tests.index_health.support import (
    HNSW,
    IVFFLAT,
    fill,
    index_report,
    make_table,
    step_lines,
    vector_index_names,
    vectors,
)
from tests.run.conftest import Shop

APPLY = "promote index --env test-prod --apply"
SHORT = [
    "warn: short-answer: at ivfflat.probes = 1 a search finds as few as N of 10 rows",
    "help: SET ivfflat.iterative_scan = relaxed_order: a search goes on until it has enough",
]


def test_a_freshly_migrated_database_says_that_there_is_nothing_to_measure_yet(shop: Shop) -> None:
    text = index_report(shop)
    assert step_lines(text, "index") == [
        "index idx_chunks_embedding_ivfflat WARN empty: no row has a vector: nothing to measure",
        "look again when the rows are there",
    ]
    assert text.splitlines()[-1] == (
        "nothing to measure yet: look again when the rows are there; nothing was changed\n".strip()
    )


def test_built_empty_then_rebuilt(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(100))
    fill(shop, 1000)
    text = index_report(shop, exit_code=1)
    (index, advice, *short) = step_lines(text, "index")
    assert (index, advice) == (
        "index notes_e FAIL built empty: 0 rows when it was built, 1,000 now: its 100 lists are random;"
        " recall@10 R (must be >= 0.95), p95 N ms at ivfflat.probes = 1",
        f"rebuild it with lists = 10: {APPLY}",
    )
    assert short in ([], SHORT)  # as the lists are random, some of them may hold enough
    assert step_lines(text, "made", "cost") == [
        "made notes.embedding ok ivfflat (lists = 100), vector_cosine_ops, 1,000 rows,"
        " 0 at build by their transactions, SIZE",
        "cost looking ok N queries, read-only",
    ]
    assert text.startswith("test-prod   targets recall@10 >= 0.95, p95 <= N ms\n")
    assert text.endswith(f"1 of 1 not healthy; {APPLY} mends it; nothing was changed\n")
    before = vector_index_names(shop)
    text = index_report(shop, "--apply")
    assert (before, vector_index_names(shop)) == ([("notes_e", True, "lists=100")], [("notes_e", True, "lists=10")])
    assert step_lines(text, "build", "made") == [
        "build notes_e ok was built empty; built over 1,000 rows: rebuild it with lists = 10",
        "made notes.embedding ok ivfflat (lists = 10), vector_cosine_ops, 1,000 rows, 1,000 at build, SIZE",
    ]
    assert re.search(r"applied: (1 change|2 changes); healthy: 1 vector index\n$", text)  # the second is a setting
    assert index_report(shop, "--apply").endswith("nothing was changed; healthy: 1 vector index\n")


def test_stale_is_rebuilt_with_the_same_lists_by_reindex(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 400, groups=2, seed=2)
    shop.database.execute(IVFFLAT.format(20), "comment on index notes_e is 'of the test'")
    fill(shop, 3000, groups=200, seed=3)
    (line, hint, *_) = step_lines(index_report(shop, exit_code=1), "index")
    assert line.startswith(
        "index notes_e FAIL stale: 400 rows when it was built, 3,400 now; recall@10 R (must be >= 0.95)"
    )
    assert hint == f"rebuild it with lists = 20: {APPLY}"
    index_report(shop, "--apply")
    assert vector_index_names(shop) == [("notes_e", True, "lists=20")]
    assert shop.rows("select obj_description('notes_e'::regclass)") == [("of the test",)]
    assert shop.rows("select index_name, rows from promote.vector_indexes where index_name = 'notes_e'") == [
        ("notes_e", 3400)
    ]


def test_a_setting_is_made_for_the_database_and_later_sessions_have_it(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 2000, groups=200, spread=1.0)
    shop.database.execute(IVFFLAT.format(40))
    (line, hint, *_) = step_lines(index_report(shop, exit_code=1), "index")
    assert line == ("index notes_e FAIL wrong setting: recall@10 R (must be >= 0.95), p95 N ms at ivfflat.probes = 1")
    match = re.fullmatch(rf"set ivfflat.probes = (\d+): {APPLY}", hint)
    assert match
    text = index_report(shop, "--apply")
    assert step_lines(text, "set") == [f"set ivfflat.probes ok ivfflat.probes = {match[1]} for every new session"]
    assert text.endswith("applied: 1 change; healthy: 1 vector index\n")
    assert vector_index_names(shop) == [("notes_e", True, "lists=40")]


@pytest.mark.soak
def test_a_setting_of_the_role_is_left_to_its_declaration(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 2000, groups=200, spread=1.0)
    shop.database.execute(
        IVFFLAT.format(40), f"alter role {shop.role} in database {shop.database.name} set ivfflat.probes = 1"
    )
    ran = shop.promote("index", "--env", "test-prod", "--recall", "0.95", "--format", "json")
    (step,) = [step for step in json.loads(ran.stdout)["steps"] if step["step"] == "index"]
    value = re.search(r'"(\d+)"', step["hint"])[1]  # type: ignore[index]
    assert step["hint"] == (
        f'the role sets ivfflat.probes itself: declare settings: {{ivfflat.probes: "{value}"}},'
        " then promote grants --apply"
    )
    statement = f'ALTER ROLE "{shop.role}" IN DATABASE "{shop.database.name}" SET ivfflat.probes = {value}'
    assert statement in step["data"]["statements"]
    assert index_report(shop, exit_code=1).endswith(
        "1 of 1 not healthy; none of it can be mended by --apply; nothing was changed\n"
    )


def test_hnsw_is_healthy_and_few_rows_null_vectors_and_parts_are_said(shop: Shop) -> None:
    make_table(shop, HNSW.replace("notes_e", "notes_h") + " where kind = 1")
    fill(shop, 2000)
    shop.database.execute(
        "update notes set kind = 1 where id <= 1500",
        "insert into notes (kind) select 1 from generate_series(1, 7)",
        "vacuum analyze notes",
    )
    text = index_report(shop)
    assert step_lines(text, "index") == [
        "index notes_h ok healthy: recall@10 R, p95 N ms at hnsw.ef_search = 40",
        "warn: no-vector: 7 of 1,507 rows have no vector: no search by the index finds them",
        "warn: partial-index: only rows with kind = 1 are in it: a search without that condition cannot use it",
    ]
    shop.database.execute("delete from notes where id > 3", "vacuum analyze notes")
    assert step_lines(index_report(shop), "index")[:2] == [
        "index notes_h ok exact search suffices: the planner reads all 3 rows: exact search takes N ms, p95 N ms",
        "warn: few-rows: 3 rows, fewer than 10: recall@10 is over these",
    ]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("type_", "expression", "opclass"),
    [
        ("vector(16)", "(embedding::halfvec(16))", "halfvec_cosine_ops"),
        ("vector(16)", "(binary_quantize(embedding)::bit(16))", "bit_hamming_ops"),
        ("halfvec(16)", "embedding", "halfvec_l2_ops"),
    ],
)
def test_other_types_and_expressions(shop: Shop, type_: str, expression: str, opclass: str) -> None:
    make_table(shop, f"create index notes_x on notes using hnsw ({expression} {opclass})", type_=type_)
    fill(shop, 1500)
    first, *more = step_lines(index_report(shop), "index")
    assert first == "index notes_x ok healthy: recall@10 R, p95 N ms at hnsw.ef_search = 40"
    expected = [f"warn: expression-index: it is over {expression}: a search has to order by that to use it"]
    assert more == (expected if "(" in expression else [])


@pytest.mark.soak
def test_sparse_vectors(shop: Shop) -> None:
    make_table(shop, "create index notes_s on notes using hnsw (embedding sparsevec_l2_ops)", type_="sparsevec(16)")
    shop.database.execute(
        "insert into notes (embedding) select ('{1:' || random() || ',' || 2 + n % 15 || ':' || random() || '}/16')::sparsevec"
        " from generate_series(1, 1500) n",
        "analyze notes",
    )
    assert step_lines(index_report(shop), "index") == [
        "index notes_s ok healthy: recall@10 R, p95 N ms at hnsw.ef_search = 40"
    ]


def test_two_indexes_for_one_operator(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 2000)
    shop.database.execute(HNSW, HNSW.replace("notes_e", "notes_f"))
    text = index_report(shop, exit_code=1)
    assert "index notes_f FAIL unused: the planner prefers notes_e" in step_lines(text, "index") or (
        "index notes_e FAIL unused: the planner prefers notes_f" in step_lines(text, "index")
    )
    several = (
        "notes.embedding has 2 vector indexes for <=>, notes_e, notes_f: every insert pays for each, a search uses one"
    )
    assert step_lines(text, "index").count(f"warn: several-indexes: {several}") == 2
    assert text.endswith("1 of 2 not healthy; none of it can be mended by --apply; nothing was changed\n")


def test_far_too_many_lists(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 2000, groups=200)
    shop.database.execute(IVFFLAT.format(800))
    first, hint = step_lines(index_report(shop, exit_code=1), "index")[:2]
    assert first.startswith("index notes_e FAIL wrong lists: 800 lists for 2,000 rows, usual are 10; recall@10 R (must")
    assert hint == f"rebuild it with lists = 10: {APPLY}"


def test_one_row_and_an_index_beside_it_that_has_none(shop: Shop) -> None:
    make_table(shop, HNSW)
    make_table(shop, HNSW.replace("notes", "other"), table="other")
    fill(shop, 1)
    text = index_report(shop)
    assert step_lines(text, "index")[:2] == [
        "index notes_e ok exact search suffices: the planner reads the only row: exact search takes N ms, p95 N ms",
        "warn: few-rows: 1 row, fewer than 10: recall@10 is over these",
    ]
    assert "search exact ok p50 N ms, p95 N ms, 1 search" in step_lines(text, "search")
    assert text.splitlines()[-1] == (
        "healthy: 1 vector index; 1 without rows: look again when they are there; nothing was changed"
    )


def test_a_table_that_the_import_role_may_not_read(shop: Shop) -> None:
    make_table(shop, HNSW, f"revoke select on notes from {shop.role}")
    fill(shop, 200)
    text = index_report(shop, exit_code=1)
    assert step_lines(text, "index", "made") == [
        "index notes_e ERROR not measured: this role may not read notes",
        "declare SELECT on notes for the import role, then promote grants --apply",
        "made notes.embedding ok hnsw (m = 16, ef_construction = 64), vector_cosine_ops, about 200 rows, unknown at "
        "build, SIZE",
    ]
    shop.database.execute(
        f"grant select on notes to {shop.role}", "create schema apart", "alter table notes set schema apart"
    )
    assert step_lines(index_report(shop, exit_code=1), "index")[0] == (
        "index notes_e ERROR not measured: this role may not read notes"
    )


def test_temporary_tables_are_nobody_elses_and_an_empty_view_is_told(shop: Shop) -> None:
    make_table(shop)
    shop.database.execute(
        "create materialized view seen as select * from notes with no data",
        f"grant select on seen to {shop.role}",
        HNSW.replace("notes", "seen"),
        "drop table if exists chunks cascade",
    )
    with shop.database.connect() as other:
        other.execute("create temporary table mine (embedding vector(3))")
        other.execute("create index mine_e on mine using hnsw (embedding vector_cosine_ops)")
        text = index_report(shop, exit_code=1)
    assert step_lines(text, "index") == [
        'index seen_e ERROR not measured: materialized view "seen" has not been populated '
        "(Use the REFRESH MATERIALIZED VIEW command.)",
        "mend that, and look again",
        "index notes.embedding WARN no vector index, and no row has a vector",
    ]


def test_an_operator_class_that_no_declared_search_uses(shop: Shop) -> None:
    shop.database.execute(
        "drop index idx_chunks_embedding_ivfflat",
        "create index chunks_l2 on chunks using hnsw (embedding vector_l2_ops)",
    )
    _chunks(shop, 50)
    first, hint = step_lines(index_report(shop, exit_code=1), "index")
    assert first.startswith(
        "index chunks_l2 FAIL unused: vector_l2_ops answers <->, the searches use <=> (search_plan, "
    )
    assert hint == "build one for the operator of the searches, or drop it"


def _chunks(shop: Shop, count: int) -> None:
    """Chunks as an import leaves them, without importing."""
    with shop.database.connect() as conn:
        conn.execute("alter table chunks disable trigger all")
        conn.execute("set session_replication_role = replica")
        for number, vector in enumerate(vectors(count, dimensions=3), 1):
            conn.execute(
                "insert into chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count,"
                " embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens,"
                " extraction_timestamp, created_at) values (gen_random_uuid(), '11111111-1111-4111-8111-111111111111',"
                " '{}', %s, 't', 1, '33333333-3333-4333-8333-333333333333', %s, 'v', 1, 1, now(), now())",
                [number, vector],
            )
        conn.execute("analyze chunks")


def test_no_index_no_rows_and_no_column(shop: Shop) -> None:
    make_table(shop)
    assert step_lines(index_report(shop), "index") == [
        "index notes.embedding WARN no vector index, and no row has a vector"
    ]
    fill(shop, 300)
    text = index_report(shop)
    assert step_lines(text, "index") == [
        "index notes.embedding ok no vector index; exact search of 300 rows takes N ms, p95 N ms: it suffices"
    ]
    assert text.endswith("exact search suffices; nothing was changed\n")
    assert step_lines(index_report(shop, "--latency", "0", exit_code=1), "index") == [
        "index notes.embedding FAIL no vector index; exact search of 300 rows takes N ms, p95 N ms, must be <= 0",
        "make one in a migration, when the rows are there: an hnsw index for <=>",
    ]
    shop.database.execute("drop table notes")
    text = index_report(shop, exit_code=1)
    assert step_lines(text, "index") == [
        "index database ERROR no table has a column of vectors: there is nothing to look at",
        "declare one in a migration",
    ]
    assert text.endswith("nothing was looked at; nothing was changed\n")


def test_an_invalid_index_is_rebuilt_and_leftovers_are_dropped(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 1500)
    shop.database.execute(
        HNSW,
        HNSW.replace("notes_e", "notes_e_ccnew"),
        "update pg_index set indisvalid = false where indexrelid in ('notes_e'::regclass, 'notes_e_ccnew'::regclass)",
    )
    text = index_report(shop, exit_code=1)
    assert step_lines(text, "index") == [
        "index notes_e FAIL invalid: its build failed or was interrupted: no search uses it, every insert pays for it",
        f"rebuild it: {APPLY}",
        *[line for line in step_lines(text, "index") if "several" in line][:1],
        "index notes_e_ccnew FAIL invalid: left behind by an interrupted build:"
        " no search uses it, every insert pays for it",
        f"drop it: {APPLY}",
        *[line for line in step_lines(text, "index") if "several" in line][:1],
    ]
    text = index_report(shop, "--apply")
    assert step_lines(text, "mend") == [
        "mend vector indexes ok notes_e_ccnew: left behind by an interrupted build, dropped"
    ]
    assert vector_index_names(shop) == [("notes_e", True, "")]


def test_an_index_that_was_complete_takes_its_place(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(100))
    fill(shop, 1000)
    (oid,) = shop.rows("select 'notes_e'::regclass::oid")[0]
    shop.database.execute(IVFFLAT.format(10).replace("notes_e", f"promote_new_{oid}"))
    text = index_report(shop, "--apply")
    assert step_lines(text, "mend") == [
        "mend vector indexes ok notes_e: what an interrupted build had completed took its place"
    ]
    assert vector_index_names(shop) == [("notes_e", True, "lists=10")]


def test_bad_words(shop: Shop) -> None:
    ran = shop.promote("index", "--env", "nowhere")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert 'unknown environment "nowhere"' in ran.stderr
    ran = shop.promote("index", "--env", "test-prod", "--timeout", "soon")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == (
        'error: --timeout "soon" is no duration\n  a number and a unit: 500ms, 30s, 10min, 2h; or 0 for no limit\n'
    )


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_latency_that_is_no_number(shop: Shop, value: str) -> None:
    ran = shop.promote("index", "--env", "test-prod", "--latency", value, "--apply")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"error: --latency {value} is no number that a search could reach\n  --recall 0.95 --latency 200\n"
    )


def test_vectors_that_are_all_alike_are_not_rebuilt_for_ever(shop: Shop) -> None:
    make_table(
        shop, "insert into notes (embedding) select array_fill(1, array[16])::vector from generate_series(1, 3000)"
    )
    shop.database.execute(IVFFLAT.format(10), "analyze notes")
    text = index_report(shop, "--apply", "--latency", "0.01", exit_code=1)
    builds = step_lines(text, "build")
    assert [line.partition(":")[2].strip() for line in builds[:2]] == [
        "rebuild it with lists = 10",
        "replace it by hnsw m = 16, ef_construction = 128",
    ]


def test_a_protected_environment_asks(shop: Shop) -> None:
    shop.environment(protected=True)
    ran = shop.promote("index", "--env", "test-prod", "--apply")
    assert ran.exit_code == 2
    assert "test-prod is protected, and nobody is there to ask" in ran.stderr


def test_a_database_that_is_not_set_up(shop: Shop) -> None:
    shop.database.execute(
        "drop schema public cascade", "create schema public", f"grant usage on schema public to {shop.role}"
    )
    assert step_lines(index_report(shop, exit_code=1), "index") == [
        "index database FAIL the database has no extension vector: it is not set up",
        "promote setup --env test-prod",
    ]


@pytest.mark.soak
def test_better_indexes_are_built_until_none_is_left(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(5))
    fill(shop, 2000)
    text = index_report(shop, "--apply", "--latency", "0.0001", exit_code=1)
    assert step_lines(text, "build") == [
        "build notes_e ok was built empty; built over 2,000 rows: rebuild it with lists = 5",
        "build notes_e ok was misses its targets; built over 2,000 rows: replace it by hnsw m = 16, ef_construction = 128",
    ]  # a bigger graph would find more, and enough is found: it would be no faster
    assert vector_index_names(shop) == [("notes_e", True, "m=16,ef_construction=128")]
    line, hint = step_lines(text, "index")
    assert line.startswith(
        "index notes_e FAIL misses its targets: at every setting that was tried; recall@10 R, p95 N ms"
    )
    assert hint == "lower the targets, or search fewer rows"
    assert text.endswith("applied: 2 changes; 1 of 1 not healthy; none of it can be mended by --apply\n")


def test_time_that_is_over_is_said(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(10))
    fill(shop, 10_000)  # so many are not read in a millisecond
    assert re.fullmatch(
        r"index notes_e ERROR not measured: .*timeout of N ms was over (before|after) .*give it more time: --timeout 10min",
        " ".join(step_lines(index_report(shop, "--timeout", "1 ms", exit_code=1), "index")),
    )


def test_looking_changes_nothing(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(100))
    fill(shop, 500)
    state = "select (select string_agg(xmin::text || relname, ',' order by oid) from pg_class where relnamespace = 'public'::regnamespace),"
    state += " (select count(*) from pg_class where relnamespace = 'promote'::regnamespace)"
    before = shop.rows(state)
    index_report(shop, exit_code=1)
    assert shop.rows(state) == before
