"""The fixtures themselves: what a test gets is private, and gone afterwards."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests import servers, yamlfile
from tests.material import labelled


def names(server: servers.Server) -> set[str]:
    with server.connect() as connection:
        query = "select datname from pg_database union all select rolname from pg_roles"
        return {name for (name,) in connection.execute(query)}


def test_databases_are_private(make_database: Callable[..., servers.Database]) -> None:
    one, two = make_database(), make_database()
    one.execute("create extension vector", "create table t ()")
    with two.connect() as connection:
        assert connection.execute("select to_regclass('t')").fetchone() == (None,)


def test_a_template_is_built_once(server: servers.Server, make_database: Callable[..., servers.Database]) -> None:
    built = []

    def build(database: servers.Database) -> None:
        built.append(database.name)
        database.execute("create extension vector", "create table t as select '[1,2]'::vector as v")

    template = server.template("once", build)
    assert server.template("once", build) == template
    assert len(built) <= 1, "another worker may have been first"
    with make_database(template).connect() as connection:
        assert connection.execute("select vector_dims(v) from t").fetchone() == (2,)


def test_a_template_that_failed_is_built_anew(server: servers.Server) -> None:
    def fail(database: servers.Database) -> None:
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            server.template("failing", fail)


def test_sweeping_takes_what_ends_in_the_suffix_only(server: servers.Server) -> None:
    suffix = servers.new_suffix()
    database = server.create_database(f"db_{suffix}")
    with server.connect() as connection:
        for role in (f"api_{suffix}", f"api_{suffix}x"):
            connection.execute(f"create role {role} login password '{servers.PASSWORD}'".encode())
    database.execute(f"grant create on schema public to api_{suffix}")
    with database.connect(f"api_{suffix}") as connection:
        connection.execute("create table owned ()")
    with psycopg.connect(database.url(f"api_{suffix}"), autocommit=True) as connection:
        assert connection.execute("select current_user").fetchone() == (f"api_{suffix}",)
        server.sweep(suffix)
    assert {name for name in names(server) if suffix in name} == {f"api_{suffix}x"}
    server.sweep(f"{suffix}x")
    assert not any(suffix in name for name in names(server))


def test_a_project_has_databases_and_roles_of_its_own(project: servers.ProjectCopy) -> None:
    assert project.database("local").name == project.name("mpp_minerva_dev")
    assert project.database("test-prod").name == project.name("mpp_minerva_prod")
    for environment in ("local", "test-prod", "prod"):
        content = yamlfile.read(project.root / "environments" / f"{environment}.yaml")
        assert list(content["roles"]) == [project.name("minerva_api"), project.name("minerva_reader")]
    local = (project.root / "environments" / "local.yaml").read_text("utf-8")
    assert f"{project.name('minerva_api')}" in local.splitlines()[1 if project.server.folder else 0]
    with pytest.raises(AssertionError, match="no database of this test"):
        project.database("prod")


def test_every_labelled_file_is_there() -> None:
    files = labelled()
    assert (len(files), sum(one.verdict == "accept" for one in files)) == (266, 37)
    assert all(one.path.is_file() for one in files)
