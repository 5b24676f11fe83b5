"""The plan as a script: pasted, it does what --apply does; and every kind of object that can be given."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.grants.grants_project import GrantsProject, grants_project, make_shop, ready, shop

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures

ODD = 'odd "role" Ä\nDROP'
WEIRD = 'Weird "Table".(x)'
OBJECTS = """
    create schema "a-b"
    create table "a-b"."Weird ""Table"".(x)" (" quote "" blank" int, b int, gone int)
    alter table "a-b"."Weird ""Table"".(x)" drop column gone
    create table parts (a int) partition by range (a)
    create table parts_one partition of parts for values from (0) to (9)
    create view titles as select title from books
    create materialized view seen as select 1 as n
    create foreign data wrapper "odd wrapper"
    create server "odd server" foreign data wrapper "odd wrapper"
    create foreign table far (a int) server "odd server"
    create sequence numbers
    create function fold(int, text default '', character varying[] default '{}') returns int language sql as 'select 1'
    create procedure tidy() language sql as 'select 1'
    create aggregate total(int) (sfunc = int4pl, stype = int)
    revoke execute on all routines in schema public from public
    create type mood as enum ('glad')
    create domain "Odd Domain" as int[]
    create type span as range (subtype = int)
    select lo_create(4711)
    create temporary table passing (a int)
""".strip().split("\n    ")
GRANTS: dict[str, Any] = {
    "database": ["CONNECT", "TEMPORARY"],
    "schemas": {"public": ["USAGE"], "a-b": ["USAGE"]},
    "tables": {
        "*": {"privileges": ["SELECT"], "except": ["alembic_version", "chunks"]},
        "ingestion_logs": ["ALL"],
        "a-b.*": ["SELECT"],
        "parts": ["INSERT", "TRUNCATE"],
    },
    "columns": {'a-b."Weird ""Table"".(x)"': {"UPDATE": [' quote " blank'], "REFERENCES": ["b"]}},
    "sequences": {"*": ["ALL"]},
    "functions": {"fold(int, text, varchar[])": ["EXECUTE"], "tidy()": ["EXECUTE"], "total(int4)": ["EXECUTE"]},
    "types": {"mood": ["USAGE"], "Odd Domain": ["USAGE"], "span": ["USAGE"], "vector": ["USAGE"]},
    "languages": {"plpgsql": ["USAGE"]},
    "foreign_data_wrappers": {"odd wrapper": ["USAGE"]},
    "foreign_servers": {"odd server": ["USAGE"]},
    "large_objects": {"4711": ["SELECT"]},
    "parameters": {"log_statement": ["SET", "ALTER SYSTEM"], "odd.name": ["SET"]},
    "tablespaces": {"pg_default": ["CREATE"]},
}
EXTRA = """
    grant create on database {db} to {odd}
    grant create on schema "a-b" to {odd}
    grant delete, trigger on books to {odd} with grant option
    grant select on chunks to {odd}
    grant update, insert on screenshots to {odd}
    grant insert (id, title), references (id) on books to {odd}
    grant select on parts_one, titles, seen, far to {odd} with grant option
    grant update (a) on parts to {odd}
    grant insert (b), update (b) on "a-b"."Weird ""Table"".(x)" to {odd}
    grant execute on function pg_read_file(text) to {odd}
    grant execute on all functions in schema public to {odd} with grant option
    grant usage on type mood to {odd} with grant option
    grant usage on foreign server "odd server" to {odd} with grant option
    grant update on large object 4711 to {odd}
    grant set on parameter session_replication_role to {odd}
    alter default privileges in schema "a-b" grant insert, select on tables to {odd}
    alter default privileges grant usage on schemas to {odd}
    grant update on books to public
    grant select (id) on chunks to public
""".strip().split("\n    ")


@pytest.fixture
def odd(grants_project: GrantsProject) -> GrantsProject:
    """A declared role with a name as awkward as its objects'; it has nothing of what is declared, and much else."""
    name = grants_project.name(ODD)
    grants_project.run(*OBJECTS, "create role {odd}".replace("{odd}", f"{{{ODD}}}"))
    defaults = [
        {"owner": name, "tables": ["SELECT"], "functions": []},
        {"owner": "postgres", "schema": "a-b", "tables": ["SELECT"], "sequences": ["USAGE"]},
    ]
    grants_project.role(ODD, grants={**GRANTS, "default_privileges": defaults})
    return grants_project


def mess(grants_project: GrantsProject) -> None:
    grants_project.run(*(each.replace("{odd}", f"{{{ODD}}}") for each in EXTRA))


def paste(grants_project: GrantsProject, text: str) -> None:
    """As one simple query, like a script on a console."""
    with grants_project.shop.database.connect() as conn:
        conn.pgconn.exec_(text.encode())
        assert conn.info.transaction_status.name == "IDLE", conn.info.error_message


def acls(grants_project: GrantsProject) -> list[tuple[Any, ...]]:
    """Every access list, whatever its order."""
    query = """
        select 'class', c.oid, x::text from pg_class c, unnest(relacl) x where relacl is not null
        union all select 'column', attrelid, attname || x::text from pg_attribute, unnest(attacl) x
        union all select 'proc', oid, x::text from pg_proc, unnest(proacl) x
        union all select 'type', oid, x::text from pg_type, unnest(typacl) x
        union all select 'schema', oid, x::text from pg_namespace, unnest(nspacl) x
        union all select 'server', oid, x::text from pg_foreign_server, unnest(srvacl) x
        union all select 'default', oid, x::text from pg_default_acl, unnest(defaclacl) x
        order by 1, 2, 3
    """  # a GRANT also writes down what every role has by default: no difference
    return [row for row in grants_project.shop.rows(query) if "odd" in row[2] or row[0] in ("class", "column")]


def all_is_expanded(odd: GrantsProject) -> None:
    """ALL is what the server has; an entry of its own stands instead of "*", and what "*" leaves out stays out."""
    name = odd.name(ODD).replace("'", "''")
    query = f"select array_agg(distinct privilege_type order by privilege_type) from pg_class, aclexplode(relacl) where relname = '%s' and grantee = (select oid from pg_roles where rolname = '{name}')"
    with odd.shop.database.connect() as conn:
        newer = ["MAINTAIN"] if conn.info.server_version >= 170000 else []
    whole = ["DELETE", "INSERT", *newer, "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"]
    assert odd.shop.rows(query % "ingestion_logs") == [(whole,)]
    assert odd.shop.rows(query % "numbers") == [(["SELECT", "UPDATE", "USAGE"],)]
    assert odd.shop.rows(query % "parts") == [(["INSERT", "TRUNCATE"],)]
    assert odd.shop.rows(query % "parts_one") == odd.shop.rows(query % "far") == [(["SELECT"],)]
    assert odd.shop.rows(query % "chunks") == odd.shop.rows(query % "alembic_version") == [(None,)]


@pytest.mark.soak
def test_every_kind(odd: GrantsProject) -> None:
    """What is missing is given by --apply, and what is too much taken; a script does just the same."""
    report = odd.apply_and_verify()
    assert "\\x0aDROP, missing: GRANT EXECUTE ON ROUTINE public.fold(integer,text,character varying[]) TO " in report
    assert not [line for line in report.splitlines() if line.startswith("DROP")]
    all_is_expanded(odd)
    in_step = acls(odd)
    mess(odd)
    before = odd.state()
    text = odd.grants("--format", "sql").stdout
    assert odd.state() == before
    assert odd.report("--format", "sql", code=1).startswith("-- database DB, as postgres\nBEGIN;\n-- ")
    assert [line for line in text.splitlines() if not re.match("-- |[A-Z]|$|DROP", line)] == []
    assert odd.report(code=1).endswith("; promote grants --env test-prod --apply ends them\n")
    paste(odd, text)
    assert odd.report().startswith("test-prod  database DB\nin step: 3 roles, ")
    assert acls(odd) == in_step
    mess(odd)
    odd.apply_and_verify()
    assert acls(odd) == in_step
    odd.run(f"drop owned by {{{ODD}}}")
    paste(odd, odd.grants("--format", "sql").stdout)
    odd.report()


def test_a_role_that_is_not_there_yet(grants_project: GrantsProject) -> None:
    """Its password stands in no script; a name with a line break ends no comment."""
    grants_project.role(
        ODD, login=True, password="${A_PASSWORD:-hidden-well}", grants={"tables": {"books": ["SELECT"]}}
    )
    grants_project.run("create view mine as select 1", "alter view mine owner to {api}")
    text = grants_project.report("--format", "sql", code=1)
    shown = 'odd "role" Ä\\x0aDROP'
    ident = f'"{ODD}"'.replace('"role"', '""role""')
    assert text == (
        "-- database DB, as postgres\n"
        "BEGIN;\n"
        f"-- {shown}, missing-role: role {shown}: there is no such role; it is made with its declared password\n"
        f"CREATE ROLE {ident} LOGIN;\n"
        f"-- its password is not shown: promote grants --apply sets it, or \\password {shown}\n"
        f"-- {shown}, missing: SELECT on table public.books: declared, and not given\n"
        f"GRANT SELECT ON TABLE public.books TO {ident};\n"
        "COMMIT;\n"
        "-- to be decided by a person:\n"
        "-- api, owns-object: view public.mine: its owner may alter and drop it, and give it to others,"
        " whatever is granted\n"
        '-- ALTER VIEW public.mine OWNER TO "postgres";\n'
        "-- read its definition first: from then on it runs with the rights of postgres, which is a superuser\n"
    )
    paste(grants_project, grants_project.grants("--format", "sql").stdout)
    assert grants_project.shop.rows(
        f"select rolpassword from pg_authid where rolname like 'odd%{grants_project.suffix}'"
    ) == [(None,)]
    report = grants_project.report(code=1)
    assert report.count("FAIL") == 1
    assert report.endswith("drift: 1 difference; it cannot be ended by --apply\n")
    assert 'not done by --apply: ALTER VIEW public.mine OWNER TO "postgres"; read its definition first' in report
