"""`promote grants --prove`: "proved" means that nothing is otherwise than declared, and that somebody was tested."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests import yamlfile
from tests.conftest import Ran
from tests.grants.grants_project import GrantsProject, grants_project, make_shop, ready, shop
from tests.run.conftest import embedded
from tests.servers import PASSWORD, ProjectCopy

__all__ = ["embedded", "grants_project", "make_shop", "ready", "shop"]  # fixtures


def proof(grants_project: GrantsProject, code: int) -> Any:
    ran = grants_project.grants("--prove", "--format", "json")
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["exit_code"]) == (code, code), ran.stdout
    return found


def test_drift_that_no_attempt_meets(grants_project: GrantsProject) -> None:
    """Each was "proved" when only attempts were made."""
    assert proof(grants_project, 0)["verdict"].startswith("proved: 2 roles can do what is declared, and nothing else")
    grants_project.run("create schema hidden", "create table hidden.t (a int)")
    grants_project.run(
        "create function hidden.f(int, int) returns int language plpgsql security definer as 'begin return 1; end'",
        "revoke execute on function hidden.f from public",
        "create aggregate public.total(int) (sfunc = hidden.f, stype = int, initcond = '0')",
    )
    found = proof(grants_project, 1)
    assert found["verdict"] == "not proved: drift: 1 difference; nothing was changed"
    failed = {step["data"]["code"] for step in found["steps"] if step["outcome"] == "FAIL"}
    assert failed == {"security-definer"}
    assert any(step["step"] == "prove" for step in found["steps"])
    grants_project.run("grant delete on books to {reader}")
    assert proof(grants_project, 1)["verdict"] == (
        "not proved: drift: 2 differences; 2 of N steps of the proof failed; nothing was changed".replace(
            "N", str(sum(step["step"] == "prove" for step in proof(grants_project, 1)["steps"]))
        )
    )


def test_a_role_that_is_missing(grants_project: GrantsProject) -> None:
    grants_project.role("fresh")
    assert proof(grants_project, 1)["verdict"] == "not proved: drift: 1 difference; nothing was changed"


def test_an_owner_who_is_no_superuser(
    embedded: ProjectCopy, promote: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped environments, from nothing; the reader has no password, and the owner may not become it."""
    owner, api, reader = (embedded.name(name) for name in ("owner", "minerva_api", "minerva_reader"))
    database = f"shipped_{embedded.suffix}"
    with embedded.server.connect() as conn:
        conn.execute(f"CREATE ROLE {owner} LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'")
        conn.execute(f"CREATE DATABASE {database} OWNER {owner} TEMPLATE template0")
    with embedded.server.connect(database) as conn:
        conn.execute("CREATE EXTENSION vector")
    monkeypatch.setenv("TEST_PROD_DATABASE_URL", embedded.server.url(database, api))
    monkeypatch.setenv("TEST_PROD_ADMIN_DATABASE_URL", embedded.server.url(database, owner))
    monkeypatch.setenv("MINERVA_API_PASSWORD", PASSWORD)
    made = promote("setup", "--env", "test-prod")
    assert made.exit_code == 0, made.stdout + made.stderr
    ran = promote("grants", "--env", "test-prod", "--prove", "--format", "json")
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["exit_code"]) == (0, 0), ran.stdout
    assert found["verdict"] == (
        "proved: 1 role can do what is declared, and nothing else that was tried; "
        f"{reader} not tested; nothing was changed"
    )
    (step,) = [step for step in found["steps"] if step["name"] == reader]
    assert (step["outcome"], step["detail"]) == (
        "skip",
        f"not tested: no password given; {owner} is no superuser and may not SET ROLE {reader}",
    )
    environment = embedded.root / "environments" / "test-prod.yaml"
    roles = yamlfile.read(environment)["roles"]
    yamlfile.change(environment, roles={reader: roles[reader]})
    found = json.loads(promote("grants", "--env", "test-prod", "--prove", "--format", "json").stdout)
    assert (found["exit_code"], found["data"]["tested"]) == (0, [])
    assert found["verdict"] == f"no drift, and no role was tested: {reader}; nothing was changed"
