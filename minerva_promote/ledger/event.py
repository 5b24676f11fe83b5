"""Adding an event to the ledger: inside the transaction that is open, or in one of its own."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

from minerva_promote import __version__
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.secrets import redact
from minerva_promote.database.catalog import fetch
from minerva_promote.database.faults import target_errors
from minerva_promote.database.session import admin_session, import_session
from minerva_promote.errors import PromoteError, TargetError

Kind = Literal["started", "committed", "unchanged", "refused", "failed", "finished", "abandoned", "undone", "restored"]
ENDED = "23505"  # the run has an end already, or an event of this kind
SESSIONS = 2  # that are opened to record how a run ended
REASON_LENGTH = 2_000  # characters; a server may quote a whole row

_INSERT = b"""
insert into promote.events (kind, run_id, subject, environment, client_host, client_user, promote_version, file_name,
    file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details)
values (%(kind)s, %(run_id)s, %(subject)s, %(environment)s, %(client_host)s, %(client_user)s, %(promote_version)s,
    %(file_name)s, %(file_sha256)s, %(file_bytes)s, %(roots)s::text[], %(rows)s::jsonb, %(checks)s::jsonb, %(seconds)s,
    %(reason)s, %(configuration)s, %(details)s::jsonb)
"""
_SAME = b"select from promote.events where run_id = %(run_id)s and kind = %(kind)s"


@dataclass(frozen=True, slots=True)
class Event:
    """What the client says of what happened; who, when and its place in the chain are the server's to say."""

    kind: Kind
    run_id: str
    environment: str
    subject: str | None = None  # undone: the run; restored: the undo
    file_name: str | None = None  # without its folder
    file_sha256: str | None = None
    file_bytes: int | None = None
    roots: Sequence[str] | None = None
    rows: Mapping[str, Mapping[str, int]] | None = None  # table -> outcome -> count
    checks: Sequence[Mapping[str, Any]] | None = None
    seconds: float | None = None
    reason: str | None = None  # one line; what looks like a secret is taken out
    configuration: str | None = None  # config.fingerprint
    details: Mapping[str, Any] = field(default_factory=dict)


def add(conn: psycopg.Connection, event: Event) -> None:
    """Add the event, in the open transaction or, in autocommit, in one of its own. Raises TargetError.

    The row of promote.chain is held until the transaction ends: everybody else who adds an event waits.
    """
    values = {
        "kind": event.kind,
        "run_id": event.run_id,
        "subject": event.subject,
        "environment": event.environment,
        "client_host": socket.gethostname(),
        "client_user": _user(),
        "promote_version": __version__,
        "file_name": _storable(event.file_name),
        "file_sha256": event.file_sha256,
        "file_bytes": event.file_bytes,
        "roots": None if event.roots is None else list(event.roots),
        "rows": None if event.rows is None else _json(event.rows),
        "checks": None if event.checks is None else _json(list(event.checks)),
        "seconds": event.seconds,
        "reason": None if event.reason is None else one_line(event.reason),
        "configuration": event.configuration,
        "details": _json(event.details),
    }
    with target_errors("writing the ledger"):
        conn.execute(_INSERT, values)


def add_apart(
    project: Project,
    environment: Environment,
    event: Event,
    *,
    conn: psycopg.Connection | None = None,
    admin: bool = False,
) -> str:
    """Add the event in a transaction of its own; "" or why it could not be recorded, in one line.

    Never raises: what happened before is more important. ``conn`` is used when it is still good and outside any
    transaction; else there is a session of its own, as the import role, or as the owner with ``admin``. Where a
    connection breaks there is another one.
    """
    opened = admin_session if admin else import_session
    try:
        if conn is not None and _usable(conn) and _added(conn, event):
            return ""
        for _ in range(SESSIONS):
            with opened(project, environment) as own:
                if _added(own, event):
                    return ""
    except PromoteError as error:
        return one_line(project.redact(error.message))
    return "the connection was lost"


def _usable(conn: psycopg.Connection) -> bool:
    return not conn.closed and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def _added(conn: psycopg.Connection, event: Event) -> bool:
    """Whether the event is in the ledger now; False when the connection broke. Raises TargetError for a refusal."""
    try:
        add(conn, event)
    except TargetError as error:
        if conn.closed:
            return False
        sent_before = error.sqlstate == ENDED and fetch(conn, _SAME, {"run_id": event.run_id, "kind": event.kind})
        if not sent_before:  # and only its answer was lost
            raise
    return True


def is_recorded(conn: psycopg.Connection, run_id: str) -> bool:
    """True when the run, the undo or its taking back was committed."""
    rows = fetch(
        conn,
        b"select from promote.events where run_id = %(run_id)s and kind in ('committed', 'undone', 'restored')",
        {"run_id": run_id},
    )
    return bool(rows)


def one_line(text: str) -> str:
    """The text as the ledger keeps it: one line, no secrets, not without end."""
    line = " ".join(redact(_storable(text) or "").split())
    return line if len(line) <= REASON_LENGTH else f"{line[: REASON_LENGTH - 1]}…"


def _json(value: Any) -> str:
    return json.dumps(value, default=str).replace("\\u0000", "\\ufffd")  # jsonb has no NUL


def _storable(text: str | None) -> str | None:
    """The text without what PostgreSQL's text cannot hold."""
    return None if text is None else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name; Windows has no module pwd
        return ""
