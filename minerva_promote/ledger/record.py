"""One row of the ledger: what this run did, in the transaction of its rows."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from minerva_promote import __version__
from minerva_promote.database.catalog import fetch
from minerva_promote.database.faults import target_errors

_INSERT = b"""
insert into promote.runs (run_id, environment, client_host, client_user, promote_version, file_name, file_sha256,
    file_bytes, roots, rows, checks, seconds, details)
values (%(run_id)s, %(environment)s, %(client_host)s, %(client_user)s, %(promote_version)s, %(file_name)s,
    %(file_sha256)s, %(file_bytes)s, %(roots)s::text[], %(rows)s::jsonb, %(checks)s::jsonb, %(seconds)s,
    %(details)s::jsonb)
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What the client says of its run; who and when are the server's to say."""

    run_id: str
    environment: str
    file_name: str  # without its folder
    file_sha256: str
    file_bytes: int
    roots: Sequence[str]
    rows: Mapping[str, Mapping[str, int]]  # table -> outcome -> count
    checks: Sequence[Mapping[str, Any]]
    seconds: float
    details: Mapping[str, Any]


def write(conn: psycopg.Connection, record: Record) -> None:
    """Add the row, in the open transaction. Raises TargetError."""
    values = {
        "run_id": record.run_id,
        "environment": record.environment,
        "client_host": socket.gethostname(),
        "client_user": _user(),
        "promote_version": __version__,
        "file_name": record.file_name,
        "file_sha256": record.file_sha256,
        "file_bytes": record.file_bytes,
        "roots": list(record.roots),
        "rows": json.dumps(record.rows),
        "checks": json.dumps(list(record.checks), default=str),
        "seconds": record.seconds,
        "details": json.dumps(record.details, default=str),
    }
    with target_errors("writing the ledger"):
        conn.execute(_INSERT, values)


def is_recorded(conn: psycopg.Connection, run_id: str) -> bool:
    """True when the run was committed."""
    return bool(fetch(conn, b"select from promote.runs where run_id = %(run_id)s", {"run_id": run_id}))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        return ""
