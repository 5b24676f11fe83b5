"""Searches with settings, timed, and held against exact search on the same snapshot."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, read_only
from minerva_promote.search.query_shape import nearest_alone, with_distance
from minerva_promote.search.recall import Answer, interval, recall_of
from minerva_promote.search.search_runner import (
    Budget,
    Settings,
    exact_results,
    found_with_distance,
    recall,
    search_times,
)
from tests.search.space_of_three import SEARCH, SPHERE, indexed
from tests.servers import Database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    database.execute(*SPHERE, *indexed("ivfflat", more="with (lists = 40)"))
    with database.connect() as opened:
        yield opened


def vectors(connection: Connection, number: int = 20) -> list[str]:
    rows = connection.execute("select embedding::text from points order by md5(id::text) limit %s", [number]).fetchall()
    return [row[0] for row in rows]


def test_more_probes_find_more_and_all_lists_find_all(connection: Connection) -> None:
    with read_only(connection, "10s", one_snapshot=True):
        sample = vectors(connection)
        exact = exact_results(connection, SEARCH, sample)
        few, all_lists = (
            recall(connection, SEARCH, sample, 10, Settings.of({"ivfflat.probes": probes}), exact=exact)
            for probes in (1, 40)
        )
        assert connection.execute("show ivfflat.probes").fetchone() == ("1",)
        assert connection.execute("show transaction_isolation").fetchone() == ("repeatable read",)
    assert 0.3 < few.low < few.mean < 1
    assert (all_lists.mean, all_lists.high, all_lists.queries) == (1.0, 1.0, 20)
    assert 0.97 < all_lists.low < 1


def test_exact_search_sees_no_later_rows_and_uses_no_index(connection: Connection, database: Database) -> None:
    with read_only(connection, "10s", one_snapshot=True):
        (vector,) = vectors(connection, 1)
        (before,) = exact_results(connection, SEARCH, [vector])
        database.execute(f"insert into points select 10000 + n, 'new', '{vector}' from generate_series(1, 20) n")
        (after,) = exact_results(connection, SEARCH, [vector])
    assert before.rows == after.rows
    (later,) = search_of(connection, vector)
    assert max(key for (key,) in later.rows) > 10_000


def search_of(connection: Connection, vector: str) -> list[Answer]:
    with read_only(connection, "10s", one_snapshot=True):
        return found_with_distance(connection, SEARCH, [vector], Settings())


def test_rows_as_near_as_the_last_one_count_as_found(connection: Connection) -> None:
    connection.execute("update points set embedding = '[1,2,3]' where id <= 40")
    with read_only(connection, "10s", one_snapshot=True):
        (exact,) = exact_results(connection, SEARCH, ["[1,2,3]"])
        other = b"select id from points order by embedding <=> $1::vector, id desc limit 10"
        answers = found_with_distance(connection, other, ["[1,2,3]"], Settings.of({"ivfflat.probes": 40}))
    assert not set(exact.rows) & set(answers[0].rows)
    assert recall_of(answers, [exact], 10).mean == 1.0


def test_null_vectors_are_nobodys_neighbours(connection: Connection) -> None:
    connection.execute("update points set embedding = null where id > 4")
    with read_only(connection, "10s", one_snapshot=True):
        (exact,) = exact_results(connection, SEARCH, ["[1,2,3]"])
        result = recall(connection, SEARCH, ["[1,2,3]"], 10, Settings.of({"ivfflat.probes": 40}))
    assert len(exact.rows) == 4
    assert (result.mean, result.least_exact) == (1.0, 4)


def test_rows_with_arrays_are_compared(connection: Connection) -> None:
    query = b"select array[id], kind from points order by embedding <=> $1 limit 5"
    with read_only(connection, "10s", one_snapshot=True):
        result = recall(connection, query, vectors(connection, 3), 5, Settings.of({"ivfflat.probes": 40}))
    assert result.mean == 1.0


def test_times_are_those_of_every_search(connection: Connection) -> None:
    with read_only(connection, "10s"):
        times = search_times(connection, b"select pg_sleep(0.002), $1::vector", ["[1]", "[2]"], Settings(), 5)
    assert len(times) == 5
    assert all(2 <= milliseconds < 1000 for milliseconds in times)


def test_measuring_keeps_to_its_time(connection: Connection) -> None:
    slow = b"select id, pg_sleep(0.02) from points where $1::vector is not null limit 1"
    with read_only(connection, "300ms"), pytest.raises(QueryError) as stopped:
        search_times(connection, slow, ["[1]"], Settings(), 1000)
    assert stopped.value.reason.startswith("its timeout of 300ms was over after ")
    assert stopped.value.reason.endswith(" of 1000 searches")
    with read_only(connection, "600ms"):
        budget = Budget(connection)
        answers = exact_results(connection, slow, ["[1]"] * 100, budget=budget)
        assert 10 <= len(answers) < 30
        assert budget.spent < 600


def test_settings_that_this_pgvector_does_not_have_are_told(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minerva_promote.config.rules import searches
    from minerva_promote.search import search_runner as searching

    newer = searches.SearchSetting((1, 9), (9, 9, 0))
    monkeypatch.setattr(searching, "SEARCH_SETTINGS", {"ivfflat.newest": newer})
    version = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
    assert version is not None
    with read_only(connection, "10s"), pytest.raises(QueryError) as refused:
        Settings.of({"ivfflat.newest": 3}).require_known(connection)
    assert refused.value.reason == (
        f"pgvector {version[0]} does not know ivfflat.newest: it came with 9.9.0; update, or leave it out"
    )
    with read_only(connection, "10s"):
        Settings.of({"ivfflat.probes": 3, "hnsw.ef_search": 10}).require_known(connection)


def test_a_value_out_of_range_is_the_servers_sentence(connection: Connection) -> None:
    with read_only(connection, "10s"):
        connection.execute("select '[1]'::vector")
        with pytest.raises(QueryError) as refused, Settings.of({"ivfflat.probes": 0}).applied(connection):
            pass
    assert "0 is outside the valid range for parameter" in refused.value.reason


def test_the_interval_knows_that_rows_of_a_query_go_together() -> None:
    alike = interval([0.9] * 20, 200)
    apart = interval([1.0] * 18 + [0.0] * 2, 200)
    assert alike[0] == pytest.approx(apart[0]) == pytest.approx(0.9)
    assert (round(alike[1], 3), round(alike[2], 3)) == (0.851, 0.934)  # Wilson, 180 of 200
    assert (round(apart[1], 3), round(apart[2], 3)) == (0.699, 0.972)  # Wilson, 18 of 20
    _, low, high = interval([1.0] * 50, 500)
    assert (round(low, 4), high) == (0.9924, 1.0)


def test_nothing_to_find_is_no_recall() -> None:
    assert math.isnan(recall_of([Answer((), (), 0.0)], [Answer((), (), 0.0)], 10).mean)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "select id from t order by e <=> $1 limit 5",
            "SELECT id, e <=> $1 AS promote_distance FROM t ORDER BY e <=> $1",
        ),
        (
            "select id, e <=> $1 as d from t order by d limit 5",
            "SELECT id, e <=> $1 AS d, e <=> $1 AS promote_distance FROM t ORDER BY d",
        ),
        (
            "select id, e <=> $1 from t order by 2 limit 5",
            "SELECT id, e <=> $1, e <=> $1 AS promote_distance FROM t ORDER BY 2",
        ),
    ],
)
def test_a_search_tells_its_distances(query: str, expected: str) -> None:
    assert with_distance(query.encode()) == f"{expected} LIMIT 5".encode()


@pytest.mark.parametrize(
    "query",
    [
        "select id from t order by id limit 5",
        "select id from t order by 1 - (e <=> $1) desc limit 5",
        "select distinct e <=> $1 as d from t order by d limit 5",
        "select 1 union select 2 order by 1",
        "values (1)",
    ],
)
def test_a_search_that_has_no_rising_distance_tells_none(query: str) -> None:
    assert with_distance(query.encode()) is None


def test_the_nearest_row_alone() -> None:
    query = b"select id, e <=> $1 as d from t where a = $2 order by d, id limit 5 offset 2"
    assert nearest_alone(query) == b"SELECT 1 FROM t WHERE a = $2 ORDER BY e <=> $1 LIMIT 1 OFFSET 2"
