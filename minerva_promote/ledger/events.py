"""Adding an event to the ledger: inside the transaction that is open, or in one of its own."""

from __future__ import annotations

import getpass
import hashlib
import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

from minerva_promote import __version__
from minerva_promote.config.project import Environment, Project
from minerva_promote.config.variables import redact
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import admin_session, import_session
from minerva_promote.errors import PromoteError, TargetError
from minerva_promote.ledger.bounds import (
    FILE_NAME,
    NAME,
    REASON,
    ROOTS,
    checks_json,
    counts_json,
    details_json,
    first_roots,
    fold,
    storable,
)
from minerva_promote.ledger.install import LEDGER_VERSION, altered_row_error, content_expression, format_expression
from minerva_promote.ledger.roots import fold_roots, roots_digest

Kind = Literal[
    "started",
    "committed",
    "unchanged",
    "refused",
    "failed",
    "finished",
    "abandoned",
    "undone",
    "restored",
    "adopted",
    "replaced",
    "repaired",
]
ENDED = "23505"  # the run has an end already, or an event of this kind
_LATE = "55000"  # the run has an end already: no roots are added to it
FOREIGN_RUN = "42501"  # the run is of another role
SESSIONS = 2  # connections that are tried to record how a run ended

# One statement, so that an event in a transaction of its own is one round trip. The chain's trigger takes the digest of
# the roots: they are inserted before the event, as the event is selected from their number.
_INSERT = f"""
with promoted as (
    insert into promote.run_roots (run_id, root)
    select %(run_id)s::uuid, r from unnest(%(run_roots)s::text[]) as r
    returning true
)
insert into promote.events as e (kind, run_id, subject, environment, client_host, client_user, promote_version,
    file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details)
select %(kind)s::text, %(run_id)s::uuid, %(subject)s::uuid, %(environment)s::text, %(client_host)s::text,
    %(client_user)s::text, %(promote_version)s::text, %(file_name)s::text, %(file_sha256)s::text,
    %(file_bytes)s::bigint, %(roots)s::text[], %(rows)s::jsonb, %(checks)s::jsonb, %(seconds)s::double precision,
    %(reason)s::text, %(configuration)s::text, %(details)s::jsonb
from (select count(*) from promoted) as written
returning e.previous, e.hash, e.rows_digest, e.roots_digest, ({content_expression()}) as content
""".encode()
# What an event's hash is made of, in the order of functions.sql.
HASHED = (
    "format",
    "seq",
    "kind",
    "run_id",
    "subject",
    "environment",
    "at",
    "began",
    "actor",
    "actor_role",
    "client_addr",
    "xact",
    "database",
    "system_identifier",
    "postgresql",
    "pgvector",
    "revision",
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
    "reason",
    "configuration",
    "details",
    "rows_digest",
    "roots_digest",
    "removed_digest",
    "signing_key",
    "signature",
)
# An event by itself changes no data, and waits for no standby: the next COMMIT that does confirms it too.
_NO_STANDBY = b", pg_catalog.set_config('synchronous_commit', 'local', true) as local"
# The event that was added, if the rows and roots with its digests exist.
_STORED = {
    rows: f"""
select from promote.events as e
where e.run_id = %(run_id)s and e.kind = %(kind)s and e.hash = %(hash)s
    and e.rows_digest is not distinct from ({format_expression(rows, LEDGER_VERSION)})
    and e.roots_digest is not distinct from ({format_expression("run_roots", LEDGER_VERSION)})
""".encode()
    for rows in ("run_rows", "removed_rows")
}
_SAME_EVENT = b"select from promote.events where run_id = %(run_id)s and kind = %(kind)s"


@dataclass(frozen=True, slots=True)
class Event:
    """The values of an event that the client sets; actor, times and the chain are set by the server."""

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


def add_event(conn: Connection, event: Event, rows_digest: str | None = None) -> None:
    """Add the event, in the open transaction or, in autocommit, in one of its own. Raises TargetError.

    ``rows_digest`` is that of the rows which were stored for it in this transaction. The row of promote.chain is locked
    until the transaction ends: others who add an event wait. The stored event and the rows that belong to it are
    compared with what was sent; a difference is an error, and is not committed.
    """
    keys = [] if event.kind == "finished" else fold_roots(event.roots or ())  # roots are added before a run ends
    values = _values(event)
    alone = conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    stored = fetch(conn, _INSERT + (_NO_STANDBY if alone else b""), {**values, "run_roots": keys}, "writing the ledger")
    if len(stored) != 1 or not _as_sent(values, stored[0], rows_digest, roots_digest(keys)):
        raise altered_row_error("promote.events")
    if conn.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:  # what a rule did after it
        parameters = {"run_id": event.run_id, "kind": event.kind, "hash": stored[0]["hash"]}
        statement = _STORED["removed_rows" if event.kind == "undone" else "run_rows"]
        if len(fetch(conn, statement, parameters, "writing the ledger")) != 1:
            raise altered_row_error("promote.events")


def _values(event: Event) -> dict[str, Any]:
    """The parameters of the statement that adds the event."""
    return {
        "kind": event.kind,
        "run_id": event.run_id,
        "subject": event.subject,
        "environment": fold(storable(event.environment), NAME),
        "client_host": fold(storable(socket.gethostname()), NAME),
        "client_user": fold(storable(_user()), NAME),
        "promote_version": __version__,
        "file_name": None if event.file_name is None else fold(storable(event.file_name), FILE_NAME),
        "file_sha256": event.file_sha256,
        "file_bytes": event.file_bytes,
        "roots": None if event.roots is None else first_roots(event.roots),
        "rows": None if event.rows is None else counts_json(event.rows),
        "checks": None if event.checks is None else checks_json(list(event.checks)),
        "seconds": event.seconds,
        "reason": None if event.reason is None else one_line(event.reason),
        "configuration": event.configuration,
        "details": details_json(_details(event)),
    }


def _details(event: Event) -> Mapping[str, Any]:
    """The details; with the number of roots, where the event lists only the first."""
    count = len(event.roots or ())
    return {**event.details, "roots": count} if count > ROOTS else event.details


def _as_sent(
    values: Mapping[str, Any], stored: Mapping[str, Any], rows_digest: str | None, digest_of_roots: str | None
) -> bool:
    """Whether an event was stored as it was sent, with these digests and the hash of just this content."""
    content = json.loads(stored["content"], parse_int=float)
    kept = dict(zip(HASHED, content, strict=True))
    for name, value in values.items():
        if name in ("rows", "checks", "details"):
            same = kept[name] == (None if value is None else json.loads(value, parse_int=float))
        elif name == "seconds":
            same = kept[name] == (None if value is None else struct.pack(">d", value).hex())
        else:
            same = kept[name] == value
        if not same:
            return False
    if (stored["rows_digest"], stored["roots_digest"]) != (rows_digest, digest_of_roots):
        return False
    if (kept["rows_digest"], kept["roots_digest"]) != (rows_digest, digest_of_roots):
        return False
    return bool(hashlib.sha256(f"{stored['previous']}\n{stored['content']}".encode()).hexdigest() == stored["hash"])


def add_event_separately(
    project: Project,
    environment: Environment,
    event: Event,
    *,
    conn: Connection | None = None,
    admin: bool = False,
) -> str:
    """Add the event in a transaction of its own; returns "", or one line that says why it could not be recorded.

    Raises no PromoteError: the error that it is to record is more important. ``conn`` is used when it is open and
    outside any transaction; else a new connection, as the import role, or as the owner with ``admin``. When it breaks,
    another one is tried.
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


def _usable(conn: Connection) -> bool:
    return not conn.closed and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def _added(conn: Connection, event: Event) -> bool:
    """Whether the event is in the ledger now; False when the connection broke. Raises TargetError for a refusal."""
    try:
        add_event(conn, event)
    except TargetError as error:
        if conn.closed:
            return False
        again = error.sqlstate in (ENDED, _LATE)
        sent_before = again and fetch(conn, _SAME_EVENT, {"run_id": event.run_id, "kind": event.kind})
        if not sent_before:  # and only its answer was lost
            raise
    return True


def is_recorded(conn: Connection, run_id: str) -> bool:
    """Whether the run, the undo or the restore was committed."""
    rows = fetch(
        conn,
        b"select from promote.events where run_id = %(run_id)s and kind in ('committed', 'undone', 'restored')",
        {"run_id": run_id},
    )
    return bool(rows)


def one_line(text: str) -> str:
    """The text as the ledger keeps it: one line, without secrets, REASON characters at most."""
    line = " ".join(redact(storable(text)).split())
    return line if len(line) <= REASON else f"{line[: REASON - 1]}…"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name; Windows has no module pwd
        return ""
