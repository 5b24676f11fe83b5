"""A project that was set up, as it is shipped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.model import Slot
from minerva_promote.grants.wanted import resolve_wanted
from tests import servers
from tests.conftest import Ran
from tests.grants.role_database import RoleDatabase
from tests.run.conftest import ready_database, shop_on


def test_nothing_is_found_in_a_database_that_was_set_up(
    server: servers.Server,
    make_database: Callable[..., servers.Database],
    promote: Callable[..., Ran],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    database = make_database(ready_database(server))
    shop = shop_on(database, tmp_path_factory.mktemp("shop"), promote)
    environment = read_environment(load_project(shop.root), "test-prod")
    with database.connect() as conn:
        live = inspect(conn, environment.roles)
    wanted = resolve_wanted(environment, live)
    assert len(wanted.roles) == 2
    shared = f"_{os.environ['PROMOTE_TEST_SESSION']}"  # the roles have databases of other tests as well
    drifts = [drift for drift in find_escalations(live, wanted, wanted.roles) if drift.code != "other-database"]
    assert all(role.endswith(shared) for role in wanted.roles)
    assert drifts == []


@pytest.mark.soak
def test_a_large_database_takes_no_time(suffix: str, database: servers.Database) -> None:
    role_database = RoleDatabase(database, suffix)
    roles = [role_database.role(f"r{number}") for number in range(20)]
    role_database.run(
        "DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (a int PRIMARY KEY, b int)', i); "
        "EXECUTE format('GRANT SELECT, UPDATE (b) ON t%s TO PUBLIC', i); "
        f"EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON t%s TO {', '.join(roles)}', i); "
        "END LOOP; END $$"
    )
    role_database.run("DO $$ BEGIN FOR i IN 2..1000 LOOP EXECUTE format("
        "'ALTER TABLE t%s ADD FOREIGN KEY (b) REFERENCES t%s ON DELETE CASCADE', i, i - 1); END LOOP; END $$")  # fmt: skip
    tables = [f"public.t{number}" for number in range(1, 1001)]
    held = {Slot(role, "table", table): frozenset({"SELECT", "INSERT"}) for role in roles for table in tables}
    declaration = role_database.minimal_declaration(*roles)
    declaration = replace(declaration, held={**declaration.held, **held})
    live = role_database.live(*roles)
    started = time.perf_counter()
    drifts = list(find_escalations(live, declaration, roles))
    took = time.perf_counter() - started
    assert [drift.what for drift in drifts][-1] == "UPDATE (b) on table public.t999"
    assert len(drifts) == 1000
    assert took < 3  # 0.3 s on an idle machine
