"""The ledger's schema in a target: its version, its creation and upgrade, and the privileges that roles need on it."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from minerva_promote.config.models.project import Grants
from minerva_promote.database.catalog import REVISION_TABLE, fetch, relations
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import qualified, sql_text
from minerva_promote.database.server_errors import target_errors
from minerva_promote.errors import TargetError

LEDGER_VERSION = 3
READABLE_VERSIONS = (2, LEDGER_VERSION)  # whose runs can be read
VERSION_TABLE = "promote.ledger"
_REVISIONS = f"SELECT version_num FROM {REVISION_TABLE}"  # of base.sql
EVENTS_TABLE = "promote.events"
CHAIN_TABLE = "promote.chain"
ROWS_TABLE = "promote.run_rows"
ROOTS_TABLE = "promote.run_roots"
REMOVED_TABLE = "promote.removed_rows"
TABLES = (EVENTS_TABLE, CHAIN_TABLE, ROWS_TABLE, ROOTS_TABLE)  # that every role reads which reads the ledger

# The columns of an event that a client sets. Actor, times and the chain are not among them: the server sets those.
CLIENT_COLUMNS = (
    "kind",
    "run_id",
    "subject",
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
    "reason",
    "configuration",
    "details",
    "signing_key",
    "signature",
)

_READ = Grants(
    schemas={"promote": ("USAGE",)},
    tables=dict.fromkeys((*TABLES, VERSION_TABLE, "promote.revision", "promote.vector_indexes"), ("SELECT",)),
)
# What `ledger:` of a role means. A role that writes may set CLIENT_COLUMNS of its own events, and change none.
LEDGER_GRANTS = {
    "none": Grants(),
    "read": _READ,
    "write": _READ.model_copy(
        update={
            "tables": {**_READ.tables, **dict.fromkeys((ROWS_TABLE, ROOTS_TABLE), ("SELECT", "INSERT"))},
            "columns": {EVENTS_TABLE: {"INSERT": CLIENT_COLUMNS}},
        }
    ),
}

# The files that upgrade a ledger of a version to the present one; constraints last: older rows may not satisfy them.
_STEPS = {
    0: ("base", "tables", "functions", "constraints"),
    1: ("tables", "functions", "from_1", "constraints"),
    2: ("from_2", "functions", "constraints"),
}
_NEWER_HINT = "use the release of promote that made it, or a later one"


def ledger_version(conn: Connection) -> int | None:
    """The version of the target's ledger; 0 for none, None when the current role may not read it."""
    relation = relations(conn, (VERSION_TABLE,)).get(VERSION_TABLE)
    if relation is None:
        return 0
    if not relation.readable:
        return None
    rows = fetch(conn, b"SELECT max(version) AS version FROM promote.ledger")
    return int(rows[0]["version"] or 0)


def version_problem(version: int | None, environment: str) -> tuple[str, str] | None:
    """The message and the hint for a ledger that is not of the present version; None for one that is."""
    hint = f"promote setup --env {environment}"
    if version == LEDGER_VERSION:
        return None
    if version is None:
        return "this role may not read the ledger", hint
    if version == 0:
        return "there is no ledger", hint
    hint = _NEWER_HINT if version > LEDGER_VERSION else hint
    return f"the ledger has version {version}, this release of promote knows {LEDGER_VERSION}", hint


def require_ledger(conn: Connection, environment: str, *, for_reading: bool = False) -> None:
    """Raise TargetError when there is no ledger that this role may read and this release knows.

    ``for_reading``: an older version is accepted too, if its runs can be read.
    """
    version = ledger_version(conn)
    problem = None if for_reading and version in READABLE_VERSIONS else version_problem(version, environment)
    if problem is None:
        tables = TABLES if version == LEDGER_VERSION else TABLES[:3]
        present = relations(conn, tables)
        if len(present) == len(tables) and all(relation.readable for relation in present.values()):
            return
        problem = version_problem(None, environment)
        assert problem is not None
    message, hint = problem
    raise TargetError(f"{environment}: {message}", hint=hint)


def revision_query(version_table: str) -> str:
    """The query of the view promote.revision: what Alembic's table holds, no row without such a table ("")."""
    if not version_table:
        return "SELECT NULL::character varying(32) AS version_num WHERE false"
    return f"SELECT version_num FROM {sql_text(qualified(version_table))}"


def altered_row_error(table: str) -> TargetError:
    """The error for a row of the ledger that was not stored as it was sent, or not at all."""
    return TargetError(
        f"{table} did not take a row as it was sent: a rule or a trigger swallows or replaces rows of the ledger",
        hint="promote history --verify names what was added to the ledger's tables",
    )


def install(conn: Connection, version_table: str = REVISION_TABLE) -> bool:
    """Create the ledger, or upgrade it, in the transaction that is open; False when it has the present version.

    ``version_table`` is the one in which Alembic keeps the revision; "" in a project without migrations.
    Raises TargetError for a ledger of a later release, and for a schema ``promote`` that is not ours.
    """
    version = ledger_version(conn)
    if version == LEDGER_VERSION:
        return False
    if version is None:
        raise TargetError("the ledger is there, and this role may not read it", hint="connect as its owner (admin_url)")
    if version > LEDGER_VERSION:
        message = f"the ledger has version {version}, this release of promote knows {LEDGER_VERSION}"
        raise TargetError(message, hint=_NEWER_HINT)
    if version == 0 and fetch(conn, b"SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'promote'"):
        raise TargetError(
            "a schema named promote is there, and it is not a ledger", hint="rename it, then repeat the command"
        )
    with target_errors("making the ledger" if version == 0 else "upgrading the ledger"):
        for name in _STEPS[version]:
            conn.execute(_text(name).replace(_REVISIONS, revision_query(version_table)).encode())
    return True


@cache
def chain_function_text() -> str:
    """The settings of promote.chain_event and, on a new line, its body: the only SECURITY DEFINER function."""
    return f"search_path=pg_catalog, pg_temp\n{_body()}"


@cache
def constraint_names() -> frozenset[str]:
    """The ledger's constraints that rows of older versions need not satisfy: "promote.events.events_kind_check"."""
    tables = re.findall(r"ALTER TABLE (\S+)\n(.*?);", _text("constraints"), re.DOTALL)
    return frozenset(
        f"{table}.{name}" for table, actions in tables for name in re.findall(r"ADD CONSTRAINT (\w+)", actions)
    )


def _body() -> str:
    return _between(_text("functions"), "AS $chain$", "$chain$;")


@cache
def expression(name: str, version: int = LEDGER_VERSION) -> str:
    """SQL of the chain over a row ``e`` of promote.events: its ``hash``, or the digest of its ``run_rows``,
    ``run_roots`` or ``removed_rows``; by the event's format, as far as a ledger of this version has such events.

    The verifier computes them from here, so that a function that was replaced in the target is no witness.
    """
    if name in ("removed_rows", "run_roots"):  # the same in both, or only in the present one
        return format_expression(name, LEDGER_VERSION)
    if version == 2:
        return format_expression(name, 2)
    old, new = (format_expression(name, event_format) for event_format in READABLE_VERSIONS)
    return f"case e.format when 2 then ({old}) when {LEDGER_VERSION} then ({new}) end"


@cache
def format_expression(name: str, event_format: int) -> str:
    """SQL of one part of the chain for events of one format."""
    return _between(_text("format_2") if event_format == 2 else _body(), f"/* {name} */", "/* end */")


@cache
def content_expression() -> str:
    """SQL over a row ``e`` of promote.events: the text that is hashed, behind the hash of the event before."""
    return _between(_body(), "/* content */", "/* end of content */")


@cache
def _text(name: str) -> str:
    return resources.files(__package__ or "").joinpath(f"{name}.sql").read_text("utf-8")


def _between(text: str, begin: str, end: str) -> str:
    match = re.search(f"{re.escape(begin)}(.*?){re.escape(end)}", text, re.DOTALL)
    assert match is not None, begin
    return match[1]
