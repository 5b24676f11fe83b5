"""SECURITY DEFINER functions that a role may not execute, and that something runs for it."""

from __future__ import annotations

import pytest

from minerva_promote.grants.model import PUBLIC, Drift, Phase
from tests.grants.role_database import Declaration, RoleDatabase
from tests.servers import Database

HELP = "read what it does: accept it with the reason, drop what leads to it, or run the statement yourself"


@pytest.fixture
def role_database(suffix: str, database: Database) -> RoleDatabase:
    """A database with a schema that no role may use."""
    made = RoleDatabase(database, suffix)
    made.run("CREATE SCHEMA hidden", "CREATE TABLE hidden.log (who text)")
    return made


def function(arguments: str, returns: str, body: str = "NULL", more: str = "") -> str:
    """A function that leaves a trace with its owner's rights; its name is hidden.f."""
    text = f"INSERT INTO hidden.log VALUES (session_user); RETURN {body};"
    return f"CREATE FUNCTION hidden.f({arguments}) RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER {more} AS $$BEGIN {text} END$$"


FUNCTIONS = {  # what calls it -> arguments, result, body of the function, and what of it is declared
    "plus": ("int, int", "int", "1"),
    "is": ("int", "bool", "true", "IMMUTABLE"),
    "number": ("", "int", "1"),
    "same": ("int", "int", "$1", "IMMUTABLE"),
    "trigger": ("", "trigger", "NULL"),
    "compare": ("int, int", "int", "0", "IMMUTABLE"),
    "difference": ("int, int", "float8", "0", "IMMUTABLE STRICT"),
    "text": ("int", "text", "'x'", "IMMUTABLE"),
}
# function, what calls it, what the role is declared to have on a table, and the way as it is told
ALWAYS = {
    "aggregate": ("plus", "CREATE AGGREGATE total(int) (sfunc = hidden.f, stype = int, initcond = '0')",
        "aggregate public.total(integer)"),
    "final function": ("same", "CREATE AGGREGATE last(int) (sfunc = int4larger, stype = int, finalfunc = hidden.f)",
        "aggregate public.last(integer)"),
    "combine function": ("plus", "CREATE AGGREGATE best(int) (sfunc = int4larger, stype = int, combinefunc = hidden.f)",
        "aggregate public.best(integer)"),
    "operator": ("plus", "CREATE OPERATOR @#@ (leftarg = int, rightarg = int, function = hidden.f)",
        "operator public.@#@(integer,integer)"),
    "cast": ("text", "CREATE TYPE odd AS (a int); CREATE FUNCTION hidden.g(odd) RETURNS text LANGUAGE sql"
        " RETURN hidden.f(($1).a); CREATE CAST (odd AS text) WITH FUNCTION hidden.g(odd);"
        " REVOKE EXECUTE ON FUNCTION hidden.g FROM PUBLIC",
        "cast (public.odd AS pg_catalog.text), function hidden.g(public.odd)"),
    "domain": ("is", "CREATE DOMAIN even AS int CHECK (hidden.f(VALUE))",
        "domain constraint even_check on public.even"),
    "range": ("difference", "CREATE TYPE span AS RANGE (subtype = int, subtype_diff = hidden.f)", "type public.span"),
    "operator class": ("compare", "CREATE OPERATOR CLASS odd_ops FOR TYPE int USING btree AS OPERATOR 1 <,"
        " OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 hidden.f(int, int)",
        "function 1 (integer, integer) of public.odd_ops USING btree"),
    "SQL body": ("number", "CREATE FUNCTION body() RETURNS int LANGUAGE sql RETURN hidden.f()",
        "function public.body()"),
    "argument's default": ("number", "CREATE FUNCTION body(a int DEFAULT hidden.f()) RETURNS int LANGUAGE sql RETURN a",
        "function public.body(integer)"),
}  # fmt: skip
TABLES = {
    "default": ("number", "CREATE TABLE t (a int DEFAULT hidden.f())", "INSERT",
        "default value for public.t.a"),
    "generated column": ("same", "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (hidden.f(a)) STORED)", "UPDATE",
        "default value for public.t.b"),
    "check": ("is", "CREATE TABLE t (a int CONSTRAINT odd CHECK (hidden.f(a)))", "INSERT",
        "table constraint odd on public.t"),
    "index": ("same", "CREATE TABLE t (a int); CREATE INDEX i ON t (hidden.f(a))", "INSERT",
        "table public.t, index public.i"),
    "partition key": ("same", "CREATE TABLE t (a int) PARTITION BY LIST (hidden.f(a))", "INSERT",
        "table public.t"),
    "policy": ("is", "CREATE TABLE t (a int); CREATE POLICY p ON t FOR DELETE USING (hidden.f(a))", "DELETE",
        "policy p on public.t"),
    "rule": ("number", "CREATE TABLE t (a int); CREATE RULE r AS ON UPDATE TO t DO ALSO SELECT hidden.f()", "UPDATE",
        "rule r on public.t"),
    "condition of a trigger": ("is", "CREATE TABLE t (a int); CREATE TRIGGER w BEFORE UPDATE ON t FOR EACH ROW"
        " WHEN (hidden.f(NEW.a)) EXECUTE FUNCTION suppress_redundant_updates_trigger()", "UPDATE",
        "trigger w on public.t"),
    "view": ("number", "CREATE VIEW t AS SELECT hidden.f() AS a", "SELECT", "view public.t"),
    "view of a view": ("number", "CREATE VIEW hidden.v AS SELECT hidden.f() AS a; CREATE VIEW t AS SELECT * FROM hidden.v",
        "SELECT", "view public.t, view hidden.v"),
    "trigger behind a view": ("trigger", "CREATE TABLE hidden.t (a int); CREATE TRIGGER w BEFORE INSERT ON hidden.t"
        " EXECUTE FUNCTION hidden.f(); CREATE VIEW t AS SELECT * FROM hidden.t", "INSERT",
        "view public.t, trigger w on hidden.t"),
    "trigger behind a rule": ("trigger", "CREATE TABLE hidden.t (a int); CREATE TRIGGER w BEFORE INSERT ON hidden.t"
        " EXECUTE FUNCTION hidden.f(); CREATE TABLE t (a int);"
        " CREATE RULE r AS ON DELETE TO t DO ALSO INSERT INTO hidden.t VALUES (1)", "DELETE",
        "rule r on public.t, trigger w on hidden.t"),
    "trigger behind a foreign key": ("trigger", "CREATE TABLE t (a int PRIMARY KEY);"
        " CREATE TABLE hidden.t (a int CONSTRAINT k REFERENCES t ON DELETE SET NULL);"
        " CREATE TRIGGER w BEFORE UPDATE ON hidden.t FOR EACH ROW EXECUTE FUNCTION hidden.f()", "DELETE",
        "table public.t, table constraint k on hidden.t, trigger w on hidden.t"),
    "trigger of a partition": ("trigger", "CREATE TABLE t (a int) PARTITION BY LIST (a);"
        " CREATE TABLE hidden.t PARTITION OF t DEFAULT;"
        " CREATE TRIGGER w BEFORE INSERT ON hidden.t FOR EACH ROW EXECUTE FUNCTION hidden.f()", "INSERT",
        "table public.t, trigger w on hidden.t"),
    "trigger of a child": ("trigger", "CREATE TABLE t (a int); CREATE TABLE hidden.t () INHERITS (t);"
        " CREATE TRIGGER w BEFORE UPDATE ON hidden.t FOR EACH ROW EXECUTE FUNCTION hidden.f()", "UPDATE",
        "table public.t, trigger w on hidden.t"),
}  # fmt: skip


def made(role_database: RoleDatabase, called: str, statements: str) -> None:
    """The function as one caller needs it, which nobody may execute, and its caller."""
    role_database.run("DROP SCHEMA hidden CASCADE", "CREATE SCHEMA hidden", "CREATE TABLE hidden.log (who text)")
    role_database.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC")
    role_database.run(function(*FUNCTIONS[called]), "REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA hidden FROM PUBLIC")
    role_database.run("ALTER DEFAULT PRIVILEGES IN SCHEMA hidden GRANT USAGE ON TYPES TO PUBLIC")
    role_database.run(*filter(None, (part.strip() for part in statements.split("; "))))


def reported(role_database: RoleDatabase, declaration: Declaration, api: str) -> list[tuple[str, str, str]]:
    return [(drift.code, drift.role, drift.what) for drift in role_database.find_drift(declaration, api)]


def test_what_every_role_can_use(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    signature = {name: values[0].replace(", ", ",").replace("int", "integer") for name, values in FUNCTIONS.items()}
    drifts, expected = {}, {}
    for case, (called, statements, way) in ALWAYS.items():
        made(role_database, called, statements)
        drifts[case] = reported(role_database, role_database.minimal_declaration(api), api)
        expected[case] = [("security-definer", PUBLIC, f"function hidden.f({signature[called]}) through {way}")]
    assert drifts == expected


def test_what_a_table_leads_to(role_database: RoleDatabase) -> None:
    """Only with the privilege that sets it off."""
    api = role_database.role("api")
    signature = {name: values[0].replace(", ", ",").replace("int", "integer") for name, values in FUNCTIONS.items()}
    drifts, expected, silent = {}, {}, {}
    for case, (called, statements, privilege, way) in TABLES.items():
        made(role_database, called, statements)
        declaration = role_database.minimal_declaration(api).with_privileges(api, "table", "public.t", privilege)
        drifts[case] = [drift for drift in reported(role_database, declaration, api) if drift[0] == "security-definer"]
        expected[case] = [("security-definer", api, f"function hidden.f({signature[called]}) through {way}")]
        other = {"INSERT": "DELETE", "UPDATE": "TRUNCATE", "SELECT": "TRUNCATE", "DELETE": "INSERT"}[privilege]
        silent[case] = [
            drift
            for drift in reported(
                role_database,
                role_database.minimal_declaration(api).with_privileges(api, "table", "public.t", other),
                api,
            )
            if drift[0] == "security-definer"
        ]
    assert drifts == expected
    assert silent == {case: [] for case in TABLES}


def test_the_server_runs_it_without_execute_and_without_usage(role_database: RoleDatabase) -> None:
    api = role_database.role("api", "LOGIN PASSWORD 'made-for-tests'")
    made(role_database, *ALWAYS["aggregate"][:2])
    role_database.run(f"GRANT CONNECT ON DATABASE {role_database.database.name} TO {api}")
    with role_database.database.connect(user=api) as conn:
        conn.execute("SELECT public.total(a) FROM (VALUES (1)) AS v (a)")
    with role_database.database.connect() as conn:
        assert conn.execute("SELECT who FROM hidden.log").fetchall() == [(api,)]
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "security-definer",
            PUBLIC,
            "function hidden.f(integer,integer) through aggregate public.total(integer)",
            f"every role can use aggregate public.total(integer), {api} too, which runs it without EXECUTE on it; "
            f"it runs with the rights of {role_database.admin}, which is a superuser, whoever calls it",
            ("ALTER ROUTINE hidden.f(integer,integer) SECURITY INVOKER",),
            hint=HELP,
            automatic=False,
            phase=Phase.LAST,
        )
    ]
    (drift,) = role_database.drift_after_apply(role_database.minimal_declaration(api), api)  # left to a person
    role_database.run_by_hand(drift)
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []


def test_a_function_of_the_server_that_was_altered(role_database: RoleDatabase) -> None:
    """query_to_xml takes any query: with its owner's rights every role could do everything."""
    api = role_database.role("api")
    name = "pg_catalog.query_to_xml(text,boolean,boolean,text)"
    role_database.run(f"ALTER FUNCTION {name} SECURITY DEFINER")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api), api)
    assert (drift.code, drift.role, drift.what, drift.automatic) == (
        "security-definer",
        PUBLIC,
        f"function {name}",
        False,
    )
    assert drift.message == (
        f"every role may call it, {api} too; it runs with the rights of {role_database.admin}, which is a superuser, whoever "
        "calls it; it is a function of the server itself, which somebody altered"
    )
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == [
        drift
    ]  # without EXECUTE applications could stop working
    role_database.run_by_hand(drift)
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []


def test_one_drift_for_a_function_however_many_ways_lead_to_it(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    made(role_database, "number", "CREATE TABLE t (a int DEFAULT hidden.f(), b int DEFAULT hidden.f()); CREATE TABLE u (a int DEFAULT hidden.f()); "
         "CREATE VIEW v AS SELECT hidden.f()")  # fmt: skip
    declaration = role_database.minimal_declaration(api, reader)
    assert role_database.find_drift(declaration, api, reader) == []
    for table in ("t", "u"):
        declaration = declaration.with_privileges(api, "table", f"public.{table}", "INSERT")
    declaration = declaration.with_privileges(reader, "table", "public.v", "SELECT")
    first, second = role_database.find_drift(declaration, api, reader)
    assert (first.role, first.what) == (api, "function hidden.f() through default value for public.t.a")
    assert first.message == (
        f"INSERT or UPDATE on table public.t by {api} runs it without EXECUTE on it; it runs with the rights of "
        f"{role_database.admin}, which is a superuser, whoever calls it; 1 more way leads to it"
    )
    assert (second.role, second.what) == (reader, "function hidden.f() through view public.v")
    declared = declaration.with_privileges(api, "function", "hidden.f()", "EXECUTE")  # it may run it anyway
    assert [drift.role for drift in role_database.find_drift(declared, api, reader)] == [reader]


def test_execute_on_what_calls_it(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    made(role_database, *ALWAYS["aggregate"][:2])
    role_database.run("REVOKE EXECUTE ON FUNCTION total FROM PUBLIC", f"GRANT EXECUTE ON FUNCTION total TO {api}")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api, reader), api, reader)
    assert (drift.role, drift.message.partition(";")[0]) == (
        api,
        f"{api} may call aggregate public.total(integer), which runs it without EXECUTE on it",
    )
    role_database.run(f"ALTER FUNCTION hidden.f OWNER TO {reader}", f"REVOKE EXECUTE ON FUNCTION total FROM {api}")
    assert reported(role_database, role_database.minimal_declaration(api, reader), api) == []


def test_what_is_switched_off_or_runs_with_the_callers_rights(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    declaration = role_database.minimal_declaration(api).with_privileges(
        api, "table", "public.t", "SELECT", "INSERT", "UPDATE", "DELETE"
    )
    made(role_database, *TABLES["condition of a trigger"][:2])
    role_database.run("ALTER TABLE t DISABLE TRIGGER w")
    assert reported(role_database, declaration, api) == []
    made(role_database, *TABLES["check"][:2])
    role_database.run("ALTER FUNCTION hidden.f SECURITY INVOKER")
    assert reported(role_database, declaration, api) == []
    made(role_database, *TABLES["trigger behind a foreign key"][:2])
    role_database.run(
        "ALTER TABLE hidden.t DROP CONSTRAINT k", "ALTER TABLE hidden.t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES t"
    )
    assert reported(role_database, declaration, api) == []
