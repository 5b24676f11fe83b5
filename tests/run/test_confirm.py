"""Protected environments: a person types the name, or --yes says it."""

from __future__ import annotations

import time

import pytest

from tests.run.conftest import Shop, plain
from tests.run.exports import Export
from tests.run.terminal import Terminal, without_bars


@pytest.fixture
def protected(shop: Shop) -> Shop:
    """A shop whose test-prod is protected."""
    shop.environment(protected=True)
    return shop


def test_nobody_to_ask(protected: Shop) -> None:
    ran = protected.run(protected.file(Export()))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == "error: test-prod is protected, and nobody is there to ask\n  --yes test-prod\n"
    assert protected.count("books") == 0


def test_yes_with_another_name(protected: Shop) -> None:
    ran = protected.run(protected.file(Export()), "--yes", "prod")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == "error: --yes prod, but the environment is test-prod\n  --yes test-prod\n"
    assert protected.count("books") == 0


def test_yes(protected: Shop) -> None:
    protected.accepted(Export(), "--yes", "test-prod")
    assert protected.count("books") == 1


def test_a_wrong_yes_is_refused_where_nothing_is_protected(shop: Shop) -> None:
    ran = shop.run(shop.file(Export()), "--yes", "prod")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == "error: --yes prod, but the environment is test-prod\n  --yes test-prod\n"
    shop.accepted(Export(), "--yes", "test-prod")


def test_a_dry_run_asks_nobody(protected: Shop) -> None:
    before = protected.contents()
    ran = protected.accepted(Export(), "--dry-run")
    assert ran.stdout.endswith("dry run: gate open, 7 rows would be new; nothing was changed (rolled back)\n")
    assert protected.contents() == before


@pytest.mark.parametrize(
    ("typed", "code", "last"),
    [
        ("test-prod\n", 0, "gate open: committed as run ID\n"),
        pytest.param("yes\n", 2, "error: 'yes' is not test-prod: nothing was changed\n", marks=pytest.mark.soak),
        pytest.param(
            "\x04", 3, "error: the input ended, did not finish: nothing was changed\n", marks=pytest.mark.soak
        ),
        pytest.param(
            "\x03",
            3,
            "error: stopped by Ctrl-C, did not finish: nothing was changed; rerun the command\n",
            marks=pytest.mark.soak,
        ),
    ],
    ids=["the name", "something else", "end of input", "Ctrl-C"],
)
def test_the_typed_name(protected: Shop, typed: str, code: int, last: str) -> None:
    terminal = Terminal("run", "--env", "test-prod", "--file", protected.file(Export()), cwd=protected.root)
    terminal.until("test-prod is protected; type its name to change it: ")
    time.sleep(0.2)  # a Ctrl-C just before Python waits for a line would wait with it
    terminal.type(typed)
    assert terminal.end() == code
    assert plain(without_bars(terminal.text)).endswith(last)
    assert protected.count("books") == (code == 0)
