"""A project over tables that somebody else makes: a target with empty tables, a role that imports, one environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import servers, yamlfile
from tests.conftest import Ran

ENVIRONMENT = "target"


@dataclass(frozen=True)
class Layout:
    """A project folder, its target, and the command line."""

    root: Path
    database: servers.Database
    role: str  # imports
    promote: Callable[..., Ran]

    def run(self, text: str, *more: str, name: str = "export.sql") -> Ran:
        """Write an export, and `promote run --env target --file FILE …`."""
        file = self.root / name
        file.write_text(text, "utf-8")
        return self.promote("run", "--env", ENVIRONMENT, "--file", file, *more)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query, as the superuser."""
        with self.database.connect() as conn:
            return conn.execute(query).fetchall()


@pytest.fixture
def make_layout(
    make_database: Callable[..., servers.Database],
    promote: Callable[..., Ran],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Layout]:
    """``make_layout(schema, contract, **keys)``: tables by SQL, promote.yaml, and a database that is not set up yet."""

    def make(schema: str, contract: dict[str, Any], **keys: Any) -> Layout:
        database = make_database()
        database.execute(schema)
        suffix = database.name.rpartition("test_")[2]
        root = tmp_path / "project"
        for folder in ("environments", "checks"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        role = f"importer_{suffix}"
        tables = {name: ["SELECT", "INSERT"] for name in contract["tables"]}
        yamlfile.write(root / "promote.yaml", {"project": "layout", "migrations": "none", "contract": contract, **keys})
        yamlfile.write(
            root / "environments" / f"{ENVIRONMENT}.yaml",
            {
                "url": database.url(role),
                "admin_url": database.url(),
                "roles": {
                    role: {
                        "login": True,
                        "password": servers.PASSWORD,
                        "ledger": "write",
                        "grants": {
                            "database": ["CONNECT"],
                            "schemas": {"public": ["USAGE"]},
                            "tables": tables,
                        },
                    }
                },
            },
        )
        (root / "checks" / "import.yaml").write_text(
            "checks:\n  - {name: readable, sql: select 1, expect: {equals: 1}}\n", "utf-8"
        )
        return Layout(root, database, role, lambda *args, **how: promote(*args, **{"cwd": root, **how}))

    return make
