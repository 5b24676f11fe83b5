"""`promote setup`: from nothing, a second time, as an owner who is no superuser, and what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.project import Environment, Project
from minerva_promote.errors import ConfigError, TargetError, UsageError
from minerva_promote.ledger.install import CLIENT_COLUMNS
from minerva_promote.results import Finding, Outcome, RunResult, Severity
from minerva_promote.setup.command import setup
from minerva_promote.setup.readiness import ensure_ready
from tests.migrations.migrated_databases import (
    HEAD,
    MINERVA,
    edit_role,
    fetch,
    migrate_to,
    opened,
    rows_of_minerva,
    schema_of,
)
from tests.servers import PASSWORD, Database, ProjectCopy

EVENT = """insert into promote.events ({extra} kind, run_id, environment, promote_version, file_name, file_sha256,
    file_bytes, roots, rows, seconds) values ({values} 'committed', gen_random_uuid(), 'test-prod', '1', 'export.sql',
    repeat('a', 64), 1, '{{}}', '{{}}', 0.5)"""
CHANGES = ("update promote.events set file_name = 'x'", "delete from promote.events", "truncate promote.events")
SERVERS = (
    "seq", "format", "at", "began", "actor", "actor_role", "client_addr", "xact", "database", "system_identifier",
    "postgresql", "pgvector", "revision", "rows_digest", "roots_digest", "removed_digest", "previous", "hash",
)  # fmt: skip


def steps(result: RunResult) -> dict[str, tuple[str, str]]:
    return {step.name: (str(step.outcome), step.detail) for step in result.steps}


def plain(project: ProjectCopy, owner: str, database: str) -> tuple[Project, Environment]:
    """test-prod, reached with ordinary URLs as the API role and as an owner made by the test."""
    file = project.root / "environments" / "test-prod.yaml"
    urls = (project.server.url(database, project.name("minerva_api")), project.server.url(database, owner))
    rest = [line for line in file.read_text("utf-8").splitlines() if not line.startswith(("url:", "admin_url:"))]
    file.write_text("\n".join([f"url: {urls[0]}", f"admin_url: {urls[1]}", *rest]) + "\n", "utf-8")
    return opened(project)


def everything_of(project: ProjectCopy) -> list[list[tuple[Any, ...]]]:
    """What a second setup must leave alone: the schema, all access lists, the roles' settings."""
    database = project.database("test-prod")
    settings = (
        "select setrole::regrole::text, setconfig from pg_db_role_setting where setrole::regrole::text like '%{}'"
    )
    return [
        schema_of(database),
        fetch(database, "select relname, relacl::text, xmin::text from pg_class order by oid"),
        fetch(database, "select nspname, nspacl::text, xmin::text from pg_namespace order by oid"),
        fetch(database, "select datacl::text from pg_database where datname = current_database()"),
        fetch(database, settings.format(project.suffix) + " order by 1"),
        fetch(database, "select version, installed_at from promote.ledger"),
    ]


def test_from_nothing_and_then_again(project: ProjectCopy) -> None:
    it = opened(project)
    api, reader = project.name("minerva_api"), project.name("minerva_reader")
    name = project.database("test-prod").name
    first = setup(*it)
    assert (first.exit_code, first.changed, first.verdict) == (0, True, "ready")
    found = steps(first)
    assert found[f"database {name}"] == ("ok", "made")
    assert found["extension vector"][1].startswith("made (0.")
    assert found[f"role {api}"] == ("ok", "made")
    assert found[f"role {reader}"] == ("ok", "made, statement_timeout = 30s")
    assert found[f"migration {HEAD}"][0] == "ok"
    assert found["migration c8d7004725a4"][0] == "WARN"  # the index on an empty table
    assert found["ledger"] == ("ok", "made (version 3)")
    assert found["grants to PUBLIC"] == ("ok", "2 taken away")

    before = everything_of(project)
    second = setup(*it)
    assert (second.exit_code, second.changed, second.verdict) == (0, False, "ready: nothing was changed")
    assert steps(second) == {
        f"database {name}": ("ok", "already there"),
        "extension vector": ("ok", found["extension vector"][1].replace("made", "already there")),
        f"role {api}": ("ok", "already there"),
        f"role {reader}": ("ok", "already there"),
        "migrations": ("ok", f"already there ({HEAD})"),
        "ledger": ("ok", "already there (version 3)"),
        f"grants to {api}": ("ok", "already there"),
        f"grants to {reader}": ("ok", "already there"),
        "grants to PUBLIC": ("ok", "nothing to take away"),
    }
    assert everything_of(project) == before


def test_the_import_role_may_do_its_work_and_no_more(project: ProjectCopy) -> None:
    setup(*opened(project))
    database = project.database("test-prod")
    with database.connect(project.name("minerva_api")) as conn:
        conn.execute(
            "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
            " values (gen_random_uuid(), 't', 'a', 'completed', now(), now()) on conflict (id) do nothing"
        )
        assert conn.execute("select version_num from promote.revision").fetchone() == (HEAD,)
        for statement in (
            "update books set title = 'x'",
            "delete from books",
            "truncate books",
            "select * from alembic_version",
            "insert into ingestion_logs default values",
            "create table public.mine ()",
            "create temporary table mine ()",
            "create schema mine",
            "drop table books",
            "alter table books add mine int",
        ):
            with pytest.raises((errors.InsufficientPrivilege, errors.InvalidTableDefinition)):
                conn.execute(statement)
    with database.connect(project.name("minerva_reader")) as conn:
        assert conn.execute("show statement_timeout").fetchone() == ("30s",)
        assert conn.execute("select count(*) from books").fetchone() == (1,)
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute("select * from promote.events")


def test_nobody_else_gets_in(project: ProjectCopy, suffix: str) -> None:
    setup(*opened(project))
    database = project.database("test-prod")
    database.execute(f"create role stranger_{suffix} login password '{PASSWORD}'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        database.connect(f"stranger_{suffix}")


def test_the_ledger_cannot_be_forged(project: ProjectCopy) -> None:
    setup(*opened(project))
    database, api = project.database("test-prod"), project.name("minerva_api")
    with database.connect(api) as conn:
        conn.execute(EVENT.format(extra="", values=""))
        for column, value in (
            ("actor", "'me'"),
            ("at", "now()"),
            ("began", "now()"),
            ("actor_role", "'x'"),
            ("seq", "7"),
            ("hash", "'x'"),
            ("previous", "'x'"),
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(EVENT.format(extra=f"{column},", values=f"{value},"))
        for statement in CHANGES:
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(statement)
    recent = "now() - began < interval '1 minute' and now() - at < interval '1 minute'"
    assert fetch(database, f"select actor, actor_role, {recent} from promote.events") == [(api, api, True)]
    # The owner may name the columns, and is not believed either; nor may it change what is there by accident.
    with database.connect() as conn:
        conn.execute(EVENT.format(extra="actor, at, seq,", values="'me', '2000-01-01', 9,"))
        for statement in CHANGES:
            with pytest.raises(errors.ObjectNotInPrerequisiteState, match=r"promote\.events is append-only"):
                conn.execute(statement)
    assert fetch(database, f"select seq from promote.events where actor <> 'me' and {recent} order by 1") == [
        (1,),
        (2,),
    ]


def test_the_client_may_set_every_column_but_those_of_the_server(project: ProjectCopy) -> None:
    setup(*opened(project))
    columns = fetch(
        project.database("test-prod"),
        "select attname from pg_attribute where attnum > 0 and attrelid = 'promote.events'::regclass",
    )
    assert {name for (name,) in columns} == {*SERVERS, *CLIENT_COLUMNS}


def refusal(opened_environment: tuple[Project, Environment]) -> TargetError:
    """The error with which setup ends."""
    with pytest.raises(TargetError) as caught:
        setup(*opened_environment)
    return caught.value


def test_an_owner_without_superuser(project: ProjectCopy, suffix: str) -> None:
    """Each thing the owner may not do is one message with the statement for an administrator."""
    owner, api, reader = f"owner_{suffix}", project.name("minerva_api"), project.name("minerva_reader")
    name = f"plain_{suffix}"
    with project.server.connect() as conn:
        conn.execute(f"create role {owner} login password '{PASSWORD}'")
    it = plain(project, owner, name)

    missing_database = refusal(it)
    assert missing_database.message == (
        f"database {name} is missing, and could not be made: permission denied to create database"
    )
    statement = f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING \'UTF8\' OWNER "{owner}"'
    assert missing_database.hint == f"as an administrator: {statement}"
    run_as_administrator(project, "postgres", statement)

    missing_extension = refusal(it)
    assert missing_extension.message.startswith(f"extension vector is missing, and {owner} may not create it: ")
    assert missing_extension.hint == f"as an administrator, in database {name}: CREATE EXTENSION vector SCHEMA public"
    run_as_administrator(project, name, missing_extension.hint.partition(": ")[2])

    missing_roles = refusal(it)
    assert missing_roles.message == (
        f"role {api}: permission denied to create role: Only roles with the CREATEROLE attribute may create roles.; "
        f"role {reader}: permission denied to create role: Only roles with the CREATEROLE attribute may create roles.; "
        f'role {reader}: role "{reader}" does not exist'
    )
    for statement in missing_roles.hint.removeprefix("as an administrator: ").split("; "):
        run_as_administrator(project, name, statement)
    assert fetch(Database(project.server, name), "select to_regclass('public.books')") == [(None,)]

    done = setup(*it)
    assert done.exit_code == 0, steps(done)
    assert steps(done)["grants to PUBLIC"] == ("ok", "2 taken away")
    assert fetch(Database(project.server, name), "select tableowner from pg_tables where tablename = 'books'") == [
        (owner,)
    ]
    again = setup(*it)
    assert (again.exit_code, again.changed) == (0, False)


def run_as_administrator(project: ProjectCopy, database: str, statement: str) -> None:
    with project.server.connect(database) as conn:
        conn.execute(statement)


def test_a_database_that_belongs_to_someone_else(project: ProjectCopy, suffix: str) -> None:
    """The owner of the tables need not own the database; what it cannot take from PUBLIC is said."""
    owner, name = f"owner_{suffix}", f"plain_{suffix}"
    run_as_administrator(project, "postgres", f"create role {owner} login createrole password '{PASSWORD}'")
    run_as_administrator(project, "postgres", f"create database {name}")
    for statement in (
        "create extension vector",
        f"grant create on schema public to {owner}",
        f"grant create, connect on database {name} to {owner} with grant option",
    ):
        run_as_administrator(project, name, statement)
    run_as_administrator(project, name, f"grant usage on schema public to {owner} with grant option")
    done = setup(*plain(project, owner, name))
    public = next(step for step in done.steps if step.name == "grants to PUBLIC")
    assert (public.outcome, public.detail, done.exit_code) == (Outcome.WARN, "nothing to take away", 0)
    assert [(finding.code, finding.message, finding.hint) for finding in public.findings] == [
        (
            "public-privilege",
            f"PUBLIC has CONNECT on database {name}, and this role may not take it away",
            f"as its owner: REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
        ),
        (
            "public-privilege",
            f"PUBLIC has TEMPORARY on database {name}, and this role may not take it away",
            f"as its owner: REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
        ),
    ]


def test_an_existing_database_of_minerva(project: ProjectCopy, suffix: str) -> None:
    database = project.server.create_database(project.database("test-prod").name)
    migrate_to(database, MINERVA)
    rows_of_minerva(database, path="")
    done = setup(*opened(project))
    assert done.exit_code == 0
    assert steps(done)[f"database {database.name}"] == ("ok", "already there")
    assert [name for name in steps(done) if name.startswith("migration ")] == [
        "migration 7b1f0c5a9e42",
        "migration 2d94e6b81fa0",
        "migration e35a7d20c6b8",
        f"migration {HEAD}",
    ]
    assert fetch(database, "select count(*) from chunks") == [(1,)]


def test_a_password_is_set_when_it_is_new_and_never_shown(
    project: ProjectCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = project.name("minerva_api")
    verifier = f"select rolpassword from pg_authid where rolname = '{api}'"
    edit_role(project, "minerva_api", password="${MINERVA_API_PASSWORD:-}")
    monkeypatch.setenv("MINERVA_API_PASSWORD", "first-s3cret")
    first = setup(*opened(project))
    database = project.database("test-prod")
    [(stored,)] = fetch(database, verifier)
    assert stored.startswith("SCRAM-SHA-256$")
    assert "s3cret" not in repr(first)
    assert stored not in repr(first)
    assert setup(*opened(project)).changed is False
    assert fetch(database, verifier) == [(stored,)]
    monkeypatch.setenv("MINERVA_API_PASSWORD", "söcond-s3cret")
    assert steps(setup(*opened(project)))[f"role {api}"] == ("ok", "password")
    assert setup(*opened(project)).changed is False
    assert fetch(database, verifier) != [(stored,)]
    monkeypatch.delenv("MINERVA_API_PASSWORD")
    assert setup(*opened(project)).changed is False


def test_without_the_import_roles_url_and_password(project: ProjectCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an owner who was given neither; a role that has to be made needs its password, though."""
    name = project.database("test-prod").name
    monkeypatch.setenv("PRODUCTION_ADMIN_DATABASE_URL", project.server.url(name))
    with pytest.raises(ConfigError) as caught:
        setup(*opened(project, "prod"))
    assert caught.value.message.endswith("MINERVA_API_PASSWORD is not set")
    with monkeypatch.context() as given:
        given.setenv("MINERVA_API_PASSWORD", PASSWORD)
        assert setup(*opened(project, "prod")).exit_code == 0
    again = setup(*opened(project, "prod"))
    assert (again.exit_code, again.changed) == (0, False)
    with project.database("test-prod").connect(project.name("minerva_api")) as conn:
        conn.execute(EVENT.format(extra="", values=""))


def test_an_import_role_that_is_not_declared(
    project: ProjectCopy, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets what the ledger needs, and keeps its way in."""
    name, other = project.database("test-prod").name, f"other_{suffix}"
    run_as_administrator(project, "postgres", f"create role {other} login password '{PASSWORD}'")
    monkeypatch.setenv("PRODUCTION_ADMIN_DATABASE_URL", project.server.url(name))
    monkeypatch.setenv("PRODUCTION_DATABASE_URL", project.server.url(name, other))
    monkeypatch.setenv("MINERVA_API_PASSWORD", PASSWORD)
    done = setup(*opened(project, "prod"))
    public = next(step for step in done.steps if step.name == "grants to PUBLIC")
    fact = f"import role {other} is not declared in roles: PUBLIC keeps CONNECT on database {name}"
    help_ = "declare it with its grants: promote grants --env prod --generate shows how"
    warned = Finding("undeclared-import-role", fact, hint=help_, severity=Severity.WARN)
    assert (public.outcome, public.findings) == (Outcome.WARN, (warned,))
    with project.database("test-prod").connect(other) as conn:
        conn.execute(EVENT.format(extra="", values=""))
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute("create temporary table mine ()")


def test_settings_are_compared_as_the_server_keeps_them(project: ProjectCopy) -> None:
    edit_role(project, "minerva_reader", settings={"search_path": "public, pg_temp", "work_mem": "64MB"})
    reader = project.name("minerva_reader")
    assert steps(setup(*opened(project)))[f"role {reader}"] == (
        "ok",
        "made, search_path = public, pg_temp, work_mem = 64MB",
    )
    assert setup(*opened(project)).changed is False
    with project.database("test-prod").connect(reader) as conn:
        assert conn.execute("show search_path").fetchone() == ("public, pg_temp",)


def test_recreate(project: ProjectCopy) -> None:
    it = opened(project)
    setup(*it)
    database = project.database("test-prod")
    database.execute(
        "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
        " values (gen_random_uuid(), 't', 'a', 's', now(), now())"
    )
    with database.connect():  # somebody is in it
        done = setup(*it, recreate=True)
    assert done.changed
    assert steps(done)[f"database {database.name}"] == ("ok", "made anew")
    assert fetch(database, "select count(*) from books") == [(0,)]


def test_recreate_is_refused_where_it_would_hurt(project: ProjectCopy) -> None:
    loaded, environment = opened(project)
    setup(loaded, environment)
    protected = dataclasses.replace(environment, protected=True)
    with pytest.raises(UsageError) as caught:
        setup(loaded, protected, recreate=True)
    assert caught.value.message == "environment test-prod is protected: its database is not made anew"
    assert caught.value.exit_code == 2
    assert fetch(project.database("test-prod"), "select version_num from alembic_version") == [(HEAD,)]


def test_a_foreign_schema_named_promote(project: ProjectCopy) -> None:
    database = project.server.create_database(project.database("test-prod").name)
    database.execute("create schema promote")
    with pytest.raises(TargetError, match="a schema named promote is there, and it is not a ledger"):
        setup(*opened(project))
    assert schema_of(database) == []  # nothing of it stayed


def test_a_ledger_of_a_later_release(project: ProjectCopy) -> None:
    it = opened(project)
    setup(*it)
    project.database("test-prod").execute("insert into promote.ledger values (99)")
    with pytest.raises(TargetError) as caught:
        setup(*it)
    assert caught.value.message == "the ledger has version 99, this release of promote knows 3"


def test_an_unknown_table_in_the_grants(project: ProjectCopy) -> None:
    project.edit("environments/local.yaml", "  minerva_reader_", "        book: [SELECT]\n  minerva_reader_")
    with pytest.raises(TargetError) as caught:
        setup(*opened(project, "local"))
    assert caught.value.message == (
        'environments/local.yaml:22:9: the database has no table public.book; did you mean "public.books"?'
        f" (database {project.database('local').name} was made)"
    )
    assert caught.value.hint == "correct the name, or have it created: by a migration, or by whoever makes the tables"


def test_another_encoding(project: ProjectCopy) -> None:
    name = project.database("test-prod").name
    run_as_administrator(project, "postgres", f"create database {name} template template0 encoding 'LATIN1' locale 'C'")
    with pytest.raises(TargetError) as caught:
        setup(*opened(project))
    assert caught.value.message == f"database {name} has encoding LATIN1, must be UTF8"


def test_first_use_of_an_embedded_environment(project: ProjectCopy) -> None:
    it = opened(project)
    if not it[1].url.embedded:
        pytest.skip("the session's server is not embedded")
    done = ensure_ready(*it)
    assert {step.step for step in done} == {"setup"}
    assert ensure_ready(*it) == ()
    project.database("test-prod").execute("drop schema promote cascade")
    assert "ledger" in {step.name for step in ensure_ready(*it)}
    project.database("test-prod").execute("update alembic_version set version_num = '7b1f0c5a9e42'")
    [step] = ensure_ready(*it)
    assert (step.outcome, step.detail) == (
        Outcome.FAIL,
        f"the database is behind: at 7b1f0c5a9e42, 3 pending up to {HEAD}",
    )
    assert step.hint == "promote migrate --env test-prod --apply"


def test_first_use_of_another_environment(project: ProjectCopy, suffix: str) -> None:
    """Nothing is changed; the step says which command would help."""
    api, name = project.name("minerva_api"), f"plain_{suffix}"
    run_as_administrator(project, "postgres", f"create role {api} login password '{PASSWORD}'")
    database = project.server.create_database(name)
    it = plain(project, api, name)
    [step] = ensure_ready(*it)
    assert (step.outcome, step.detail, step.hint) == (
        Outcome.FAIL,
        "the database is not migrated",
        "promote setup --env test-prod",
    )
    assert schema_of(database) == []
    migrate_to(database, "head")
    [step] = ensure_ready(*it)
    assert step.detail == "the database is not telling this role its migration revision"
    database.execute(f"grant select on alembic_version to {api}")
    [step] = ensure_ready(*it)
    assert (step.name, step.detail, step.hint) == ("ledger", "there is no ledger", "promote setup --env test-prod")


def test_two_at_the_same_time(project: ProjectCopy) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def run(root: Path) -> RunResult:
        loaded = load_project(root, {"embedding_dimensions": "3"})
        return setup(loaded, read_environment(loaded, "test-prod"))

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, [project.root] * 2))
    assert [result.exit_code for result in results] == [0, 0]
    assert fetch(project.database("test-prod"), "select version_num from alembic_version") == [(HEAD,)]
