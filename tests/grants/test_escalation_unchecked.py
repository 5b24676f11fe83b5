"""What is not checked although it looks so: constraints, row security, settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minerva_promote.grants.escalation.settings import setting_weakness
from minerva_promote.grants.model import Drift, Phase
from tests.grants.role_database import RoleDatabase
from tests.servers import Database


@pytest.fixture
def role_database(suffix: str, database: Database) -> RoleDatabase:
    return RoleDatabase(database, suffix)


def test_a_constraint_that_older_rows_may_break(role_database: RoleDatabase) -> None:
    api, other, reader = role_database.role("api"), role_database.role("other"), role_database.role("reader")
    role_database.run("CREATE TABLE t (a int)", "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID")
    declaration = role_database.minimal_declaration(api, other, reader).with_privileges(
        reader, "table", "public.t", "SELECT", "DELETE"
    )
    assert role_database.find_drift(declaration, api, other, reader) == []
    declaration = declaration.with_privileges(api, "table", "public.t", "INSERT").with_privileges(
        other, "table", "public.t", "UPDATE"
    )
    drift = Drift(
        "constraint-not-valid",
        api,
        "constraint positive on public.t",
        f"rows of before may break it; {api} and {other} rely on it",
        ('ALTER TABLE public.t VALIDATE CONSTRAINT "positive"',),
        hint="it looks at every row: run it yourself",
        automatic=False,
        phase=Phase.LAST,
    )
    assert role_database.find_drift(declaration, api, other, reader) == [drift]
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api, other, reader) == []


@pytest.mark.parametrize("constraint", ["CHECK (a > 0)", "CHECK (a > 0) NO INHERIT", "FOREIGN KEY (a) REFERENCES p"])
def test_a_constraint_that_is_not_enforced(role_database: RoleDatabase, constraint: str) -> None:
    if role_database.version < 18:
        pytest.skip("every constraint is enforced before PostgreSQL 18")
    api = role_database.role("api")
    role_database.run("CREATE TABLE p (a int PRIMARY KEY)", "CREATE TABLE t (a int)")
    role_database.run(f"ALTER TABLE t ADD CONSTRAINT k {constraint} NOT ENFORCED")
    declaration = role_database.minimal_declaration(api).with_privileges(
        api, "column", "public.t", "INSERT", column="a"
    )
    (drift,) = role_database.find_drift(declaration, api)
    assert (drift.code, drift.what, drift.automatic) == ("constraint-not-enforced", "constraint k on public.t", False)
    assert drift.message.startswith(f"{api} may write rows that break it: ")
    if constraint.startswith("CHECK"):
        assert drift.statements[0] == 'ALTER TABLE public.t DROP CONSTRAINT "k"'
    else:
        assert drift.statements == ('ALTER TABLE public.t ALTER CONSTRAINT "k" ENFORCED',)
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api) == []
    with role_database.database.connect() as conn:
        defined = conn.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'k'").fetchone()
    assert defined is not None
    assert ("NO INHERIT" in defined[0]) is ("NO INHERIT" in constraint)


def test_foreign_keys_whose_triggers_are_off(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run("CREATE TABLE p (a int PRIMARY KEY)", "CREATE TABLE t (a int REFERENCES p)")
    declaration = role_database.minimal_declaration(api).with_privileges(api, "table", "public.t", "INSERT")
    assert role_database.find_drift(declaration, api) == []
    role_database.run("ALTER TABLE t DISABLE TRIGGER ALL")
    (drift,) = role_database.find_drift(declaration, api)
    assert drift == Drift(
        "trigger-disabled",
        api,
        "constraint t_a_fkey on public.t",
        f"its triggers are switched off: what {api} may write there, or delete, is not checked against it",
        ("ALTER TABLE public.t ENABLE TRIGGER ALL",),
        hint="as a superuser; rows written meanwhile stay unchecked: drop and add the constraint to look at them",
        automatic=False,
        phase=Phase.LAST,
    )
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api) == []


def test_row_security(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run(
        "CREATE TABLE t (a int)", "CREATE TABLE untouched (a int)", "ALTER TABLE t ENABLE ROW LEVEL SECURITY"
    )
    role_database.run("ALTER TABLE untouched ENABLE ROW LEVEL SECURITY")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []
    declaration = role_database.minimal_declaration(api).with_privileges(api, "table", "public.t", "SELECT", "INSERT")
    drift = Drift(
        "row-security",
        api,
        "table public.t",
        f"no policy lets rows through for INSERT and SELECT by {api}: nothing is found or written",
        ("ALTER TABLE public.t DISABLE ROW LEVEL SECURITY",),
        hint="write policies for the role, or switch it off: accept it with the reason where it is meant so",
        automatic=False,
        phase=Phase.LAST,
    )
    assert role_database.find_drift(declaration, api) == [drift]
    role_database.run("CREATE POLICY seen ON t USING (a > 0)")
    (other,) = role_database.find_drift(declaration, api)
    assert other.message == f"only the rows that its policies show are there for {api}: seen (ALL, to public)"
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api) == []


def test_who_is_not_subject_to_row_security(role_database: RoleDatabase) -> None:
    api = role_database.role("api", "BYPASSRLS")
    role_database.run("CREATE TABLE t (a int)", "ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    declaration = role_database.minimal_declaration(api).with_privileges(api, "table", "public.t", "SELECT")
    assert [drift.code for drift in role_database.find_drift(declaration, api)] == ["bypass-row-security"]
    role_database.run(f"ALTER ROLE {api} NOBYPASSRLS", f"ALTER TABLE t OWNER TO {api}")
    assert [drift.code for drift in role_database.find_drift(declaration, api)] == ["owns-object"]
    role_database.run("ALTER TABLE t FORCE ROW LEVEL SECURITY")
    assert [drift.code for drift in role_database.find_drift(declaration, api)] == ["owns-object", "row-security"]


@pytest.mark.parametrize(
    "name, value",
    [
        ("allow_system_table_mods", "on"),
        ("backslash_quote", "on"),
        ("dynamic_library_path", "/tmp:$libdir"),
        ("event_triggers", "false"),
        ("ignore_system_indexes", "1"),
        ("lo_compat_privileges", "yes"),
        ("local_preload_libraries", "auto_explain"),
        ("role", "minerva_owner"),
        ("search_path", "public, pg_catalog"),
        ("session_replication_role", "replica"),
        ("standard_conforming_strings", "off"),
        ("synchronous_commit", "no"),
        ("transform_null_equals", "TRUE"),
        ("zero_damaged_pages", "on"),
    ],
)
def test_weak_settings(name: str, value: str) -> None:
    assert setting_weakness(name, value)


@pytest.mark.parametrize(
    "name, value",
    [
        ("allow_system_table_mods", "off"),
        ("backslash_quote", "safe_encoding"),
        ("dynamic_library_path", "$libdir"),
        ("local_preload_libraries", ""),
        ("role", "none"),
        ("search_path", "pg_catalog, public"),
        ("search_path", '"$user", public'),
        ("search_path", '""'),
        ("session_replication_role", "origin"),
        ("standard_conforming_strings", "on"),
        ("statement_timeout", "0"),
        ("synchronous_commit", "local"),
        ("row_security", "off"),
        ("transform_null_equals", "off"),
        ("default_transaction_read_only", "on"),
    ],
)
def test_settings_that_weaken_nothing(name: str, value: str) -> None:
    assert setting_weakness(name, value) == ""


def test_settings_of_the_role_the_database_and_everywhere(role_database: RoleDatabase) -> None:
    api, owner = role_database.role("api"), role_database.role("owner")
    name = role_database.database.name
    role_database.run(
        f"ALTER ROLE {api} IN DATABASE {name} SET session_replication_role = replica",
        f"ALTER ROLE {api} IN DATABASE {name} SET statement_timeout = 0",
        f"ALTER ROLE {api} SET role = {owner}",
        f"ALTER ROLE {api} SET work_mem = '64MB'",
        f"ALTER DATABASE {name} SET synchronous_commit = off",
        f"ALTER DATABASE {name} SET work_mem = '64MB'",
        f"ALTER ROLE {owner} SET statement_timeout = 0",
    )

    def drift(what: str, fact: str, statement: str) -> Drift:
        return Drift("weak-setting", api, what, fact, (statement,), phase=Phase.ALTER_ROLE)

    declaration = role_database.minimal_declaration(api, owner)
    assert role_database.find_drift(declaration, api, owner) == [
        drift(
            "setting session_replication_role",
            "is replica: foreign keys and ordinary triggers do not run",
            f'ALTER ROLE "{api}" IN DATABASE "{name}" RESET "session_replication_role"',
        ),
        drift(
            "setting role in every database",
            f"is {owner}: every session starts as that role, with its rights",
            f'ALTER ROLE "{api}" RESET "role"',
        ),
        drift(
            f"setting synchronous_commit of database {name}",
            "is off: a COMMIT that was answered can be lost in a crash",
            f'ALTER DATABASE "{name}" RESET "synchronous_commit"',
        ),
    ]
    declared = replace(declaration, settings={api: {"session_replication_role": "replica"}})
    assert "setting session_replication_role" not in [
        drift.what for drift in role_database.find_drift(declared, api, owner)
    ]
    assert role_database.drift_after_apply(declaration, api, owner) == []


def test_a_setting_of_every_role(role_database: RoleDatabase) -> None:
    from minerva_promote.grants.escalation import find_escalations
    from minerva_promote.grants.live_state import ServerSetting

    api = role_database.role("api")
    settings = (
        ServerSetting("session_replication_role", "replica", False),
        ServerSetting("session_preload_libraries", "auto_explain", False),
    )
    live = replace(role_database.live(api), settings=settings)
    assert list(find_escalations(live, role_database.minimal_declaration(api), [api])) == [
        Drift(
            "weak-setting",
            api,
            "setting session_replication_role of every role",
            "is replica: foreign keys and ordinary triggers do not run",
            ('ALTER ROLE ALL RESET "session_replication_role"',),
            hint="it holds for every role and database: run it yourself, or take it out of postgresql.conf",
            automatic=False,
            phase=Phase.ALTER_ROLE,
        )
    ]


def test_every_setting_of_a_database(role_database: RoleDatabase) -> None:
    api, owner = role_database.role("api"), role_database.role("owner")
    name = role_database.database.name
    role_database.run(
        f"ALTER DATABASE {name} OWNER TO {owner}",
        f"ALTER DATABASE {name} SET session_replication_role = replica",
        f"ALTER DATABASE {name} SET synchronous_commit = off",
    )
    drifts = role_database.find_drift(role_database.minimal_declaration(api), api, owner)
    assert [drift.what for drift in drifts if drift.code == "weak-setting"] == [
        f"setting session_replication_role of database {name}",
        f"setting synchronous_commit of database {name}",
    ]


def test_names_that_others_can_put_in_the_way(role_database: RoleDatabase) -> None:
    api, maker = role_database.role("api"), role_database.role("maker")
    role_database.run(
        "CREATE SCHEMA shared",
        f"GRANT CREATE ON SCHEMA shared TO {maker}",
        f"ALTER DATABASE {role_database.database.name} SET search_path = shared, public",
    )
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api, maker), api, maker)
    assert drift.message == (
        f"is shared, public: names are looked up in schema shared, where {maker} may make objects of the same name"
    )
    role_database.run("REVOKE CREATE ON SCHEMA shared FROM " + maker)
    assert role_database.find_drift(role_database.minimal_declaration(api, maker), api, maker) == []
    role_database.run(
        f"GRANT CREATE ON SCHEMA shared TO {maker}", f"ALTER DATABASE {role_database.database.name} RESET search_path"
    )
    role_database.run(f"ALTER ROLE {maker} SET search_path = shared")  # its own schema: it harms nobody else
    assert role_database.find_drift(role_database.minimal_declaration(api, maker), api, maker) == []
    role_database.run(f"ALTER ROLE {api} SET search_path = shared")
    assert [
        drift.role for drift in role_database.find_drift(role_database.minimal_declaration(api, maker), api, maker)
    ] == [api]
