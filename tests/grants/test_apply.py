"""--apply on a real server: every kind of difference is ended, or nothing at all is changed."""

from __future__ import annotations

import re

import pytest

from minerva_promote.database.scram import matches
from tests.grants.grants_project import GrantsProject, grants_project, make_shop, quoted, ready, shop

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures

PASSWORD = "Ünicode-geheim'42"
OTHER_GRANTOR = "nothing declares it; given by x, so that only x can take it back"


def verifier(grants_project: GrantsProject, role: str) -> str | None:
    found = grants_project.shop.rows(f"select rolpassword from pg_authid where rolname = '{role}'")
    return found[0][0] if found else None


def test_a_role_is_made_with_its_password(grants_project: GrantsProject) -> None:
    """The password is seen nowhere, and left alone later unless somebody asks."""
    name = grants_project.role(
        "a", login=True, password="${A_PASSWORD}", connection_limit=3, settings={"work_mem": "8MB"}
    )
    env = {"A_PASSWORD": PASSWORD}
    plan = grants_project.report(code=1, env=env)
    assert plan == (
        "test-prod  database DB\n"
        "  create  role a .. FAIL  a, missing-role: there is no such role; it is made with its declared password\n"
        f'  {grants_project.position(name)}  CREATE ROLE "a" LOGIN CONNECTION LIMIT 3\n'
        "  alter  setting work_mem .. FAIL  a, setting: not set, declared is 8MB\n"
        f'  {grants_project.position("settings", after=name)}  ALTER ROLE "a" IN DATABASE "DB" SET "work_mem" TO \'8MB\'\n'
        "drift: 2 differences; promote grants --env test-prod --apply ends them\n"
    )
    assert grants_project.error("--apply", code=2) == (
        f"error: {grants_project.position('${A_PASSWORD}')}: roles.a.password: A_PASSWORD is not set\n"
        "  set it in the environment or in .env: A_PASSWORD=***\n"
    )
    assert verifier(grants_project, name) is None
    texts = [plan, *(grants_project.report("--format", form, code=1, env=env) for form in ("sql", "json"))]
    texts.append(grants_project.report("--apply", "--format", "json", env=env))
    first = verifier(grants_project, name)
    assert matches(first, PASSWORD)
    if grants_project.shop.database.server.folder is None:  # a server that asks
        with grants_project.shop.database.connect(name, password=PASSWORD) as conn:
            assert conn.info.user == name
    for options, value, same in (
        (["--apply"], "other-secret", True),
        (["--apply", "--set-passwords"], "other-secret", False),
    ):
        report = grants_project.report(*options, env={"A_PASSWORD": value})
        assert ("\n  alter  password .. ok  a: set\napplied: 1 change; in step" in report) is not same
        assert (verifier(grants_project, name) == first) is same
        texts.append(report)
    assert matches(verifier(grants_project, name), "other-secret")
    assert not [text for text in texts if "secret" in text or "geheim" in text or "SCRAM" in text]


def test_attributes_settings_and_memberships(grants_project: GrantsProject) -> None:
    grants_project.run(
        "create role {a} login superuser createdb createrole connection limit 7",
        "create role {g}",
        "create role {h}",
        "grant {h} to {a} with admin option",
        "grant pg_monitor to {a}",
        "alter role {a} in database {db} set work_mem to '1MB'",
        "alter role {a} in database {db} set search_path to public",
        "alter role {a} in database {db} set timezone to 'UTC'",
        "alter role {a} in database {db} set session_replication_role to replica",
    )
    settings = {"timezone": "UTC", "search_path": '"$user", public, "odd, ""schema"""', "promote.note": "a'b \\ é"}
    grants_project.role("g")
    grants_project.role("h")
    grants_project.role(
        "a",
        login=False,
        connection_limit=-1,
        settings=settings,
        member_of=[grants_project.name("g"), grants_project.name("h")],
    )
    report = grants_project.apply_and_verify()
    for line in (
        'ALTER ROLE "a" NOLOGIN\n',
        'ALTER ROLE "a" CONNECTION LIMIT -1\n',
        'ALTER ROLE "a" NOSUPERUSER\n',
        'ALTER ROLE "a" IN DATABASE "DB" RESET "work_mem"\n',
        'ALTER ROLE "a" IN DATABASE "DB" RESET "session_replication_role"\n',
        'ALTER ROLE "a" IN DATABASE "DB" SET "search_path" TO \'$user\', \'public\', \'odd, "schema"\'\n',
        'GRANT "g" TO "a"',
        "ADMIN OPTION FOR ",
    ):
        assert line in report, line
    row = "rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolconnlimit"
    assert grants_project.shop.rows(f"select {row} from pg_roles where rolname = '{grants_project.name('a')}'") == [
        (False, False, False, False, -1)
    ]


def test_options_of_memberships(grants_project: GrantsProject) -> None:
    with grants_project.shop.database.connect() as conn:
        if conn.info.server_version < 160000:
            pytest.skip("memberships have these options since PostgreSQL 16")
    grants_project.run("create role {g}", *(f"create role {{{name}}}" for name in "abc"))
    grants_project.role("g")
    wanted = {"a": (False, True, True), "b": (True, False, False), "c": (False, False, True)}
    for name, (inherit, become, admin) in wanted.items():
        grants_project.role(
            name, member_of={grants_project.name("g"): {"inherit": inherit, "set": become, "admin": admin}}
        )
    report = grants_project.apply_and_verify()
    for name, (inherit, become, admin) in wanted.items():
        assert f'GRANT "g" TO "{name}" WITH ADMIN {admin}, INHERIT {inherit}, SET {become}\n'.upper() in report.upper()
    grants_project.run(*(f"grant {{g}} to {{{name}}} with inherit true, set true, admin true" for name in "abc"))
    assert grants_project.report(code=1).count("membership-option: ") == 5
    grants_project.apply_and_verify()


def test_a_role_that_must_not_be(grants_project: GrantsProject) -> None:
    """With all that keeps a role from being dropped; in another database it may have nothing."""
    grants_project.run(
        "create role {x}",
        "create role {g}",
        "create role {y}",
        "grant {g} to {x} with admin option",
        "set role {x}; grant {g} to {y}",
        "create table t ()",
        "alter table t owner to {x}",
        "grant select on books to {x} with grant option",
        "set role {x}; grant select on books to {y}",
        "alter default privileges for role {x} grant select on tables to {reader}",
        "alter default privileges grant select on tables to {x}",
        "create foreign data wrapper w",
        "create server s foreign data wrapper w",
        "create user mapping for {x} server s",
        "grant set on parameter log_statement to {x}",
        "create policy p on screenshots to {x}",
        "grant temporary on database {db} to {x}",
    )
    grants_project.role("g")
    grants_project.role("y", member_of=[grants_project.name("g")])
    grants_project.role("x", absent=True)
    other = grants_project.shop.database.server.create_database(grants_project.name("other"))
    other.execute("create table u ()", f"alter table u owner to {quoted(grants_project.name('x'))}")
    assert grants_project.fail_to_apply() == (
        'error: DROP ROLE "x": role "x" cannot be dropped because some objects depend on it: 1 object in database other;'
        " nothing was changed (rolled back)\n"
    )
    other.execute("drop table u")
    report = grants_project.apply_and_verify()
    assert 'REASSIGN OWNED BY "x" TO "postgres"; DROP OWNED BY "x"; DROP ROLE "x"\n' in report
    assert grants_project.shop.rows("select tableowner from pg_tables where tablename = 't'") == [("postgres",)]


def test_another_grantor(grants_project: GrantsProject) -> None:
    """A superuser becomes the grantor; a right to give goes from a to b to c."""
    grants_project.run(
        *(f"create role {{{name}}}" for name in "abcx"),
        "grant update, select on books to {x} with grant option",
        "set role {x}; grant update on books to {api}; grant select on books to {a} with grant option",
        "grant insert on books to {a} with grant option",
        "set role {a}; grant insert, select on books to {b} with grant option",
        "set role {b}; grant insert, select on books to {c}; grant insert on books to public",
    )
    for name in "abc":
        grants_project.role(name, grants={"tables": {"books": ["SELECT", "INSERT"]}})
    plan = grants_project.report(code=1)
    again = 'SET LOCAL ROLE "x"; REVOKE UPDATE ON TABLE public.books FROM "api"; RESET ROLE'
    assert f"  revoke  UPDATE on table public.books .. FAIL  api, other-grantor: {OTHER_GRANTOR}\n  {again}\n" in plan
    assert "grant-option: it may give this on to any role; c, PUBLIC have it from this role, and lose it" in plan
    assert "SELECT on table public.books, given by x .. FAIL  a, grant-option: it may give this on" in plan
    grants_project.apply_and_verify()
    held = "select grantee::regrole::text, privilege_type, is_grantable from pg_class, aclexplode(relacl)"
    rows = grants_project.shop.rows(f"{held} where oid = 'books'::regclass and grantee <> 0")
    mine = {(grants_project.normalize(role), privilege, option) for role, privilege, option in rows}
    assert {each for each in mine if each[0] in "abc"} == {(n, p, False) for n in "abc" for p in ("INSERT", "SELECT")}


def test_columns_of_a_declared_table(grants_project: GrantsProject) -> None:
    """A privilege on a column is no more than the same on the whole table; others are, and what stays is kept."""
    grants_project.add_grants(grants_project.shop.role, columns={"ingestion_logs": {"UPDATE": ["id"]}})
    grants_project.run(
        "grant insert (title), update (title) on books to {api}",
        "grant select, update on ingestion_logs to {api}",
        "grant update (id) on ingestion_logs to {api}",
    )
    report = grants_project.report(code=1)
    for line in (
        'REVOKE UPDATE ("title") ON TABLE public.books FROM "api"\n',
        'REVOKE SELECT, UPDATE ON TABLE public.ingestion_logs FROM "api"\n',
        "UPDATE (id) on table public.ingestion_logs .. FAIL  api, missing: declared, and taken along by the REVOKE on"
        " the whole table\n",
    ):
        assert line in report
    grants_project.apply_and_verify()
    query = "select attname || x::text from pg_attribute, unnest(attacl) x where attrelid = '%s'::regclass"
    assert [grants_project.normalize(acl) for (acl,) in grants_project.shop.rows(query % "ingestion_logs")] == [
        "idapi=w/postgres"
    ]
    assert [grants_project.normalize(acl) for (acl,) in grants_project.shop.rows(query % "books")] == [
        "titleapi=a/postgres"
    ]


OVERLAPPING_DRIFTS = [
    (
        "UPDATE, UPDATE (book_id) on table public.ingestion_logs",
        "api, undeclared: nothing declares it",
        'REVOKE UPDATE, UPDATE ("book_id") ON TABLE public.ingestion_logs FROM "api"',
    ),
    (
        "INSERT, INSERT (id) on table public.chunks",
        "a, grant-option: it may give this on to any role",
        'REVOKE GRANT OPTION FOR INSERT, INSERT ("id") ON TABLE public.chunks FROM "a"',
    ),
    (
        "SELECT, SELECT (title) on table public.books",
        "a, missing: declared, and not given",
        'GRANT SELECT, SELECT ("title") ON TABLE public.books TO "a"',
    ),
    (
        "UPDATE (id) on table public.ingestion_logs",
        "api, missing: declared, and taken along by the REVOKE on the whole table",
        'GRANT UPDATE ("id") ON TABLE public.ingestion_logs TO "api"',
    ),
]


def test_the_same_privilege_on_a_table_and_on_a_column(grants_project: GrantsProject) -> None:
    """Each is said, given and taken at once: what is planned is what one round of --apply does."""
    grants_project.run(
        "create role {a}",
        "grant update, update (id, book_id) on ingestion_logs to {api}",
        "grant insert, insert (id) on chunks to {a} with grant option",
    )
    grants_project.add_grants(grants_project.shop.role, columns={"ingestion_logs": {"UPDATE": ["id"]}})
    grants = {"tables": {"books": ["SELECT"], "chunks": ["INSERT"]}, "columns": {"books": {"SELECT": ["title"]}}}
    grants_project.role("a", grants=grants)
    plan = grants_project.report(code=1)
    assert re.findall(r"(?m)^  (?:grant|revoke)  (.+) \.\. FAIL  (.+)\n  \d+:\d+  (.+)$", plan) == OVERLAPPING_DRIFTS
    assert plan.endswith("\ndrift: 4 differences; promote grants --env test-prod --apply ends them\n")
    lines = [f"-- {why.replace(': ', f': {what}: ', 1)}\n{statement};\n" for what, why, statement in OVERLAPPING_DRIFTS]
    assert (
        grants_project.report("--format", "sql", code=1)
        == f"-- database DB, as postgres\nBEGIN;\n{''.join(lines)}COMMIT;\n"
    )
    assert "\napplied: 4 changes; in step: 3 roles, " in grants_project.apply_and_verify()


def test_what_a_declared_role_owns(grants_project: GrantsProject) -> None:
    """What an owner gives counts, and it needs no grants on what is its own."""
    grants_project.run(
        "create role {o/wner}",
        "create table notes (id int)",
        "alter table notes owner to {o/wner}",
        "set role {o/wner}; grant select on notes to {reader}",
        "alter default privileges for role {o/wner} in schema public grant select on tables to {reader}",
    )
    accepted = {"code": "owns-object", "object": "table public.notes", "why": "made at run time"}
    owner = grants_project.role("o/wner", grants={"tables": {"notes": ["SELECT"]}}, accept=[accepted])
    defaults = [{"owner": owner, "schema": "public", "tables": ["SELECT"]}]
    grants_project.add_grants(grants_project.reader, tables={"notes": ["SELECT"]}, default_privileges=defaults)
    assert grants_project.report().endswith("\nin step: 3 roles, N privileges as declared\n")
    grants_project.run(
        "revoke select on notes from {reader}",
        "alter default privileges for role {o/wner} in schema public revoke all on tables from {reader}",
    )
    assert "applied: 2 changes; in step" in grants_project.apply_and_verify()


@pytest.mark.parametrize(
    ("plant", "grants", "report"),
    [
        (
            ["grant update on chunks to {api}"],
            {},
            'REVOKE UPDATE ON TABLE public.chunks FROM "api": permission denied for table chunks',
        ),
        (
            ["grant update on chunks to public"],
            {},
            "REVOKE UPDATE ON TABLE public.chunks FROM PUBLIC: the server warns: no privileges could be revoked for"
            ' "chunks" ({n} more warnings)',
        ),
        (
            ["grant select on ingestion_logs to {boss}"],
            {"ingestion_logs": ["SELECT"]},
            'GRANT SELECT ON TABLE public.ingestion_logs TO "api": the server warns: no privileges were granted for'
            ' "ingestion_logs"',
        ),
        (
            ["create role {s} superuser"],
            {},
            'ALTER ROLE "s" NOSUPERUSER: permission denied to alter role',
        ),
    ],
    ids=["no right", "PUBLIC", "no grant option", "superuser"],
)
def test_lack_of_rights(
    grants_project: GrantsProject, plant: list[str], grants: dict[str, list[str]], report: str
) -> None:
    """On a managed server: what was possible before is rolled back, too."""
    grants_project.create_managed_admin()
    grants_project.run(*plant, "grant delete on books to {api}")
    if "{s}" in plant[0]:
        grants_project.role("s")
    grants_project.add_grants(grants_project.shop.role, tables=grants)
    found = grants_project.fail_to_apply()
    start, _, end = report.partition("{n}")
    assert found.startswith(f"error: {start}"), found
    assert end in found.splitlines()[0]
    assert "; nothing was changed (rolled back)\n" in found


def test_no_effect(grants_project: GrantsProject) -> None:
    """The server takes it and nothing changes: which, why, and all is rolled back."""
    grants_project.create_managed_admin()
    grants_project.run(
        "grant select on chunks to {boss} with grant option",
        "create role {a}",
        "grant select on chunks to {a}",
        "grant delete on books to {api}",
    )
    grants_project.role("a")
    before = grants_project.state()
    assert grants_project.report("--apply", code=1) == (
        "test-prod  database DB\n"
        "  revoke  SELECT on table public.chunks .. FAIL  a, undeclared: no effect: it was given by postgres, and boss"
        " cannot take that back\n"
        f'  {grants_project.position(grants_project.name("a"), after="reader")}  REVOKE SELECT ON TABLE public.chunks FROM "a"\n'
        "nothing was changed (rolled back): 1 statement had no effect\n"
    )
    assert grants_project.state() == before


def test_an_owner_that_is_no_superuser(grants_project: GrantsProject) -> None:
    """Makes roles, gives what is its own, and drops a role that it made, which owns something."""
    grants_project.create_managed_admin()
    grants_project.run("set role {boss}; create role {old}", "create table t ()", "alter table t owner to {old}")
    grants_project.role("old", absent=True)
    grants_project.role("new", login=True, password="long-enough", grants={"tables": {"books": ["SELECT"]}})
    report = grants_project.apply_and_verify()
    assert 'REASSIGN OWNED BY "old" TO "boss"; DROP OWNED BY "old"; DROP ROLE "old"\n' in report
    assert "\n  alter  password .. ok  new: set\napplied: 4 changes; in step: 3 roles, N " in report
