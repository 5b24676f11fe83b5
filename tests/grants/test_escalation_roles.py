"""Who a role is or can become: attributes, memberships, ownership."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.escalation.membership_paths import PREDEFINED
from minerva_promote.grants.live_state import LiveRole, LiveState, MembershipRow
from minerva_promote.grants.model import Drift, Phase
from tests.grants.role_database import Declaration, Options, RoleDatabase
from tests.servers import Database


@pytest.fixture
def role_database(suffix: str, database: Database) -> RoleDatabase:
    return RoleDatabase(database, suffix)


def by(role_database: RoleDatabase, group: str, member: str, grantor: str | None = None) -> str:
    """The REVOKE of a membership."""
    by_whom = f' GRANTED BY "{grantor or role_database.admin}"' if role_database.version >= 16 else ""
    return f'REVOKE "{group}" FROM "{member}"{by_whom}'


def test_a_clean_role_is_nobodys_concern(role_database: RoleDatabase) -> None:
    api, reader = role_database.role("api"), role_database.role("reader", "NOLOGIN")
    role_database.run(
        "CREATE TABLE t (a int PRIMARY KEY, b text CHECK (b <> ''))",
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE TYPE kind AS ENUM ('a')",
        f"GRANT {reader} TO {api}",
        f"GRANT CONNECT ON DATABASE {role_database.database.name} TO {api}",
        f"GRANT SELECT, INSERT ON t TO {api}",
        f"ALTER ROLE {api} SET statement_timeout = '30s'",
    )
    declaration = (
        role_database.minimal_declaration(api, reader)
        .with_privileges(api, "table", "public.t", "SELECT", "INSERT")
        .with_membership(api, reader)
    )
    assert role_database.find_drift(declaration, api, reader) == []
    assert role_database.find_drift(declaration, api, reader, f"not_there_{role_database.suffix}") == []


@pytest.mark.parametrize(
    "keyword, code, fact",
    [
        (
            "SUPERUSER",
            "superuser",
            "no privilege, no ownership and no row security is asked of it: it may do everything on this server",
        ),
        (
            "CREATEDB",
            "create-database",
            "it owns the databases that it makes, and fills the server's disk with copies of others",
        ),
        (
            "REPLICATION",
            "replication",
            "by streaming replication it reads every table of every database, passwords of roles included",
        ),
        (
            "BYPASSRLS",
            "bypass-row-security",
            "no row security policy holds for it: in tables that have one it sees and writes every row",
        ),
    ],
)
def test_attributes(role_database: RoleDatabase, keyword: str, code: str, fact: str) -> None:
    api = role_database.role("api", keyword)
    statement = f'ALTER ROLE "{api}" NO{keyword}'
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(code, api, code.replace("-", " "), fact, (statement,), phase=Phase.ALTER_ROLE)
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_the_right_to_make_roles(role_database: RoleDatabase) -> None:
    api = role_database.role("api", "CREATEROLE")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api), api)
    assert (drift.code, drift.statements) == ("create-role", (f'ALTER ROLE "{api}" NOCREATEROLE',))
    assert drift.message == (
        "it may make roles, and alter, drop and join every role that it has ADMIN of"
        if role_database.version >= 16
        else "it may alter, drop and join every role that is no superuser: the owner of the tables, pg_write_all_data"
    )
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_what_remains_without_superuser_is_told_beside_it(role_database: RoleDatabase) -> None:
    api = role_database.role("api", "SUPERUSER")
    role_database.run("CREATE TABLE t ()", f"ALTER TABLE t OWNER TO {api}")
    assert [drift.code for drift in role_database.find_drift(role_database.minimal_declaration(api), api)] == [
        "superuser",
        "owns-object",
    ]


def test_the_servers_own_superuser_stays_one(role_database: RoleDatabase) -> None:
    other = role_database.role("other", "SUPERUSER")
    drifts = list(
        find_escalations(
            role_database.live(role_database.admin, admin=other),
            role_database.minimal_declaration(role_database.admin),
            [role_database.admin],
        )
    )
    assert drifts == [
        Drift(
            "superuser",
            role_database.admin,
            "superuser",
            "it is the superuser that the server was made with: it may do everything, and stays what it is",
            hint="name another role in url and in roles; keep this one for administration",
            automatic=False,
            phase=Phase.ALTER_ROLE,
        )
    ]


def test_the_role_that_administers_cannot_be_held_to_anything(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    assert list(
        find_escalations(
            role_database.live(role_database.admin, api),
            role_database.minimal_declaration(api),
            [role_database.admin, api],
        )
    ) == [
        Drift(
            "admin-identity",
            role_database.admin,
            f"role {role_database.admin}",
            "it is the role that makes and gives everything here: whatever it lacks, it gives itself",
            hint="name another role in url and in roles, and keep this one for admin_url",
            automatic=False,
        )
    ]


@pytest.mark.parametrize(
    "options, how",
    [
        ("", "it has every right of {owner}"),
        ("INHERIT TRUE, SET FALSE", "it has every right of {owner}, though it may not SET ROLE"),
        ("INHERIT FALSE", "without INHERIT, but SET ROLE takes on every right of {owner}"),
        (
            "INHERIT FALSE, SET FALSE, ADMIN TRUE",
            "with ADMIN alone it gives itself, or any role, every right of {owner}",
        ),
        ("INHERIT FALSE, SET FALSE", "without INHERIT, SET and ADMIN: today nothing of {owner} comes with it"),
        ("ADMIN TRUE", "it has every right of {owner}, and with ADMIN it gives the membership to any role"),
    ],
)
def test_a_membership_of_any_kind(role_database: RoleDatabase, options: str, how: str) -> None:
    if role_database.version < 16 and options:
        pytest.skip("memberships have no options of their own before PostgreSQL 16")
    api, owner = role_database.role("api"), role_database.role("owner", "CREATEDB")
    role_database.run("CREATE TABLE t ()", "CREATE TABLE u ()", f"ALTER TABLE t OWNER TO {owner}")
    role_database.run(f"ALTER TABLE u OWNER TO {owner}", f"GRANT {owner} TO {api} {options and 'WITH ' + options}")
    brings = f"; {owner} may make databases and owns 2 objects"
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "membership",
            api,
            f"member of {owner}",
            how.format(owner=owner) + brings,
            (by(role_database, owner, api),),
            phase=Phase.REVOKE,
        )
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_a_membership_in_a_superuser_and_in_the_owner_of_the_database(role_database: RoleDatabase) -> None:
    api, owner = role_database.role("api"), role_database.role("owner", "SUPERUSER")
    role_database.run(f"ALTER DATABASE {role_database.database.name} OWNER TO {owner}", f"GRANT {owner} TO {api}")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api), api)
    assert drift.message == (
        f"it has every right of {owner}; {owner} is a superuser and "
        "owns the database (and what pg_database_owner owns: schema public)"
    )


def test_a_role_of_the_server(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run(f"GRANT pg_read_server_files TO {api}")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "predefined-role",
            api,
            "member of pg_read_server_files",
            "it has every right of pg_read_server_files; "
            "it reads any file that the server can, among them keys and the tables' own files",
            (by(role_database, "pg_read_server_files", api),),
            phase=Phase.REVOKE,
        )
    ]
    assert (
        role_database.find_drift(
            role_database.minimal_declaration(api).with_membership(api, "pg_read_server_files"), api
        )
        == []
    )
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_parts_of_a_role_of_the_server_are_no_findings_of_their_own(role_database: RoleDatabase) -> None:
    api, group = role_database.role("api"), role_database.role("team", "NOLOGIN")
    role_database.run(f"GRANT pg_monitor TO {api}")
    assert [drift.what for drift in role_database.find_drift(role_database.minimal_declaration(api), api)] == [
        "member of pg_monitor"
    ]
    assert (
        role_database.find_drift(role_database.minimal_declaration(api).with_membership(api, "pg_monitor"), api) == []
    )
    live = role_database.live(api)
    more = MembershipRow(group, "pg_monitor", role_database.admin, False, True, True)
    reported = find_escalations(
        replace(live, members=(*live.members, more)),
        role_database.minimal_declaration(api).with_membership(api, "pg_monitor"),
        [api],
    )
    assert [drift.what for drift in reported] == [f"member of {group} through pg_monitor"]


def test_every_role_of_the_server_is_explained(role_database: RoleDatabase) -> None:
    assert {name for name in role_database.live().roles if name.startswith("pg_")} <= set(PREDEFINED)


def nested_membership(role_database: RoleDatabase) -> tuple[str, str, str]:
    """A role, the team that it is a member of, and the owner that the team is a member of."""
    api, team, owner = (
        role_database.role("api"),
        role_database.role("team", "NOLOGIN"),
        role_database.role("owner", "NOLOGIN"),
    )
    role_database.run(f"GRANT {owner} TO {team}", f"GRANT {team} TO {api}")
    return api, team, owner


def test_what_lies_behind_a_membership(role_database: RoleDatabase) -> None:
    api, team, owner = nested_membership(role_database)
    behind = Drift(
        "membership-indirect",
        api,
        f"member of {owner} through {team}",
        f"as a member of {team} it gets to {owner} too",
        (by(role_database, team, api),),
        phase=Phase.REVOKE,
    )
    direct = Drift(
        "membership",
        api,
        f"member of {team}",
        f"it has every right of {team}",
        (by(role_database, team, api),),
        phase=Phase.REVOKE,
    )
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [direct, behind]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_what_lies_behind_a_declared_membership(role_database: RoleDatabase) -> None:
    api, team, owner = nested_membership(role_database)
    of_declared = role_database.minimal_declaration(api).with_membership(api, team)  # team itself is not declared
    assert role_database.find_drift(of_declared, api) == [
        Drift(
            "membership-indirect",
            api,
            f"member of {owner} through {team}",
            f"as a member of {team} it gets to {owner} too",
            (by(role_database, owner, team),),
            hint=f"{team} is not declared here: see who else needs it",
            automatic=False,
            phase=Phase.REVOKE,
        )
    ]
    both = role_database.minimal_declaration(api, team).with_membership(api, team)
    reported = role_database.find_drift(both, api, team)
    assert [(drift.role, drift.code, drift.statements) for drift in reported] == [
        (api, "membership-indirect", (by(role_database, owner, team),)),
        (team, "membership", (by(role_database, owner, team),)),
    ]
    assert role_database.find_drift(both.with_membership(team, owner), api, team) == []


def test_the_same_membership_from_two_grantors(role_database: RoleDatabase) -> None:
    api, team, chief = role_database.role("api"), role_database.role("team", "NOLOGIN"), role_database.role("chief")
    if role_database.version < 16:
        pytest.skip("a membership has one grantor before PostgreSQL 16")
    role_database.run(
        f"GRANT {team} TO {chief} WITH ADMIN TRUE",
        f"GRANT {team} TO {api}",
        f"GRANT {team} TO {api} GRANTED BY {chief}",
    )
    assert [drift.statements for drift in role_database.find_drift(role_database.minimal_declaration(api), api)] == [
        (by(role_database, team, api, chief),),
        (by(role_database, team, api),),
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


@pytest.mark.parametrize("declared", [False, True])
def test_a_membership_that_was_given_on(role_database: RoleDatabase, declared: bool) -> None:
    if role_database.version < 16:
        pytest.skip("no membership hangs on another one before PostgreSQL 16")
    api, team, friend = role_database.role("api"), role_database.role("team", "NOLOGIN"), role_database.role("friend")
    role_database.run(f"GRANT {team} TO {api} WITH ADMIN TRUE", f"SET ROLE {api}; GRANT {team} TO {friend}; RESET ROLE")
    cascade = by(role_database, team, api) + " CASCADE"

    (drift,) = role_database.find_drift(
        role_database.minimal_declaration(api), api
    )  # friend is not declared: a person decides
    assert drift.statements == (cascade,)
    assert not drift.automatic
    assert drift.hint == f"{friend} got it from {api}, and CASCADE takes it from it too"

    declaration = role_database.minimal_declaration(api, friend)
    if declared:
        declaration = declaration.with_membership(friend, team)
        again = f'GRANT "{team}" TO "{friend}" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE'
        assert [drift.statements for drift in role_database.find_drift(declaration, api, friend)] == [(cascade, again)]
    else:
        assert [drift.statements for drift in role_database.find_drift(declaration, api, friend)] == [
            (cascade,),
            (cascade,),
        ]
    assert role_database.drift_after_apply(declaration, api, friend) == []
    assert (friend in {row.member for row in role_database.live().members if row.group == team}) is declared


def test_a_membership_that_was_given_on_and_on(role_database: RoleDatabase) -> None:
    if role_database.version < 16:
        pytest.skip("no membership hangs on another one before PostgreSQL 16")
    z, api, b, team = (
        role_database.role("z"),
        role_database.role("api"),
        role_database.role("b"),
        role_database.role("team", "NOLOGIN"),
    )
    role_database.run(
        f"GRANT {team} TO {z} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        f"SET ROLE {z}; GRANT {team} TO {z} WITH INHERIT TRUE; GRANT {team} TO {b} WITH ADMIN TRUE",
        f"SET ROLE {b}; GRANT {team} TO {api}",
    )
    reported = role_database.find_drift(role_database.minimal_declaration(z, api, b), z, api, b)
    assert [drift.role for drift in reported] == [api, b, z, z]
    assert {drift.statements for drift in reported} == {(by(role_database, team, z) + " CASCADE",)}
    assert role_database.drift_after_apply(role_database.minimal_declaration(z, api, b), z, api, b) == []


def test_a_role_that_the_role_made(role_database: RoleDatabase) -> None:
    api = role_database.role("api", "CREATEROLE")
    made = role_database.name("made")
    role_database.run(f"SET ROLE {api}; CREATE ROLE {made}")
    codes = ["create-role", "membership"] if role_database.version >= 16 else ["create-role"]
    assert [drift.code for drift in role_database.find_drift(role_database.minimal_declaration(api), api)] == codes
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_admin_that_was_used_and_is_not_declared(role_database: RoleDatabase) -> None:
    if role_database.version < 16:
        pytest.skip("no membership hangs on another one before PostgreSQL 16")
    api, team, friend = role_database.role("api"), role_database.role("team", "NOLOGIN"), role_database.role("friend")
    role_database.run(f"GRANT {team} TO {api} WITH ADMIN TRUE", f"SET ROLE {api}; GRANT {team} TO {friend}; RESET ROLE")
    declaration = role_database.minimal_declaration(api, friend).with_membership(api, team)
    statement = f'REVOKE ADMIN OPTION FOR "{team}" FROM "{api}" GRANTED BY "{role_database.admin}" CASCADE'
    assert [(drift.role, drift.statements) for drift in role_database.find_drift(declaration, api, friend)] == [
        (api, (statement,)),
        (friend, (statement,)),
    ]
    assert role_database.drift_after_apply(declaration, api, friend) == []


@pytest.mark.parametrize(
    "option, fact",
    [
        ("ADMIN", "it may give {team} to any role, and itself the options that it lacks"),
        ("INHERIT", "it has the rights of {team} at once, not only after SET ROLE"),
        ("SET", "it may SET ROLE to {team}, make objects as that role and own what it owns"),
    ],
)
def test_more_options_than_declared(role_database: RoleDatabase, option: str, fact: str) -> None:
    if role_database.version < 16:
        pytest.skip("memberships have no options of their own before PostgreSQL 16")
    api, team = role_database.role("api"), role_database.role("team", "NOLOGIN")
    role_database.run(f"GRANT {team} TO {api} WITH INHERIT TRUE, SET TRUE, ADMIN TRUE")
    everything = Options(admin=True)
    assert (
        role_database.find_drift(role_database.minimal_declaration(api).with_membership(api, team, everything), api)
        == []
    )
    declaration = role_database.minimal_declaration(api).with_membership(
        api, team, everything._replace(**{option.lower(): False})
    )
    statement = f'REVOKE {option} OPTION FOR "{team}" FROM "{api}" GRANTED BY "{role_database.admin}"'
    assert role_database.find_drift(declaration, api) == [
        Drift("membership-option", api, f"{option} of {team}", fact.format(team=team), (statement,), phase=Phase.REVOKE)
    ]
    assert role_database.drift_after_apply(declaration, api) == []


def plain(name: str) -> LiveRole:
    return LiveRole(name, True, False, False, False, False, False, True, -1, False, {}, {})


def world(version: int, *members: MembershipRow) -> LiveState:
    names = {each for row in members for each in (row.group, row.member)}
    empty: Any = ()
    return LiveState(
        version,
        "db",
        "dba",
        "dba",
        True,
        (),
        None,
        {},
        {name: plain(name) for name in names},
        members,
        empty,
        empty,
        empty,
        empty,
        empty,
        empty,
        {},
    )


def test_an_attribute_that_the_administrator_may_not_take_away() -> None:
    live = world(18, edge("api", "team", ""))
    live = replace(
        live, admin_superuser=False, roles={"api": replace(plain("api"), superuser=True, create_database=True)}
    )
    reported = [
        (drift.code, drift.hint)
        for drift in find_escalations(live, Declaration().with_membership("api", "team"), ["api"])
    ]
    assert reported == [("superuser", "only a superuser may take it away"), ("create-database", "")]


def test_options_before_postgresql_16() -> None:
    live = world(15, MembershipRow("team", "api", "dba", True, True, True))
    declaration = Declaration().with_membership("api", "team", Options(inherit=False, set=False))
    reported = [
        (drift.what, drift.statements, drift.automatic, drift.hint)
        for drift in find_escalations(live, declaration, ["api"])
    ]
    assert reported == [
        ("ADMIN of team", ('REVOKE ADMIN OPTION FOR "team" FROM "api"',), True, ""),
        ("INHERIT of team", ('ALTER ROLE "api" NOINHERIT',), True, ""),
        (
            "SET of team",
            (),
            False,
            "before PostgreSQL 16 every member may SET ROLE: declare set: true, or no membership",
        ),
    ]
    (_, drift, _) = find_escalations(live, declaration.with_membership("api", "other"), ["api"])
    assert drift.hint == "before PostgreSQL 16 a role inherits from all its groups or from none: declare one way"


def edge(member: str, group: str, options: str) -> MembershipRow:
    return MembershipRow(group, member, "dba", "a" in options, "i" in options, "s" in options)


@pytest.mark.parametrize(
    "first, second, arrives",
    [
        ("s", "s", True),
        ("s", "i", True),
        ("s", "a", True),
        ("i", "i", True),
        ("i", "a", True),
        ("i", "s", False),  # SET ROLE goes through roles that one can SET ROLE to
        ("a", "s", True),
        ("a", "a", True),
        ("", "is", False),
        ("is", "", False),
    ],
)
def test_which_ways_lead_on(first: str, second: str, arrives: bool) -> None:
    live = world(18, edge("api", "g1", first), edge("g1", "g2", second))
    codes = [drift.code for drift in find_escalations(live, Declaration(), ["api"])]
    assert codes == ["membership", *["membership-indirect"] * arrives]


def test_the_shortest_way_is_shown() -> None:
    live = world(18, edge("api", "a", "is"), edge("a", "b", "is"), edge("b", "c", "is"), edge("a", "c", "is"))
    assert [drift.what for drift in find_escalations(live, Declaration(), ["api"])] == [
        "member of a",
        "member of b through a",
        "member of c through a",
    ]
    live = world(18, edge("api", "a", "is"), edge("a", "b", "is"), edge("b", "z", "is"))
    assert [drift.what for drift in find_escalations(live, Declaration(), ["api"])][-1] == "member of z through a and b"


OWNED = [
    ("TABLE t (a int, b int)", "table public.t"),
    ('TABLE "Odd one" ()', 'table public."Odd one"'),
    ("SEQUENCE s", "sequence public.s"),
    ("TYPE ty AS (a int)", "type public.ty"),
    ("TYPE en AS ENUM ('a')", "type public.en"),
    ("DOMAIN d AS int", "type public.d"),
    ("FUNCTION f(uuid) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.f(uuid)"),
    ("PROCEDURE p() LANGUAGE sql AS 'SELECT 1'", "procedure public.p()"),
    ("AGGREGATE ag(*) (SFUNC = int8inc, STYPE = int8, INITCOND = 0)", "aggregate public.ag()"),
    ("OPERATOR === (LEFTARG = int, RIGHTARG = int, PROCEDURE = int4eq)", "operator public.===(integer,integer)"),
    ("OPERATOR FAMILY fam USING btree", "operator family public.fam USING btree"),
    ("COLLATION co (LOCALE = 'C')", "collation public.co"),
    ("CONVERSION cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", "conversion public.cv"),
    ("TEXT SEARCH CONFIGURATION tc (PARSER = \"default\")", "text search configuration public.tc"),
    ("TEXT SEARCH DICTIONARY td (TEMPLATE = simple)", "text search dictionary public.td"),
    ("FOREIGN DATA WRAPPER fw", "foreign-data wrapper fw"),
    ("SCHEMA inner_one", "schema inner_one"),
]  # fmt: skip


@pytest.mark.parametrize("made, what", OWNED, ids=[what for _, what in OWNED])
def test_what_a_role_owns(role_database: RoleDatabase, made: str, what: str) -> None:
    api = role_database.role("api", "SUPERUSER")
    role_database.run(f"SET ROLE {api}; CREATE {made}", f"ALTER ROLE {api} NOSUPERUSER")
    (drift,) = [
        drift
        for drift in role_database.find_drift(role_database.minimal_declaration(api), api)
        if drift.phase == Phase.CHANGE_OWNER
    ]
    assert (drift.what, drift.phase, drift.automatic) == (what, Phase.CHANGE_OWNER, True)
    assert drift.code == ("owns-schema" if what.startswith("schema") else "owns-object")
    assert [
        drift.code
        for drift in role_database.drift_after_apply(role_database.minimal_declaration(api), api)
        if drift.phase == Phase.CHANGE_OWNER
    ] == []


def test_owning_a_table_its_statistics_and_its_sequence(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    role_database.run("CREATE TABLE t (a serial PRIMARY KEY, b int)", "CREATE STATISTICS st ON a, b FROM t")
    role_database.run(f"ALTER TABLE t OWNER TO {api}", f"ALTER STATISTICS st OWNER TO {api}")
    fact = "its owner may alter and drop it, read and change every row, and give it to others, whatever is granted"
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "owns-object",
            api,
            "statistics object public.st",
            "its owner may alter and drop it, and give it to others, whatever is granted",
            (f'ALTER STATISTICS public.st OWNER TO "{role_database.admin}"',),
            phase=Phase.CHANGE_OWNER,
        ),
        Drift(
            "owns-object",
            api,
            "table public.t",
            fact,
            (f'ALTER TABLE public.t OWNER TO "{role_database.admin}"',),
            phase=Phase.CHANGE_OWNER,
        ),
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


def test_owning_the_database(role_database: RoleDatabase) -> None:
    api = role_database.role("api")
    name = role_database.database.name
    role_database.run(f"ALTER DATABASE {name} OWNER TO {api}")
    assert role_database.find_drift(role_database.minimal_declaration(api), api) == [
        Drift(
            "owns-database",
            api,
            f"database {name}",
            "its owner may drop and rename it and make schemas in it; it owns schema public through "
            "pg_database_owner, and so may drop every table there",
            (f'ALTER DATABASE {name} OWNER TO "{role_database.admin}"',),
            phase=Phase.CHANGE_OWNER,
        )
    ]
    assert role_database.drift_after_apply(role_database.minimal_declaration(api), api) == []


@pytest.mark.parametrize(
    "made, what",
    [
        ("VIEW v AS SELECT 1 AS a", "view public.v"),
        ("MATERIALIZED VIEW v AS SELECT 1 AS a", "materialized view public.v"),
        ("FUNCTION f(uuid) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "function public.f(uuid)"),
    ],
)
def test_what_would_run_with_more_rights_after_a_change_of_its_owner(
    role_database: RoleDatabase, made: str, what: str
) -> None:
    api = role_database.role("api", "SUPERUSER")
    role_database.run(f"SET ROLE {api}; CREATE {made}", f"ALTER ROLE {api} NOSUPERUSER")
    (drift,) = role_database.find_drift(role_database.minimal_declaration(api), api)
    assert (drift.what, drift.automatic) == (what, False)
    assert drift.hint == (
        f"read its definition first: from then on it runs with the rights of {role_database.admin}, which is a superuser"
    )
    role_database.run_by_hand(drift)
    left = role_database.find_drift(
        role_database.minimal_declaration(api), api
    )  # a function is for every role to call, and now runs as another one
    assert [drift.code for drift in left] == ["security-definer"] * made.startswith("FUNCTION")


def test_an_extension_keeps_its_owner(role_database: RoleDatabase) -> None:
    api = role_database.role("api", "SUPERUSER")
    role_database.run(f"SET ROLE {api}; CREATE EXTENSION vector", f"ALTER ROLE {api} NOSUPERUSER")
    drift = next(
        drift
        for drift in role_database.find_drift(role_database.minimal_declaration(api), api)
        if drift.what == "extension vector"
    )
    assert (drift.statements, drift.automatic) == ((), False)
    assert drift.hint == (
        f"no statement gives it to another role: drop the extension vector and have {role_database.admin} make it again"
    )
