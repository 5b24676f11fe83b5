"""Proof: what a role can do is found by being it; nothing of what is tried stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.prove.report import proof_steps
from minerva_promote.grants.prove.runner import prove
from minerva_promote.grants.wanted import resolve_wanted
from minerva_promote.ledger.install import CLIENT_COLUMNS
from minerva_promote.report.text import NAME_WIDTH, step_lines
from minerva_promote.results import Outcome, StepResult
from tests import servers
from tests.run.conftest import Shop, embedded, make_shop, ready, shop

__all__ = ["embedded", "make_shop", "ready", "shop"]  # fixtures

OBJECTS = """
    CREATE TABLE public.notes (id serial PRIMARY KEY, "Odd ""name" text, twice int GENERATED ALWAYS AS (1) STORED)
    CREATE VIEW public.titles AS SELECT id, title FROM public.books
    CREATE VIEW public.counts AS SELECT count(*) AS n FROM public.books
    CREATE VIEW public.all_notes AS SELECT * FROM public.notes
    CREATE MATERIALIZED VIEW public.seen AS SELECT 1 AS n
    CREATE SEQUENCE public.numbers
    CREATE SCHEMA other
    CREATE TABLE other.things (a int)
    CREATE TABLE other.parts (a int) PARTITION BY RANGE (a)
    CREATE FOREIGN DATA WRAPPER nowhere
    CREATE SERVER far FOREIGN DATA WRAPPER nowhere
    CREATE FOREIGN TABLE other.far (a int) SERVER far
    CREATE FUNCTION public.fold(int, text DEFAULT '{}') RETURNS int LANGUAGE sql AS 'SELECT 1'
    CREATE FUNCTION public.hidden() RETURNS int LANGUAGE sql AS 'SELECT 1'
    REVOKE ALL ON FUNCTION public.hidden() FROM PUBLIC
    CREATE PROCEDURE public.tidy() LANGUAGE sql AS 'SELECT 1'
    CREATE TABLE public.fired (who text)
    CREATE TABLE public.kept (who text)
    CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM nextval('public.numbers'); RETURN NULL; END $$
    CREATE TRIGGER fire AFTER INSERT OR UPDATE OR DELETE ON public.chunks EXECUTE FUNCTION public.fire()
"""
GRANTS: dict[str, Any] = {
    "database": ["CONNECT"],
    "schemas": {"public": ["USAGE"]},
    "tables": {"books": ["SELECT", "INSERT"], "chunks": ["SELECT", "INSERT", "UPDATE", "DELETE"], "titles": ["SELECT"]},
    "columns": {"screenshots": {"SELECT": ["id"], "UPDATE": ["id"]}},
    "sequences": {"numbers": ["USAGE"]},
    "functions": {"hidden()": ["EXECUTE"]},
}
GIVEN = """
    GRANT CONNECT ON DATABASE {database} TO {api}
    GRANT USAGE ON SCHEMA public, promote TO {api}
    GRANT SELECT, INSERT ON public.books TO {api}
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.chunks TO {api}
    GRANT SELECT ON public.titles, promote.events, promote.chain, promote.ledger, promote.revision TO {api}
    GRANT SELECT ON promote.vector_indexes TO {api}
    GRANT SELECT, INSERT ON promote.run_rows, promote.run_roots TO {api}
    GRANT SELECT (id), UPDATE (id) ON public.screenshots TO {api}
    GRANT USAGE ON SEQUENCE public.numbers TO {api}
    GRANT EXECUTE ON FUNCTION public.hidden() TO {api}
    GRANT INSERT ({columns}) ON promote.events TO {api}
"""


def _lines(text: str) -> list[str]:
    """Statements, one a line; a deeper line goes on with the one before."""
    return re.sub(r"\n {8,}", " ", text).strip().split("\n")


@dataclass
class Stage:
    """A database whose only declared role has exactly what is declared."""

    shop: Shop
    suffix: str

    @property
    def api(self) -> str:
        """The role."""
        return self.role("api")

    def role(self, name: str) -> str:
        """The name of a role of this test."""
        return f"{name}_{self.suffix}"

    def run(self, text: str) -> None:
        """Statements, as the superuser."""
        names = {name: self.role(name) for name in ("api", "group", "owner", "admin", "boss")}
        names |= {"database": self.shop.database.name, "columns": ", ".join(CLIENT_COLUMNS)}
        for name, value in names.items():
            text = text.replace("{" + name + "}", value)
        self.shop.database.execute(*_lines(text))

    def declare(self, roles: Mapping[str, Any] | None = None, **changes: Any) -> None:
        """environments/test-prod.yaml."""
        api = {"login": True, "ledger": "write", "grants": GRANTS}
        self.shop.environment(roles=roles or {self.api: api}, **changes)

    def prove(self, only: str | None = None) -> tuple[StepResult, ...]:
        """The proof, of how things are now."""
        project = load_project(self.shop.root)
        environment = read_environment(project, "test-prod")
        admin = environment.admin_url
        with self.shop.database.server.connect(self.shop.database.name) as conn:
            if admin.user and admin.user.endswith(self.suffix):
                conn.execute(f"SET SESSION AUTHORIZATION {admin.user}")
            live = inspect(conn, environment.roles, ["hidden()"])
        return proof_steps(prove(project, environment, live, resolve_wanted(environment, live).held, only))

    def snapshot(self) -> list[Any]:
        """Everything that an attempt could have changed."""
        parts = (
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname ~ %s",
            "SELECT m.roleid::regrole::text, m.member::regrole::text FROM pg_auth_members m"
            " WHERE m.roleid::regrole::text ~ %s",
            "SELECT relname, relkind, relowner, relacl::text, relnatts, reltriggers FROM ("
            "SELECT *, (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND tgenabled <> 'D') AS reltriggers"
            " FROM pg_class c WHERE relnamespace NOT IN ('pg_toast'::regnamespace)) AS c WHERE %s <> ''",
            "SELECT proname, prosrc, proconfig, proowner FROM pg_proc WHERE pronamespace > 16000 AND %s <> ''",
            "SELECT nspname, nspowner, nspacl::text FROM pg_namespace WHERE %s <> ''",
            "SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE %s <> ''",
            "SELECT evtname FROM pg_event_trigger WHERE %s <> ''",
            "SELECT extname, extversion FROM pg_extension WHERE %s <> ''",
            "SELECT pubname FROM pg_publication WHERE %s <> ''",
            "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting WHERE setrole::regrole::text ~ %s",
        )
        with self.shop.database.connect() as conn:
            found: list[Any] = [sorted(map(str, conn.execute(part, (self.suffix,)).fetchall())) for part in parts]
        return [*found, self.shop.contents()]


@pytest.fixture
def stage(suffix: str, shop: Shop) -> Stage:  # the database goes before its roles
    """A role with exactly what is declared."""
    made = Stage(shop, suffix)
    made.run(f"CREATE ROLE {{api}} LOGIN PASSWORD '{servers.PASSWORD}'")
    made.run("REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    made.run(OBJECTS)
    made.run(GIVEN)
    made.declare(url=shop.database.url(made.api))
    return made


def topics(steps: tuple[StepResult, ...], role: str) -> dict[str, Outcome]:
    """Outcome by what follows the role's name."""
    return {step.name.removeprefix(role).removeprefix(": ") or "identity": step.outcome for step in steps}


def failing(steps: tuple[StepResult, ...], role: str) -> set[str]:
    return {name for name, outcome in topics(steps, role).items() if outcome.closes_gate}


def reported(steps: tuple[StepResult, ...]) -> str:
    return "\n".join(line for step in steps for line in step_lines(step))


def test_a_role_with_exactly_what_is_declared(stage: Stage) -> None:
    before = stage.snapshot()
    steps = stage.prove()
    assert failing(steps, stage.api) == set(), reported(steps)
    lines = [f"{step.name.removeprefix(stage.api)} {step.detail}" for step in steps]
    for line in (
        ": may CONNECT works on 1 database",
        ": may EXECUTE works on 4 functions",
        ": may lo_create works in 3 ways",
        ": may SELECT works on 11 tables",
        ": may INSERT works on 5 tables",
        ": may UPDATE works on 2 tables",
        ": may DELETE works on 1 table",
        ": no new revision refused on 1 table",
        ": no forgery refused on 8 tables, 5 functions",
        ": no TEMPORARY refused in 1 database",
    ):
        assert line in lines
    assert re.fullmatch(r" [\d,]+ attempts, logged in \(url\)", lines[0])
    assert 20 <= len(steps) <= 34
    assert stage.snapshot() == before


def test_lines_are_aligned_for_names_as_long_as_ours(stage: Stage) -> None:
    names = [step.name.replace(stage.api, "minerva_reader") for step in stage.prove()]
    assert [name for name in names if len(name) > NAME_WIDTH - 3] == []


PLANTED = {
    "delete": ("GRANT DELETE ON public.books TO {api}", {"no DELETE", "no LOCK"}),
    "truncate": ("GRANT TRUNCATE ON public.books TO {api}", {"no TRUNCATE", "no LOCK"}),
    "one column": ("GRANT UPDATE (title) ON public.books TO {api}", {"no UPDATE"}),
    "another column": ("GRANT SELECT (book_id) ON public.screenshots TO {api}", {"no SELECT"}),
    "inserting one column": ("GRANT INSERT (id) ON public.screenshots TO {api}", {"no INSERT"}),
    "other schema": ("GRANT USAGE ON SCHEMA other TO {api}\nGRANT ALL ON other.parts TO {api}", {
        "no SELECT", "no INSERT", "no UPDATE", "no DELETE", "no TRUNCATE", "no LOCK", "no other rights"}),
    "foreign table": ("GRANT USAGE ON SCHEMA other TO {api}\nGRANT SELECT ON other.far TO {api}", {"no SELECT"}),
    "view": ("GRANT INSERT, UPDATE ON public.all_notes TO {api}", {"no INSERT", "no UPDATE", "no LOCK"}),
    "grant option": ("GRANT SELECT ON public.books TO {api} WITH GRANT OPTION", {"no GRANT"}),
    "column option": ("GRANT SELECT (id) ON public.screenshots TO {api} WITH GRANT OPTION", {"no GRANT"}),
    "trigger": ("GRANT TRIGGER ON public.books TO {api}", {"no other rights"}),
    "references": ("GRANT REFERENCES (id) ON public.books TO {api}", {"no other rights"}),
    "sequence": ("GRANT UPDATE ON public.numbers TO {api}", {"no nextval"}),
    "owned table": ("ALTER TABLE public.fired OWNER TO {api}", {
        "no SELECT", "no INSERT", "no UPDATE", "no DELETE", "no TRUNCATE", "no ALTER", "no DROP", "no GRANT", "no LOCK",
        "no other rights"}),
    "owned table without rights": (
        "ALTER TABLE public.kept OWNER TO {api}\nREVOKE ALL ON public.kept FROM {api}",
        {"no ALTER", "no DROP", "no GRANT"}),
    "owned function": ("ALTER FUNCTION public.fold(int, text) OWNER TO {api}", {"no ALTER"}),
    "owned procedure": ("ALTER PROCEDURE public.tidy() OWNER TO {api}", {"no ALTER"}),
    "owned schema": ("ALTER SCHEMA other OWNER TO {api}", {"no CREATE", "no DROP"}),
    "create in schema": ("GRANT CREATE ON SCHEMA public TO {api}", {"no CREATE"}),
    "create in database": ("GRANT CREATE ON DATABASE {database} TO {api}", {"no CREATE"}),
    "revision": ("GRANT UPDATE ON public.alembic_version TO {api}", {"no new revision", "no LOCK"}),
    "actor": ("GRANT INSERT (actor) ON promote.events TO {api}", {"no forgery"}),
    "when": ("GRANT INSERT (at) ON promote.events TO {api}", {"no forgery"}),
    "ledger": ("GRANT INSERT ON promote.ledger TO {api}", {"no forgery"}),
    "stamp": ("ALTER FUNCTION promote.stamp() OWNER TO {api}", {"no EXECUTE", "no forgery"}),
    "restricted function": ("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {api}", {"no EXECUTE", "no server files"}),
    "secret": ("GRANT SELECT (rolpassword) ON pg_authid TO {api}", {"no secrets"}),
    "replication role": ("GRANT SET ON PARAMETER session_replication_role TO {api}", {"no settings"}),
    "alter system": ("GRANT ALTER SYSTEM ON PARAMETER work_mem TO {api}", {"no settings"}),
    "create role": ("ALTER ROLE {api} CREATEROLE", {"no new powers"}),
    "create database": ("ALTER ROLE {api} CREATEDB", {"no new powers"}),
    "member": ("CREATE ROLE {group}\nGRANT {group} TO {api}", {"no other roles"}),
    "member that does not inherit": (
        "CREATE ROLE {group}\nALTER ROLE {api} NOINHERIT\nGRANT {group} TO {api}", {"no other roles"}),
    "member of a reader": (
        "CREATE ROLE {group}\nGRANT SELECT ON public.seen TO {group}\nGRANT {group} TO {api}",
        {"no other roles", "no SELECT"}),
    "programs": ("GRANT pg_execute_server_program TO {api}", {"no other roles", "no server files"}),
    "reads all": ("GRANT pg_read_all_data TO {api}", {"no other roles", "no SELECT", "no secrets"}),
    "replication": ("ALTER ROLE {api} REPLICATION", {"no new powers", "no admin's work"}),
}  # fmt: skip


def test_what_is_more_than_declared(stage: Stage) -> None:
    """One role for each, all with the same declaration, so that nothing is told at a role that it is not about."""
    declared = {"login": True, "ledger": "write", "grants": GRANTS}
    names = {f"api{number}": planted for number, planted in enumerate(PLANTED)}
    for name, planted in names.items():
        replaced = {"{api}": stage.role(name), "{group}": stage.role(f"group_{name}")}
        for text in (f"CREATE ROLE {{api}} LOGIN PASSWORD '{servers.PASSWORD}'", GIVEN, PLANTED[planted][0]):
            for old, new in replaced.items():
                text = text.replace(old, new)
            stage.run(text)
    stage.declare({stage.role(name): declared for name in names})
    before = stage.snapshot()
    try:
        steps = stage.prove()
    finally:
        for name, planted in names.items():  # kept by the server, not by the database
            for what, parameter in re.findall(r"GRANT (.*) ON PARAMETER (\w+) TO", PLANTED[planted][0]):
                stage.run(f"REVOKE {what} ON PARAMETER {parameter} FROM {stage.role(name)}")
    found = {}
    for name, planted in names.items():
        role = stage.role(name)
        mine = tuple(step for step in steps if step.data.get("role") == role)
        found[planted] = failing(mine, role)
    assert found == {planted: expected for planted, (_, expected) in PLANTED.items()}
    assert {finding.code for step in steps for finding in step.findings} == {"not-refused"}
    assert stage.snapshot() == before


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("GRANT SELECT ON public.seen TO PUBLIC", {"no SELECT"}),
        ("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", {"no TEMPORARY"}),
        (
            "CREATE FUNCTION public.boss() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            {"no EXECUTE"},
        ),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_reset() TO PUBLIC", {"no EXECUTE"}),
        ("GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO PUBLIC", {"no secrets"}),
    ],
)
def test_what_is_more_through_public(stage: Stage, statement: str, expected: set[str]) -> None:
    stage.run(statement)
    steps = stage.prove()
    assert failing(steps, stage.api) == expected, reported(steps)


def test_an_admin_only_membership_lets_it_give_itself_the_rest(stage: Stage) -> None:
    stage.run("CREATE ROLE {group}")
    with stage.shop.database.connect() as conn:
        new = conn.info.server_version >= 160000
    stage.run("GRANT {group} TO {api} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE" if new
              else "GRANT {group} TO {api} WITH ADMIN OPTION")  # fmt: skip
    (step,) = [step for step in stage.prove() if step.findings]
    facts = [finding.message for finding in step.findings]
    assert f"GRANT {stage.role('group')} TO {stage.api} was carried out" in facts
    assert f"the server says that it may: membership in {stage.role('group')}" in facts


def test_what_the_server_said_and_what_was_tried(stage: Stage) -> None:
    stage.run("GRANT DELETE, TRUNCATE ON public.books TO {api}")
    found = {step.name.rpartition(" ")[2]: step for step in stage.prove() if step.findings}
    assert found["DELETE"].detail == "not refused on 1 of 13 tables"
    assert [(f.message, f.hint) for f in found["DELETE"].findings] == [
        ("DELETE on public.books was carried out", 'tried: EXPLAIN DELETE FROM "public"."books" WHERE false')
    ]
    assert found["TRUNCATE"].findings[0].message == (
        "TRUNCATE on public.books was not refused, the server got as far as: "
        'relation "pg_catalog.promote_no_such_object" does not exist'
    )
    assert found["DELETE"].data["wrong"] == ["table public.books"]


def test_a_superuser_fails_everywhere_and_changes_nothing(stage: Stage) -> None:
    stage.run("ALTER ROLE {api} SUPERUSER")
    before = stage.snapshot()
    steps = stage.prove()
    outcomes = topics(steps, stage.api)
    assert {
        name for name, outcome in outcomes.items() if name.startswith("no ") and outcome is not Outcome.FAIL
    } == set()
    assert all(len(step.findings) <= 21 for step in steps)
    (settings,) = [step for step in steps if step.name.endswith("no settings")]
    assert re.fullmatch(r"and \d{3} more of this kind", settings.findings[-1].message)
    assert len(settings.data["wrong"]) > 300
    assert stage.snapshot() == before


MISSING = {
    "select": ("REVOKE SELECT ON public.books FROM {api}", "may SELECT", "SELECT on table public.books: permission"),
    "one client column": (
        "REVOKE INSERT (file_name) ON promote.events FROM {api}", "may INSERT", "permission denied for table events"),
    "sequence": ("REVOKE USAGE ON SEQUENCE public.numbers FROM {api}", "may USAGE", "USAGE on sequence public.numbers"),
    "function": ("REVOKE EXECUTE ON FUNCTION public.hidden() FROM {api}", "may EXECUTE", "the server says no"),
    "column": ("REVOKE UPDATE (id) ON public.screenshots FROM {api}", "may UPDATE", "UPDATE (id) on table"),
}  # fmt: skip


@pytest.mark.parametrize("missing", MISSING)
def test_what_is_declared_and_refused(stage: Stage, missing: str) -> None:
    statements, line, said = MISSING[missing]
    stage.run(statements)
    steps = stage.prove()
    assert failing(steps, stage.api) == {line}
    (finding,) = [finding for step in steps for finding in step.findings]
    assert finding.code == "refused-though-declared"
    assert said in finding.message


def test_row_security_and_read_only_roles_are_not_in_the_way(stage: Stage) -> None:
    stage.run("ALTER TABLE public.books ENABLE ROW LEVEL SECURITY\nALTER TABLE public.books FORCE ROW LEVEL SECURITY")
    stage.run("ALTER ROLE {api} SET default_transaction_read_only = on\nGRANT DELETE ON public.books TO {api}")
    assert failing(stage.prove(), stage.api) == {"no DELETE", "no LOCK"}


@pytest.mark.soak
def test_a_locked_table_is_not_taken_for_a_refusal(stage: Stage) -> None:
    with stage.shop.database.connect(autocommit=False) as conn:
        conn.execute("LOCK TABLE public.fired IN ACCESS EXCLUSIVE MODE")
        steps = stage.prove()
    found = {step.name.rpartition(" ")[2]: step for step in steps if step.outcome is Outcome.ERROR}
    assert set(found) == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert found["DELETE"].findings[0].message.startswith("DELETE on public.fired could not be decided: canceling")


def test_declared_groups_may_be_become_and_are_proved_themselves(stage: Stage) -> None:
    stage.run("CREATE ROLE {group}\nGRANT SELECT ON public.seen TO {group}\nGRANT {group} TO {api}")
    group = {"grants": {"tables": {"seen": ["SELECT"]}}}
    api = {"login": True, "ledger": "write", "grants": GRANTS, "member_of": [stage.role("group")]}
    stage.declare({stage.api: api, stage.role("group"): group})
    steps = stage.prove()
    assert [step for step in steps if step.outcome.closes_gate] == [], reported(steps)
    assert f"{stage.role('group')}: may SELECT" in {step.name for step in steps}
    stage.run("GRANT SELECT ON public.fired TO {group}")
    failed = {step.name for step in stage.prove() if step.outcome.closes_gate}
    assert failed == {f"{stage.api}: no SELECT", f"{stage.role('group')}: no SELECT"}


def test_what_is_accepted_is_counted_and_no_failure(stage: Stage) -> None:
    stage.run("ALTER TABLE public.fired OWNER TO {api}")
    accept = [{"code": "owns-object", "object": "table public.fired", "why": "made at run time"}]
    stage.declare({stage.api: {"login": True, "ledger": "write", "grants": GRANTS, "accept": accept}})
    steps = stage.prove()
    assert failing(steps, stage.api) == set(), reported(steps)
    (drop,) = [step for step in steps if step.name.endswith("no DROP")]
    assert drop.detail.endswith(", 1 object accepted")


def test_what_is_accepted_of_public_is_no_failure(stage: Stage) -> None:
    stage.run("GRANT SELECT ON public.seen TO PUBLIC")
    accept = [{"code": "through-public", "object": "SELECT on table public.seen", "why": "it is for everybody"}]
    stage.declare(accept=accept)
    assert failing(stage.prove(), stage.api) == set()


def test_large_objects_that_nobody_may_make(stage: Stage) -> None:
    stage.run("REVOKE EXECUTE ON FUNCTION lo_create, lo_creat, lo_from_bytea FROM PUBLIC")
    steps = stage.prove()
    assert failing(steps, stage.api) == set(), reported(steps)
    assert f"{stage.api}: no lo_create" in {step.name for step in steps}


def how(steps: tuple[StepResult, ...]) -> str:
    return str(steps[0].data["how"]) if steps[0].data else steps[0].detail


def test_logged_in_with_the_declared_password(stage: Stage) -> None:
    other = {"login": True, "grants": {}}
    roles = {
        stage.api: {"login": True, "ledger": "write", "grants": GRANTS, "password": servers.PASSWORD},
        stage.role("boss"): other,
    }
    stage.declare(roles, url=stage.shop.database.url(stage.role("boss")))
    steps = stage.prove()
    assert how(steps) == "logged in with its declared password"
    assert servers.PASSWORD not in reported(steps)


def test_a_failed_login_falls_on_to_the_admins_session(stage: Stage) -> None:
    stage.run("ALTER ROLE {api} CONNECTION LIMIT 0")
    steps = stage.prove()
    assert how(steps).startswith("SET SESSION AUTHORIZATION by ")
    assert "not logged in (url): " in how(steps)
    assert next(step.detail for step in steps if step.name.endswith("not tried")) == (
        "SET SESSION AUTHORIZATION: the session is the admin's, whose rights decide these"
    )
    assert failing(steps, stage.api) == set()
    stage.run("CREATE ROLE {group}\nGRANT {group} TO {api}")
    facts = [finding.message for step in stage.prove() for finding in step.findings]
    assert f"SET ROLE {stage.role('group')} was carried out" in facts


def test_a_role_that_may_not_log_in(stage: Stage) -> None:
    stage.run("ALTER ROLE {api} NOLOGIN")
    assert how(stage.prove()).endswith("; it may not log in")


def test_an_admin_that_is_no_superuser(stage: Stage) -> None:
    stage.run(
        f"CREATE ROLE {{admin}} LOGIN PASSWORD '{servers.PASSWORD}'\nGRANT CONNECT ON DATABASE {{database}} TO {{admin}}"
    )
    stage.run("ALTER ROLE {api} NOLOGIN")
    stage.declare(admin_url=stage.shop.database.url(stage.role("admin")))
    (step,) = stage.prove()
    assert step.outcome is Outcome.SKIP
    assert step.detail == (
        f"not tested: it may not log in; {stage.role('admin')} is no superuser and may not SET ROLE {stage.api}"
    )
    assert f"roles.{stage.api}.password" in step.hint
    stage.run("GRANT {api} TO {admin}")
    steps = stage.prove()
    assert how(steps) == f"SET ROLE by {stage.role('admin')}; it may not log in"
    assert failing(steps, stage.api) == set(), reported(steps)
    assert "SET ROLE and SET SESSION AUTHORIZATION: the session" in reported(steps)
    stage.run("CREATE ROLE {group}\nGRANT {group} TO {api}")
    assert failing(stage.prove(), stage.api) == {"no other roles"}


def test_the_embedded_server_needs_no_password(embedded: servers.ProjectCopy, promote: Callable[..., Any]) -> None:
    assert promote("setup", "--env", "test-prod").exit_code == 0
    project = load_project(embedded.root)
    environment = read_environment(project, "test-prod")
    with embedded.database("test-prod").connect() as conn:
        conn.execute(f"REVOKE TEMPORARY ON DATABASE {conn.info.dbname} FROM PUBLIC")
        live = inspect(conn, environment.roles)
    steps = proof_steps(prove(project, environment, live, resolve_wanted(environment, live).held))
    ways = {step.name: step.data["how"] for step in steps if "how" in step.data}
    assert ways == {
        embedded.name("minerva_api"): "logged in (url)",
        embedded.name("minerva_reader"): "logged in (embedded server)",
    }
    assert [step for step in steps if step.outcome.closes_gate] == [], reported(steps)


def test_absent_missing_and_other_roles_are_left_out(stage: Stage) -> None:
    stage.run("CREATE ROLE {group}")
    api = {"login": True, "ledger": "write", "grants": GRANTS}
    stage.declare(
        {stage.api: api, stage.role("owner"): {}, stage.role("boss"): {"absent": True}, stage.role("group"): {}}
    )
    assert {step.data["role"] for step in stage.prove()} == {stage.api, stage.role("group")}
    assert {step.data["role"] for step in stage.prove(stage.role("group"))} == {stage.role("group")}
    assert stage.prove("nobody") == ()


def test_a_url_that_leads_elsewhere_proves_nothing(
    stage: Stage, make_database: Callable[..., servers.Database]
) -> None:
    other = make_database()
    stage.declare(url=other.url(stage.api))
    assert how(stage.prove()) == (
        f"SET SESSION AUTHORIZATION by {stage.shop.database.server.params['user']}; "
        f"not logged in (url): it leads to {stage.api} in database {other.name}"
    )
