"""What a report says of rows that close the gate."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Ran
from tests.run.conftest import Shop

CLOSED = "gate closed: nothing was changed (rolled back)"
OTHER = "the target has another row under this key: find out which is right; nothing overwrites it"
TAKEN = "find out which is right; nothing is overwritten"


def findings(ran: Ran) -> list[str]:
    """The findings of a report, each with its help in one line."""
    lines = ran.stdout.splitlines()
    found = [line.strip() for line in lines if line.startswith("    ") and not line.startswith("     ")]
    helps = [line.strip().removeprefix("help: ") for line in lines if line.startswith("        help: ")]
    assert len(found) == len(helps)
    return [f"{fact} | {help_}" for fact, help_ in zip(found, helps, strict=True)]


def refused(shop: Shop, file: Path, *expected: str) -> None:
    """The file closes the gate with these findings, and nothing is touched."""
    before = shop.contents()
    ran = shop.run(file)
    assert (ran.exit_code, ran.stderr) == (1, ""), ran
    assert findings(ran) == list(expected)
    assert ran.stdout.splitlines()[-1] == CLOSED
    assert shop.contents() == before
