"""Giving what is declared: only what is missing, in order, and looked at again afterwards."""

from __future__ import annotations

import pytest

from minerva_promote.config.models import Grants
from minerva_promote.database.quote import text
from minerva_promote.errors import TargetError
from minerva_promote.grants.apply import apply_grants, grant_statements, revoke_statements, standings
from minerva_promote.grants.wanted import PUBLIC, Grant, column_grants, wanted_grants
from tests.servers import PASSWORD, Database

DECLARED = Grants(
    database=("CONNECT",),
    schemas={"public": ("USAGE",)},
    tables={"a": ("SELECT", "INSERT")},
    sequences={"public.s": ("USAGE",)},
)


@pytest.fixture
def role(suffix: str, database: Database) -> str:
    name = f'odd "role"_{suffix}'
    quoted = name.replace('"', '""')
    database.execute(
        f"create role \"{quoted}\" login password '{PASSWORD}'", "create table a (x int)", "create sequence s"
    )
    return name


def test_only_what_is_missing_is_given(role: str, database: Database) -> None:
    wanted = wanted_grants(role, DECLARED, database.name)
    quoted = role.replace('"', '""')
    with database.connect() as conn:
        first = apply_grants(conn, wanted)
        assert [action.sql for action in first] == [
            f'GRANT CONNECT ON DATABASE "{database.name}" TO "{quoted}"',
            f'GRANT USAGE ON SCHEMA "public" TO "{quoted}"',
            f'GRANT USAGE ON SEQUENCE "public"."s" TO "{quoted}"',
            f'GRANT INSERT, SELECT ON TABLE "public"."a" TO "{quoted}"',
        ]
        assert apply_grants(conn, wanted) == ()
        more = wanted | column_grants(role, "a", "UPDATE", ["x"])
        assert [action.sql for action in apply_grants(conn, more)] == [
            f'GRANT UPDATE ("x") ON TABLE "public"."a" TO "{quoted}"'
        ]
        assert apply_grants(conn, more) == ()
        assert all(standing.given and standing.effective for standing in standings(conn, more).values())


def test_what_comes_through_public_is_not_given(role: str, database: Database) -> None:
    """Taken from PUBLIC later, it would be gone."""
    connect = Grant(role, "database", database.name, "CONNECT")
    with database.connect() as conn:
        standing = standings(conn, [connect])[connect]
        assert (standing.given, standing.effective) == (False, True)
        assert len(apply_grants(conn, [connect])) == 1


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        (Grant("{}", "table", "public.nothing", "SELECT"), "there is no such table"),
        (Grant("{}", "schema", "nothing", "USAGE"), "there is no such schema"),
        (Grant("{}", "sequence", "public.a", "USAGE"), "there is no such sequence"),
        (Grant("{}", "column", "public.a", "SELECT", "nothing"), "there is no such column"),
        (Grant("nobody at all", "table", "public.a", "SELECT"), "there is no such role"),
    ],
)
def test_what_does_not_exist(role: str, database: Database, grant: Grant, said: str) -> None:
    grant = Grant(grant.grantee.format(role), grant.kind, grant.name, grant.privilege, grant.column)
    with database.connect() as conn, pytest.raises(TargetError) as caught:
        apply_grants(conn, [grant, Grant(role, "table", "public.a", "SELECT")])
    assert caught.value.message == f"cannot give {grant}: {said}"


def test_a_grant_without_effect_is_an_error(suffix: str, role: str, database: Database) -> None:
    other = f"other_{suffix}"
    database.execute(f"create role {other} login password '{PASSWORD}'", f"grant select on a to {other}")
    with database.connect(other) as conn, pytest.raises(TargetError) as caught:
        apply_grants(conn, [Grant(role, "table", "public.a", "SELECT")])  # the server only warns
    assert caught.value.message == f"GRANT had no effect: SELECT on table public.a to {role}"


def test_statements_for_public() -> None:
    grants = [Grant(PUBLIC, "database", "d", "TEMPORARY"), Grant(PUBLIC, "database", "d", "CONNECT")]
    assert [text(statement) for statement in revoke_statements(grants)] == [
        'REVOKE CONNECT, TEMPORARY ON DATABASE "d" FROM PUBLIC'
    ]
    assert [text(statement) for statement in grant_statements(grants)] == [
        'GRANT CONNECT, TEMPORARY ON DATABASE "d" TO PUBLIC'
    ]


def test_a_privilege_is_never_sql() -> None:
    with pytest.raises(ValueError, match="not a keyword"):
        grant_statements([Grant("r", "table", "public.a", "SELECT ON a TO x; --")])
