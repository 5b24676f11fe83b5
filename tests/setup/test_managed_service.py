"""What managed services have in their own way: refused extensions, pgvector in a schema of its own, standbys."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import Ran
from tests.migrations.migrated_databases import fetch
from tests.servers import PASSWORD, Database, ProjectCopy

Promote = Callable[..., Ran]
SMALL = ("--env", "test-prod", "--var", "embedding_dimensions=3")
REFUSES = """
create function refuse() returns event_trigger language plpgsql as $$
begin
    if tg_tag = 'CREATE EXTENSION' then
        raise feature_not_supported using
            message = 'extension "vector" is not allow-listed for users of this service',
            hint = 'allow it: set server parameter azure.extensions, see https://example.com/extensions';
    end if;
end $$
"""


@pytest.fixture
def hosted(project: ProjectCopy, database: Database) -> Database:
    """The database of test-prod, empty; what is in it the tests decide."""
    path = "environments/test-prod.yaml"
    lines = (project.root / path).read_text("utf-8").splitlines()
    urls = {"url": database.url(project.name("minerva_api")), "admin_url": database.url()}
    text = "\n".join(f"{key}: {urls[key]}" if (key := line.partition(":")[0]) in urls else line for line in lines)
    project.write(path, text + "\n")
    return database


@pytest.mark.parametrize("command", [("setup",), ("migrate", "--apply")])
def test_a_refusal_is_the_service_s_own(hosted: Database, promote: Promote, command: tuple[str, ...]) -> None:
    hosted.execute(REFUSES, "create event trigger refuse on ddl_command_start execute function refuse()")
    ran = promote(*command, *SMALL)
    assert ran.exit_code == 3
    assert 'extension "vector" is not allow-listed for users of this service' in ran.stderr
    assert "\n  allow it: set server parameter azure.extensions, see https://example.com/extensions\n" in ran.stderr
    assert "install pgvector" not in ran.stderr
    assert fetch(hosted, "select to_regclass('public.books'), count(*) from pg_extension where extname = 'vector'") == [
        (None, 0)
    ]


def usage(database: Database, *roles: str) -> list[bool]:
    """Whether roles have USAGE on schema extensions."""
    return [fetch(database, f"select has_schema_privilege('{role}', 'extensions', 'USAGE')")[0][0] for role in roles]


def test_pgvector_in_a_schema_that_nobody_may_use(hosted: Database, project: ProjectCopy, promote: Promote) -> None:
    hosted.execute("create schema extensions", "create extension vector schema extensions")
    api, reader = project.name("minerva_api"), project.name("minerva_reader")
    assert promote("setup", *SMALL).exit_code == 0
    assert usage(hosted, api, reader) == [True, True]
    assert promote("setup", *SMALL).stdout.endswith("ready: nothing was changed\n")
    assert promote("grants", *SMALL).exit_code == 0

    hosted.execute(f"revoke usage on schema extensions from {api}")
    shown = promote("grants", *SMALL)
    assert (shown.exit_code, "USAGE on schema extensions" in shown.stdout) == (1, True)
    assert f'GRANT USAGE ON SCHEMA extensions TO "{api}"' in shown.stdout
    assert json.loads(promote("grants", *SMALL, "--format", "json").stdout)["data"]["drift"] == 1
    assert promote("grants", *SMALL, "--apply").exit_code == 0
    assert usage(hosted, api, reader) == [True, True]
    # of everybody besides the declared roles nothing is taken: somebody has to have given it on purpose
    hosted.execute("grant usage on schema extensions to public")
    assert promote("grants", *SMALL).exit_code == 0


@pytest.mark.parametrize("declares_public", [True, False])
def test_pgvector_in_a_schema_that_everybody_may_use(
    hosted: Database, project: ProjectCopy, promote: Promote, suffix: str, declares_public: bool
) -> None:
    """As a hosted database has it: the schema is another role's, and applications beside ours live from it."""
    other = f"other_{suffix}"
    hosted.execute(
        f"create role {other} login password '{PASSWORD}'",
        f"create role keeper_{suffix}",
        f"create schema extensions authorization keeper_{suffix}",
        "grant usage on schema extensions to public",
        "create extension vector schema extensions",
    )
    project.edit("environments/test-prod.yaml", "kind: production ", "protected: true\nkind: production ")
    if not declares_public:
        text = (project.root / "environments/test-prod.yaml").read_text("utf-8")
        start = text.index("\npublic:")
        project.write("environments/test-prod.yaml", text[:start] + text[text.index("\nroles:") :])
    sure = ("--yes", "test-prod")
    assert promote("setup", *SMALL, *sure).exit_code == 0
    assert promote("setup", *SMALL, *sure).stdout.endswith("ready: nothing was changed\n")
    shown = promote("grants", *SMALL)
    assert ("extensions" in shown.stdout, shown.exit_code if declares_public else 0) == (False, 0), shown.stdout
    promote("grants", *SMALL, "--apply", *sure)
    assert "extensions" not in promote("grants", *SMALL, "--format", "sql").stdout
    assert usage(hosted, other, project.name("minerva_api")) == [True, True]
    planned = promote("plan", *SMALL, "--file", "export.sql")
    assert "schema extensions" not in planned.stdout + planned.stderr


def test_an_owner_who_may_not_use_pgvector_s_schema(
    hosted: Database, project: ProjectCopy, promote: Promote, suffix: str
) -> None:
    owner = f"owner_{suffix}"
    hosted.execute(
        f"create role {owner} login createrole password '{PASSWORD}'",
        f"alter database {hosted.name} owner to {owner}",
        "create schema extensions",
        "create extension vector schema extensions",
    )
    text = (project.root / "environments/test-prod.yaml").read_text("utf-8")
    project.write(
        "environments/test-prod.yaml", text.replace(f"admin_url: {hosted.url()}", f"admin_url: {hosted.url(owner)}")
    )
    ran = promote("setup", *SMALL)
    assert ran.exit_code == 3
    assert f"pgvector is in schema extensions, on which {owner} lacks USAGE" in ran.stderr
    statement = ran.stderr.partition("as an administrator, in database ")[2].partition(": ")[2].strip()
    hosted.execute(statement)
    assert promote("setup", *SMALL).exit_code == 0
    assert promote("grants", *SMALL).exit_code == 0


def test_the_administrator_s_create_role_has_a_password(
    hosted: Database, project: ProjectCopy, promote: Promote, suffix: str
) -> None:
    owner = f"owner_{suffix}"
    hosted.execute(
        f"create role {owner} login password '{PASSWORD}'",
        f"alter database {hosted.name} owner to {owner}",
        "create extension vector",
    )
    text = (project.root / "environments/test-prod.yaml").read_text("utf-8")
    project.write(
        "environments/test-prod.yaml", text.replace(f"admin_url: {hosted.url()}", f"admin_url: {hosted.url(owner)}")
    )
    api, reader = project.name("minerva_api"), project.name("minerva_reader")
    ran = promote("setup", *SMALL, env={"MINERVA_API_PASSWORD": "s3cret"})
    assert ran.exit_code == 3
    assert f"CREATE ROLE \"{api}\" LOGIN PASSWORD '***'" in ran.stderr
    assert f'CREATE ROLE "{reader}" LOGIN;' in ran.stderr
    assert "with the declared password of each role in place of '***'" in ran.stderr
    assert "s3cret" not in ran.stderr + ran.stdout
