"""Every command that changes a target wants a protected environment's name."""

from __future__ import annotations

import pytest

from tests.run.conftest import Shop
from tests.run.exports import Export

CHANGING = (
    "run --file export.sql",
    "setup",
    "migrate --apply",
    "grants --apply",
    "index --apply",
    "undo 1234 --apply",
)
READING = ("migrate", "grants", "plan --file export.sql", "env ping", "history")


def test_nobody_to_ask(shop: Shop) -> None:
    shop.environment(protected=True)
    shop.file(Export())
    before = shop.contents()
    for command in CHANGING:
        ran = shop.promote(*command.split(), "--env", "test-prod")
        said = "error: test-prod is protected, and nobody is there to ask\n  --yes test-prod\n"
        assert (ran.exit_code, ran.stdout, ran.stderr) == (2, "", said), command
        ran = shop.promote(*command.split(), "--env", "test-prod", "--yes", "prod")
        said = "error: --yes prod, but the environment is test-prod\n  --yes test-prod\n"
        assert (ran.exit_code, ran.stdout, ran.stderr) == (2, "", said), command
    assert shop.contents() == before
    for command in READING:
        assert shop.promote(*command.split(), "--env", "test-prod").exit_code in (0, 1), command


@pytest.mark.parametrize("command", ["setup", "migrate --apply", "grants --apply"])
def test_yes(shop: Shop, command: str) -> None:
    shop.environment(protected=True)
    assert shop.promote(*command.split(), "--env", "test-prod", "--yes", "test-prod").exit_code == 0


def test_a_bare_yes_of_setup_agrees_to_recreate_only(shop: Shop) -> None:
    shop.environment(protected=True)
    said = "error: test-prod is protected, and nobody is there to ask\n  --yes test-prod\n"
    for words in (("test-prod", "--yes"), ("--yes", "--env", "test-prod"), ("--yes", "test-prod")):
        ran = shop.promote("setup", *words)
        assert (ran.exit_code, ran.stdout, ran.stderr) == (2, "", said), words
    shop.environment(protected=None)
    assert shop.promote("setup", "--yes", "test-prod").exit_code == 0
