"""Write minerva_promote/ledger/structure_VERSION.json from a new ledger: ``python -m tests.ledger.write_structure``.

Run it after a change of the ledger's SQL, and look at what changed in the file; the tests compare it with new ledgers
and with upgraded ones.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from minerva_promote.database.connection import Connection
from minerva_promote.database.embedded.server import EmbeddedServer
from minerva_promote.ledger.install import LEDGER_VERSION, install
from minerva_promote.ledger.structure import Structure, read_structure
from minerva_promote.search.index_builds import record_builds
from tests.material import REPOSITORY

FILE = REPOSITORY / "minerva_promote" / "ledger" / f"structure_{LEDGER_VERSION}.json"


def format_structure(structure: Structure) -> str:
    """The text of ``structure_VERSION.json``: an object a line, without what is NULL or false."""
    items = [
        {**item._asdict(), "facts": {name: value for name, value in item.facts.items() if value}}
        for _, item in sorted(structure.items())
    ]
    return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]\n"


def install_ledger(conn: Connection, before: bytes = b"") -> Structure:
    """The structure of a ledger that is installed in an empty database, or upgraded there from what ``before`` creates."""
    conn.execute("create table public.alembic_version (version_num varchar(32) primary key)")
    if before:
        conn.execute(before)
    install(conn)
    record_builds(conn)
    return read_structure(conn)


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        os.environ["PROMOTE_EMBEDDED_DIR"] = folder
        server = EmbeddedServer(Path(folder))
        info = server.ensure_running()
        try:
            conninfo: dict[str, Any] = {
                "host": info.host,
                "port": str(info.port),
                "user": info.superuser,
                "dbname": "postgres",
            }
            with Connection.connect(**conninfo, autocommit=True) as conn:
                FILE.write_text(format_structure(install_ledger(conn)), "utf-8")
        finally:
            server.stop()
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
