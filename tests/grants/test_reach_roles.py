"""Who a role is or can become: attributes, memberships, ownership."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.escalation.membership_paths import PREDEFINED
from minerva_promote.grants.live_state import LiveRole, LiveState, MembershipRow
from minerva_promote.grants.model import Drift, Phase
from tests.grants.reaching import Bench, Options, Wish
from tests.servers import Database


@pytest.fixture
def bench(suffix: str, database: Database) -> Bench:
    return Bench(database, suffix)


def by(bench: Bench, group: str, member: str, grantor: str | None = None) -> str:
    """The REVOKE of a membership."""
    by_whom = f' GRANTED BY "{grantor or bench.admin}"' if bench.version >= 16 else ""
    return f'REVOKE "{group}" FROM "{member}"{by_whom}'


def test_a_clean_role_is_nobodys_concern(bench: Bench) -> None:
    api, reader = bench.role("api"), bench.role("reader", "NOLOGIN")
    bench.run(
        "CREATE TABLE t (a int PRIMARY KEY, b text CHECK (b <> ''))",
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE TYPE kind AS ENUM ('a')",
        f"GRANT {reader} TO {api}",
        f"GRANT CONNECT ON DATABASE {bench.database.name} TO {api}",
        f"GRANT SELECT, INSERT ON t TO {api}",
        f"ALTER ROLE {api} SET statement_timeout = '30s'",
    )
    wish = bench.clean(api, reader).may(api, "table", "public.t", "SELECT", "INSERT").member(api, reader)
    assert bench.found(wish, api, reader) == []
    assert bench.found(wish, api, reader, f"not_there_{bench.suffix}") == []


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
def test_attributes(bench: Bench, keyword: str, code: str, fact: str) -> None:
    api = bench.role("api", keyword)
    statement = f'ALTER ROLE "{api}" NO{keyword}'
    assert bench.found(bench.clean(api), api) == [
        Drift(code, api, code.replace("-", " "), fact, (statement,), phase=Phase.ALTER_ROLE)
    ]
    assert bench.end(bench.clean(api), api) == []


def test_the_right_to_make_roles(bench: Bench) -> None:
    api = bench.role("api", "CREATEROLE")
    (drift,) = bench.found(bench.clean(api), api)
    assert (drift.code, drift.statements) == ("create-role", (f'ALTER ROLE "{api}" NOCREATEROLE',))
    assert drift.message == (
        "it may make roles, and alter, drop and join every role that it has ADMIN of"
        if bench.version >= 16
        else "it may alter, drop and join every role that is no superuser: the owner of the tables, pg_write_all_data"
    )
    assert bench.end(bench.clean(api), api) == []


def test_what_remains_without_superuser_is_told_beside_it(bench: Bench) -> None:
    api = bench.role("api", "SUPERUSER")
    bench.run("CREATE TABLE t ()", f"ALTER TABLE t OWNER TO {api}")
    assert [drift.code for drift in bench.found(bench.clean(api), api)] == ["superuser", "owns-object"]


def test_the_servers_own_superuser_stays_one(bench: Bench) -> None:
    other = bench.role("other", "SUPERUSER")
    drifts = list(find_escalations(bench.live(bench.admin, admin=other), bench.clean(bench.admin), [bench.admin]))
    assert drifts == [
        Drift(
            "superuser",
            bench.admin,
            "superuser",
            "it is the superuser that the server was made with: it may do everything, and stays what it is",
            hint="name another role in url and in roles; keep this one for administration",
            automatic=False,
            phase=Phase.ALTER_ROLE,
        )
    ]


def test_the_role_that_administers_cannot_be_held_to_anything(bench: Bench) -> None:
    api = bench.role("api")
    assert list(find_escalations(bench.live(bench.admin, api), bench.clean(api), [bench.admin, api])) == [
        Drift(
            "admin-identity",
            bench.admin,
            f"role {bench.admin}",
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
def test_a_membership_of_any_kind(bench: Bench, options: str, how: str) -> None:
    if bench.version < 16 and options:
        pytest.skip("memberships have no options of their own before PostgreSQL 16")
    api, owner = bench.role("api"), bench.role("owner", "CREATEDB")
    bench.run("CREATE TABLE t ()", "CREATE TABLE u ()", f"ALTER TABLE t OWNER TO {owner}")
    bench.run(f"ALTER TABLE u OWNER TO {owner}", f"GRANT {owner} TO {api} {options and 'WITH ' + options}")
    brings = f"; {owner} may make databases and owns 2 objects"
    assert bench.found(bench.clean(api), api) == [
        Drift(
            "membership",
            api,
            f"member of {owner}",
            how.format(owner=owner) + brings,
            (by(bench, owner, api),),
            phase=Phase.REVOKE,
        )
    ]
    assert bench.end(bench.clean(api), api) == []


def test_a_membership_in_a_superuser_and_in_the_owner_of_the_database(bench: Bench) -> None:
    api, owner = bench.role("api"), bench.role("owner", "SUPERUSER")
    bench.run(f"ALTER DATABASE {bench.database.name} OWNER TO {owner}", f"GRANT {owner} TO {api}")
    (drift,) = bench.found(bench.clean(api), api)
    assert drift.message == (
        f"it has every right of {owner}; {owner} is a superuser and "
        "owns the database (and what pg_database_owner owns: schema public)"
    )


def test_a_role_of_the_server(bench: Bench) -> None:
    api = bench.role("api")
    bench.run(f"GRANT pg_read_server_files TO {api}")
    assert bench.found(bench.clean(api), api) == [
        Drift(
            "predefined-role",
            api,
            "member of pg_read_server_files",
            "it has every right of pg_read_server_files; "
            "it reads any file that the server can, among them keys and the tables' own files",
            (by(bench, "pg_read_server_files", api),),
            phase=Phase.REVOKE,
        )
    ]
    assert bench.found(bench.clean(api).member(api, "pg_read_server_files"), api) == []
    assert bench.end(bench.clean(api), api) == []


def test_parts_of_a_role_of_the_server_are_no_findings_of_their_own(bench: Bench) -> None:
    api, group = bench.role("api"), bench.role("team", "NOLOGIN")
    bench.run(f"GRANT pg_monitor TO {api}")
    assert [drift.what for drift in bench.found(bench.clean(api), api)] == ["member of pg_monitor"]
    assert bench.found(bench.clean(api).member(api, "pg_monitor"), api) == []
    live = bench.live(api)
    more = MembershipRow(group, "pg_monitor", bench.admin, False, True, True)
    told = find_escalations(
        replace(live, members=(*live.members, more)), bench.clean(api).member(api, "pg_monitor"), [api]
    )
    assert [drift.what for drift in told] == [f"member of {group} through pg_monitor"]


def test_every_role_of_the_server_is_explained(bench: Bench) -> None:
    assert {name for name in bench.live().roles if name.startswith("pg_")} <= set(PREDEFINED)


def test_what_lies_behind_a_membership(bench: Bench) -> None:
    api, team, owner = bench.role("api"), bench.role("team", "NOLOGIN"), bench.role("owner", "NOLOGIN")
    bench.run(f"GRANT {owner} TO {team}", f"GRANT {team} TO {api}")
    behind = Drift(
        "membership-indirect",
        api,
        f"member of {owner} through {team}",
        f"as a member of {team} it gets to {owner} too",
        (by(bench, team, api),),
        phase=Phase.REVOKE,
    )
    direct = Drift(
        "membership",
        api,
        f"member of {team}",
        f"it has every right of {team}",
        (by(bench, team, api),),
        phase=Phase.REVOKE,
    )
    assert bench.found(bench.clean(api), api) == [direct, behind]

    of_declared = bench.clean(api).member(api, team)  # team itself is not declared
    assert bench.found(of_declared, api) == [
        Drift(
            behind.code,
            api,
            behind.what,
            behind.message,
            (by(bench, owner, team),),
            hint=f"{team} is not declared here: see who else needs it",
            automatic=False,
            phase=Phase.REVOKE,
        )
    ]
    both = bench.clean(api, team).member(api, team)
    told = bench.found(both, api, team)
    assert [(drift.role, drift.code, drift.statements) for drift in told] == [
        (api, "membership-indirect", (by(bench, owner, team),)),
        (team, "membership", (by(bench, owner, team),)),
    ]
    assert bench.found(both.member(team, owner), api, team) == []
    assert bench.end(bench.clean(api), api) == []


def test_the_same_membership_from_two_grantors(bench: Bench) -> None:
    api, team, chief = bench.role("api"), bench.role("team", "NOLOGIN"), bench.role("chief")
    if bench.version < 16:
        pytest.skip("a membership has one grantor before PostgreSQL 16")
    bench.run(
        f"GRANT {team} TO {chief} WITH ADMIN TRUE",
        f"GRANT {team} TO {api}",
        f"GRANT {team} TO {api} GRANTED BY {chief}",
    )
    assert [drift.statements for drift in bench.found(bench.clean(api), api)] == [
        (by(bench, team, api, chief),),
        (by(bench, team, api),),
    ]
    assert bench.end(bench.clean(api), api) == []


@pytest.mark.parametrize("declared", [False, True])
def test_a_membership_that_was_given_on(bench: Bench, declared: bool) -> None:
    if bench.version < 16:
        pytest.skip("no membership hangs on another one before PostgreSQL 16")
    api, team, friend = bench.role("api"), bench.role("team", "NOLOGIN"), bench.role("friend")
    bench.run(f"GRANT {team} TO {api} WITH ADMIN TRUE", f"SET ROLE {api}; GRANT {team} TO {friend}; RESET ROLE")
    cascade = by(bench, team, api) + " CASCADE"

    (drift,) = bench.found(bench.clean(api), api)  # friend is not declared: a person decides
    assert drift.statements == (cascade,)
    assert not drift.automatic
    assert drift.hint == f"{friend} got it from {api}, and CASCADE takes it from it too"

    wish = bench.clean(api, friend)
    if declared:
        wish = wish.member(friend, team)
        again = f'GRANT "{team}" TO "{friend}" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE'
        assert [drift.statements for drift in bench.found(wish, api, friend)] == [(cascade, again)]
    else:
        assert [drift.statements for drift in bench.found(wish, api, friend)] == [(cascade,), (cascade,)]
    assert bench.end(wish, api, friend) == []
    assert (friend in {row.member for row in bench.live().members if row.group == team}) is declared


def test_a_membership_that_was_given_on_and_on(bench: Bench) -> None:
    if bench.version < 16:
        pytest.skip("no membership hangs on another one before PostgreSQL 16")
    z, api, b, team = bench.role("z"), bench.role("api"), bench.role("b"), bench.role("team", "NOLOGIN")
    bench.run(
        f"GRANT {team} TO {z} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        f"SET ROLE {z}; GRANT {team} TO {z} WITH INHERIT TRUE; GRANT {team} TO {b} WITH ADMIN TRUE",
        f"SET ROLE {b}; GRANT {team} TO {api}",
    )
    told = bench.found(bench.clean(z, api, b), z, api, b)
    assert [drift.role for drift in told] == [api, b, z, z]
    assert {drift.statements for drift in told} == {(by(bench, team, z) + " CASCADE",)}
    assert bench.end(bench.clean(z, api, b), z, api, b) == []


def test_a_role_that_the_role_made(bench: Bench) -> None:
    api = bench.role("api", "CREATEROLE")
    made = bench.name("made")
    bench.run(f"SET ROLE {api}; CREATE ROLE {made}")
    codes = ["create-role", "membership"] if bench.version >= 16 else ["create-role"]
    assert [drift.code for drift in bench.found(bench.clean(api), api)] == codes
    assert bench.end(bench.clean(api), api) == []


def test_admin_that_was_used_and_is_not_declared(bench: Bench) -> None:
    if bench.version < 16:
        pytest.skip("no membership hangs on another one before PostgreSQL 16")
    api, team, friend = bench.role("api"), bench.role("team", "NOLOGIN"), bench.role("friend")
    bench.run(f"GRANT {team} TO {api} WITH ADMIN TRUE", f"SET ROLE {api}; GRANT {team} TO {friend}; RESET ROLE")
    wish = bench.clean(api, friend).member(api, team)
    statement = f'REVOKE ADMIN OPTION FOR "{team}" FROM "{api}" GRANTED BY "{bench.admin}" CASCADE'
    assert [(drift.role, drift.statements) for drift in bench.found(wish, api, friend)] == [
        (api, (statement,)),
        (friend, (statement,)),
    ]
    assert bench.end(wish, api, friend) == []


@pytest.mark.parametrize(
    "option, fact",
    [
        ("ADMIN", "it may give {team} to any role, and itself the options that it lacks"),
        ("INHERIT", "it has the rights of {team} at once, not only after SET ROLE"),
        ("SET", "it may SET ROLE to {team}, make objects as that role and own what it owns"),
    ],
)
def test_more_options_than_declared(bench: Bench, option: str, fact: str) -> None:
    if bench.version < 16:
        pytest.skip("memberships have no options of their own before PostgreSQL 16")
    api, team = bench.role("api"), bench.role("team", "NOLOGIN")
    bench.run(f"GRANT {team} TO {api} WITH INHERIT TRUE, SET TRUE, ADMIN TRUE")
    everything = Options(admin=True)
    assert bench.found(bench.clean(api).member(api, team, everything), api) == []
    wish = bench.clean(api).member(api, team, everything._replace(**{option.lower(): False}))
    statement = f'REVOKE {option} OPTION FOR "{team}" FROM "{api}" GRANTED BY "{bench.admin}"'
    assert bench.found(wish, api) == [
        Drift("membership-option", api, f"{option} of {team}", fact.format(team=team), (statement,), phase=Phase.REVOKE)
    ]
    assert bench.end(wish, api) == []


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
        *[empty] * 6,
        {},
    )


def test_an_attribute_that_the_administrator_may_not_take_away() -> None:
    live = world(18, edge("api", "team", ""))
    live = replace(
        live, admin_superuser=False, roles={"api": replace(plain("api"), superuser=True, create_database=True)}
    )
    told = [(drift.code, drift.hint) for drift in find_escalations(live, Wish().member("api", "team"), ["api"])]
    assert told == [("superuser", "only a superuser may take it away"), ("create-database", "")]


def test_options_before_postgresql_16() -> None:
    live = world(15, MembershipRow("team", "api", "dba", True, True, True))
    wish = Wish().member("api", "team", Options(inherit=False, set=False))
    told = [
        (drift.what, drift.statements, drift.automatic, drift.hint) for drift in find_escalations(live, wish, ["api"])
    ]
    assert told == [
        ("ADMIN of team", ('REVOKE ADMIN OPTION FOR "team" FROM "api"',), True, ""),
        ("INHERIT of team", ('ALTER ROLE "api" NOINHERIT',), True, ""),
        (
            "SET of team",
            (),
            False,
            "before PostgreSQL 16 every member may SET ROLE: declare set: true, or no membership",
        ),
    ]
    (_, drift, _) = find_escalations(live, wish.member("api", "other"), ["api"])
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
    codes = [drift.code for drift in find_escalations(live, Wish(), ["api"])]
    assert codes == ["membership", *["membership-indirect"] * arrives]


def test_the_shortest_way_is_shown() -> None:
    live = world(18, edge("api", "a", "is"), edge("a", "b", "is"), edge("b", "c", "is"), edge("a", "c", "is"))
    assert [drift.what for drift in find_escalations(live, Wish(), ["api"])] == [
        "member of a",
        "member of b through a",
        "member of c through a",
    ]
    live = world(18, edge("api", "a", "is"), edge("a", "b", "is"), edge("b", "z", "is"))
    assert [drift.what for drift in find_escalations(live, Wish(), ["api"])][-1] == "member of z through a and b"


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
def test_what_a_role_owns(bench: Bench, made: str, what: str) -> None:
    api = bench.role("api", "SUPERUSER")
    bench.run(f"SET ROLE {api}; CREATE {made}", f"ALTER ROLE {api} NOSUPERUSER")
    (drift,) = [drift for drift in bench.found(bench.clean(api), api) if drift.phase == Phase.CHANGE_OWNER]
    assert (drift.what, drift.phase, drift.automatic) == (what, Phase.CHANGE_OWNER, True)
    assert drift.code == ("owns-schema" if what.startswith("schema") else "owns-object")
    assert [drift.code for drift in bench.end(bench.clean(api), api) if drift.phase == Phase.CHANGE_OWNER] == []


def test_owning_a_table_its_statistics_and_its_sequence(bench: Bench) -> None:
    api = bench.role("api")
    bench.run("CREATE TABLE t (a serial PRIMARY KEY, b int)", "CREATE STATISTICS st ON a, b FROM t")
    bench.run(f"ALTER TABLE t OWNER TO {api}", f"ALTER STATISTICS st OWNER TO {api}")
    fact = "its owner may alter and drop it, read and change every row, and give it to others, whatever is granted"
    assert bench.found(bench.clean(api), api) == [
        Drift(
            "owns-object",
            api,
            "statistics object public.st",
            "its owner may alter and drop it, and give it to others, whatever is granted",
            (f'ALTER STATISTICS public.st OWNER TO "{bench.admin}"',),
            phase=Phase.CHANGE_OWNER,
        ),
        Drift(
            "owns-object",
            api,
            "table public.t",
            fact,
            (f'ALTER TABLE public.t OWNER TO "{bench.admin}"',),
            phase=Phase.CHANGE_OWNER,
        ),
    ]
    assert bench.end(bench.clean(api), api) == []


def test_owning_the_database(bench: Bench) -> None:
    api = bench.role("api")
    name = bench.database.name
    bench.run(f"ALTER DATABASE {name} OWNER TO {api}")
    assert bench.found(bench.clean(api), api) == [
        Drift(
            "owns-database",
            api,
            f"database {name}",
            "its owner may drop and rename it and make schemas in it; it owns schema public through "
            "pg_database_owner, and so may drop every table there",
            (f'ALTER DATABASE {name} OWNER TO "{bench.admin}"',),
            phase=Phase.CHANGE_OWNER,
        )
    ]
    assert bench.end(bench.clean(api), api) == []


@pytest.mark.parametrize(
    "made, what",
    [
        ("VIEW v AS SELECT 1 AS a", "view public.v"),
        ("MATERIALIZED VIEW v AS SELECT 1 AS a", "materialized view public.v"),
        ("FUNCTION f(uuid) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "function public.f(uuid)"),
    ],
)
def test_what_would_run_with_more_rights_after_a_change_of_its_owner(bench: Bench, made: str, what: str) -> None:
    api = bench.role("api", "SUPERUSER")
    bench.run(f"SET ROLE {api}; CREATE {made}", f"ALTER ROLE {api} NOSUPERUSER")
    (drift,) = bench.found(bench.clean(api), api)
    assert (drift.what, drift.automatic) == (what, False)
    assert drift.hint == (
        f"read its definition first: from then on it runs with the rights of {bench.admin}, which is a superuser"
    )
    bench.by_hand(drift)
    left = bench.found(bench.clean(api), api)  # a function is for every role to call, and now runs as another one
    assert [drift.code for drift in left] == ["security-definer"] * made.startswith("FUNCTION")


def test_an_extension_keeps_its_owner(bench: Bench) -> None:
    api = bench.role("api", "SUPERUSER")
    bench.run(f"SET ROLE {api}; CREATE EXTENSION vector", f"ALTER ROLE {api} NOSUPERUSER")
    drift = next(drift for drift in bench.found(bench.clean(api), api) if drift.what == "extension vector")
    assert (drift.statements, drift.automatic) == ((), False)
    assert drift.hint == (
        f"no statement gives it to another role: drop the extension vector and have {bench.admin} make it again"
    )
