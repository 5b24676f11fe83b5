"""Findings about the server, its settings, privileges, triggers and clock, all read before the first row."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.config.project import Environment
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.catalog import Server, SideEffect, TablePrivileges, fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import DEFAULT_SCHEMA, ident, qualified, split
from minerva_promote.exportfile.rule_model import DeferredRow
from minerva_promote.exportfile.validation import Validation
from minerva_promote.ledger.install import CLIENT_COLUMNS, EVENTS_TABLE, ROOTS_TABLE, ROWS_TABLE
from minerva_promote.preflight.row_privileges import tables_without_privileges
from minerva_promote.results import Finding, Severity
from minerva_promote.text_format import seconds

OLDEST, NEWEST = 15, 18  # major versions of PostgreSQL that are tested
DEFERRED_ROWS = 200  # that one statement looks for
CLOCK_TOLERANCE = 300  # seconds that two clocks may differ


def server_findings(facts: Server, *, vector: bool = True) -> Iterable[Finding]:
    """What rules out any import; ``vector``: the extension pgvector is needed."""
    if facts.in_recovery:
        yield Finding("read-only", "the database is a standby", hint="use the primary server's address in url")
    if facts.encoding != "UTF8":
        message = f"the database has encoding {facts.encoding}, must be UTF8"
        yield Finding("encoding", message, hint="make it anew in UTF8")
    if vector and facts.vector_version is None:
        yield Finding("extension", "the extension vector is missing", hint="promote setup --env ENV")
    major = facts.version_num // 10_000
    if major < OLDEST:
        yield Finding("version", f"PostgreSQL {major}, must be {OLDEST} or later", hint="upgrade the server")
    elif major > NEWEST:
        message = f"PostgreSQL {major} is newer than promote was tested with ({OLDEST} to {NEWEST})"
        yield Finding("version", message, severity=Severity.WARN)


_SETTINGS = b"""
select name, setting, source, session_user::text as role, pg_catalog.current_database()::text as database
from pg_catalog.pg_settings where name in ('session_replication_role', 'default_transaction_read_only')
"""
_RESET = {
    "database user": "ALTER ROLE {role} IN DATABASE {database} RESET {name}",
    "user": "ALTER ROLE {role} RESET {name}",
    "database": "ALTER DATABASE {database} RESET {name}",
}


def setting_findings(conn: Connection, facts: Server) -> Iterable[Finding]:
    """Settings of the role or the database with which an import cannot be made, or would prove less."""
    for row in fetch(conn, _SETTINGS):
        hint = _RESET.get(row["source"], "SHOW {name} is {setting}: find out where it is set").format(**row)
        if row["name"] == "session_replication_role" and row["setting"] != "origin":
            message = f"session_replication_role is {row['setting']}: foreign keys are not checked"
            yield Finding("setting", message, hint=hint)
        elif row["name"] == "default_transaction_read_only" and row["setting"] == "on" and not facts.in_recovery:
            yield Finding("read-only", "the database is read-only for this role", hint=f"if it may be written: {hint}")


_USAGE = b"""
select n.nspname::text as name, pg_catalog.has_schema_privilege(n.oid, 'USAGE') as usable
from pg_catalog.pg_namespace n where n.nspname = any(%(names)s::text[])
"""


def privilege_findings(
    conn: Connection,
    contract: Contract,
    snapshot: Snapshot,
    facts: Server,
    privileges: Mapping[str, TablePrivileges],
) -> Iterable[Finding]:
    """Privileges that an import of any file needs and the role has not; see row_privileges.py for those of one file."""
    role = facts.role
    own = {split(name)[0] for name in contract.tables}
    schemas = sorted({DEFAULT_SCHEMA, "promote", facts.vector_schema or DEFAULT_SCHEMA, *own})
    for row in fetch(conn, _USAGE, {"names": schemas}):
        if not row["usable"]:
            hint = f"GRANT USAGE ON SCHEMA {row['name']} TO {role}"
            if row["name"] == facts.vector_schema != "public":
                hint = f"promote setup --env ENV, or as the owner of the schema: {hint}"
            yield Finding("privilege", f"{role} lacks USAGE on schema {row['name']}", hint=hint)
    yield from tables_without_privileges(
        contract, privileges, role, [name for name in contract.tables if name in snapshot.tables]
    )
    for table, columns in ((EVENTS_TABLE, CLIENT_COLUMNS), (ROWS_TABLE, ("keys",)), (ROOTS_TABLE, ("root",))):
        ledger = privileges.get(table)
        if ledger is None or not ledger.allows("INSERT", columns) or not ledger.allows("SELECT", ("run_id",)):
            message = f"{role} may not write the ledger {table}"
            yield Finding("privilege", message, hint="promote setup --env ENV")


def runs_with_import(effect: SideEffect) -> bool:
    """Whether a trigger runs when rows are added; True when its definition is not clear."""
    return effect.kind == "trigger" and "INSERT" in effect.definition


def effect_findings(effects: Iterable[SideEffect]) -> Iterable[Finding]:
    """Triggers that run with the import; rules and row security, with which it is not possible, close the gate."""
    for effect in effects:
        if effect.kind == "row security":
            if "not active" not in effect.definition:
                message = f"row security is active on {effect.table}: rows could be hidden from the checks"
                yield Finding(
                    "row-security", message, hint="give the import role BYPASSRLS, or a policy that shows all"
                )
        elif effect.kind == "rule":
            if any(f"ON {event} " in effect.definition for event in ("INSERT", "UPDATE")):
                message = f"rule {effect.name} on {effect.table} rewrites what is imported"
                hint = f"DROP RULE {effect.name} ON {effect.table}; a trigger can do the same"
                yield Finding("rule", message, hint=hint)
        elif runs_with_import(effect):
            message = f"trigger {effect.name} on {effect.table} runs with the import"
            yield Finding("trigger", message, hint="all rows are read back and compared", severity=Severity.WARN)


def shared_findings(
    conn: Connection, contract: Contract, snapshot: Snapshot, validation: Validation
) -> Iterable[Finding]:
    """Shared rows that the file names and does not hold: the target must have them, with the vectors' length."""
    by_table: dict[str, list[DeferredRow]] = {}
    for (table, _), deferred in validation.deferred.items():
        by_table.setdefault(table, []).append(deferred)
    for table, rows in by_table.items():
        rule = contract.tables[table]
        has_length = rule.one_row_per_root and "dimensions" in snapshot.tables[table].columns
        for begin in range(0, len(rows), DEFERRED_ROWS):
            part = rows[begin : begin + DEFERRED_ROWS]
            statement = _shared_rows(table, rule.key, "dimensions" if has_length else None, len(part))
            parameters = [text for row in part for text in row.values]
            lengths = {row["number"]: row["length"] for row in fetch(conn, statement, parameters)}
            for number, row in enumerate(part):
                if number not in lengths:
                    message = f"{table} {row.text} is neither in the file nor in the target"
                    yield Finding("reference", message, hint=f"put the row of {table} into the file")
                elif has_length and (others := row.lengths - {lengths[number]}):
                    message = f"a vector of {min(others):,}, {table} {row.text} of the target says {lengths[number]:,}"
                    yield Finding("vector-length", message, hint=f"compute it with the model of that row of {table}")


def _shared_rows(table: str, key: Sequence[str], length: str | None, rows: int) -> sql.Composed:
    """The rows with these keys, each by its number: a parameter is a text that takes the type of its column."""
    condition = sql.SQL(" and ").join(sql.SQL("{} = %s").format(ident(column)) for column in key)
    return sql.SQL(" union all ").join(
        sql.SQL("select {}::int as number, {} as length from {} where {}").format(
            sql.Literal(number), ident(length) if length else sql.SQL("null::int"), qualified(table), condition
        )
        for number in range(rows)
    )


def clock_findings(conn: Connection) -> Iterator[Finding]:
    """A warning when the clocks of client and server are minutes apart."""
    before = time.time()
    theirs = float(fetch(conn, b"select extract(epoch from clock_timestamp())::float8 as now")[0]["now"])
    ours = (before + time.time()) / 2
    if abs(theirs - ours) <= CLOCK_TOLERANCE:
        return
    which = "behind" if theirs > ours else "ahead of"
    message = f"this machine's clock is {seconds(abs(theirs - ours))} {which} the server's"
    hint = "set the wrong one right; the ledger's times, and `within`, are by the server's clock alone"
    yield Finding("clock", message, hint=hint, severity=Severity.WARN)


def placed(findings: Iterable[Finding], environment: Environment) -> tuple[Finding, ...]:
    """The findings with the environment's name in their help."""
    from dataclasses import replace

    return tuple(
        replace(finding, hint=finding.hint.replace("--env ENV", f"--env {environment.name}")) for finding in findings
    )
