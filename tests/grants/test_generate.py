"""--generate: what it prints, put into the environment's file, is in step with the database that it came from."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from tests import yamlfile
from tests.grants.grants_project import GrantsProject, grants_project, make_shop, ready, shop

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures

ODD = '1 odd/"role" Ä\n${X}'
MESSES = {
    "memberships": """
        create role {g}
        create role {h}
        create role {m} login noinherit
        grant {g} to {m} with admin option
        grant {h} to {g}
        grant pg_read_all_data, pg_signal_backend to {h}
        grant select on chunks to {m}
    """,
    "attributes": """
        create role {a} login createdb createrole replication bypassrls connection limit 4
        create role {s} superuser login
        create role {unknown} superuser
        grant usage on schema public to {a}
        alter role {a} in database {db} set search_path to "$user", 'x, ""y', public
        alter role {a} in database {db} set timezone to 'Europe/Berlin'
        alter role {a} in database {db} set session_replication_role to replica
        alter role {a} in database {db} set my.text to 'a ${X} b'
        alter role {s} in database {db} set work_mem to '1MB'
        alter role {a} set transform_null_equals to on
    """,
    "ownership": """
        create role {o} login
        create role {unused}
        create schema mine authorization {o}
        create table own (id serial primary key, a text)
        alter table own owner to {o}
        create view seen as select * from books
        alter view seen owner to {o}
        create table mine.more ()
        create function f(int, text default '') returns int language sql as 'select 1'
        alter function f(int, text) owner to {o}
        create table others ()
        alter table others owner to {reader}
        set role {o}; grant select on own to {api} with grant option; grant usage on sequence own_id_seq to public
        set role {api}; grant select on own to {o}, {reader}
    """,
    "columns and options": """
        create role {x}
        create role {y}
        grant select (title), update (title, author) on books to {x} with grant option
        grant delete on books to {x} with grant option
        set role {x}; grant delete, select (title) on books to {y} with grant option
        set role {y}; grant delete on books to {api}
        create table "Weird ""T"".(x)" ("Q "" b" int, "*x" int)
        grant select ("Q "" b"), insert ("*x") on "Weird ""T"".(x)" to {y}
        grant all on chunks to {y}
        grant insert (run_id) on promote.events to {y}
    """,
    "default privileges": """
        create role {a/b}
        create schema "a-b"
        alter default privileges for role {a/b} grant select on tables to {reader}
        alter default privileges for role {a/b} in schema "a-b" grant usage on sequences to {reader}
        alter default privileges in schema "a-b" grant insert on tables to {a/b}
        alter default privileges grant usage on schemas to {a/b}
        alter default privileges grant execute on functions to {a/b}
        alter default privileges revoke execute on functions from public
        alter default privileges grant select on tables to public
        alter default privileges in schema "a-b" grant execute on functions to public
    """,
    "PUBLIC": """
        grant temporary, connect on database {db} to public
        grant create on schema public to public
        grant update, select (id) on books to public
        create type mood as enum ('glad')
        revoke usage on type mood from public
        revoke usage on language plpgsql from public
        create function sd(int, text default '') returns int language sql security definer as 'select 1'
        create function plus(int, int) returns int language plpgsql security definer as 'begin return 1; end'
        revoke execute on function plus(int, int) from public
        create aggregate total(int) (sfunc = plus, stype = int)
        create function shut() returns int language sql as 'select 1'
        revoke execute on function shut() from public
        grant execute on function pg_ls_dir(text) to public
        grant select on pg_authid to public
    """,
    "functions": """
        create role {f}
        create schema tools
        grant usage on schema tools to {f}
        create function sd() returns int language sql security definer as 'select 1'
        revoke execute on function sd() from public
        grant execute on function sd() to {f} with grant option
        create function tools.sd(character varying[], timestamptz) returns int language sql security definer as 'select 1'
        create procedure tools.tidy(int) language sql as 'select 1'
        create aggregate tools.total(int) (sfunc = int4pl, stype = int)
        revoke execute on procedure tools.tidy(int) from public
        grant execute on procedure tools.tidy(int) to {f}
        grant execute on function pg_read_file(text), pg_terminate_backend(int, bigint) to {f}
        create function meddle() returns trigger language plpgsql security definer as $$begin return new; end$$
        create trigger meddle before insert on books for each row execute function meddle()
    """,
    "everything else": """
        create role {e}
        create foreign data wrapper w
        create server s foreign data wrapper w
        grant usage on foreign data wrapper w to {e}
        grant usage on foreign server s to {e} with grant option
        create user mapping for {e} server s
        create user mapping for public server s
        select lo_create(77)
        grant select on large object 77 to {e}
        grant set on parameter log_statement to {e}
        create type mood as enum ('glad')
        grant usage on type mood to {e}
        alter table chunks enable row level security
        create policy p on chunks using (true)
        create rule r as on insert to screenshots do also insert into ingestion_logs select * from ingestion_logs
        alter table books add constraint late check (title <> '') not valid
        alter table screenshots disable trigger all
        create materialized view mv as select 1 as x
        grant select on mv to {e}
        alter database {db} set session_replication_role to replica
    """,
    "odd": "create role {odd} login\ngrant select, update (title) on books to {odd} with grant option\n"
    "alter default privileges for role {odd} grant select on tables to {reader}\n"
    "create table t ()\nalter table t owner to {odd}\nalter role {odd} in database {db} set my.text to ''",
}


def generated(grants_project: GrantsProject) -> tuple[dict[str, Any], str]:
    """What --generate prints, once no test beside this one has given something on the server to roles of its own."""
    mine = (grants_project.shop.role, grants_project.reader)
    for _ in range(300):
        ran = grants_project.grants("--generate")
        assert (ran.exit_code, ran.stderr) == (0, "")
        values: dict[str, Any] = yaml.safe_load(ran.stdout)
        if all(name in mine or name.endswith(grants_project.suffix) for name in values["roles"]):
            break
        time.sleep(0.1)
    return values, ran.stdout


def pasted(grants_project: GrantsProject) -> dict[str, Any]:
    """Put what --generate prints over the same keys of the environment's file."""
    made, text = generated(grants_project)
    assert "'...'" not in text
    assert "unknown-object" not in text
    path = grants_project.shop.root / "environments" / "test-prod.yaml"
    content = yamlfile.read(path)
    rest = {key: value for key, value in content.items() if key not in ("public", "roles", "accept")}
    path.write_text(yamlfile.dump(rest) + text, "utf-8")
    return made


@pytest.mark.parametrize(
    "mess",
    [pytest.param(m, marks=pytest.mark.soak) if m in ("memberships", "attributes", "functions") else m for m in MESSES],
)
def test_a_messed_database(grants_project: GrantsProject, mess: str) -> None:
    """In step, without a word about it, and --apply has nothing to do."""
    for statement in MESSES[mess].strip().split("\n"):
        grants_project.run(statement.replace("{odd}", f"{{{ODD}}}".replace("${X}", "$[X]")))
    before = grants_project.state()
    pasted(grants_project)
    report = grants_project.report()
    assert "WARN" not in report
    assert "\nin step: " in report
    assert "\nnothing was changed; in step: " in grants_project.report("--apply")
    assert grants_project.state() == before


def test_the_shipped_database(grants_project: GrantsProject) -> None:
    """The same declaration as the shipped one; what the ledger needs is recognised."""
    shipped = read_environment(load_project(grants_project.shop.root), "test-prod")
    pasted(grants_project)
    made = read_environment(load_project(grants_project.shop.root), "test-prod")
    assert set(made.roles) == set(shipped.roles)
    for name, role in made.roles.items():
        declared = shipped.roles[name]
        assert role.ledger == (declared.ledger or "none")
        assert (role.login, role.settings, role.memberships) == (
            declared.login,
            declared.settings,
            declared.memberships,
        )
        sets = [
            {(each.key, each.name): set(each.privileges) for each in its.grants.by_kind()} for its in (role, declared)
        ]
        assert sets[0] == sets[1]
    assert made.public == shipped.public
    assert (made.accept, shipped.accept) == ((), ())


def test_what_is_left_out(grants_project: GrantsProject) -> None:
    """Superusers, the database's owner and the admin identity: said above, and not declared."""
    grants_project.run(
        "create role {boss} superuser login password 'made-for-tests'",
        "create role {dba}",
        "create role {root} superuser",
        "alter database {db} owner to {dba}",
        "grant select on books to {boss}, {dba}, {root}",
    )
    grants_project.declare(
        lambda content: content.update(admin_url=grants_project.shop.database.url(grants_project.name("boss")))
    )
    assert grants_project.normalize(grants_project.grants("--generate").stdout).startswith(
        "# what database DB has; to be put into environments/test-prod.yaml\n"
        "# left out: boss (the admin identity)\n"
        "# left out: dba (owns the database)\n"
        "# left out: root (a superuser)\n"
        "public:\n"
    )
