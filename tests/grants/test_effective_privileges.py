"""The privileges of a role on objects of the database, from values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.live_state import AclEntry, DatabaseObject
from minerva_promote.grants.model import PUBLIC, Slot
from tests.grants.role_database import Declaration
from tests.grants.test_escalation_roles import plain, world

ROLES = {name: plain(name) for name in ("api", "dba", "zed")}


def entry(grantee: str, kind: str, name: str, privilege: str) -> AclEntry:
    return AclEntry(Slot(grantee, kind, name), "dba", frozenset({privilege}), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ((), False),
        ((entry("api", "schema", "public", "USAGE"),), False),
        ((entry("api", "schema", "public", "CREATE"),), True),
        ((entry(PUBLIC, "database", "db", "TEMPORARY"),), True),
        ((entry("zed", "database", "db", "CREATE"),), False),
        ((entry("api", "database", "db", "CONNECT"), entry("zed", "schema", "public", "CREATE")), False),
    ],
)
def test_who_may_create(granted: tuple[AclEntry, ...], expected: bool) -> None:
    live = replace(world(18), roles=ROLES, entries=granted)
    assert EffectivePrivileges(live, Declaration(), ["api"]).may_create("api") is expected


@pytest.mark.parametrize(
    ("owner", "owners"), [("pg_database_owner", ["dba"]), ("api", ["api"]), ("zed", ["zed"]), ("nobody", [])]
)
def test_the_schema_of_pg_database_owner_belongs_to_the_owner_of_the_database(owner: str, owners: list[str]) -> None:
    schema = DatabaseObject("schema", "public", "public", owner, False)
    live = replace(world(18), admin="root", roles=ROLES, objects={("schema", "public"): schema})
    effective = EffectivePrivileges(live, Declaration(), ROLES)
    assert [role for role in ROLES if effective.owns(role, "schema", "public")] == owners
    assert effective.roles_that_may_create_in("public") == owners
