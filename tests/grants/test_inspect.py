"""Everything that decides what a role can do is read, whoever asks; what comes with the server is told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from minerva_promote.database import catalog
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.live_state import (
    AclEntry,
    Caller,
    DatabaseObject,
    LiveState,
    MembershipRow,
    OwnedObject,
    Routine,
    ServerSetting,
    TableEffect,
    UserMapping,
)
from minerva_promote.grants.model import Slot
from tests.servers import PASSWORD, Database

NOBODY: frozenset[str] = frozenset()
QUERIES = 10


@dataclass(frozen=True, slots=True)
class World:
    """A database, two roles to ask about (the second one gives things on), and one that is nobody's business."""

    database: Database
    a: str
    b: str
    other: str

    def run(self, *statements: str) -> None:
        self.database.execute(*[statement.format(a=self.a, b=self.b, o=self.other) for statement in statements])

    def look(self, *functions: str, user: str | None = None) -> LiveState:
        with self.database.connect(user) as conn:
            return inspect(conn, [self.a, self.b, "no_such_role"], functions)


@pytest.fixture
def world(suffix: str, database: Database) -> World:
    made = World(database, f"a_{suffix}", f"b_{suffix}", f"o_{suffix}")
    made.run(*[f"create role {{{which}}} login password '{PASSWORD}'" for which in "abo"])
    return made


@pytest.fixture
def after(world: World) -> Iterator[Callable[..., None]]:
    """Statements that take back what outlives the database."""
    last: list[str] = []
    yield lambda *statements: last.extend(statements)
    world.run(*last)


def entries(live: LiveState, kind: str, grantee: str) -> dict[tuple[str, str], tuple[set[str], set[str], set[str]]]:
    """What a grantee has on objects of a kind: privileges, those with the grant option, those that are initial."""
    return {
        (entry.slot.name, entry.slot.column): (set(entry.privileges), set(entry.options), set(entry.initial))
        for entry in live.entries
        if (entry.slot.kind, entry.slot.grantee) == (kind, grantee)
    }


def test_a_fresh_database_has_nothing_but_what_public_has_by_default(world: World, database: Database) -> None:
    database.execute("create extension vector", "create function f() returns int language sql as 'select 1'")
    live = world.look()
    by_itself = {(entry.slot.kind, entry.slot.name) for entry in live.entries if entry.initial == entry.privileges}
    assert by_itself == {
        *[("schema", "pg_catalog"), ("schema", "information_schema")],
        *[("language", "sql"), ("language", "plpgsql"), ("function", "public.f()")],
    }
    assert [entry for entry in live.entries if entry.initial != entry.privileges] == [
        AclEntry(
            Slot("public", "database", database.name), "postgres", frozenset({"CONNECT", "TEMPORARY"}), NOBODY, NOBODY
        ),
        AclEntry(Slot("public", "schema", "public"), "pg_database_owner", frozenset({"USAGE"}), NOBODY, NOBODY),
    ]
    assert (live.owned, live.routines, live.effects, live.mappings) == ((), (), (), ())
    distance = live.objects["function", "public.vector_dims(public.vector)"]
    assert (distance.builtin, distance.sql) == (True, "public.vector_dims(public.vector)")
    assert not live.objects["function", "public.f()"].builtin
    assert [name for kind, name in live.objects if kind == "table"] == []


def test_the_session(world: World, database: Database) -> None:
    live = world.look(user=world.a)
    assert (live.database, live.database_owner) == (database.name, "postgres")
    assert (live.admin, live.admin_superuser) == (world.a, False)
    with database.connect() as conn:
        assert live.version == conn.info.server_version // 10000
    assert world.look().admin_superuser


def test_tables_columns_sequences_and_types(world: World) -> None:
    world.run(
        "create table t (id int, x int, gone int)",
        "alter table t drop column gone",
        'create view "Odd ""view" as select 1 as x',
        'create table "a.b" (x int)',
        "create sequence s",
        "create type colour as enum ('red')",
        'grant select, insert on t, "Odd ""view", "a.b" to {a}',
        "grant update (x) on t to {a} with grant option",
        "grant select (last_value), usage on s to {a}",
        "revoke usage on type colour from public",
        "grant usage on type colour to {a}",
        "grant all on t, s to {o}",
    )
    live = world.look()
    both: tuple[set[str], set[str], set[str]] = ({"SELECT", "INSERT"}, set(), set())
    tables = {("public.t", ""): both, ('public.Odd "view', ""): both, ('public."a.b"', ""): both}
    assert entries(live, "table", world.a) == tables
    assert entries(live, "column", world.a) == {
        ("public.t", "x"): ({"UPDATE"}, {"UPDATE"}, set()),
        ("public.s", "last_value"): ({"SELECT"}, set(), set()),
    }
    assert entries(live, "sequence", world.a) == {("public.s", ""): ({"USAGE"}, set(), set())}
    assert entries(live, "type", world.a) == {("public.colour", ""): ({"USAGE"}, set(), set())}
    assert entries(live, "table", world.other) == {}
    assert live.objects["table", "public.t"] == DatabaseObject(
        "table", "public.t", "public.t", "postgres", False, ("id", "x")
    )
    assert live.objects["table", 'public.Odd "view'].sql == 'public."Odd ""view"'
    assert live.objects["table", 'public."a.b"'].sql == 'public."a.b"'
    assert live.objects["table", "public.s"].builtin  # for REVOKE … (last_value) ON TABLE s alone
    assert not live.objects["sequence", "public.s"].builtin
    assert live.objects["type", "public.colour"].sql == "public.colour"


def test_default_privileges_schemas_and_the_database(world: World, database: Database) -> None:
    world.run(
        "create schema s",
        "grant create on schema s to {a}",
        f"grant create on database {database.name} to {{a}}",
        "alter default privileges for role {b} in schema s grant select on tables to {a}",
        "alter default privileges for role {b} grant usage on sequences to {a}",
        "alter default privileges for role {b} grant execute on functions to {a}",
    )
    live = world.look()
    assert entries(live, "default tables", world.a) == {(f"{world.b}/s", ""): ({"SELECT"}, set(), set())}
    assert entries(live, "default sequences", world.a) == {(f"{world.b}/", ""): ({"USAGE"}, set(), set())}
    assert entries(live, "default functions", world.a) == {(f"{world.b}/", ""): ({"EXECUTE"}, set(), set())}
    assert entries(live, "default functions", "public") == {(f"{world.b}/", ""): ({"EXECUTE"}, set(), {"EXECUTE"})}
    assert entries(live, "schema", world.a) == {("s", ""): ({"CREATE"}, set(), set())}
    assert entries(live, "database", world.a) == {(database.name, ""): ({"CREATE"}, set(), set())}


def test_languages_foreign_things_and_large_objects(world: World) -> None:
    world.run(
        "create foreign data wrapper w",
        "create server far foreign data wrapper w",
        "select lo_create(4711)",
        "grant usage on language plpgsql to {a}",
        "grant usage on foreign data wrapper w to {a}",
        "grant usage on foreign server far to {a}",
        "grant select on large object 4711 to {a}",
        "create user mapping for {a} server far",
        "create user mapping for public server far",
        "create user mapping for {o} server far",
    )
    live = world.look(user=world.b)
    usage: tuple[set[str], set[str], set[str]] = ({"USAGE"}, set(), set())
    assert entries(live, "language", world.a) == {("plpgsql", ""): usage}
    assert entries(live, "foreign data wrapper", world.a) == {("w", ""): usage}
    assert entries(live, "foreign server", world.a) == {("far", ""): usage}
    assert entries(live, "large object", world.a) == {("4711", ""): ({"SELECT"}, set(), set())}
    assert live.objects["large object", "4711"].sql == "4711"
    assert live.mappings == (UserMapping(world.a, "far"), UserMapping("public", "far"))


def test_parameters_and_tablespaces(world: World, after: Callable[..., None]) -> None:
    space = f"space_{world.a}"
    with world.database.connect() as conn:
        conn.execute("set allow_in_place_tablespaces = on")
        conn.execute(f"create tablespace {space} location ''".encode())
    after(f"drop tablespace {space}", "revoke all on parameter session_replication_role, a.b from {a}")
    world.run(
        f"grant create on tablespace {space} to {{a}}",
        "grant set on parameter session_replication_role, a.b to {a}",
    )
    live = world.look()
    given: tuple[set[str], set[str], set[str]] = ({"SET"}, set(), set())
    assert entries(live, "parameter", world.a) == {("session_replication_role", ""): given, ("a.b", ""): given}
    assert live.objects["parameter", "a.b"].sql == "a.b"
    assert entries(live, "tablespace", world.a) == {(space, ""): ({"CREATE"}, set(), set())}
    assert live.objects["tablespace", space].sql == space


def test_what_was_given_on_and_to_whom(world: World) -> None:
    world.run(
        "create table t (x int)",
        "grant select on t to {b} with grant option",
        "set role {b}; grant select on t to {o}, {a}; reset role",
    )
    by = {(entry.grantor, entry.slot.grantee) for entry in world.look().entries if entry.slot.kind == "table"}
    assert by == {("postgres", world.b), (world.b, world.other), (world.b, world.a)}


def test_changes_of_what_comes_with_the_server(world: World) -> None:
    world.run(
        "grant select on pg_catalog.pg_authid to {a}",
        "grant select (rolpassword) on pg_catalog.pg_authid to {b}",
        "grant execute on function pg_catalog.pg_read_file(text) to public",
        "grant update on pg_catalog.pg_class to public",
    )
    live = world.look()
    assert entries(live, "table", world.a) == {("pg_catalog.pg_authid", ""): ({"SELECT"}, set(), set())}
    assert entries(live, "column", world.b) == {("pg_catalog.pg_authid", "rolpassword"): ({"SELECT"}, set(), set())}
    assert entries(live, "table", "public") == {("pg_catalog.pg_class", ""): ({"SELECT", "UPDATE"}, set(), {"SELECT"})}
    reading = ("pg_catalog.pg_read_file(text)", "")
    assert entries(live, "function", "public") == {reading: ({"EXECUTE"}, set(), set())}
    for key in [("table", "pg_catalog.pg_authid"), ("table", "pg_catalog.pg_class"), ("function", reading[0])]:
        assert live.objects[key].builtin


def test_roles_memberships_and_settings(world: World, database: Database) -> None:
    world.run(
        "alter role {a} connection limit 3 createdb noinherit",
        f"alter role {{a}} in database {database.name} set statement_timeout = '3s'",
        "alter role {a} set search_path = a, b",
        f"alter database {database.name} set session_replication_role = replica",
        "grant {b} to {a} with admin option",
    )
    live = world.look()
    role = live.roles[world.a]
    assert (role.login, role.superuser, role.create_database, role.inherit, role.predefined) == (
        *(True, False, True, False, False),
    )
    assert role.connection_limit == 3
    assert role.settings == {"statement_timeout": "3s"}
    assert role.settings_everywhere == {"search_path": "a, b"}
    assert live.roles["postgres"].predefined
    assert live.roles["pg_read_all_data"].predefined
    assert MembershipRow(world.b, world.a, "postgres", admin=True, inherit=False, set=True) in live.members
    assert ServerSetting("session_replication_role", "replica", True) in live.settings


def test_what_roles_own(world: World, database: Database) -> None:
    world.run(
        "create schema s authorization {a}",
        f"alter database {database.name} owner to {{b}}",
        "create table t (id serial primary key, x text, n int generated always as identity)",
        "alter table t owner to {a}",
        "create function \"F\"(int, text[]) returns int language sql as 'select 1'",
        'alter function "F" owner to {a}',
        "create type pair as (x int)",
        "alter type pair owner to {a}",
        "create table others (x int)",
        "alter default privileges for role {a} grant select on tables to {b}",
    )
    with database.connect(world.b) as conn:
        conn.execute("create temporary table passing (x serial)")
        assert [one for one in world.look().owned if one.role == world.b] == [
            OwnedObject(world.b, "database", database.name, False)
        ]
    assert [one for one in world.look().owned if one.role == world.a] == [
        OwnedObject(world.a, "function", 'public."F"(integer,pg_catalog.text[])', False),
        OwnedObject(world.a, "schema", "s", False),
        OwnedObject(world.a, "sequence", "public.t_id_seq", True),
        OwnedObject(world.a, "sequence", "public.t_n_seq", True),
        OwnedObject(world.a, "table", "public.t", False),
        OwnedObject(world.a, "type", "public.pair", False),
    ]


def test_routines(world: World) -> None:
    world.run(
        "create function plain() returns int language sql as 'select 1'",
        "create function definer(x int default 1) returns int language sql security definer as 'select 1'",
        "create procedure act() language sql security definer as 'select 1'",
        "create function wild(text) returns text language internal as 'upper'",
        "revoke execute on procedure act from public",
        "grant execute on procedure act to {a}, {o}",
        "create table t (x int default definer())",
    )
    everybody, writes = frozenset({"public"}), frozenset({"INSERT", "UPDATE"})
    found = {routine.name: routine for routine in world.look().routines}
    assert found == {
        "public.definer(integer)": Routine(
            *("public.definer(integer)", "public.definer(integer)", "postgres", True, "", "", everybody),
            (Caller("table", "public.t", "default value for public.t.x", False, None, writes, None),),
        ),
        "public.act()": Routine(*("public.act()", "public.act()", "postgres", True, "", "", frozenset({world.a}))),
        "public.wild(text)": Routine(
            *("public.wild(text)", "public.wild(text)", "postgres", False, "internal", "", everybody)
        ),
    }


def test_effects_of_triggers_rules_and_row_security(world: World) -> None:
    body = "language plpgsql as 'begin return new; end'"
    world.run(
        "create table t (x int)",
        f"create function quiet() returns trigger {body}",
        f"create function loud() returns trigger security definer {body}",
        "create trigger quiet before insert on t for each row execute function quiet()",
        "create trigger loud before insert or update or delete on t for each row execute function loud()",
        "create trigger off before insert on t for each row execute function loud()",
        "alter table t disable trigger off",
        "create rule told as on delete to t do also notify news",
        "alter table t enable row level security",
        "alter table t force row level security",
        "create policy mine on t for select to {a}, {b} using (true)",
        "create policy less on t as restrictive using (true)",
        "create view v as select 1 as x",
    )
    found = {(one.kind, one.name): replace(one, definition="") for one in world.look().effects}
    changes = frozenset({"INSERT", "UPDATE", "DELETE"})
    assert found == {
        ("trigger", "loud"): TableEffect("trigger", "public.t", "loud", changes, "postgres", "public.loud()", ""),
        ("rule", "told"): TableEffect("rule", "public.t", "told", frozenset({"DELETE"}), "postgres", "also", ""),
        ("row security", "t"): TableEffect("row security", "public.t", "t", frozenset({"SELECT"}), "", "forced", ""),
    }
    definition = next(one.definition for one in world.look().effects if one.kind == "row security")
    assert definition == f"less (ALL, to public, restrictive), mine (SELECT, to {world.a}, {world.b})"
    world.run(
        "create function noted() returns event_trigger security definer language plpgsql as 'begin end'",
        "create event trigger noted on ddl_command_end execute function noted()",
    )
    assert [one for one in world.look().effects if one.kind == "event trigger"] == [
        TableEffect(
            "event trigger", "", "noted", NOBODY, "postgres", "ddl_command_end", "EXECUTE FUNCTION public.noted()"
        )
    ]


def test_effects_of_constraints(world: World) -> None:
    world.run(
        "create table parent (x int primary key)",
        "create table child (x int default 1 references parent on delete cascade on update set default, y int)",
        "create table fine (x int references parent)",
        "alter table child add constraint positive check (y > 0) not valid",
        "alter table parent disable trigger all",
    )
    found = {
        (*one.events, one.table, one.state, one.name, one.other, one.owner)
        for one in world.look().effects
        if one.kind == "cascade"
    }
    assert found == {
        ("DELETE", "public.parent", "cascade", "child_x_fkey", "public.child", "postgres"),
        ("UPDATE", "public.parent", "set default", "child_x_fkey", "public.child", "postgres"),
    }
    assert {(one.table, one.name, one.state) for one in world.look().effects if one.kind == "constraint"} == {
        ("public.child", "positive", "not valid"),
        ("public.parent", "child_x_fkey", "trigger disabled"),
        ("public.parent", "fine_x_fkey", "trigger disabled"),
    }


def test_constraints_that_are_not_enforced(world: World) -> None:
    if world.look().version < 18:
        return  # none can be made
    world.run("create table t (x int constraint small check (x < 9) not enforced)")
    assert [(one.name, one.state) for one in world.look().effects] == [("small", "not enforced")]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("f(int, varchar(20) , timestamptz[])", "public.f(integer,character varying,timestamp with time zone[])"),
        ("public.f(colour)", "public.f(public.colour)"),
        ("f(public.colour[])", "public.f(public.colour[])"),
        ("s.f()", "s.f()"),
        ("pg_catalog.pg_sleep(float)", "pg_catalog.pg_sleep(double precision)"),
        ("f(numeric(10, 2), CHAR)", "public.f(numeric,character)"),
        ("f()", None),
        ("f(no such type", None),
        ("none(int)", None),
        ("", None),
    ],
)
def test_functions_by_what_people_call_them(world: World, asked: str, name: str | None) -> None:
    world.run("create schema s", "create type colour as enum ()")
    for signature in ("f(int, varchar, timestamptz[])", "f(colour)", "f(colour[])", "s.f()", "f(numeric, char)"):
        world.run(f"create function {signature} returns int language sql as 'select 1'")
    live = world.look(asked)
    assert live.declared_functions == ({} if name is None else {asked: name})
    assert name is None or ("function", name) in live.objects


def ours(live: LiveState) -> LiveState:
    """Without the roles and databases of other tests on the same server, which come and go."""
    databases = tuple(database for database in live.other_databases if database.name in ("postgres", "template1"))
    return replace(live, roles={}, members=(), other_databases=databases)


def test_anybody_may_ask_and_gets_the_same_answer(world: World) -> None:
    world.run(
        "revoke all on schema public from public",
        "create table t (x serial)",
        "grant select on t to {a}",
        "alter table t owner to {b}",
        "create function f() returns int security definer language sql as 'select 1'",
        "create rule r as on insert to t where new.x > 1 do also select 1",
    )
    full = ours(world.look("f()"))
    for path in ("public", "pg_catalog", "public, pg_catalog", ""):
        options = f"-csearch_path={path.replace(' ', '')} -cdefault_transaction_read_only=on"
        with world.database.connect(world.other, options=options) as conn:
            seen = inspect(conn, [world.a, world.b], ["f()"])
            assert ours(replace(seen, admin="postgres", admin_superuser=True)) == full


def test_a_transaction_goes_on(world: World) -> None:
    with world.database.connect(autocommit=False) as conn:
        conn.execute("create table mine (x int)")
        assert ("table", "public.mine") in inspect(conn, [world.a]).objects
        assert conn.info.transaction_status.name == "INTRANS"
        conn.rollback()


def test_the_number_of_queries_is_always_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    fetch = catalog.fetch
    monkeypatch.setattr(catalog, "fetch", lambda *arguments: sent.append(arguments) or fetch(*arguments))
    with world.database.connect() as conn:
        inspect(conn, [])
        assert len(sent) == QUERIES
        for number in range(20):
            conn.execute(f"create table t{number} (x int)".encode())
            conn.execute(f"grant select on t{number} to {world.a}".encode())
        inspect(conn, [world.a, world.b], ["f()", "g(int)"])
    assert len(sent) == 2 * QUERIES
