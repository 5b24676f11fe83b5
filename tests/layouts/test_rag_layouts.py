"""Tables as retrieval libraries and applications make them: promoted, promoted again, and undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.layouts.conftest import Layout
from tests.layouts.exporting import contents, export
from tests.servers import Database

# Of each: the tables and some rows, and the contract's tables, at most three lines each.
LAYOUTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "collections": (
        """create table collection (uuid uuid primary key, name varchar not null unique, cmetadata json);
        create table embedding (id varchar primary key, collection_id uuid references collection on delete cascade,
            embedding vector, document varchar, cmetadata jsonb);
        create index on embedding using gin (cmetadata jsonb_path_ops)""",
        """insert into collection select 'a849c435-9ba0-494d-a99c-befbdf45a005', 'docs', '{"a": 1}';
        insert into embedding select 'doc/ä-' || i, uuid, '[1,2,3]', 'text ' || i,
            jsonb_build_object('source', '/home/me/a.pdf', 'page', i, 'big', 9007199254740993)
        from collection, generate_series(1, 5) i""",
        {
            "collection": {"key": ["uuid"]},
            "embedding": {
                "key": ["id"],
                "belongs_to": {"collection_id": "collection"},
                "columns": {"embedding": {"text": "document"}},
            },
        },
    ),
    "nodes": (
        """create table nodes (id bigserial primary key, text varchar not null, metadata_ json, node_id varchar,
            embedding vector(3));
        create index on nodes using hnsw (embedding vector_cosine_ops);
        create index on nodes ((metadata_ ->> 'ref_doc_id'))""",
        """insert into nodes (text, metadata_, node_id, embedding)
        select 't' || i, '{"file_path": "/home/me/a.pdf"}', 'n' || i, '[1,2,3]' from generate_series(1, 5) i""",
        {"nodes": {"key": ["id"], "columns": {"embedding": {"text": "text"}}}},
    ),
    "text keys": (
        """create table document_chunk (id text primary key, vector vector(3), collection_name text not null, text text,
            vmetadata jsonb)""",
        """insert into document_chunk
        select 'c' || i, '[1,2,3]', 'file-1', 't', '{"name": "a.pdf"}' from generate_series(1, 5) i""",
        {"document_chunk": {"key": ["id"], "columns": {"vector": {"text": "text"}}}},
    ),
    "several vectors": (
        """create table multi (id uuid primary key, title vector(3), body vector(4), img halfvec(3), sp sparsevec(5),
            bits bit(3))""",
        """insert into multi select gen_random_uuid(), '[1,2,3]', '[1,2,3,4]', '[1,2,3]', '{1:1,3:2}/5', '101'
        from generate_series(1, 3)""",
        {"multi": {"key": ["id"]}},
    ),
    "composite keys": (
        """create table tenants (tenant text, id integer, name text, primary key (tenant, id));
        create table notes (tenant text, tenant_id integer, no smallint, body text, primary key (tenant, tenant_id, no))""",
        """insert into tenants values ('a b', 1, 'x'), ('a', 2, 'y');
        insert into notes values ('a b', 1, 1, 'n'), ('a', 2, 1, 'm')""",
        {"tenants": {"key": ["tenant", "id"]}, "notes": {"key": ["tenant", "tenant_id", "no"]}},
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_promoted_promoted_again_and_undone(
    make_layout: Callable[..., Layout], make_database: Callable[..., Database], name: str
) -> None:
    schema, rows, tables = LAYOUTS[name]
    schema = f"create extension vector; {schema}"
    source = make_database()
    source.execute(schema, rows)
    contract = {"roots": {"table": next(iter(tables)), "max": 100}, "tables": tables, "local_paths": {"forbid": False}}
    layout = make_layout(schema, contract, extensions={"vector": "0.5"})
    assert layout.promote("setup", "--env", "target").exit_code == 0
    text = export(source, [(table, tuple(rule["key"])) for table, rule in tables.items()])
    ran = layout.run(text)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    for table in tables:
        assert contents(layout.database, table) == contents(source, table) != []
    again = layout.run(text)
    assert (again.exit_code, "nothing was changed" in again.stdout) == (0, True), again.stdout
    (run,) = layout.rows("select run_id::text from promote.events where kind = 'committed'")
    undone = layout.promote("undo", run[0], "--env", "target", "--apply", "--reason", "test")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert [contents(layout.database, table) for table in tables] == [[] for _ in tables]
