"""What an import says of the indexes, and what promote writes down of builds."""

from __future__ import annotations

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.index_health.after_import import rebuild_if_needed, stale_after_import
from minerva_promote.index_health.after_import_report import after_import_finding
from minerva_promote.search.index_builds import record_builds
from tests.index_health.support import HNSW, IVFFLAT, fill, index_report, make_table
from tests.run.conftest import Shop


def findings_after(shop: Shop, new: int) -> list[tuple[str, str, str]]:
    with shop.database.connect(shop.role) as conn:
        stale = stale_after_import(conn, ["notes", "books"], {"notes": new})
    findings = [after_import_finding(result, "test-prod") for result in stale]
    return [
        (finding.code, finding.message.rpartition("; ")[0] or finding.message, finding.hint) for finding in findings
    ]


HELP = "promote index --env test-prod measures it; --apply rebuilds it"


def test_an_import_into_an_index_that_was_built_empty(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(100))
    fill(shop, 1000)
    fact = "notes_e was built empty: 0 rows for 100 lists, 1,000 rows now, 1,000 of them new"
    assert findings_after(shop, 1000) == [("index-built-empty", fact, HELP)]
    assert findings_after(shop, 0) == []
    project = load_project(shop.root)
    steps = rebuild_if_needed(project, read_environment(project, "test-prod"))
    assert [step.step for step in steps] == ["build", "index"]
    assert findings_after(shop, 1000) == []


def test_an_import_that_makes_an_index_stale(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 700)
    shop.database.execute(IVFFLAT.format(10))
    fill(shop, 600)
    assert findings_after(shop, 600) == []
    fill(shop, 700)
    fact = "notes_e is stale: built over 700 rows, 2,000 rows now, 700 of them new"
    assert findings_after(shop, 700) == [("index-stale", fact, HELP)]


@pytest.mark.soak
def test_small_tables_and_hnsw_are_left_in_peace(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(100))
    fill(shop, 5)
    assert findings_after(shop, 5) == []
    shop.database.execute("drop index notes_e", HNSW)
    fill(shop, 1000)
    assert findings_after(shop, 1000) == []


def test_builds_are_written_down_and_read_as_long_as_they_hold(shop: Shop) -> None:
    make_table(shop)
    fill(shop, 1000)
    shop.database.execute(
        IVFFLAT.format(10), "grant usage on schema promote to public", "drop table if exists promote.vector_indexes"
    )
    with shop.database.connect() as conn:
        assert record_builds(conn) == 1
        assert record_builds(conn) == 0
    assert shop.rows(
        "select schema_name, index_name, table_name, method, options, rows from promote.vector_indexes"
    ) == [("public", "notes_e", "public.notes", "ivfflat", ["lists=10"], 1000)]
    assert "1,000 rows, 1,000 at build, " in index_report(shop, "--recall", "0.5")
    shop.database.execute("reindex index notes_e")
    assert "1,000 rows, 1,000 at build by their transactions, " in index_report(shop, "--recall", "0.5")
    with shop.database.connect() as conn:
        assert record_builds(conn) == 1
    shop.database.execute("drop index notes_e")
    with shop.database.connect() as conn:
        record_builds(conn)
    assert shop.rows("select count(*) from promote.vector_indexes") == [(0,)]


def test_without_a_ledger_nothing_is_written(shop: Shop) -> None:
    make_table(shop, IVFFLAT.format(10))
    shop.database.execute("drop schema promote cascade")
    with shop.database.connect() as conn:
        assert record_builds(conn) == 0


@pytest.mark.soak
@pytest.mark.parametrize("size", [1000, 10_000])
def test_a_fresh_database_never_passes_in_silence(shop: Shop, size: int) -> None:
    make_table(shop, IVFFLAT.format(100))
    fill(shop, size, groups=size // 50)
    assert "built empty" in index_report(shop, exit_code=1)
    assert "healthy: 1 vector index" in index_report(shop, "--apply")
