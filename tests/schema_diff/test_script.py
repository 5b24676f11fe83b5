"""`--format sql`: the script runs and brings one schema in step with the other, or says what a person has to decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from minerva_promote.schema_diff.allowances import Side, apply_allowances
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.inspect import inspect
from minerva_promote.schema_diff.model import Schema
from minerva_promote.schema_diff.report import comparison_report
from minerva_promote.schema_diff.script import format_script
from tests import servers
from tests.schema_diff.conftest import describe_differences

SCHEMA = """
create extension vector;
create type mood as enum ('sad', 'ok');
create table a (id int primary key, name varchar(10), n int, v vector(3), m mood);
create table b (id serial primary key, a_id int references a, t text);
create view av as select id, name from a;
create table parts (id int not null, k text not null) partition by list (k);
create table parts_1 partition of parts for values in ('x');
create index on parts (id);
"""
TOUCH = "create function touch() returns trigger language plpgsql as $$begin return new; end$$;"
# What one schema has more than the other: made there, and taken away where nothing is lost by it.
MORE = {
    "tables that need each other": "create table zz (id int primary key, y int); create table aa (id int primary key,"
    " z int references zz); alter table zz add foreign key (y) references aa",
    "a schema with all kinds of things": f"create schema s; set search_path = s, public; {TOUCH}"
    " create table t (id serial primary key, g int generated always as (1 + 1) stored); create view w as select id from t;"
    " create view v as select * from w; create type mood as enum ('a'); create table d (m mood default 'a');"
    " create trigger touched before insert on t for each row execute function touch();"
    " create materialized view mv as select id from v; create unique index mv_id on mv (id)",
    "a table and its trigger's function": f"{TOUCH} create table t (id int); create trigger x before insert on t"
    " for each row execute function touch(); alter table t disable trigger x",
    "functions in a check, an index and a default": "create function f(int) returns bool language sql immutable as"
    " 'select $1 > 0'; alter table a add constraint n_f check (f(n)); create index a_f on a (f(n));"
    " create function g() returns int language sql as 'select 1'; alter table a alter n set default g()",
    "functions that need a table": "create table t (id int); create function f(t) returns int language sql as 'select 1';"
    " create function g() returns bigint language sql begin atomic select count(*) from t; end",
    "views on views": "create view a2 as select id from a; create view a1 as select id from a2",
    "a generated column before its own": "alter table a add zb int, add ab int generated always as (zb + 1) stored",
    "a domain that needs a function": "create function pos(int) returns bool language sql immutable as 'select $1 > 0';"
    " create domain dd as int check (pos(value)); create type pp as (d dd); alter table a add d dd, add p pp",
    "a function over a view, and a view over it": "create view z1 as select 1 as x; create function ov() returns setof z1"
    " language sql as 'select * from z1'; create view a1 as select * from ov()",
    "two labels, the last a default": "alter type mood add value 'x';\n alter type mood add value 'y';\n"
    " alter table a alter m set default 'y'",
    "a label that is a domain's default": "alter type mood add value 'x';\n create domain dm as mood default 'x'",
    "indexes on vectors, halfvec and bits": "alter table a add h halfvec(4), add bb bit(8);"
    " create index h_i on a using hnsw (h halfvec_l2_ops) with (m=8); create index b_i on a using hnsw (bb bit_hamming_ops);"
    " create index e_i on a using hnsw ((v::halfvec(3)) halfvec_cosine_ops);"
    " create index v_i on a using ivfflat (v vector_cosine_ops) with (lists=7) where id > 3",
    "a serial column": "alter table a add s serial",
    "an identity column": "alter table a add s int generated always as identity (start with 7 increment by 3)",
    "a label that is a default": "alter type mood add value 'happy' before 'sad';\n alter table a alter m set default 'happy'",
    "options of keys": "alter table a add constraint once unique nulls not distinct (n) include (name)"
    " with (fillfactor=60) deferrable",
    "a clustered index": "create index by_n on a (n); alter table a cluster on by_n",
    "options of a table": "alter table a set (fillfactor=60, toast.autovacuum_enabled=off)",
    "replica identity": "create unique index by_id on a (id); alter table a replica identity using index by_id",
    "another view": "create or replace view av as select id, name from a where n > 1",
    "a view with a trigger": f"{TOUCH} create or replace view av as select id, name from a where n > 2;"
    " create trigger x instead of insert on av for each row execute function touch()",
    "a column that a changed view has more": "alter table a add extra int; create or replace view av as"
    " select id, name, extra from a",
    "an event trigger": "create function f() returns event_trigger language plpgsql as 'begin end'; create event trigger"
    " e on ddl_command_end execute function f(); alter event trigger e disable",
    "types": "create collation c (provider = libc, locale = 'C'); create type one as (x int, y text collate c);"
    " create domain another as one check ((value).x > 0); create type span as range (subtype = float8,"
    " subtype_diff = float8mi, multirange_type_name = spans)",
    "odd names": "create table \"T.\"\"x\" (\"a b\" serial primary key, \"c;--\" text default 'it''s');"
    ' create function "f(x"(int) returns int language sql as \'select 1\'',
}  # fmt: skip
LEFT_TO_A_PERSON = {
    "alter table b alter id drop default, alter id add generated always as identity": (
        "-- to be decided by a person: it has to go on after the highest number that is there\n"
        "-- column b.id: identity always → none\n"
        '-- ALTER TABLE "public"."b" ALTER COLUMN "id" ADD GENERATED ALWAYS AS IDENTITY;\n'
    ),
    "drop view av; alter table a alter name type text; create view av as select id, name from a": (
        "-- to be decided by a person: view av uses it\n"
        "-- column a.name: type text → character varying(10)\n"
        '-- ALTER TABLE "public"."a" ALTER COLUMN "name" TYPE text;\n'
    ),
    "alter table b drop constraint b_a_id_fkey; alter table a drop constraint a_pkey, add constraint a_once unique (id);"
    " alter table b add constraint b_a_id_fkey foreign key (a_id) references a (id)": (
        "-- to be decided by a person: foreign key b.b_a_id_fkey needs it\n"
        "-- primary key a: only in B: (id)\n"
        '-- ALTER TABLE "public"."a" DROP CONSTRAINT "a_pkey";\n'
    ),
    "alter sequence b_id_seq owned by none": (
        "-- to be decided by a person: sequence b.id may be the same one\n"
        "-- sequence b_id_seq: only in A: integer\n"
        '-- CREATE SEQUENCE "public"."b_id_seq" AS integer;\n'
    ),
    "drop index parts_id_idx": (
        "-- to be decided by a person: a partition has it from its parent\n"
        "-- index parts_1.parts_1_id_idx: only in B: btree (id)\n"
        '-- DROP INDEX "public"."parts_1_id_idx";\n'
    ),
    "alter table b disable trigger all": (
        "-- to be decided by a person: only ALTER TABLE … DISABLE TRIGGER ALL switches a foreign key off, and triggers"
        " with it\n-- foreign key b.b_a_id_fkey: disabled yes → no\n"
    ),
    "alter table a alter v type halfvec(3); create index near on a using hnsw (v halfvec_l2_ops)": (
        "-- to be decided by a person: column a.v comes first\n"
        "-- index a.near: only in A: hnsw (v halfvec_l2_ops)\n"
        '-- CREATE INDEX "near" ON "public"."a" USING hnsw (v halfvec_l2_ops);\n'
    ),
}


@dataclass
class Bench:
    server: servers.Server
    suffix: str
    base: servers.Database
    schema: Schema

    def copy(self, *statements: str, of: servers.Database | None = None) -> servers.Database:
        """Another database with what the base has, and some more."""
        name = f"copy_{servers.new_suffix()}_{self.suffix}"
        made = self.server.create_database(name, (of or self.base).name)
        made.execute(*statements)
        return made

    def read(self, database: servers.Database) -> Schema:
        with database.connect() as conn:
            return inspect(conn)


@pytest.fixture(scope="module")
def bench(server: servers.Server) -> Iterator[Bench]:
    suffix = servers.new_suffix()
    base = server.create_database(f"script_{suffix}")
    try:
        base.execute(SCHEMA)
        with base.connect() as conn:
            schema = inspect(conn)
        yield Bench(server, suffix, base, schema)
    finally:
        server.sweep(suffix)


def written(one: Schema, other: Schema) -> str:
    """What would bring the other one in step, once it is B."""
    left, right = Side("A", one), Side("B", other)
    judged, findings = apply_allowances(diff(one, other), (), left, right)
    return format_script(comparison_report("schema diff", left, right, judged, findings), judged, left, right) + "\n"


def run(database: servers.Database, text: str) -> None:
    """As psql does it: what is before the transaction by itself."""
    before, begin, rest = text.partition("BEGIN;\n")
    database.execute(before, begin + rest)


@pytest.mark.parametrize("what", MORE)
def test_it_runs_and_leaves_no_difference(bench: Bench, what: str) -> None:
    more = bench.copy(*MORE[what].split(";\n"))
    with_more = bench.read(more)
    forwards, back = written(with_more, bench.schema), written(bench.schema, with_more)
    target = bench.copy()
    run(target, forwards)
    assert describe_differences(diff(with_more, bench.read(target))) == []
    again = bench.copy(of=more)
    run(again, back)
    left = describe_differences(diff(bench.schema, bench.read(again)))
    assert bool(left) == ("-- to be decided by a person" in back), left


CHANGES = {  # of one schema into another, both ways
    "indexes that change their names": ("create index i1 on a (n); create index i2 on a (name); create index i3 on a (m)",
        "create index i1 on a (name); create index i2 on a (m); create index i3 on a (n)"),
    "constraints that change their names": ("alter table a add constraint k1 check (n > 1), add constraint k2 check (n > 2)",
        "alter table a add constraint k2 check (n > 1), add constraint k1 check (n > 2)"),
    "a name that goes on": ("create index i1 on a (n); create index i2 on a (name)",
        "create index i2 on a (n); create index i3 on a (name)"),
    "another kind of vector index": ("create index v on a using ivfflat (v vector_l2_ops) with (lists=3)",
        "create index v on a using hnsw (v vector_cosine_ops) with (m=4)"),
    "labels in between": ("create type e as enum ('1', '2', '3', '4')", "create type e as enum ('2', '4')"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_changes_run_both_ways(bench: Bench, what: str) -> None:
    databases = [bench.copy(side) for side in CHANGES[what]]
    for one, other in (databases, databases[::-1]):
        wanted = bench.read(one)
        text = written(wanted, bench.read(other))
        target = bench.copy(of=other)
        run(target, text)
        assert bool(describe_differences(diff(wanted, bench.read(target)))) == ("-- to be decided by a person" in text)


def test_pgvector_in_another_schema_on_one_side(bench: Bench) -> None:
    """Types are told without its schema: the script finds them where the side has them that it is run on."""
    databases = []
    for number, schema in enumerate(("public", "extensions")):
        database = bench.server.create_database(f"vector_{number}_{bench.suffix}")
        database.execute(f"create schema if not exists {schema}", f"create extension vector schema {schema}")
        database.execute(f"create table t (id int, v {schema}.vector(3))")
        databases.append(database)
    for one, other in (databases, databases[::-1]):
        one.execute("alter table t add w text", "set search_path = public, extensions; alter table t add x vector(3)")
        text = written(bench.read(one), bench.read(other))
        run(other, text)
        left = describe_differences(diff(bench.read(one), bench.read(other)))
        assert [line for line in left if line.startswith("column")] == []
        one.execute("alter table t drop w, drop x")
        other.execute("alter table t drop w, drop x")


@pytest.mark.parametrize("statement", LEFT_TO_A_PERSON)
def test_what_it_cannot_do_is_left_to_a_person(bench: Bench, statement: str) -> None:
    other = bench.read(bench.copy(statement))
    text = written(other, bench.schema)
    assert LEFT_TO_A_PERSON[statement] in text
    bench.copy().execute(text)  # what remains runs


def test_a_database_is_built_from_nothing(bench: Bench) -> None:
    empty = bench.server.create_database(f"empty_{bench.suffix}")
    empty.execute(written(bench.schema, bench.read(empty)))
    assert describe_differences(diff(bench.schema, bench.read(empty))) == [
        "table parts_1: only in A: 2 columns, 1 index"
    ]
