"""A planted difference of every kind of object is found, exactly it, in either direction; nothing planted, nothing found."""

from __future__ import annotations

from typing import Any

import pytest

from minerva_promote.config.schema_aspects import KINDS, aspect_text
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.inspect import inspect
from tests.schema_diff.conftest import Bench, both_ways

PLANTED = {
    # extensions, schemas, types
    "create schema more": ["schema more: only in B"],
    "drop schema other cascade": ["schema other: only in A: 1 collation, 1 table"],
    "create type public.extra as enum ('a')": ["type extra: only in B: enum, a"],
    "drop type public.pair": ["type pair: only in A: composite, attributes a integer, b text"],
    "alter type public.mood add value 'fine' before 'happy'": [
        "type mood: labels sad, ok, happy → sad, ok, fine, happy"
    ],
    "alter type public.mood rename value 'sad' to 'unhappy'": [
        "type mood: labels sad, ok, happy → unhappy, ok, happy"
    ],
    "alter domain public.positive set default 2": ["type positive: default 1 → 2"],
    "alter domain public.positive set not null": ["type positive: not null no → yes"],
    "alter domain public.positive add check (value < 9)": [
        "type positive: checks CHECK ((VALUE > 0)) → CHECK ((VALUE < 9)), CHECK ((VALUE > 0))"
    ],
    "alter type public.pair add attribute c int": ["type pair: attributes a integer, b text → a integer, b text, c integer"],
    "alter type public.pair alter attribute a type bigint": ["type pair: attributes a integer, b text → a bigint, b text"],
    "drop type public.span; create type public.span as range (subtype = numeric)": [
        "type span: base double precision → numeric"
    ],
    "drop type public.span; create type public.span as range (subtype = float8, subtype_diff = float8mi)": [
        "type span: options none → subtype_diff = float8mi"
    ],
    "drop type public.span; create type public.span as range (subtype = float8, multirange_type_name = spans)": [
        "type span: options none → multirange_type_name = spans"
    ],
    "drop type public.pair; create type public.pair as (a int, b text collate \"C\")": [
        "type pair: attributes a integer, b text → a integer, b text COLLATE \"C\""
    ],
    "create collation public.own (provider = libc, locale = 'C')": [
        "collation own: only in B: options lc_collate = 'C', lc_ctype = 'C', provider = libc"
    ],
    "drop collation other.plain; create collation other.plain (provider = libc, locale = 'POSIX')": [
        "collation other.plain: options lc_collate = 'C', lc_ctype = 'C', provider = libc →"
        " lc_collate = 'POSIX', lc_ctype = 'POSIX', provider = libc"
    ],
    # tables
    "create table public.fresh (a int, b text, primary key (a))": ["table fresh: only in B: 2 columns, 1 primary key"],
    "drop table public.scratchpad": ["table scratchpad: only in A: 1 column"],
    "alter table public.scratchpad set logged": ["table scratchpad: unlogged yes → no"],
    "alter table public.scratchpad set (fillfactor=60)": ["table scratchpad: options fillfactor=50 → fillfactor=60"],
    "alter table public.child force row level security": ["table child: row security on → forced"],
    "alter table public.child disable row level security": ["table child: row security on → none"],
    "alter table public.child replica identity full": ["table child: replica identity none → full"],
    "create unique index by_id on public.child (id); alter table public.child replica identity using index by_id": [
        "index child.by_id: only in B: btree (id), unique", "table child: replica identity none → index by_id",
    ],
    "alter table public.child set (toast.autovacuum_enabled = off)": [
        "table child: options none → toast.autovacuum_enabled=off"
    ],
    "alter table public.measured detach partition public.measured_1": [
        "table measured_1: bounds FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') → none",
        "table measured_1: inherits measured → none",
    ],
    "drop table public.measured; create table public.measured (id int, day date not null) partition by list (day)": [
        "table measured: partition by RANGE (day) → LIST (day)",
        "index measured.measured_id_idx: only in A: btree (id)",
        "table measured_1: only in A: 2 columns, 1 index",
    ],
    # columns
    "alter table public.parent add column extra uuid": ["column parent.extra: only in B: uuid"],
    "alter table public.parent drop column size": ["column parent.size: only in A: integer"],
    "alter table public.parent alter size type bigint": ["column parent.size: type integer → bigint"],
    "drop view public.names; alter table public.parent alter name type varchar(30)": [
        "column parent.name: type character varying(20) → character varying(30)",
        "view names: only in A",
    ],
    "drop index public.parent_near, public.parent_hnsw; alter table public.parent alter embedding type vector(4)": [
        "column parent.embedding: type vector(3) → vector(4)",
        "index parent.parent_hnsw: only in A: hnsw (embedding vector_l2_ops), options ef_construction=32, m=8",
        "index parent.parent_near: only in A: ivfflat (embedding vector_cosine_ops), options lists=7",
    ],
    "drop index public.parent_half; alter table public.parent alter plain_vector type vector(3)": [
        "column parent.plain_vector: type vector → vector(3)",
        "index parent.parent_half: only in A: hnsw ((plain_vector::halfvec(3)) halfvec_ip_ops)",
    ],
    "alter table public.parent alter size set not null": ["column parent.size: not null no → yes"],
    "alter table public.parent alter name drop not null": ["column parent.name: not null yes → no"],
    "alter table public.parent alter name set default 'y'": [
        "column parent.name: default 'x'::character varying → 'y'::character varying"
    ],
    "alter table public.parent alter id drop default": ["column parent.id: default nextval(own sequence) → none"],
    "alter table public.parent alter number set generated always": ["column parent.number: identity by default → always"],
    "alter table public.parent alter number drop identity": [
        "column parent.number: identity by default → none",
        "sequence parent.number: only in A: bigint, start 5",
    ],
    "alter table public.parent alter doubled drop expression": ["column parent.doubled: generated (2 * 2) → none"],
    'alter table public.parent alter code type text collate "POSIX"': ['column parent.code: collation "C" → "POSIX"'],
    "alter table public.parent alter embedding set storage plain": ["column parent.embedding: storage none → plain"],
    "alter table public.child alter path set compression pglz": ["column child.path: compression none → pglz"],
    # constraints
    "alter table other.thing drop constraint thing_key": ["primary key other.thing: only in A: (id)"],
    "alter table public.child add primary key (id)": ["primary key child: only in B: (id)"],
    "alter table public.child drop constraint child_once, add constraint child_once unique (id, path)": [
        "unique child.child_once: columns id, at → id, path"
    ],
    "alter table public.child drop constraint child_once, add constraint child_once unique (at, id)": [
        "unique child.child_once: columns id, at → at, id"
    ],
    "alter table public.child drop constraint child_once, add constraint child_once unique nulls not distinct (id, at)": [
        "unique child.child_once: nulls not distinct no → yes"
    ],
    "alter table public.child drop constraint child_once, add constraint child_once unique (id, at) include (path)": [
        "unique child.child_once: include none → path"
    ],
    "alter table public.child drop constraint child_once, add constraint child_once unique (id, at) deferrable": [
        "unique child.child_once: deferrable none → deferrable"
    ],
    "alter table public.child rename constraint child_once to child_unique": [
        "unique child.child_once: named child_once → child_unique"
    ],
    "alter table public.child drop constraint to_parent": [
        "foreign key child.to_parent: only in A: (parent_id) → parent (id), on delete cascade"
    ],
    "alter table public.child drop constraint to_parent, add constraint to_parent foreign key (parent_id) references parent": [
        "foreign key child.to_parent: on delete cascade → no action"
    ],
    "alter table public.child drop constraint to_parent, add constraint to_parent foreign key (parent_id) references parent"
    " match full on delete cascade on update set null": [
        "foreign key child.to_parent: on update no action → set null",
        "foreign key child.to_parent: match simple → full",
    ],
    "alter table public.child alter constraint to_parent deferrable initially deferred": [
        "foreign key child.to_parent: deferrable none → initially deferred"
    ],
    "alter table public.child drop constraint to_parent, add constraint to_parent foreign key (parent_id) references parent"
    " on delete cascade not valid": ["foreign key child.to_parent: valid yes → no"],
    "alter table public.child drop constraint to_parent, add constraint to_parent foreign key (id) references parent"
    " on delete cascade": ["foreign key child.to_parent: columns parent_id → id"],
    "alter table public.child drop constraint to_parent, add constraint to_parent foreign key (parent_id)"
    " references other.thing on delete cascade": ["foreign key child.to_parent: references parent → other.thing"],
    "alter table public.child disable trigger all": [
        "foreign key child.to_parent: disabled no → yes",
        "trigger child.touched: enabled origin → disabled",
    ],
    "alter table public.parent drop constraint status_known": [
        "check parent.status_known: only in A: ((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying]):…"
    ],
    "alter table public.child add constraint positive check (id > 0)": ["check child.positive: only in B: (id > 0)"],
    "alter table public.parent drop constraint status_known,"
    " add constraint status_known check (status in ('a', 'b')) not valid": ["check parent.status_known: valid yes → no"],
    "alter table public.parent drop constraint status_known,"
    " add constraint status_known check (status in ('a', 'b')) no inherit": [
        "check parent.status_known: no inherit no → yes"
    ],
    "alter table public.child drop constraint no_overlap,"
    " add constraint no_overlap exclude using gist (period with =)": [
        "exclusion child.no_overlap: definition EXCLUDE USING gist (period WITH &&) → EXCLUDE USING gist (period WITH =)"
    ],
    # indexes
    "create index on public.child (id)": ["index child.child_id_idx: only in B: btree (id)"],
    "drop index public.child_tags": ["index child.child_tags: only in A: gin (tags)"],
    "drop index public.child_recent; create index child_recent on public.child (at, id) where id > 5": [
        "index child.child_recent: columns at DESC, id → at, id"
    ],
    "drop index public.child_recent; create index child_recent on public.child (at desc nulls last, id) where id > 5": [
        "index child.child_recent: columns at DESC, id → at DESC NULLS LAST, id"
    ],
    "drop index public.child_recent; create index child_recent on public.child (at desc, id) where id > 6": [
        "index child.child_recent: where (id > 5) → (id > 6)"
    ],
    "drop index public.child_low; create index child_low on public.child (lower(path)) include (parent_id) with (fillfactor=70)": [
        "index child.child_low: columns lower(path) text_pattern_ops → lower(path)"
    ],
    "drop index public.child_low; create index child_low on public.child (lower(path) text_pattern_ops) with (fillfactor=70)": [
        "index child.child_low: include parent_id → none"
    ],
    'drop index public.child_path; create unique index child_path on public.child (path collate "C")': [
        'index child.child_path: columns path → path COLLATE "C"'
    ],
    "drop index public.child_path; create index child_path on public.child (path)": [
        "index child.child_path: unique yes → no"
    ],
    "drop index public.child_path; create unique index child_path on public.child (path) nulls not distinct": [
        "index child.child_path: nulls not distinct no → yes"
    ],
    "alter index public.child_low set (fillfactor=80)": ["index child.child_low: options fillfactor=70 → fillfactor=80"],
    "alter index public.parent_near set (lists=8)": ["index parent.parent_near: options lists=7 → lists=8"],
    "alter index public.parent_near reset (lists)": ["index parent.parent_near: options lists=7 → none"],
    "alter index public.parent_hnsw set (m=9)": [
        "index parent.parent_hnsw: options ef_construction=32, m=8 → ef_construction=32, m=9"
    ],
    "drop index public.parent_near; create index parent_near on public.parent using ivfflat"
    " (embedding public.vector_l2_ops) with (lists=7)": [
        "index parent.parent_near: columns embedding vector_cosine_ops → embedding vector_l2_ops"
    ],
    "drop index public.parent_near; create index parent_near on public.parent using hnsw (embedding public.vector_cosine_ops)": [
        "index parent.parent_near: method ivfflat → hnsw",
        "index parent.parent_near: options lists=7 → none",
    ],
    "drop index public.parent_half; create index parent_half on public.parent using hnsw"
    " ((plain_vector::public.halfvec(4)) public.halfvec_ip_ops)": [
        "index parent.parent_half: columns (plain_vector::halfvec(3)) halfvec_ip_ops → (plain_vector::halfvec(4)) halfvec_ip_ops"
    ],
    "update pg_index set indisvalid = false where indexrelid = 'public.child_tags'::regclass": [
        "index child.child_tags: valid yes → no"
    ],
    "drop index public.counted_status": ["index counted.counted_status: only in A: btree (status)"],
    "alter index public.child_tags rename to child_tagged": ["index child.child_tags: named child_tags → child_tagged"],
    # sequences, views
    "alter sequence public.free increment by -3": ["sequence free: increment -2 → -3"],
    "alter sequence public.free no cycle cache 1": ["sequence free: cache 5 → 1", "sequence free: cycle yes → no"],
    "alter sequence public.free minvalue -200": ["sequence free: minimum -100 → -200"],
    "alter sequence public.parent_id_seq as bigint": ["sequence parent.id: type integer → bigint"],
    "alter sequence public.parent_id_seq owned by none": [
        "column parent.id: default nextval(own sequence) → nextval('parent_id_seq'::regclass)",
        "sequence parent.id: only in A: integer",
        "sequence parent_id_seq: only in B: integer",
    ],
    "drop view public.pairs": ["view pairs: only in A"],
    "create or replace view public.pairs as select p.id, c.at from public.parent p left join public.child c on c.parent_id = p.id": [
        "view pairs: definition (line 4) JOIN child c ON ((c.parent_id = p.id))); → LEFT JOIN child c ON ((c.parent_id = p.id)));"
    ],
    "alter view public.pairs set (security_barrier=true)": ["view pairs: options none → security_barrier=true"],
    "drop materialized view public.counted": ["materialized view counted: only in A: 1 index"],
    # functions
    "create function public.adds(text) returns int language sql as 'select 1'": ["function adds(text): only in B: returns integer"],
    "drop function public.seven()": ["function seven(): only in A: returns integer"],
    "create or replace function public.seven() returns int language sql immutable as 'select 8'": [
        "function seven(): body select 7 → select 8"
    ],
    "alter function public.seven() stable": ["function seven(): volatility immutable → stable"],
    "alter function public.seven() security definer": ["function seven(): security invoker → definer"],
    "alter function public.adds(int, int) reset search_path": ['function adds(integer, integer): settings search_path="" → none'],
    "alter function public.adds(int, int) strict parallel safe leakproof cost 5": [
        "function adds(integer, integer): strict no → yes",
        "function adds(integer, integer): leakproof no → yes",
        "function adds(integer, integer): parallel unsafe → safe",
        "function adds(integer, integer): cost none → 5",
    ],
    "create or replace function public.adds(a int, b int default 3) returns int language plpgsql stable security definer"
    " set search_path = '' as $$begin return a + b; end$$": [
        "function adds(integer, integer): arguments a integer, b integer DEFAULT 2 → a integer, b integer DEFAULT 3"
    ],
    "create or replace function public.sql_body(int) returns int language sql immutable begin atomic select $1 + 2; end": [
        "function sql_body(integer): body BEGIN ATOMIC SELECT ($1 + 1); END → BEGIN ATOMIC SELECT ($1 + 2); END"
    ],
    "drop procedure public.works()": ["function works(): only in A: returns none"],
    "drop aggregate public.total(int); create aggregate public.total(int) (sfunc = int4pl, stype = int, initcond = '1')": [
        "function total(integer): body sfunc int4pl, stype integer, initcond '0' → sfunc int4pl, stype integer, initcond '1'"
    ],
    # triggers, rules, row security, statistics
    "drop trigger touched on public.child": [
        "trigger child.touched: only in A: BEFORE INSERT OR UPDATE ON public.child FOR EACH ROW WHEN ((new.id > 3)) EXECUT…"
    ],
    "alter table public.child disable trigger touched": ["trigger child.touched: enabled origin → disabled"],
    "alter table public.child enable always trigger touched": ["trigger child.touched: enabled origin → always"],
    "create or replace trigger touched before insert on public.child for each row when (new.id > 3) execute function public.touch()": [
        "trigger child.touched: definition (line 1) BEFORE INSERT OR UPDATE ON public.child FOR EACH ROW WHEN (…"
        " → BEFORE INSERT ON public.child FOR EACH ROW WHEN ((new.id > …"
    ],
    "create trigger every before insert on public.measured for each row execute function public.touch();"
    " alter table public.measured_1 disable trigger every": [
        "trigger measured.every: only in B: BEFORE INSERT ON public.measured FOR EACH ROW EXECUTE FUNCTION touch()",
        "trigger measured_1.every: only in B: BEFORE INSERT ON public.measured_1 FOR EACH ROW EXECUTE FUNCTION"
        " touch(), enabl…",
    ],
    "drop rule quiet on public.child": ["rule child.quiet: only in A"],
    "create or replace rule quiet as on delete to public.child where old.id = 8 do instead nothing": [
        "rule child.quiet: definition (line 2) WHERE (old.id = 7) DO INSTEAD NOTHING; → WHERE (old.id = 8) DO INSTEAD NOTHING;"
    ],
    "drop policy mine on public.child": [
        "policy child.mine: only in A: AS PERMISSIVE FOR SELECT TO PUBLIC USING ((id > 3))"
    ],
    "alter policy mine on public.child using (id > 4)": [
        "policy child.mine: definition AS PERMISSIVE FOR SELECT TO PUBLIC USING ((id > 3)) →"
        " AS PERMISSIVE FOR SELECT TO PUBLIC USING ((id > 4))"
    ],
    "drop statistics public.child_both": ["statistics child.child_both: only in A: (ndistinct) ON id, parent_id FROM child"],
    # aspects that are rare
    "alter table other.thing drop constraint thing_key, add constraint thing_key primary key (parent_id)": [
        "column other.thing.parent_id: not null no → yes", "primary key other.thing: columns id → parent_id",
    ],
    "alter table other.thing drop constraint thing_key, add constraint thing_key primary key (id) include (parent_id)"
    " with (fillfactor=50) deferrable": [
        "primary key other.thing: deferrable none → deferrable",
        "primary key other.thing: include none → parent_id",
        "primary key other.thing: options none → fillfactor=50",
    ],
    "alter table public.child drop constraint child_once, add constraint child_once unique (id, at) with (fillfactor=50)": [
        "unique child.child_once: options none → fillfactor=50"
    ],
    "update pg_index set indisvalid = false where indexrelid in ('public.child_once'::regclass, 'public.parent_pkey'::regclass)": [
        "primary key parent: valid yes → no", "unique child.child_once: valid yes → no",
    ],
    "alter table public.parent add constraint size_once unique (size); alter table public.child drop constraint to_parent,"
    " add constraint to_parent foreign key (parent_id) references parent (size) on delete set null (parent_id)": [
        "foreign key child.to_parent: on delete cascade → set null",
        "foreign key child.to_parent: referenced id → size",
        "foreign key child.to_parent: set columns none → parent_id",
        "unique parent.size_once: only in B: (size)",
    ],
    "alter table public.parent drop constraint status_known, add constraint status_known check (status in ('a', 'c'))": [
        "check parent.status_known: expression (line 1) ((status)::text = ANY ((ARRAY['a'::character varying, 'b'::…"
        " → ((status)::text = ANY ((ARRAY['a'::character varying, 'c'::…"
    ],
    "alter table public.child drop constraint no_overlap, add constraint no_overlap exclude using gist (period with &&)"
    " with (fillfactor=50) deferrable initially deferred": [
        "exclusion child.no_overlap: definition EXCLUDE USING gist (period WITH &&) →"
        " EXCLUDE USING gist (period WITH &&) WITH (fillfactor='50')",
        "exclusion child.no_overlap: deferrable none → initially deferred",
    ],
    "alter table public.child cluster on child_path": ["index child.child_path: clustered no → yes"],
    "alter sequence public.free start with -3 maxvalue -2 restart with -5": [
        "sequence free: maximum none → -2", "sequence free: start 1 → -3",
    ],
    "alter sequence public.free set unlogged": ["sequence free: unlogged no → yes"],
    "alter sequence public.free as integer": ["sequence free: type bigint → integer"],
    "drop materialized view public.counted; create materialized view public.counted with (fillfactor=50)"
    " as select status, count(id) as n from public.parent group by status; create index counted_status on public.counted (status)": [
        "materialized view counted: definition SELECT status, count(*) AS n FROM parent GROUP BY status;"
        " → SELECT status, count(id) AS n FROM parent GROUP BY status;",
        "materialized view counted: options none → fillfactor=50",
    ],
    "drop function public.seven(); create function public.seven() returns setof bigint language plpgsql immutable rows 7"
    " as 'begin return next 7; end'": [
        "function seven(): language sql → plpgsql",
        "function seven(): returns integer → SETOF bigint",
        "function seven(): rows none → 7",
        "function seven(): body select 7 → begin return next 7; end",
    ],
    "drop procedure public.works(); create function public.works() returns void language sql as 'select 1'": [
        "function works(): returns none → void", "function works(): type procedure → function",
    ],
    "alter table public.child disable rule quiet": ["rule child.quiet: enabled origin → disabled"],
    "drop statistics public.child_both; create statistics public.child_both (dependencies) on id, parent_id from public.child": [
        "statistics child.child_both: definition (ndistinct) ON id, parent_id FROM child →"
        " (dependencies) ON id, parent_id FROM child"
    ],
    "drop domain public.positive cascade; create domain public.positive as text collate \"C\"": [
        "column parent.p: only in A: positive",
        "type positive: base integer → text",
        "type positive: default 1 → none",
        "type positive: collation none → \"C\"",
        "type positive: checks CHECK ((VALUE > 0)) → none",
    ],
    "create function public.ddl() returns event_trigger language plpgsql as 'begin end';"
    " create event trigger watched on ddl_command_end when tag in ('CREATE TABLE') execute function public.ddl();"
    " alter event trigger watched disable": [
        "event trigger watched: only in B: ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION ddl(), enabled…",
        "function ddl(): only in B: returns event_trigger",
    ],
}  # fmt: skip

SAME = {
    "another order of columns": "drop table public.scratchpad; create unlogged table public.scratchpad (b int, a int)"
    " with (fillfactor=50); alter table public.scratchpad drop column b",
    "a serial's sequence under another name": "alter sequence public.parent_id_seq rename to other_name",
    "a primary key as PostgreSQL would name it": "alter table public.parent rename constraint parent_pkey to parent_pkey1",
    "an expression as a dump writes it": "alter table public.parent drop constraint status_known, add constraint status_known"
    " check (status::text = any (array['a'::varchar::text, 'b'::varchar::text]))",
    "a type of pgvector under its schema": "alter extension vector set schema other",
    "rows": "insert into public.scratchpad values (1)",
    "statistics of a table": "alter table public.child alter id set statistics 200",
    "a sequence that went on": "select setval('public.free', -50)",
    "a comment": "comment on table public.parent is 'x'",
    "a grant": "grant select on public.parent to public",
    "the ledger's schema": "create schema promote create table ledger (id int)",
}


def test_nothing_planted(bench: Bench) -> None:
    assert both_ways(bench.base, bench.planted()) == []


@pytest.mark.parametrize("statement", PLANTED)
def test_planted(bench: Bench, statement: str) -> None:
    found = both_ways(bench.base, bench.planted("set local search_path = public", statement))
    assert sorted(found) == sorted(PLANTED[statement])


@pytest.mark.parametrize("what", SAME)
def test_no_difference(bench: Bench, what: str) -> None:
    found = both_ways(bench.base, bench.planted("set local search_path = public", SAME[what]))
    expected = {
        "a primary key as PostgreSQL would name it": ["note: primary key parent: named parent_pkey → parent_pkey1"],
        "a type of pgvector under its schema": ["extension vector: in schema public → other"],
    }
    assert found == expected.get(what, [])


ELSEWHERE = {
    ("revision", "at"), ("extension", "version"), ("extension", "in_schema"),  # in a database of their own
    ("column", "not_null_valid"), ("column", "virtual"), ("foreign key", "enforced"), ("check", "enforced"),  # 18
    ("foreign key", "period"), ("primary key", "without_overlaps"), ("unique", "without_overlaps"),  # the same
    ("event trigger", "definition"), ("event trigger", "enabled"),  # made by superusers alone
}  # fmt: skip
# Those of which another kind has a test, and those that cannot be made here.
AS_OTHERS = {
    ("primary key", "nulls_not_distinct"), ("type", "type"), ("table", "type"), ("table", "method"), ("table", "of_type"), ("table", "server"), ("view", "method"),
    ("materialized view", "method"), ("sequence", "owned_by"), ("exclusion", "valid"),
}  # fmt: skip


def test_every_aspect_is_planted() -> None:
    """A new aspect wants a test."""
    lines = [line for found in PLANTED.values() for line in found]
    kinds = sorted(KINDS, key=len, reverse=True)
    planted = set()
    for line in lines:
        kind = next(kind for kind in kinds if line.startswith(f"{kind} "))
        said = line.removeprefix(f"{kind} ").partition(": ")[2]
        aspects = [aspect for aspect in KINDS[kind].facts.model_fields if said.startswith(f"{aspect_text(aspect)} ")]
        planted |= {(kind, aspect) for aspect in aspects}
    every = {
        (name, aspect)
        for name, kind in KINDS.items()
        for aspect in kind.facts.model_fields
        if aspect not in kind.not_compared
    }
    assert every - planted == ELSEWHERE | AS_OTHERS
    assert {line.partition(" ")[0] for line in lines} >= {kind.partition(" ")[0] for kind in KINDS} - {
        "revision",
        "extension",
        "event",
    }


VERSION_18 = {
    "alter table public.parent add constraint size_there not null size not valid": [
        "column parent.size: not null no → yes",
        "column parent.size: not null valid yes → no",
    ],
    "alter table public.parent drop column doubled, add column doubled int generated always as (2 * 2) virtual": [
        "column parent.doubled: virtual no → yes"
    ],
    "alter table public.child alter constraint to_parent not enforced": [
        "foreign key child.to_parent: enforced yes → no"
    ],
    "alter table public.parent drop constraint status_known,"
    " add constraint status_known check (status in ('a', 'b')) not enforced": [
        "check parent.status_known: enforced yes → no"
    ],
}


@pytest.mark.parametrize("statement", VERSION_18)
def test_planted_in_18(bench: Bench, statement: str) -> None:
    if bench.base.major < 18:
        pytest.skip("PostgreSQL 18 has it first")
    assert both_ways(bench.base, bench.planted(statement)) == VERSION_18[statement]


def test_names_of_not_null_constraints_are_no_difference(bench: Bench) -> None:
    if bench.base.major < 18:
        pytest.skip("PostgreSQL 18 has them first")
    statement = "alter table public.parent rename constraint parent_name_not_null to somebody"
    assert diff(bench.base, bench.planted(statement)) == ()


def test_the_schemas_that_are_asked_for(bench: Bench) -> None:
    planted = bench.planted("create table other.fresh (a int); alter table public.child add more int")
    assert [each.entity.path for each in diff(bench.base, planted, schemas=["other"])] == ["other.fresh"]
    assert [each.entity.path for each in diff(bench.base, planted, schemas=["public"])] == ["child.more"]


def test_statements_are_a_constant_number(bench: Bench) -> None:
    def statements() -> int:
        name = bench.database.name
        with bench.database.connect() as conn:
            sent = 0
            execute = type(conn.cursor()).execute

            def counting(self: Any, *args: Any, **more: Any) -> Any:
                nonlocal sent
                sent += 1
                return execute(self, *args, **more)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("psycopg.Cursor.execute", counting)
                inspect(conn)
            assert name == conn.info.dbname
            return sent

    before = statements()
    bench.conn.execute(
        "do $$begin for i in 1..50 loop execute format('create table public.many_%s (id serial primary key,"
        " a int references public.parent check (a > 0), b text)', i);"
        " execute format('create index on public.many_%s (b)', i); end loop; end$$"
    )
    try:
        assert statements() == before
    finally:
        bench.conn.execute(
            "do $$begin for i in 1..50 loop execute format('drop table public.many_%s', i); end loop; end$$"
        )
    assert before <= 16, before
