"""What `promote index --apply` did is no drift; what somebody else did to the same index is."""

from __future__ import annotations

import pytest

from minerva_promote.search.index_builds import record_build, record_builds
from minerva_promote.search.vector_indexes import read_indexes
from tests.run.conftest import Shop

INDEX = "idx_chunks_embedding_ivfflat"
ROWS = """
insert into embedding_configs values ('00000000-0000-4000-8000-000000000001', 'm', 'v1', 3, true, now());
insert into books (id, title, author, ingestion_status, created_at, updated_at)
    values ('00000000-0000-4000-8000-000000000002', 't', 'a', 'completed', now(), now());
insert into chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id,
    embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, created_at)
    select gen_random_uuid(), '00000000-0000-4000-8000-000000000002', '{}', n, 't', 1,
        '00000000-0000-4000-8000-000000000001',
        format('[%s,%s,%s]', sin(n), cos(n * 7), sin(n * 3) + 0.1)::vector, 'm', 0, 0, now()
    from generate_series(1, 1000) as n
"""


def differences(shop: Shop) -> tuple[str, ...]:
    """What `schema drift` and `schema diff` against the shipped snapshot report of the index."""
    reported = []
    for command in (
        ("drift", "--env", "test-prod"),
        ("diff", "--from", "alembic/snapshot.yaml", "--to", "test-prod"),
        ("diff", "--from", "test-prod", "--to", "alembic/snapshot.yaml"),
    ):
        ran = shop.promote("schema", *command)
        lines = [line for line in ran.stdout.splitlines() if INDEX in line]
        assert ran.exit_code == bool(lines), ran.stdout + ran.stderr
        reported += [" ".join(line.split()[-3:]) for line in lines]
    return tuple(reported)


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """A shop with 1,000 chunks in an index that was built over none."""
    shop.database.execute(*ROWS.split(";"), "analyze chunks")
    return shop


def test_what_apply_built_is_no_drift(filled: Shop) -> None:
    before = filled.rows(f"select reloptions from pg_class where relname = '{INDEX}'")
    assert filled.promote("index", "--env", "test-prod", "--apply").exit_code == 0
    after = filled.rows(f"select reloptions from pg_class where relname = '{INDEX}'")
    assert (before, after) == ([(["lists=100"],)], [(["lists=10"],)])
    filled.database.execute(f"alter database {filled.database.name} set ivfflat.probes = 7")
    assert differences(filled) == ()
    filled.database.execute(f"reindex index {INDEX}")  # the same again: whoever does it changes nothing
    assert differences(filled) == ()
    assert filled.promote("setup", "--env", "test-prod").exit_code == 0
    assert differences(filled) == ()

    filled.database.execute(f"alter index {INDEX} set (lists = 77)")
    assert len(differences(filled)) == 3
    filled.database.execute(f"reindex index {INDEX}")
    assert filled.promote("setup", "--env", "test-prod").exit_code == 0  # writes the build down, and not as its own
    assert len(differences(filled)) == 3


def test_another_method_in_its_place(filled: Shop) -> None:
    hnsw = (
        f"create index {INDEX} on chunks using hnsw (embedding vector_cosine_ops) with (m = 16, ef_construction = 128)"
    )
    filled.database.execute(f"drop index {INDEX}", hnsw)
    with filled.database.connect() as conn:
        record_builds(conn)
    assert len(differences(filled)) == 6
    with filled.database.connect() as conn:
        (index,) = read_indexes(conn)
        conn.execute("update promote.vector_indexes set filenode = 0")
        record_build(conn, index, 1000)
    assert differences(filled) == ()
    out = ("--out", "snapshot.yaml")
    assert filled.promote("schema", "snapshot", "--env", "test-prod", *out).exit_code == 0
    filled.database.execute("delete from promote.vector_indexes", f"drop index {INDEX}")
    filled.database.execute(f"create index {INDEX} on chunks using ivfflat (embedding vector_cosine_ops)")
    assert filled.promote("schema", "diff", "--from", "snapshot.yaml", "--to", "test-prod").exit_code == 0
    # it has to be the same in all that promote does not choose
    filled.database.execute(f"drop index {INDEX}", hnsw.replace("cosine", "l2"))
    assert filled.promote("schema", "diff", "--from", "snapshot.yaml", "--to", "test-prod").exit_code == 1


def test_a_renamed_index_keeps_its_record(filled: Shop) -> None:
    filled.database.execute(f"alter index {INDEX} rename to idx_chunks_embedding")
    ran = filled.promote("index", "--env", "test-prod")
    assert "0 at build," in ran.stdout
    filled.database.execute(f"alter index idx_chunks_embedding rename to {INDEX}")
    with filled.database.connect() as conn:
        record_builds(conn)
    assert filled.rows("select index_name, rows from promote.vector_indexes") == [(INDEX, 0)]


def test_a_record_of_an_older_release(filled: Shop) -> None:
    """Its table has no column applied; the next setup adds it, and what stands there counts as promote's."""
    filled.database.execute(
        f"drop index {INDEX}",
        f"create index {INDEX} on chunks using ivfflat (embedding vector_cosine_ops) with (lists = 10)",
    )
    with filled.database.connect() as conn:
        record_builds(conn)
    filled.database.execute("alter table promote.vector_indexes drop column applied")
    assert differences(filled) == ()
    with filled.database.connect() as conn:
        record_builds(conn)
    assert filled.rows("select applied from promote.vector_indexes") == [(True,)]
