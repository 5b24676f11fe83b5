"""A connection to a database with pgvector, shared by the tests that only ask it what a literal means."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minerva_promote.database.connection import Connection
from tests.exportfile.support import Asked
from tests.servers import Server


@pytest.fixture(scope="session")
def asked(server: Server) -> Iterator[Asked]:
    """What the server makes of a literal, as its binary protocol tells it."""
    name = server.template("exportfile", lambda database: database.execute("create extension vector"))
    connection: Connection
    with server.connect(name) as connection:
        yield Asked(connection)
