"""The project with a private database that is ready for imports, and a second one that test-prod has to pass for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import yamlfile
from tests.conftest import Ran
from tests.run.conftest import SEARCHES_LEFT, Shop, _quiet_machine, copy_of_ready, embedded, make_shop, ready, shop
from tests.run.exports import Export
from tests.servers import Database

__all__ = ["_quiet_machine", "embedded", "make_shop", "ready", "shop"]


@dataclass(frozen=True)
class Pair:
    """A shop whose files go to test-prod first, and from there to prod."""

    shop: Shop
    prod: Database

    def to_prod(self, file: Path | str, *more: str) -> Ran:
        """`promote run --env prod --file FILE --yes prod`."""
        return self.shop.promote("run", "--env", "prod", "--file", file, "--yes", "prod", *more)

    def rows(self) -> int:
        """How many rows prod has."""
        with self.prod.connect() as conn:
            found = conn.execute("select count(*) from chunks").fetchone()
            assert found is not None
            return int(found[0])

    def environment(self, **changes: Any) -> None:
        """Change keys of environments/prod.yaml; None removes one."""
        yamlfile.change(self.shop.root / "environments" / "prod.yaml", **changes)

    def file(self, book: int = 1, name: str = "export.sql") -> Path:
        """Write an export into the project's folder."""
        return self.shop.file(Export(book), name)


@pytest.fixture
def pair(shop: Shop, ready: str, make_database: Callable[..., Database]) -> Pair:
    """Two databases that are ready for imports, the second of which requires that the first has passed the file."""
    prod = copy_of_ready(make_database(ready))
    made = Pair(shop, prod)
    content = yamlfile.read(shop.root / "environments" / "test-prod.yaml")
    made.environment(
        url=prod.url(shop.role),
        admin_url=prod.url(),
        roles=content["roles"],
        requires={"passed_in": "test-prod", "within": "7d"},
    )
    return made


def step_of(ran: Ran, word: str) -> str:
    """The lines of one step of a report, with what belongs to it; what changes in every run is left out."""
    lines = settled(ran.stdout).splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"  {word} "))
    end = next(n for n in range(begin + 1, len(lines)) if not lines[n].startswith("    "))
    return "\n".join(lines[begin:end])


def settled(text: str) -> str:
    """A text without ids, times, sizes and durations."""
    text = re.sub(r"\b(run|undo) [0-9a-f]{8}\b", r"\1 ID", text)
    text = re.sub(r"-\d{8}T\d{6}Z-[0-9a-f]{8}\.dump", "-TIME-ID.dump", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{8}…", "SHA…", text)
    text = re.sub(r"\d+\.\d (k|M)B\b", "SIZE", text)
    text = SEARCHES_LEFT.sub("", text)
    return re.sub(r",? \d+\.\d s$", "", text, flags=re.MULTILINE)


def validated_with_its_rows(shop: Shop) -> None:
    """Have files of any size treated as big ones are."""
    shop.copy.edit("promote.yaml", "limits:", "limits:\n    validate_first: 0")
