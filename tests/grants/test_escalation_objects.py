"""What others let a role do: PUBLIC, functions, triggers, rules, foreign keys, credentials."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.live_state import AclEntry
from minerva_promote.grants.model import PUBLIC, Drift, Phase, Slot
from tests.grants.role_database import RoleDatabase
from tests.servers import Database

LOSE = "other roles lose it too: give it by name to those that need it"
READ = "read what it does: accept it with the reason, or run the statement yourself"
DEFINER = "CREATE FUNCTION {}() RETURNS {} LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN {} END'"


@pytest.fixture
def role_database(suffix: str, database: Database) -> RoleDatabase:
    return RoleDatabase(database, suffix)


def rights(role_database: RoleDatabase) -> str:
    return f"runs with the rights of {role_database.admin}, which is a superuser"


def test_a_table_given_to_everybody(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    role_database.run(
        "CREATE TABLE t (a int, b int)", "GRANT SELECT, DELETE ON t TO PUBLIC", "GRANT UPDATE (b, a) ON t TO PUBLIC"
    )
    declaration = role_database.minimal_declaration(api, reader).with_privileges(reader, "table", "public.t", "SELECT")
    assert role_database.find_drift(declaration, api, reader) == [
        Drift(
            "through-public",
            PUBLIC,
            "DELETE, SELECT, UPDATE (a, b) on table public.t",
            f"every role has it, {api} and {reader} too",
            ('REVOKE DELETE, SELECT, UPDATE ("a", "b") ON TABLE public.t FROM PUBLIC',),
            hint=LOSE,
            phase=Phase.REVOKE,
        )
    ]
    declared = declaration
    for role in (api, reader):
        declared = declared.with_privileges(role, "table", "public.t", "SELECT", "DELETE", "UPDATE")
    assert role_database.find_drift(declared, api, reader) == []
    assert (
        role_database.find_drift(
            role_database.minimal_declaration(api).with_privileges(
                PUBLIC, "table", "public.t", "DELETE", "SELECT", "UPDATE"
            ),
            api,
        )
        == []
    )
    assert role_database.drift_after_apply(declaration, api, reader) == []


def test_only_what_some_role_lacks_is_taken(role_database: RoleDatabase) -> None:
    api, group = role_database.role("api"), role_database.role("readers", "NOLOGIN")
    role_database.run("CREATE TABLE t (a int)", "GRANT SELECT, INSERT ON t TO PUBLIC", f"GRANT {group} TO {api}")
    declaration = (
        role_database.minimal_declaration(api)
        .with_membership(api, group)
        .with_privileges(group, "table", "public.t", "SELECT")
    )
    (drift,) = role_database.find_drift(declaration, api)
    assert (drift.what, drift.statements) == (
        "INSERT on table public.t",
        ("REVOKE INSERT ON TABLE public.t FROM PUBLIC",),
    )


def test_the_database_and_the_schema(role_database: RoleDatabase) -> None:
    api, group = role_database.role("api"), role_database.role("team", "NOLOGIN")
    name = role_database.database.name
    role_database.run(
        f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC", "GRANT CREATE ON SCHEMA public TO PUBLIC"
    )
    declaration = role_database.minimal_declaration(api).with_privileges(
        group, "schema", "public", "USAGE"
    )  # a group does not log in
    drifts = role_database.find_drift(declaration, api, group)
    assert [(drift.what, drift.message, drift.statements) for drift in drifts] == [
        (
            f"TEMPORARY on database {name}",
            f"every role has it, {api} and {group} too",
            (f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",),
        ),
        (
            "CREATE on schema public",
            f"every role has it, {api} and {group} too",
            ("REVOKE CREATE ON SCHEMA public FROM PUBLIC",),
        ),
    ]
    assert role_database.drift_after_apply(declaration, api, group) == []
    role_database.run("GRANT CREATE ON SCHEMA public TO PUBLIC")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api), api, group)
    assert drift.what == "CREATE, USAGE on schema public"


def test_nothing_is_said_of_public_where_it_is_declared(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run(
        "CREATE TABLE t ()", "GRANT SELECT ON t TO PUBLIC", "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC"
    )
    assert role_database.find_drift(replace(role_database.minimal_declaration(api), public_declared=True), api) == []


def test_what_somebody_else_than_the_owner_gave(role_database: RoleDatabase) -> None:
    api, chief = role_database.role("api"), role_database.role("chief")
    role_database.run("CREATE TABLE t ()", f"GRANT SELECT ON t TO {chief} WITH GRANT OPTION")
    role_database.run(f"SET ROLE {chief}; GRANT SELECT ON t TO PUBLIC; RESET ROLE")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "through-public",
            PUBLIC,
            "SELECT on table public.t",
            f"every role has it, {api} too; given by {chief}, so that only {chief} can take it back",
            (f'SET LOCAL ROLE "{chief}"', "REVOKE SELECT ON TABLE public.t FROM PUBLIC", "RESET ROLE"),
            hint=LOSE,
            phase=Phase.REVOKE_AS_GRANTOR,
        )
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_what_only_a_stranger_can_take_back(role_database: RoleDatabase) -> None:
    api, chief = role_database.role("api"), role_database.role("chief")
    role_database.run("CREATE TABLE t ()", f"GRANT SELECT ON t TO {chief} WITH GRANT OPTION")
    role_database.run(f"SET ROLE {chief}; GRANT SELECT ON t TO PUBLIC; RESET ROLE")
    live = replace(role_database.live(api, admin=role_database.role("other")), admin_superuser=False)
    (drift,) = find_escalations(live, role_database.minimal_declaration(api), [api])
    assert (drift.statements, drift.automatic) == ((), False)
    statement = "REVOKE SELECT ON TABLE public.t FROM PUBLIC"
    assert drift.hint == f'as {chief}, or as an administrator after SET ROLE "{chief}": {statement}'


@pytest.mark.parametrize(
    "given, code, what",
    [
        (
            "EXECUTE ON FUNCTION pg_read_file(text)",
            "restricted-function",
            "EXECUTE on function pg_catalog.pg_read_file(text)",
        ),
        ("SELECT ON pg_authid", "restricted-relation", "SELECT on table pg_catalog.pg_authid"),
        ("UPDATE ON pg_settings, pg_class", "restricted-relation", "UPDATE on table pg_catalog.pg_class"),
    ],
)
def test_what_the_server_keeps_to_itself(role_database: RoleDatabase, given: str, code: str, what: str) -> None:
    api = role_database.role("api")
    role_database.run(f"GRANT {given} TO PUBLIC")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api), api)
    assert (drift.code, drift.what, drift.automatic) == (code, what, True)
    assert (
        drift.message == f"every role has it, {api} too, and the server or its extension keeps it from ordinary roles"
    )
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_a_grant_to_a_role_makes_nothing_of_the_rest(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run(
        f"GRANT EXECUTE ON FUNCTION pg_catalog.now() TO {api}",
        f"GRANT SELECT ON pg_class TO {api}",
        f"GRANT USAGE ON TYPE int4 TO {api}",
        f"GRANT USAGE ON LANGUAGE plpgsql TO {api}",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        f"GRANT EXECUTE ON FUNCTION f() TO {api}",
    )
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []


def test_other_kinds_and_what_is_made_later(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run(
        "CREATE SEQUENCE s",
        "GRANT USAGE ON SEQUENCE s TO PUBLIC",
        "SELECT lo_create(4711)",
        "GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC",
        "CREATE FOREIGN DATA WRAPPER fw",
        "CREATE SERVER sv FOREIGN DATA WRAPPER fw",
        "GRANT USAGE ON FOREIGN SERVER sv TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
    )
    drifts = role_database.find_drift(role_database.minimal_declaration(api), api)
    assert [(drift.what, *drift.statements) for drift in drifts] == [
        (
            f"SELECT on tables that {role_database.admin} will make in schema public",
            f'ALTER DEFAULT PRIVILEGES FOR ROLE "{role_database.admin}" IN SCHEMA "public" REVOKE SELECT ON TABLES FROM PUBLIC',
        ),
        ("USAGE on foreign server sv", "REVOKE USAGE ON FOREIGN SERVER sv FROM PUBLIC"),
        ("SELECT on large object 4711", "REVOKE SELECT ON LARGE OBJECT 4711 FROM PUBLIC"),
        ("USAGE on sequence public.s", "REVOKE USAGE ON SEQUENCE public.s FROM PUBLIC"),
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_a_parameter_given_to_everybody(role_database: RoleDatabase) -> None:
    """Not really given: parameters are the server's, and other tests would see it."""
    api = role_database.role("api")
    given = AclEntry(Slot("public", "parameter", "work_mem"), "postgres", frozenset({"SET"}), frozenset(), frozenset())
    live = role_database.live(api)
    drifts = list(
        find_escalations(replace(live, entries=(*live.entries, given)), role_database.minimal_declaration(api), [api])
    )
    assert [(drift.code, drift.what, *drift.statements) for drift in drifts] == [
        ("through-public", "SET on parameter work_mem", 'REVOKE SET ON PARAMETER "work_mem" FROM PUBLIC')
    ]


def test_a_function_that_runs_as_its_owner(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    role_database.run("CREATE FUNCTION f(uuid) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
    declaration = role_database.minimal_declaration(api, reader)
    assert role_database.find_drift(declaration, api, reader) == [
        Drift(
            "security-definer",
            PUBLIC,
            "function public.f(uuid)",
            f"every role may call it, {api} and {reader} too; it {rights(role_database)}, whoever calls it",
            ("REVOKE EXECUTE ON ROUTINE public.f(uuid) FROM PUBLIC",),
            phase=Phase.REVOKE,
        )
    ]
    declared = declaration.with_privileges(api, "function", "public.f(uuid)", "EXECUTE")
    assert role_database.find_drift(declared, api) == []
    assert (
        role_database.find_drift(
            declaration.with_privileges(PUBLIC, "function", "public.f(uuid)", "EXECUTE"), api, reader
        )
        == []
    )
    assert role_database.drift_after_apply(declaration, api, reader) == []
    role_database.run(f"GRANT EXECUTE ON FUNCTION f TO {api}")
    assert role_database.find_drift(declaration, api, reader) == [
        Drift(
            "security-definer",
            api,
            "function public.f(uuid)",
            f"it {rights(role_database)}, whoever calls it",
            (f'REVOKE EXECUTE ON ROUTINE public.f(uuid) FROM "{api}"',),
            phase=Phase.REVOKE,
        )
    ]
    assert role_database.drift_after_apply(declaration, api, reader) == []


def test_a_procedure_and_a_function_of_the_role_itself(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run(
        "CREATE PROCEDURE p() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        f"ALTER FUNCTION mine() OWNER TO {api}",
    )
    reported = [
        drift
        for drift in role_database.find_drift(role_database.minimal_declaration(api), api)
        if drift.code == "security-definer"
    ]
    assert [(drift.what, *drift.statements) for drift in reported] == [
        ("function public.p()", "REVOKE EXECUTE ON ROUTINE public.p() FROM PUBLIC")
    ]


def test_a_function_in_a_schema_that_the_role_may_not_use(role_database: RoleDatabase) -> None:
    """EXECUTE is enough: something that the role may use can call it."""
    api = role_database.role("api")
    role_database.run("CREATE SCHEMA inner_one")
    role_database.run("CREATE FUNCTION inner_one.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
    declaration = role_database.minimal_declaration(api)
    assert [(drift.code, drift.role) for drift in role_database.find_drift(declaration, api)] == [
        ("security-definer", PUBLIC)
    ]
    assert role_database.drift_after_apply(declaration, api) == []


def test_a_function_of_an_untrusted_language(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run("CREATE EXTENSION vector")  # its functions are in C, and no concern
    role_database.run("CREATE FUNCTION f() RETURNS text LANGUAGE internal AS 'pgsql_version'")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "untrusted-function",
            PUBLIC,
            "function public.f()",
            f"every role may call it, {api} too; "
            "language internal reaches the server's machine: its files, programs and network",
            ("REVOKE EXECUTE ON ROUTINE public.f() FROM PUBLIC",),
            phase=Phase.REVOKE,
        )
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_a_trigger_that_runs_as_somebody_else(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    role_database.run(
        "CREATE TABLE t (a int)",
        DEFINER.format("log", "trigger", "RETURN NEW;"),
        "REVOKE EXECUTE ON FUNCTION log() FROM PUBLIC",
        'CREATE TRIGGER "Note" BEFORE INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION log()',
        "CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER harmless BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION harmless()",
    )
    declaration = role_database.minimal_declaration(api, reader).with_privileges(
        reader, "table", "public.t", "SELECT", "UPDATE"
    )
    assert role_database.find_drift(declaration, api, reader) == []
    declaration = declaration.with_privileges(api, "column", "public.t", "INSERT", column="a")
    drift = Drift(
        "trigger",
        api,
        "trigger Note on public.t",
        f"at DELETE or INSERT by {api}, function public.log() {rights(role_database)}",
        ('ALTER TABLE public.t DISABLE TRIGGER "Note"',),
        hint=READ,
        automatic=False,
        phase=Phase.LAST,
    )
    assert role_database.find_drift(declaration, api, reader) == [drift]
    assert role_database.drift_after_apply(declaration, api, reader) == [drift]
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api, reader) == []
    role_database.run('ALTER TABLE t ENABLE TRIGGER "Note"', "GRANT DELETE ON t TO PUBLIC")
    (_, drift) = role_database.find_drift(
        role_database.minimal_declaration(reader), reader
    )  # not declared, and so all the same
    assert (drift.code, drift.role) == ("trigger", reader)
    role_database.run("REVOKE DELETE ON t FROM PUBLIC", f"ALTER FUNCTION log() OWNER TO {api}")
    assert [drift.code for drift in role_database.find_drift(declaration, api)] == ["owns-object"]


def test_an_event_trigger(role_database: RoleDatabase) -> None:
    api, maker = role_database.role("api"), role_database.role("maker", "NOLOGIN")
    role_database.run(DEFINER.format("watch", "event_trigger", ""), "REVOKE EXECUTE ON FUNCTION watch() FROM PUBLIC")
    role_database.run("CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION watch()")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []
    declaration = role_database.minimal_declaration(api, maker).with_privileges(maker, "schema", "public", "CREATE")
    drift = Drift(
        "event-trigger",
        maker,
        "event trigger made",
        f"at ddl_command_end, which {maker} can bring about, its function {rights(role_database)}",
        ('ALTER EVENT TRIGGER "made" DISABLE',),
        hint=READ,
        automatic=False,
        phase=Phase.LAST,
    )
    assert role_database.find_drift(declaration, api, maker) == [drift]
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api, maker) == []


def test_an_event_trigger_at_login(role_database: RoleDatabase) -> None:
    if role_database.version < 17:
        pytest.skip("there are none before PostgreSQL 17")
    api, group = role_database.role("api"), role_database.role("team", "NOLOGIN")
    role_database.run(DEFINER.format("watch", "event_trigger", ""), "REVOKE EXECUTE ON FUNCTION watch() FROM PUBLIC")
    role_database.run("CREATE EVENT TRIGGER welcome ON login EXECUTE FUNCTION watch()")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api, group), api, group)
    assert (drift.role, drift.message) == (api, f"when {api} logs in, its function {rights(role_database)}")
    assert role_database.find_drift(role_database.minimal_declaration(group), group) == []


def test_a_rule(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    role_database.run(
        "CREATE TABLE t (a int)",
        "CREATE TABLE u (a int)",
        "CREATE RULE copy AS ON INSERT TO t DO ALSO INSERT INTO u VALUES (NEW.a)",
        "CREATE VIEW v AS SELECT a FROM t",
    )
    declaration = (
        role_database.minimal_declaration(api, reader)
        .with_privileges(api, "table", "public.t", "INSERT")
        .with_privileges(api, "table", "public.v", "SELECT")
    )
    drift = Drift(
        "rule",
        api,
        "rule copy on public.t",
        f"at INSERT by {api}, its statements run also with the rights of {role_database.admin}, which is a superuser",
        ('DROP RULE "copy" ON public.t',),
        hint=READ,
        automatic=False,
        phase=Phase.LAST,
    )
    assert role_database.find_drift(declaration, api, reader) == [drift]
    assert (
        role_database.find_drift(
            role_database.minimal_declaration(reader).with_privileges(reader, "table", "public.t", "SELECT", "UPDATE"),
            reader,
        )
        == []
    )
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api, reader) == []


@pytest.mark.parametrize(
    "action, privilege, need, what, done",
    [
        ("ON DELETE CASCADE", "DELETE", "DELETE", "DELETE on public.parent changes public.child", "deletes"),
        ("ON DELETE SET NULL", "DELETE", "UPDATE", "DELETE on public.parent changes public.child", "empties"),
        ("ON UPDATE CASCADE", "UPDATE", "UPDATE", "UPDATE on public.parent changes public.child", "changes"),
    ],
)
def test_a_foreign_key_that_reaches_another_table(
    role_database: RoleDatabase, action: str, privilege: str, need: str, what: str, done: str
) -> None:
    api = role_database.role("api")
    role_database.run(
        "CREATE TABLE parent (a int PRIMARY KEY)", f"CREATE TABLE child (a int REFERENCES parent {action})"
    )
    declaration = role_database.minimal_declaration(api).with_privileges(
        api, "table", "public.parent", "SELECT", "INSERT"
    )
    assert role_database.find_drift(declaration, api) == []
    declaration = declaration.with_privileges(api, "table", "public.parent", privilege)
    assert role_database.find_drift(declaration, api) == [
        Drift(
            "cascade",
            api,
            what,
            f"at {privilege} by {api}, foreign key child_a_fkey {done} rows of public.child, on which it has no {need}",
            hint=f"declare {need} on public.child as well, or make the foreign key anew without the action",
            automatic=False,
            phase=Phase.LAST,
        )
    ]
    assert role_database.find_drift(declaration.with_privileges(api, "table", "public.child", need), api) == []


def test_credentials_for_another_server(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    role_database.run("CREATE FOREIGN DATA WRAPPER fw", "CREATE SERVER sv FOREIGN DATA WRAPPER fw")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []
    role_database.run("CREATE USER MAPPING FOR PUBLIC SERVER sv", f"CREATE USER MAPPING FOR {api} SERVER sv")
    kept = "it cannot be got back without its password: drop it yourself"
    drifts = role_database.find_drift(role_database.minimal_declaration(api, reader), api, reader)
    assert drifts == [
        Drift(
            "user-mapping",
            api,
            "user mapping for server sv",
            "with stored credentials it works on another server, where nothing of this declaration holds",
            (f'DROP USER MAPPING FOR "{api}" SERVER "sv"',),
            hint=kept,
            automatic=False,
            phase=Phase.LAST,
        ),
        Drift(
            "user-mapping",
            PUBLIC,
            "user mapping for server sv",
            "every role works on another server with these credentials, where nothing of this declaration holds",
            ('DROP USER MAPPING FOR PUBLIC SERVER "sv"',),
            hint=kept,
            automatic=False,
            phase=Phase.LAST,
        ),
    ]
    for drift in drifts:
        role_database.run_by_hand(drift)
    assert role_database.find_drift(role_database.minimal_declaration(api, reader), api, reader) == []


def test_names_that_need_quotes(role_database: RoleDatabase) -> None:
    api = f'A "b; c_{role_database.suffix}'
    quoted = '"' + api.replace('"', '""') + '"'
    role_database.run(
        f"CREATE ROLE {quoted} CREATEDB", f"GRANT pg_monitor TO {quoted}", 'CREATE TABLE "T t" ("C c" int)'
    )
    role_database.run(
        'GRANT UPDATE ("C c") ON "T t" TO PUBLIC', f'CREATE TABLE "U u" (); ALTER TABLE "U u" OWNER TO {quoted}'
    )
    role_database.run("CREATE FUNCTION \"F f\"() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
    declaration = role_database.minimal_declaration(api)
    assert [drift.code for drift in role_database.find_drift(declaration, api)] == [
        "create-database",
        "predefined-role",
        "owns-object",
        "through-public",
        "security-definer",
    ]
    assert role_database.drift_after_apply(declaration, api) == []
