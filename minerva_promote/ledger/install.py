"""The ledger's schema in a target: which version is there, putting it there, and what an import role needs of it."""

from __future__ import annotations

from importlib import resources

import psycopg

from minerva_promote.config.models import Grants
from minerva_promote.database.catalog import fetch, relations
from minerva_promote.database.faults import target_errors
from minerva_promote.errors import TargetError

LEDGER_VERSION = 1
VERSION_TABLE = "promote.ledger"
RUNS_TABLE = "promote.runs"

# What a client says about its run. Actor and times are not among them: the server writes those.
CLIENT_COLUMNS = (
    "run_id",
    "environment",
    "client_host",
    "client_user",
    "promote_version",
    "file_name",
    "file_sha256",
    "file_bytes",
    "roots",
    "rows",
    "checks",
    "seconds",
    "details",
)

_READ = Grants(
    schemas={"promote": ("USAGE",)},
    tables=dict.fromkeys((RUNS_TABLE, VERSION_TABLE, "promote.revision", "promote.vector_indexes"), ("SELECT",)),
)
# What `ledger:` of a role means. Who writes may set CLIENT_COLUMNS of its own runs, and change or remove none.
LEDGER_GRANTS = {
    "none": Grants(),
    "read": _READ,
    "write": _READ.model_copy(update={"columns": {RUNS_TABLE: {"INSERT": CLIENT_COLUMNS}}}),
}


def ledger_version(conn: psycopg.Connection) -> int | None:
    """The version of the ledger that is there; 0 for none, None when the current role may not look."""
    found = relations(conn, (VERSION_TABLE,)).get(VERSION_TABLE)
    if found is None:
        return 0
    if not found.readable:
        return None
    rows = fetch(conn, b"SELECT max(version) AS version FROM promote.ledger")
    return int(rows[0]["version"] or 0)


def install(conn: psycopg.Connection) -> bool:
    """Put the ledger there, in the transaction that is open; False when it is there already.

    Raises TargetError for a ledger of a later release, and for a schema ``promote`` that is not ours.
    """
    version = ledger_version(conn)
    if version == LEDGER_VERSION:
        return False
    if version is None:
        raise TargetError("the ledger is there, and this role may not read it", hint="connect as its owner (admin_url)")
    if version > LEDGER_VERSION:
        raise TargetError(
            f"the ledger has version {version}, this release of promote knows {LEDGER_VERSION}",
            hint="use the release of promote that made it, or a later one",
        )
    if fetch(conn, b"SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'promote'"):
        raise TargetError(
            "a schema named promote is there, and it is not a ledger", hint="rename it, then repeat the command"
        )
    with target_errors("making the ledger"):
        conn.execute(resources.files(__package__ or "").joinpath("schema.sql").read_bytes())
    return True
