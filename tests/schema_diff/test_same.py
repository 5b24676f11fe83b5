"""Schemas that are the same by other ways: a dump read back, another major release, Minerva's own tables."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from minerva_promote.config.schema_aspects import Fact
from minerva_promote.database.embedded.server import EmbeddedServer, binary
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.sql_equivalence import canonical_form
from tests import servers
from tests.migrations.migrated_databases import migrate_to
from tests.schema_diff.conftest import SCHEMA, Bench, Pair, both_ways

SAME: list[tuple[str, str, Fact, Fact]] = [
    (
        "check",
        "expression",
        "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))",
    ),
    ("view", "definition", " SELECT t.a,\n    t.b\n   FROM t;", " SELECT a,\n    b\n   FROM t;"),
    (
        "view",
        "definition",
        " SELECT count(*) AS n, x.a FROM t x WHERE (x.a IN ( SELECT u.b FROM u WHERE (u.c = x.a))) GROUP BY x.a;",
        " SELECT count(*) AS n, a FROM t x WHERE (a IN ( SELECT u.b FROM u WHERE (u.c = x.a))) GROUP BY a;",
    ),
    ("column", "default", "(1 + 2)", "1 + 2"),
]
NOT_SAME: list[tuple[str, str, Fact, Fact]] = [
    (
        "check",
        "expression",
        "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('c'::character varying)::text]))",
    ),
    ("check", "expression", "(s = ANY ((ARRAY['a'])::text[]))", "(s = ANY ((ARRAY['a'])::citext[]))"),
    ("view", "definition", " SELECT t.a FROM t, u;", " SELECT u.a FROM t, u;"),
    ("view", "definition", " SELECT t.a FROM t;", " SELECT b FROM t;"),
    ("view", "definition", " SELECT t.a FROM t WHERE EXISTS (SELECT u.a FROM u);", " SELECT t.a FROM t WHERE EXISTS (SELECT t.a FROM u);"),
    ("index", "columns", ("e vector_cosine_ops",), ("e vector_l2_ops",)),
    ("index", "columns", ("e ops (siglen=32)",), ("e ops (siglen=64)",)),
    ("index", "columns", ("a DESC",), ("a",)),
    ("index", "columns", ("(e::halfvec(3)) o",), ("(e::halfvec(4)) o",)),
    ("policy", "definition", "AS PERMISSIVE FOR ALL TO a USING (true)", "AS RESTRICTIVE FOR ALL TO a USING (true)"),
    ("column", "default", "no SQL (", "no SQL ("[:-1]),
    ("column", "default", "(" * 5000 + "1" + ")" * 5000, "1"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "aspect", "one", "other"), SAME)
def test_the_same(kind: str, aspect: str, one: Fact, other: Fact) -> None:
    assert canonical_form(kind, aspect, one) == canonical_form(kind, aspect, other)


@pytest.mark.parametrize(("kind", "aspect", "one", "other"), NOT_SAME)
def test_not_the_same(kind: str, aspect: str, one: Fact, other: Fact) -> None:
    assert canonical_form(kind, aspect, one) != canonical_form(kind, aspect, other)


@pytest.mark.soak
def test_a_dump_read_back(bench: Bench, server: servers.Server, suffix: str) -> None:
    if server.folder is None:
        pytest.skip("pg_dump of the embedded server")
    copy = server.create_database(f"copy_{suffix}")
    where = [f"--{name}={server.params[name]}" for name in ("host", "port")] + [f"--username={server.params['user']}"]
    dumped = subprocess.run(
        [binary("pg_dump"), *where, "--schema-only", bench.database.name], capture_output=True, check=True
    )
    subprocess.run(
        [binary("psql"), *where, "-q", "-v", "ON_ERROR_STOP=1", copy.name],
        input=dumped.stdout,
        capture_output=True,
        check=True,
    )
    with copy.connect() as conn:
        assert both_ways(bench.base, inspect(conn)) == []


MINERVA = """
create extension vector;
create type source_type as enum ('kindle', 'website', 'pdf');
create table books (
    title varchar not null, author varchar not null, kindle_url varchar, total_screenshots int, capture_date timestamp,
    ingestion_status varchar not null, ingestion_error varchar, book_metadata json, created_at timestamp not null,
    updated_at timestamp not null, source_type source_type default 'kindle' not null, source_url varchar,
    source_domain varchar(255), published_date timestamp, word_count int, page_count int, id uuid not null, primary key (id)
);
create table screenshots (
    id uuid primary key, book_id uuid not null references books, sequence_number int not null, file_path varchar not null,
    screenshot_hash varchar, captured_at timestamp not null, unique (book_id, sequence_number)
);
create table embedding_configs (
    id uuid primary key, model_name varchar not null, model_version varchar not null, dimensions int not null,
    is_active bool not null, created_at timestamp not null
);
create table chunks (
    id uuid primary key, book_id uuid not null references books, screenshot_ids uuid[] not null,
    chunk_sequence int not null, chunk_text varchar not null, chunk_token_count int not null,
    embedding_config_id uuid not null references embedding_configs, embedding vector(3), vision_model varchar not null,
    vision_prompt_tokens int not null, vision_completion_tokens int not null, extraction_timestamp timestamp not null,
    chunk_metadata json, created_at timestamp not null
);
create table ingestion_logs (
    id uuid primary key, book_id uuid not null references books, pipeline_stage varchar not null,
    status varchar not null, error_message varchar, execution_time_ms int, log_metadata json, created_at timestamp not null
);
create table failed_scrapes (
    id uuid primary key, book_id uuid not null references books on delete cascade, url text not null, error_message text,
    retry_count int default 0 not null, created_at timestamp default now() not null,
    updated_at timestamp default now() not null
);
create index on books (title); create index on books (author); create index on books (ingestion_status);
create index on books (source_type); create index on books (source_domain); create index on books (published_date);
create index on screenshots (book_id); create index on screenshots (screenshot_hash);
create index on embedding_configs (is_active); create index on embedding_configs (model_name);
create index on chunks (book_id); create index on chunks using ivfflat (embedding vector_cosine_ops) with (lists=100);
create index on ingestion_logs (book_id); create index on ingestion_logs (pipeline_stage);
create index on ingestion_logs (status); create index on ingestion_logs (created_at);
create index on failed_scrapes (book_id); create index on failed_scrapes (url);
create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('540a518e2b30');
"""


def test_minerva_s_own_database_upgraded_by_ours_is_one_of_ours(pair: Pair, database: servers.Database) -> None:
    """Its tables as EXPORT_FORMAT has them, written by somebody else: other order, names that PostgreSQL makes up."""
    with database.connect() as conn:
        conn.execute("set client_min_messages = warning")
        conn.execute(MINERVA.encode())
    migrate_to(database, "head", kind="production")
    pair.environment("local", database, kind="production")
    lines = pair.diff().splitlines()
    assert lines[-1] == "identical: 120 objects, 0 differences"
    assert len(lines) > 15
    assert all("a name that PostgreSQL makes up" in line for line in lines[1:-1])
    if database.server.folder is not None:
        assert pair.schema("drift", "local").endswith("objects, 0 differences\n")


@pytest.mark.soak
def test_other_major_releases(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = 16 if bench.base.major == 18 else 18
    monkeypatch.setenv("PROMOTE_POSTGRES_VERSION", str(other))
    monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", str(tmp_path / "other"))
    os.chmod(tmp_path, 0o755)  # noqa: PTH101 - the server may run as another user
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith("pytest"):
            folder.chmod(0o755)
    embedded = EmbeddedServer(tmp_path)
    try:
        info = embedded.ensure_running()
        server = servers.Server({"host": info.host, "port": str(info.port), "user": info.superuser}, tmp_path)
        with server.connect() as conn:
            conn.execute("set client_min_messages = warning")
            conn.execute(SCHEMA.encode())
            found = inspect(conn)
        assert {bench.base.major, found.major} == {16, 18}
        assert both_ways(bench.base, found) == []
    finally:
        embedded.reset()
