"""Connections that cannot be made, or break, and locks that somebody holds: nothing is changed, and why is said."""

from __future__ import annotations

import re
import socket
import threading

import pytest

from minerva_promote.config.connection_url import parse_url
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.sessions import holding, row_of_another, wait_until_it_waits
from tests.run.terminal import started

ROLLED_BACK = "nothing was changed (rolled back)"


def stopped(shop: Shop, message: str, hint: str) -> None:
    """The run ends with this error, and the target is as before."""
    before = shop.contents()
    ran = shop.run(shop.file(Export()))
    assert (ran.exit_code, ran.stderr) == (3, f"error: {message}\n  {hint}\n"), ran
    assert shop.contents() == before


def shown(url: str) -> str:
    """A URL as messages show it."""
    return parse_url(url).redacted()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_server_that_is_down(shop: Shop) -> None:
    port = free_port()
    shop.environment(url=f"postgresql://u:s3cret@127.0.0.1:{port}/d")
    where = f"127.0.0.1:{port}"
    stopped(shop, f"postgresql://u:***@{where}/d: no server answers at {where}", "start it, or correct host and port")


def test_a_socket_that_is_not_there(shop: Shop) -> None:
    shop.environment(url="postgresql://u@/d?host=/nowhere")
    url = "postgresql://u@%2Fnowhere/d"
    stopped(shop, f"{url}: no server answers at /nowhere", "start it, or correct host and port")


def test_a_host_that_nobody_knows(shop: Shop) -> None:
    shop.environment(url="postgresql://u@host.invalid/d")
    stopped(shop, "postgresql://u@host.invalid/d: the host host.invalid is not known", "correct the host")


def test_a_server_that_does_not_answer(shop: Shop) -> None:
    """It takes the connection and is silent, as behind a broken load balancer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        shop.environment(url=f"postgresql://u@{where}/d", timeouts={"connect": 2})
        url = f"postgresql://u@{where}/d"
        stopped(shop, f"{url}: {where} did not answer in time", "check network and firewall")


def test_something_that_is_no_postgresql(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with listener.accept()[0] as client:
                client.recv(1000)

        threading.Thread(target=hang_up, daemon=True).start()
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        url = f"postgresql://u@{where}/d?sslmode=disable&gssencmode=disable"
        shop.environment(url=url)
        hint = "look at the server's log; is it PostgreSQL that answers there?"
        stopped(shop, f"{url}: {where} broke the connection off", hint)


def test_a_database_that_is_missing(shop: Shop) -> None:
    url = shop.database.url(shop.role).replace(shop.database.name, "nothing")
    shop.environment(url=url)
    hint = "create it: promote setup --env test-prod"
    stopped(shop, f"{shown(url)}: the database nothing does not exist", hint)


def test_a_role_that_is_missing(shop: Shop) -> None:
    if shop.copy.server.folder is None:
        pytest.skip("a server that asks for passwords does not tell roles from passwords")
    shop.environment(url=shop.database.url("nobody_at_all"))
    url = shown(shop.database.url("nobody_at_all"))
    stopped(shop, f"{url}: the role nobody_at_all does not exist", "create it: promote setup --env test-prod")


def test_a_role_that_may_not_log_in(shop: Shop, suffix: str) -> None:
    shop.database.execute(f"create role nologin_{suffix} password 'made-for-tests'")
    url = shop.database.url(f"nologin_{suffix}")
    shop.environment(url=url)
    hint = "declare it with login: true and run promote setup --env test-prod"
    stopped(shop, f"{shown(url)}: the role nologin_{suffix} may not log in", hint)


def test_a_role_that_may_not_connect(shop: Shop) -> None:
    shop.database.execute(f"revoke connect on database {shop.database.name} from public, {shop.role}")
    url = shown(shop.database.url(shop.role))
    stopped(
        shop,
        f"{url}: this role may not connect to {shop.database.name}",
        "grant it CONNECT: promote setup --env test-prod",
    )


def test_a_connection_that_is_cut_while_rows_go_in(shop: Shop) -> None:
    before = shop.contents()
    file = shop.file(Export())
    with (
        holding(shop, row_of_another(shop)),
        started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process,
    ):
        shop.rows(f"select pg_terminate_backend({wait_until_it_waits(shop)})")
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (
        3,
        "error: importing embedding_configs: terminating connection due to administrator command;"
        f" {ROLLED_BACK}\n  look at the server's log, then repeat the command\n",
    )
    assert shop.contents() == before
    shop.accepted(Export())


def test_a_connection_that_is_cut_while_a_check_runs(shop: Shop) -> None:
    before = shop.contents()
    shop.add_check("  - {name: slow, sql: 'select 1 from pg_sleep(30)', expect: {equals: 1}}\n")
    file = shop.file(Export())
    with started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process:
        shop.rows(f"select pg_terminate_backend({wait_until_it_waits(shop, 'Timeout')})")
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (
        3,
        'error: checks/of_this_test.yaml:2:5: check "slow": the connection was lost: terminating connection due to'
        f" administrator command; {ROLLED_BACK}\n  look at the server's log, then run the command again\n",
    )
    assert shop.contents() == before


@pytest.mark.soak
def test_a_connection_that_is_cut_after_commit(shop: Shop) -> None:
    shop.add_check("  - {name: slow, stage: after_commit, sql: 'select 1 from pg_sleep(30)', expect: {equals: 1}}\n")
    file = shop.file(Export())
    with started("run", "--env", "test-prod", "--file", file, cwd=shop.root) as process:
        shop.rows(f"select pg_terminate_backend({wait_until_it_waits(shop, 'Timeout')})")
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "")
    said = out.splitlines()
    assert said[-3].startswith("  check      after_commit ..................... ERROR  ")
    assert said[-3].endswith(
        'check "slow": the connection was lost: terminating connection due to administrator command'
    )
    assert said[-2].strip() == "promote check --env test-prod --stage after_commit"
    assert re.sub("run .{8},", "run ID,", said[-1]) == (
        "committed as run ID, but the checks after COMMIT could not be finished: see above"
    )
    assert shop.committed() == 1
