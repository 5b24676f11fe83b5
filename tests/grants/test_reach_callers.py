"""SECURITY DEFINER functions that a role may not execute, and that something runs for it."""

from __future__ import annotations

import pytest

from minerva_promote.grants.model import PUBLIC, Drift, Phase
from tests.grants.reaching import Bench, Wish
from tests.servers import Database

HELP = "read what it does: accept it with the reason, drop what leads to it, or run the statement yourself"


@pytest.fixture
def bench(suffix: str, database: Database) -> Bench:
    """A database with a schema that no role may use."""
    made = Bench(database, suffix)
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


def made(bench: Bench, called: str, statements: str) -> None:
    """The function as one caller needs it, which nobody may execute, and its caller."""
    bench.run("DROP SCHEMA hidden CASCADE", "CREATE SCHEMA hidden", "CREATE TABLE hidden.log (who text)")
    bench.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC")
    bench.run(function(*FUNCTIONS[called]), "REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA hidden FROM PUBLIC")
    bench.run("ALTER DEFAULT PRIVILEGES IN SCHEMA hidden GRANT USAGE ON TYPES TO PUBLIC")
    bench.run(*filter(None, (part.strip() for part in statements.split("; "))))


def told(bench: Bench, wish: Wish, api: str) -> list[tuple[str, str, str]]:
    return [(drift.code, drift.role, drift.what) for drift in bench.found(wish, api)]


def test_what_every_role_can_use(bench: Bench) -> None:
    api = bench.role("api")
    signature = {name: values[0].replace(", ", ",").replace("int", "integer") for name, values in FUNCTIONS.items()}
    found, expected = {}, {}
    for case, (called, statements, way) in ALWAYS.items():
        made(bench, called, statements)
        found[case] = told(bench, bench.clean(api), api)
        expected[case] = [("security-definer", PUBLIC, f"function hidden.f({signature[called]}) through {way}")]
    assert found == expected


def test_what_a_table_leads_to(bench: Bench) -> None:
    """Only with the privilege that sets it off."""
    api = bench.role("api")
    signature = {name: values[0].replace(", ", ",").replace("int", "integer") for name, values in FUNCTIONS.items()}
    found, expected, silent = {}, {}, {}
    for case, (called, statements, privilege, way) in TABLES.items():
        made(bench, called, statements)
        wish = bench.clean(api).may(api, "table", "public.t", privilege)
        found[case] = [drift for drift in told(bench, wish, api) if drift[0] == "security-definer"]
        expected[case] = [("security-definer", api, f"function hidden.f({signature[called]}) through {way}")]
        other = {"INSERT": "DELETE", "UPDATE": "TRUNCATE", "SELECT": "TRUNCATE", "DELETE": "INSERT"}[privilege]
        silent[case] = [
            drift
            for drift in told(bench, bench.clean(api).may(api, "table", "public.t", other), api)
            if drift[0] == "security-definer"
        ]
    assert found == expected
    assert silent == {case: [] for case in TABLES}


def test_the_server_runs_it_without_execute_and_without_usage(bench: Bench) -> None:
    api = bench.role("api", "LOGIN PASSWORD 'made-for-tests'")
    made(bench, *ALWAYS["aggregate"][:2])
    bench.run(f"GRANT CONNECT ON DATABASE {bench.database.name} TO {api}")
    with bench.database.connect(user=api) as conn:
        conn.execute("SELECT public.total(a) FROM (VALUES (1)) AS v (a)")
    with bench.database.connect() as conn:
        assert conn.execute("SELECT who FROM hidden.log").fetchall() == [(api,)]
    assert bench.found(bench.clean(api), api) == [
        Drift(
            "security-definer",
            PUBLIC,
            "function hidden.f(integer,integer) through aggregate public.total(integer)",
            f"every role can use aggregate public.total(integer), {api} too, which runs it without EXECUTE on it; "
            f"it runs with the rights of {bench.admin}, which is a superuser, whoever calls it",
            ("ALTER ROUTINE hidden.f(integer,integer) SECURITY INVOKER",),
            hint=HELP,
            automatic=False,
            phase=Phase.LAST,
        )
    ]
    (drift,) = bench.end(bench.clean(api), api)  # left to a person
    bench.by_hand(drift)
    assert bench.found(bench.clean(api), api) == []


def test_a_function_of_the_server_that_was_altered(bench: Bench) -> None:
    """query_to_xml takes any query: with its owner's rights every role could do everything."""
    api = bench.role("api")
    name = "pg_catalog.query_to_xml(text,boolean,boolean,text)"
    bench.run(f"ALTER FUNCTION {name} SECURITY DEFINER")
    (drift,) = bench.found(bench.clean(api), api)
    assert (drift.code, drift.role, drift.what, drift.automatic) == (
        "security-definer",
        PUBLIC,
        f"function {name}",
        False,
    )
    assert drift.message == (
        f"every role may call it, {api} too; it runs with the rights of {bench.admin}, which is a superuser, whoever "
        "calls it; it is a function of the server itself, which somebody altered"
    )
    assert bench.end(bench.clean(api), api) == [drift]  # without EXECUTE applications could stop working
    bench.by_hand(drift)
    assert bench.found(bench.clean(api), api) == []


def test_one_drift_for_a_function_however_many_ways_lead_to_it(bench: Bench) -> None:
    api, reader = bench.role("api"), bench.role("reader")
    made(bench, "number", "CREATE TABLE t (a int DEFAULT hidden.f(), b int DEFAULT hidden.f()); CREATE TABLE u (a int DEFAULT hidden.f()); "
         "CREATE VIEW v AS SELECT hidden.f()")  # fmt: skip
    wish = bench.clean(api, reader)
    assert bench.found(wish, api, reader) == []
    for table in ("t", "u"):
        wish = wish.may(api, "table", f"public.{table}", "INSERT")
    wish = wish.may(reader, "table", "public.v", "SELECT")
    first, second = bench.found(wish, api, reader)
    assert (first.role, first.what) == (api, "function hidden.f() through default value for public.t.a")
    assert first.message == (
        f"INSERT or UPDATE on table public.t by {api} runs it without EXECUTE on it; it runs with the rights of "
        f"{bench.admin}, which is a superuser, whoever calls it; 1 more way leads to it"
    )
    assert (second.role, second.what) == (reader, "function hidden.f() through view public.v")
    declared = wish.may(api, "function", "hidden.f()", "EXECUTE")  # it may run it anyway
    assert [drift.role for drift in bench.found(declared, api, reader)] == [reader]


def test_execute_on_what_calls_it(bench: Bench) -> None:
    api, reader = bench.role("api"), bench.role("reader")
    made(bench, *ALWAYS["aggregate"][:2])
    bench.run("REVOKE EXECUTE ON FUNCTION total FROM PUBLIC", f"GRANT EXECUTE ON FUNCTION total TO {api}")
    (drift,) = bench.found(bench.clean(api, reader), api, reader)
    assert (drift.role, drift.message.partition(";")[0]) == (
        api,
        f"{api} may call aggregate public.total(integer), which runs it without EXECUTE on it",
    )
    bench.run(f"ALTER FUNCTION hidden.f OWNER TO {reader}", f"REVOKE EXECUTE ON FUNCTION total FROM {api}")
    assert told(bench, bench.clean(api, reader), api) == []


def test_what_is_switched_off_or_runs_with_the_callers_rights(bench: Bench) -> None:
    api = bench.role("api")
    wish = bench.clean(api).may(api, "table", "public.t", "SELECT", "INSERT", "UPDATE", "DELETE")
    made(bench, *TABLES["condition of a trigger"][:2])
    bench.run("ALTER TABLE t DISABLE TRIGGER w")
    assert told(bench, wish, api) == []
    made(bench, *TABLES["check"][:2])
    bench.run("ALTER FUNCTION hidden.f SECURITY INVOKER")
    assert told(bench, wish, api) == []
    made(bench, *TABLES["trigger behind a foreign key"][:2])
    bench.run(
        "ALTER TABLE hidden.t DROP CONSTRAINT k", "ALTER TABLE hidden.t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES t"
    )
    assert told(bench, wish, api) == []
