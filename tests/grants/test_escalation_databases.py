"""Other databases of the server: owned, connected to, created in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.model import PUBLIC, Drift, Phase
from minerva_promote.grants.report import databases_open_to_public, describe_not_compared
from tests import yamlfile
from tests.grants.grants_project import GrantsProject, grants_project, make_shop, ready, shop
from tests.grants.role_database import RoleDatabase
from tests.servers import Database

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures

MORE = "declare it in the environment of that database, accept it with the reason, or run the statement yourself"


@pytest.fixture
def role_database(suffix: str, database: Database) -> RoleDatabase:
    return RoleDatabase(database, suffix)


@pytest.fixture
def other(make_database: Callable[..., Database]) -> Database:
    """Another database of the server, as it is made."""
    return make_database()


def test_what_a_role_may_do_in_another_database(role_database: RoleDatabase, other: Database) -> None:
    api, reader = role_database.role("api"), role_database.role("reader")
    declaration = role_database.minimal_declaration(api, reader)
    assert role_database.find_drift(declaration, api, reader) == []
    role_database.run(f"GRANT CONNECT, CREATE ON DATABASE {other.name} TO {api}")
    drift = Drift(
        "other-database",
        api,
        f"CONNECT, CREATE on database {other.name}",
        "it may connect to a database in which nothing of this declaration holds",
        (f'REVOKE CONNECT, CREATE ON DATABASE {other.name} FROM "{api}"',),
        hint=MORE,
        automatic=False,
        phase=Phase.LAST,
    )
    assert role_database.find_drift(declaration, api, reader) == [drift]
    live, declared = role_database.live(api, reader), {other.name: {api: frozenset({"CONNECT"})}}
    (left,) = find_escalations(live, declaration, (api, reader), lambda release: declared)  # by another environment
    assert left.what == f"CREATE on database {other.name}"
    role_database.run_by_hand(drift)
    assert role_database.find_drift(declaration, api, reader) == []


def test_a_role_that_owns_another_database(role_database: RoleDatabase, other: Database) -> None:
    api = role_database.role("api")
    role_database.run(
        f"ALTER DATABASE {other.name} OWNER TO {api}", f"ALTER DATABASE {other.name} ALLOW_CONNECTIONS false"
    )
    drift = Drift(
        "owns-other-database",
        api,
        f"database {other.name}",
        "its owner may drop and rename it, and do in it what nothing here declares or compares",
        (f'ALTER DATABASE {other.name} OWNER TO "{role_database.admin}"',),
        hint="accept it with the reason, or run the statement yourself",
        automatic=False,
        phase=Phase.CHANGE_OWNER,
    )
    try:
        assert role_database.find_drift(role_database.minimal_declaration(api), api) == [drift]
    finally:
        role_database.run_by_hand(drift)
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == []


def test_what_every_role_may_do_in_another_database(role_database: RoleDatabase, other: Database) -> None:
    """CONNECT and TEMPORARY are the server's own doing, and no drift; CREATE is somebody's."""
    api = role_database.role("api")
    live = role_database.live(api)
    assert other.name in databases_open_to_public(live)
    assert "every role has privileges on other databases (" in describe_not_compared(live)
    one = replace(live, other_databases=tuple(each for each in live.other_databases if each.name == other.name))
    assert list(find_escalations(one, role_database.minimal_declaration(api), [api])) == []
    given = replace(one.other_databases[0], privileges={PUBLIC: frozenset({"CONNECT", "CREATE"})})
    (drift,) = find_escalations(replace(one, other_databases=(given,)), role_database.minimal_declaration(api), [api])
    assert (drift.role, drift.what, drift.message) == (
        PUBLIC,
        f"CREATE on database {other.name}",
        f"every role has it, {api} too",
    )
    unchangeable = replace(given, changeable=False)  # the owner cannot end it
    assert (
        list(
            find_escalations(
                replace(one, other_databases=(unchangeable,)), role_database.minimal_declaration(api), [api]
            )
        )
        == []
    )
    role_database.run(f"REVOKE ALL ON DATABASE {other.name} FROM PUBLIC")
    assert other.name not in databases_open_to_public(role_database.live(api))


def test_what_is_told_and_not_compared(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    live = replace(role_database.live(api), other_databases=())
    assert describe_not_compared(live) == "every role may create large objects (lo_create)"
    role_database.run(
        "CREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION b() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
        "CREATE FUNCTION c() RETURNS int LANGUAGE sql RETURN 1",
        "REVOKE EXECUTE ON FUNCTION lo_create, lo_creat, lo_from_bytea FROM PUBLIC",
    )
    live = replace(role_database.live(api), other_databases=())
    assert describe_not_compared(live) == "calls in the text of 2 functions (PL/pgSQL, SQL in quotes) are not seen"
    role_database.run("DROP FUNCTION a", "DROP FUNCTION b")
    assert describe_not_compared(replace(role_database.live(api), other_databases=())) == ""


def test_on_the_command_line(grants_project: GrantsProject, other: Database) -> None:
    """Shown and left to a person, accepted with a reason, or declared by the environment of that database."""
    name = grants_project.role("tool", login=True, grants={"database": ["CONNECT"]})
    grants_project.run("create role {tool} login", "grant connect on database {db} to {tool}")
    assert "in step" in grants_project.report()
    other.execute(f"revoke all on database {other.name} from public")
    grants_project.run(f"grant connect on database {other.name} to {{tool}}")
    short = other.name.removesuffix(f"_{grants_project.suffix}")
    assert f"not done by --apply: REVOKE CONNECT ON DATABASE {short} FROM " in grants_project.report("--apply", code=1)
    assert f"-- REVOKE CONNECT ON DATABASE {short} FROM " in grants_project.report("--format", "sql", code=1)
    proof = grants_project.grants("--prove")
    assert proof.exit_code == 1
    assert f"CONNECT on database {other.name}" in proof.stdout
    assert "\nnot proved: drift: 1 difference; 1 of " in proof.stdout
    accept = [{"code": "other-database", "object": f"CONNECT on database {other.name}", "why": "it copies"}]
    grants_project.role("tool", login=True, grants={"database": ["CONNECT"]}, accept=accept)
    assert "in step" in grants_project.report()
    assert grants_project.grants("--prove").exit_code == 0
    grants_project.role("tool", login=True, grants={"database": ["CONNECT"]})
    environment = yamlfile.read(grants_project.shop.root / "environments" / "test-prod.yaml")
    sibling = {
        "url": other.url(),
        "admin_url": other.url(),
        "kind": "local",
        "roles": {name: environment["roles"][name]},
    }
    yamlfile.write(grants_project.shop.root / "environments" / "sibling.yaml", sibling)
    assert "in step" in grants_project.report()
    assert grants_project.grants("--prove").exit_code == 0
    (step,) = [
        step
        for step in json.loads(grants_project.grants("--format", "json").stdout)["steps"]
        if step["name"] == "not compared"
    ]
    assert (step["outcome"], step["data"]["functions"]) == ("skip", 0)
