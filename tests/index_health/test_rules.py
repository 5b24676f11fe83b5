"""The rules without a database: verdicts, advice, memory, older releases of pgvector."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from minerva_promote.index_health.advice import Step, advise
from minerva_promote.index_health.build_memory import MB, kmeans, needed, setting, vector_size
from minerva_promote.index_health.measure import Measured, SettingTrial, candidates
from minerva_promote.index_health.model import InspectedIndex
from minerva_promote.index_health.verdict import (
    Health,
    Reason,
    Search,
    Targets,
    Verdict,
    assess,
    default_lists,
    finer_lists,
    lists_off,
)
from minerva_promote.index_health.verdict_report import describe_advice, describe_health
from minerva_promote.search.pgvector_report import describe_index_limit, too_old
from minerva_promote.search.recall import Recall
from minerva_promote.search.vector_indexes import RowCounts, VectorIndex
from tests.servers import Database

NEW = (0, 8, 5)
TARGETS = Targets()


def index(method: str = "ivfflat", **changes: Any) -> VectorIndex:
    options = {"ivfflat": {"lists": 100}, "hnsw": {"m": 16, "ef_construction": 64}}[method]
    values: dict[str, Any] = dict(  # noqa: C408
        oid=7, schema="public", name="i", table="t", method=method, opclass="vector_cosine_ops",
        opclass_schema="public", expression="e", type="vector(1536)", base_type="vector", dimensions=1536,
        is_expression=False, column="e", predicate="", operator="<=>", options=options, tablespace="", valid=True, building=False,
        of_partition=False, pages=10_000, size=1, filenode=1, estimate=10_000, readable=True, comment="",
    )  # fmt: skip
    return VectorIndex(**{**values, **changes})


def trial(value: int, recall: float, p95: float = 2.0, uses: str = "i", share: float = 0.02) -> SettingTrial:
    return SettingTrial(value, p95, p95, Recall(recall, recall - 0.01, recall + 0.01, 30, 10, 10), share, uses)


def measured_index(
    now: SettingTrial, *trials: SettingTrial, rows: int = 10_000, built: int | None = 10_000, exact: float = 60.0
) -> Measured:
    counted = RowCounts(rows, 0, built, recorded=True, exact=True)
    return Measured(
        counted, "ivfflat.probes", now, "default", trials, exact_p50=exact, exact_p95=exact, queries=30, statements=9
    )


def judged(made: VectorIndex, measured: Measured, version: tuple[int, ...] = NEW, *searches: Search) -> tuple[Any, ...]:
    health = assess(made, measured, TARGETS, searches)
    advice = advise(made, health, measured, TARGETS, version)
    return health.verdict, advice.step, describe_advice(InspectedIndex(made, measured, health, advice), version)


def reason(made: VectorIndex, measured: Measured, *searches: Search) -> str:
    """Why the index has its verdict, as the report has it."""
    return describe_health(made, measured, assess(made, measured, TARGETS, searches), TARGETS)


GOOD, POOR = trial(1, 0.97), trial(1, 0.2)


@pytest.mark.parametrize(
    ("made", "measured", "expected"),
    [
        (index(), measured_index(GOOD), (Verdict.HEALTHY, Step.NOTHING, "nothing to do")),
        (index(), measured_index(POOR, built=0), (Verdict.BUILT_EMPTY, Step.REPLACE, "rebuild it with lists = 10")),
        (index(), measured_index(GOOD, built=99), (Verdict.BUILT_EMPTY, Step.REPLACE, "rebuild it with lists = 10")),
        (index(), measured_index(GOOD, built=100), (Verdict.HEALTHY, Step.NOTHING, "nothing to do")),
        (
            index(),
            measured_index(POOR, rows=100_000, built=0),
            (Verdict.BUILT_EMPTY, Step.REBUILD, "rebuild it with lists = 100"),
        ),
        (index(), measured_index(POOR, built=5_000), (Verdict.STALE, Step.REPLACE, "rebuild it with lists = 10")),
        (
            index(),
            measured_index(replace(GOOD, share=0.99, p50=67, p95=67)),
            (Verdict.STALE, Step.REPLACE, "rebuild it with lists = 10"),
        ),
        (
            index(options={"lists": 10}),
            measured_index(replace(GOOD, share=0.99, p50=67, p95=67)),
            (Verdict.MISSES, Step.REPLACE, "replace it by hnsw m = 16, ef_construction = 128"),
        ),
        (
            index(),
            measured_index(POOR, trial(2, 0.9), trial(5, 0.955), trial(10, 0.99)),
            (Verdict.WRONG_SETTING, Step.SETTING, "set ivfflat.probes = 10"),
        ),
        (
            index(),
            measured_index(POOR, trial(2, 0.9), trial(5, 0.955)),
            (Verdict.WRONG_SETTING, Step.SETTING, "set ivfflat.probes = 5"),
        ),
        (
            index(options={"lists": 1_500}),
            measured_index(POOR, trial(39, 0.99)),
            (Verdict.WRONG_LISTS, Step.REPLACE, "rebuild it with lists = 10"),
        ),
        (
            index(valid=False, building=True, name="promote_new_7"),
            measured_index(GOOD),
            (Verdict.INVALID, Step.PERSON, "wait until it is built, and look again"),
        ),
        (
            index(),
            measured_index(POOR, trial(40, 0.9)),
            (Verdict.WRONG_LISTS, Step.REPLACE, "rebuild it with lists = 10"),
        ),
        (
            index(options={"lists": 10}),
            measured_index(POOR, trial(10, 0.99, p95=900)),
            (Verdict.MISSES, Step.REPLACE, "replace it by hnsw m = 16, ef_construction = 128"),
        ),
        (
            index("hnsw"),
            measured_index(POOR),
            (Verdict.MISSES, Step.REPLACE, "rebuild it with hnsw m = 32, ef_construction = 200"),
        ),
        (
            index("hnsw"),
            measured_index(trial(40, 0.99, p95=250), exact=900),
            (Verdict.MISSES, Step.PERSON, "lower the targets, or search fewer rows"),
        ),
        (
            index("hnsw", options={"m": 32, "ef_construction": 200}),
            measured_index(POOR),
            (
                Verdict.MISSES,
                Step.PERSON,
                'do without: exact search of 10,000 rows takes 60.0 ms (p95): DROP INDEX CONCURRENTLY "public"."i"',
            ),
        ),
        (
            index(),
            measured_index(trial(1, 1.0, uses="")),
            (Verdict.EXACT, Step.NOTHING, "nothing to do as long as the table is small"),
        ),
        (
            index(),
            measured_index(trial(1, 1.0, uses=""), exact=900),
            (Verdict.UNUSED, Step.REPLACE, "replace it by hnsw m = 16, ef_construction = 128"),
        ),
        (
            index(),
            measured_index(trial(1, 1.0, uses="j")),
            (Verdict.UNUSED, Step.PERSON, 'keep one of the two: DROP INDEX CONCURRENTLY "public"."i"'),
        ),
        (index(valid=False), measured_index(GOOD), (Verdict.INVALID, Step.REBUILD, "rebuild it")),
        (index(valid=False, name="i_ccnew1"), measured_index(GOOD), (Verdict.INVALID, Step.DROP, "drop it")),
        (index(name="promote_new_7"), measured_index(GOOD), (Verdict.INVALID, Step.FINISH, "put it in its place")),
        (index(), measured_index(GOOD, rows=0), (Verdict.EMPTY, Step.NOTHING, "look again when the rows are there")),
        (
            index(of_partition=True),
            measured_index(POOR, trial(40, 0.9)),
            (
                Verdict.WRONG_LISTS,
                Step.PERSON,
                "rebuild it with lists = 10, by hand: it belongs to an index of a partitioned table",
            ),
        ),
    ],
)
def test_verdict_and_advice(made: VectorIndex, measured: Measured, expected: tuple[Any, ...]) -> None:
    assert judged(made, measured) == expected


def test_another_operator_than_the_declared_searches() -> None:
    searches = (Search("search_plan", "<->"),)
    health = assess(index(), measured_index(GOOD), TARGETS, searches)
    assert health == Health(Verdict.UNUSED, Reason.OTHER_OPERATOR, searches=searches)
    why = "vector_cosine_ops answers <=>, the searches use <-> (search_plan)"
    assert reason(index(), measured_index(GOOD), *searches) == why


def test_pgvector_older_than_hnsw() -> None:
    made, measured = index(options={"lists": 10}), measured_index(POOR, trial(10, 0.99, p95=900), exact=900)
    finer = (Verdict.MISSES, Step.REPLACE, "rebuild it with lists = 548")
    assert judged(made, measured, (0, 4, 4)) == finer
    assert judged(index(options={"lists": 548}), measured, (0, 4, 4)) == (
        Verdict.MISSES,
        Step.PERSON,
        "hnsw came with pgvector 0.5.0, this is 0.4.4: ALTER EXTENSION vector UPDATE",
    )


SLOW = measured_index(trial(40, 0.97, p95=180), trial(40, 0.97, p95=180), rows=100_000, built=100_000, exact=600)


@pytest.mark.parametrize(
    ("made", "measured", "expected"),
    [
        (index(), SLOW, (Verdict.MISSES, Step.REPLACE, "replace it by hnsw m = 16, ef_construction = 128")),
        # fast enough to stay, or to be chosen
        (index(), replace(SLOW, now=trial(40, 0.97, p95=50)), (Verdict.HEALTHY, Step.NOTHING, "nothing to do")),
        (
            index("hnsw"),
            replace(SLOW, now=trial(40, 0.9), trials=(trial(60, 0.97, p95=40), trial(100, 0.99, p95=20))),
            (Verdict.WRONG_SETTING, Step.SETTING, "set hnsw.ef_search = 100"),
        ),
        # exact search is in time: nothing more is asked of an index
        (index(), replace(SLOW, exact_p50=190.0, exact_p95=190.0), (Verdict.HEALTHY, Step.NOTHING, "nothing to do")),
    ],
)
def test_an_index_has_to_be_worth_it_where_exact_search_is_too_slow(
    made: VectorIndex, measured: Measured, expected: tuple[Any, ...]
) -> None:
    assert judged(made, measured) == expected


def test_what_there_was_no_time_for_leads_to_no_bigger_index() -> None:
    hurried = replace(
        measured_index(POOR, trial(40, 0.9)), left_out="no time for hnsw.ef_search = 60 and more", out_of_time=True
    )
    more = (Verdict.UNKNOWN, Step.PERSON, "give it more time: --timeout 10min")
    assert judged(index("hnsw"), hurried) == more
    assert reason(index("hnsw"), hurried).startswith("no time for hnsw.ef_search = 60 and more; recall@10 ")
    refused = replace(hurried, out_of_time=False)
    assert judged(index("hnsw"), refused) == (Verdict.UNKNOWN, Step.PERSON, "mend that, and look again")
    enough = replace(hurried, trials=(trial(40, 0.97),))
    assert judged(index("hnsw"), enough) == (Verdict.WRONG_SETTING, Step.SETTING, "set hnsw.ef_search = 40")


def test_few_searches_lead_to_no_bigger_index() -> None:
    lost_one = replace(trial(100, 0.94), recall=Recall(0.94, 0.73, 0.99, 17, 10, 10))
    few = replace(measured_index(POOR, lost_one), queries=17)
    more = (Verdict.UNKNOWN, Step.PERSON, "give it more time: --timeout 10min")
    assert judged(index("hnsw"), few) == more
    why = "17 searches are too few to tell: there was no time for 30 by exact search; recall@10 "
    assert reason(index("hnsw"), few).startswith(why)
    sure = replace(few, trials=(replace(lost_one, recall=Recall(0.8, 0.7, 0.9, 17, 10, 10)),))
    assert judged(index("hnsw"), sure)[0] is Verdict.MISSES


def test_what_is_said_of_a_slow_index() -> None:
    assert reason(index(), SLOW) == (
        "at every setting that was tried; recall@10 0.970, p95 180.0 ms, 3.3 times faster than exact search"
        " (should be 20) at ivfflat.probes = 40"
    )


def test_a_setting_with_which_the_planner_reads_the_table_whole_helps_small_tables_only() -> None:
    made, tried = index(options={"lists": 10}), (trial(2, 0.8), replace(trial(5, 0.99), chosen=False))
    small = (Verdict.WRONG_SETTING, Step.SETTING, "set ivfflat.probes = 5")
    assert judged(made, measured_index(POOR, *tried, exact=5)) == small
    large = (Verdict.MISSES, Step.REPLACE, "replace it by hnsw m = 16, ef_construction = 128")
    assert judged(made, measured_index(POOR, *tried, exact=60)) == large
    taken = (Verdict.WRONG_SETTING, Step.SETTING, "set ivfflat.probes = 8")
    assert judged(made, measured_index(POOR, *tried, trial(8, 0.99), exact=60)) == taken


def test_exact_search_that_suffices_is_left_for_an_index_that_a_setting_brings_into_use() -> None:
    whole = measured_index(trial(40, 1.0, p95=90, uses=""), trial(100, 0.99), exact=90)
    assert judged(index("hnsw"), whole) == (Verdict.EXACT, Step.SETTING, "set hnsw.ef_search = 100")
    small = (Verdict.EXACT, Step.NOTHING, "nothing to do as long as the table is small")
    assert judged(index("hnsw"), replace(whole, exact_p50=9.0, exact_p95=9.0)) == small
    untaken = replace(whole, trials=(replace(trial(100, 0.99), chosen=False),))
    assert judged(index("hnsw"), untaken) == small


def test_where_the_planner_reads_the_table_there_is_a_way_on() -> None:
    """A setting with which it takes the index, then an index that it takes, then the end: never the same again."""
    whole, old = trial(1, 1.0, p95=300, uses=""), (0, 4, 4)
    hnsw, lists = "replace it by hnsw m = 16, ef_construction = 128", "rebuild it with lists = 300"
    end = (
        "the planner takes reading the table for cheaper: set random_page_cost = 1.1 where the disk is fast, or lower the"
        " targets"
    )
    ten, fine = index(options={"lists": 10}), index(options={"lists": 300})
    slow = measured_index(whole, rows=3_000, built=3_000, exact=300)
    served = replace(slow, trials=(replace(trial(3, 0.99), p50=2, p95=3),))
    assert judged(ten, served) == (Verdict.UNUSED, Step.SETTING, "set ivfflat.probes = 3")
    assert judged(ten, slow) == (Verdict.UNUSED, Step.REPLACE, hnsw)
    assert judged(ten, slow, old) == (Verdict.UNUSED, Step.REPLACE, lists)
    assert judged(fine, slow, old) == (Verdict.UNUSED, Step.PERSON, end)
    assert judged(index("hnsw"), slow) == (Verdict.UNUSED, Step.PERSON, end)

    def wanting(made: VectorIndex, exact: float, version: tuple[int, ...] = NEW) -> tuple[Any, ...]:
        targets = replace(TARGETS, wanted=50.0)
        measured = measured_index(whole, rows=3_000, built=3_000, exact=exact)
        health = assess(made, measured, targets)
        advice = advise(made, health, measured, targets, version)
        return health.verdict, describe_advice(InspectedIndex(made, measured, health, advice))

    nothing = "nothing to do as long as the table is small"
    assert wanting(ten, 49) == (Verdict.EXACT, nothing)
    assert wanting(ten, 51) == (Verdict.EXACT, hnsw)
    assert wanting(ten, 51, old) == (Verdict.EXACT, lists)
    assert wanting(fine, 51, old) == (Verdict.EXACT, nothing)
    assert wanting(index("hnsw"), 51) == (Verdict.EXACT, nothing)


def test_finer_lists_are_not_called_wrong() -> None:
    assert [finer_lists(rows) for rows in (0, 10_000, 100_000, 10**9)] == [0, 548, 1732, 32_768]
    assert not lists_off(index(options={"lists": 1732}), 100_000)
    assert not lists_off(index(options={"lists": 1732}), 200_000)
    assert lists_off(index(options={"lists": 1732}), 10_000)


def test_pgvector_older_than_iterative_scans_and_halfvec() -> None:
    assert too_old("iterative scans", (0, 7, 4)) == (
        "iterative scans came with pgvector 0.8.0, this is 0.7.4: ALTER EXTENSION vector UPDATE"
    )
    assert describe_index_limit("vector", 3072, (0, 6, 2)) == (
        "3,072 numbers are more than an index on vector takes (2,000);"
        " halfvec came with pgvector 0.7.0, this is 0.6.2: ALTER EXTENSION vector UPDATE"
    )
    assert describe_index_limit("vector", 3072, NEW) == (
        "3,072 numbers are more than an index on vector takes (2,000): index its cast to halfvec(3072)"
    )
    assert describe_index_limit("halfvec", 5000, NEW) == "5,000 numbers are more than an index on halfvec takes (4,000)"
    assert describe_index_limit("vector", -1, NEW) == "its type has no length, which an index needs"
    assert describe_index_limit("vector", 1536, NEW) == ""


@pytest.mark.parametrize(("rows", "lists"), [(0, 10), (1_000, 10), (100_000, 100), (10**6, 1000), (4 * 10**6, 2000)])
def test_usual_lists(rows: int, lists: int) -> None:
    assert default_lists(rows) == lists
    assert not lists_off(index(options={"lists": lists}), rows)
    assert lists_off(index(options={"lists": lists * 50}), rows)


def test_settings_that_are_tried() -> None:
    assert candidates(index(), 1) == (1, 2, 5, 10, 20, 40)
    assert candidates(index(options={"lists": 4}), 100) == (1, 2, 4)
    assert candidates(index("hnsw"), 64) == (40, 60, 64, 100, 150, 200, 300, 400)


def test_memory_is_what_pgvector_asks_for(database: Database) -> None:
    """With less than that pgvector refuses, naming how much it needs."""
    database.execute(
        "create extension vector",
        "create table t (e vector(400))",
        "insert into t select array_fill(n, array[400])::vector(400) from generate_series(1, 10000) n",
    )
    with database.connect() as conn:
        conn.execute("set maintenance_work_mem = '17MB'")
        with pytest.raises(psycopg.Error) as refused:
            conn.execute("create index on t using ivfflat (e vector_l2_ops) with (lists = 150)")
    needs = re.search(r"memory required is (\d+) MB", str(refused.value))
    assert needs is not None
    assert kmeans(150, vector_size("vector", 400), 10_000) // MB + 1 == int(needs[1])
    assert needed("ivfflat", {"lists": 150}, "vector", 400, 10_000) > int(needs[1]) * MB


def test_memory_has_bounds() -> None:
    assert setting(10 * MB, 64 * MB, 128 * MB) == 64 * MB
    assert setting(500 * MB, 64 * MB, 128 * MB) == 500 * MB
    assert setting(5000 * MB, 64 * MB, 128 * MB) == 1024 * MB
    assert setting(5000 * MB, 2000 * MB, 128 * MB) == 2000 * MB
    assert needed("hnsw", {"m": 16, "ef_construction": 64}, "vector", 1536, 100_000) // MB == 721
