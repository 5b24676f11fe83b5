"""Embedded servers that belong to one test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from minerva_promote.database.embedded.server import EmbeddedServer
from tests.database.servers import MakeServer, ask

VARIABLES = ("PROMOTE_EMBEDDED_DIR", "PROMOTE_POSTGRES_VERSION", "XDG_RUNTIME_DIR")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path that only we may enter; pytest's own leave no room for a socket."""
    with tempfile.TemporaryDirectory(prefix="pe-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedServer]:
    """One server for those tests of a module that leave it able to start, with the table kept (x = 1)."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="pe-") as folder:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        server = EmbeddedServer(Path(folder))
        ask(server.ensure_running(), "create table kept as select 1 as x")
        yield server
        server.reset()


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_server(short: Path) -> Iterator[MakeServer]:
    """Servers below the test's folder, deleted with their data afterwards."""
    made = []

    def make(folder: str = "project") -> EmbeddedServer:
        root = short / folder
        root.mkdir(parents=True, exist_ok=True)
        made.append(EmbeddedServer(root))
        return made[-1]

    yield make
    for server in made:
        server.reset()
