"""Repairing the ledger's own schema: making it what this release creates, without changing a row.

No statement here rewrites a table: a row of promote.events keeps the transaction number that proves which rows a run
inserted. What needs a rewrite or a backup is left to a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

from psycopg import sql

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, qualified
from minerva_promote.database.server_errors import try_execute
from minerva_promote.ledger.events import Event, add_event
from minerva_promote.ledger.structure import Difference, SchemaObject, compare_structure, read_structure
from minerva_promote.results import Finding
from minerva_promote.text_format import counted

REVISION_PLACEHOLDER = "{revision_table}"  # in the definition of promote.revision
PASSES = 4  # one repair may need another: a function that was created is executable by PUBLIC
LISTED = 20  # findings that the event of a repair lists
_OWNER = b"""
select pg_catalog.pg_get_userbyid(relowner) as name from pg_catalog.pg_class
where oid = pg_catalog.to_regclass('promote.events')
"""
_FIRING = {"A": "ENABLE ALWAYS", "O": "ENABLE", "R": "ENABLE REPLICA", "D": "DISABLE"}  # pg_trigger.tgenabled


class Repair(NamedTuple):
    """The differences that were repaired, and those that remain."""

    done: tuple[Difference, ...]
    left: tuple[tuple[Difference, str], ...]  # with the server's message where it refused the statement, or ""


def repair_structure(conn: Connection, revision_table: str) -> Repair:
    """Repair every difference that statements can repair, in the open transaction, as the ledger's owner."""
    done: dict[tuple[str, str], Difference] = {}
    refused: dict[tuple[str, str], str] = {}
    for _ in range(PASSES):
        differences = compare_structure(read_structure(conn), revision_table)
        progress = False
        for difference in differences:
            key = (difference.subject.kind, difference.subject.name)
            statements = tuple(repair_statements(difference, revision_table, _owner(conn)))
            if not statements or key in refused:
                continue
            refusal = try_execute(conn, sql.SQL("; ").join(statements))
            if refusal is None:
                done.setdefault(key, difference)
                progress = True
            else:
                refused[key] = refusal.message
        if not progress:
            break
    left = tuple((d, refused.get((d.subject.kind, d.subject.name), "")) for d in differences)
    remaining = {(d.subject.kind, d.subject.name) for d in differences}
    return Repair(tuple(d for key, d in done.items() if key not in remaining), left)


def record_repair(conn: Connection, environment: str, findings: Sequence[Finding]) -> None:
    """Add the event of a repair of the ledger's schema in the open transaction. Raises TargetError."""
    reason = f"{counted(len(findings), 'differences')} of the ledger's schema repaired"
    details = {"findings": [{"code": f.code, "fact": f.message, "at": ""} for f in findings[:LISTED]]}
    add_event(conn, Event("repaired", str(uuid4()), environment, reason=reason, details=details))


def repair_statements(difference: Difference, revision_table: str = "", owner: str = "") -> Iterator[sql.Composable]:
    """The statements that remove a difference; none where no statement can without rewriting or losing rows."""
    subject, table = difference.subject, sql.SQL(difference.subject.table)
    own_name = sql.SQL(_own_name(subject))
    if difference.kind == "foreign":
        yield from _remove(subject, table, own_name)
        return
    assert difference.expected is not None
    definition = str(difference.expected.facts.get("definition", ""))
    definition = definition.replace(REVISION_PLACEHOLDER, qualified(revision_table).as_string(None))
    if "owner" in difference.aspects and owner:
        kind = sql.SQL(subject.kind.upper())
        yield sql.SQL("ALTER {} {} OWNER TO {}").format(kind, sql.SQL(subject.name), ident(owner))
    match subject.kind:
        case "table" | "view" if difference.kind == "changed":
            yield from _relation(difference, table, definition)
        case "view":
            yield sql.SQL("CREATE VIEW {} AS {}").format(table, sql.SQL(definition.rstrip(";")))
        case "column" if difference.kind == "changed":
            yield from _column(difference, table, own_name)
        case "constraint":
            yield from _constraint(difference, table, own_name, definition)
        case "index":
            if difference.kind == "changed":
                yield sql.SQL("DROP INDEX {}").format(sql.SQL(subject.name))
            yield sql.SQL(definition)
        case "function":
            yield from _function(difference, definition)
        case "trigger":
            yield from _trigger(difference, table, own_name, definition)


def _remove(subject: SchemaObject, table: sql.SQL, own_name: sql.SQL) -> Iterator[sql.Composable]:
    """Drop what others added to a table of the ledger, where that deletes no row."""
    match subject.kind:
        case "trigger" | "rule" | "policy":
            yield sql.SQL("DROP {} {} ON {}").format(sql.SQL(subject.kind.upper()), own_name, table)
        case "constraint":
            yield sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, own_name)
        case "index":
            yield sql.SQL("DROP INDEX {}").format(sql.SQL(subject.name))


def _function(difference: Difference, definition: str) -> Iterator[sql.Composable]:
    """Create or replace a function of the ledger, and revoke EXECUTE from every role that has it."""
    if difference.kind == "missing" or "definition" in difference.aspects:
        yield sql.SQL(definition)
    for grantee in (difference.actual.facts["executable by"] or ()) if difference.actual else ():
        role = sql.SQL("PUBLIC") if grantee == "PUBLIC" else ident(grantee)
        yield sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM {}").format(sql.SQL(difference.subject.name), role)


def _trigger(difference: Difference, table: sql.SQL, own_name: sql.SQL, definition: str) -> Iterator[sql.Composable]:
    """Create or replace a trigger of the ledger, and set when it fires."""
    assert difference.expected is not None
    if "definition" in difference.aspects:
        yield sql.SQL("DROP TRIGGER {} ON {}").format(own_name, table)
    if difference.kind == "missing" or "definition" in difference.aspects:
        yield sql.SQL(definition)
    firing = sql.SQL(_FIRING[difference.expected.facts["enabled"]])
    yield sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(table, firing, own_name)


def _relation(difference: Difference, table: sql.SQL, definition: str) -> Iterator[sql.Composable]:
    assert difference.actual is not None
    aspects, live = difference.aspects, difference.actual.facts
    kind = sql.SQL(difference.subject.kind.upper())
    if "row security" in aspects:
        yield sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(table)
    if "row security forced" in aspects:
        yield sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(table)
    for parent in (live["parents"] or ()) if "parents" in aspects else ():
        yield sql.SQL("ALTER TABLE {} NO INHERIT {}").format(table, sql.SQL(parent))
    for child in (live["children"] or ()) if "children" in aspects else ():
        yield sql.SQL("ALTER TABLE {} NO INHERIT {}").format(sql.SQL(child), table)
    if "options" in aspects:
        names = sql.SQL(", ").join(ident(option.partition("=")[0]) for option in live["options"] or ())
        yield sql.SQL("ALTER {} {} RESET ({})").format(kind, table, names)
    if "definition" in aspects or "reads" in aspects:
        yield sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(table, sql.SQL(definition.rstrip(";")))


def _column(difference: Difference, table: sql.SQL, own_name: sql.SQL) -> Iterator[sql.Composable]:
    assert difference.expected is not None
    aspects, facts = difference.aspects, difference.expected.facts
    alter = sql.SQL("ALTER TABLE {} ALTER COLUMN {} {}").format
    if "identity" in aspects:
        yield alter(table, own_name, sql.SQL("DROP IDENTITY"))
    if "generated" in aspects:
        yield alter(table, own_name, sql.SQL("DROP EXPRESSION"))
    if "default" in aspects:
        default = facts.get("default")
        yield alter(table, own_name, sql.SQL(f"SET DEFAULT {default}" if default else "DROP DEFAULT"))
    if "not null" in aspects:
        yield alter(table, own_name, sql.SQL("SET NOT NULL" if facts.get("not null") else "DROP NOT NULL"))


def _constraint(difference: Difference, table: sql.SQL, own_name: sql.SQL, definition: str) -> Iterator[sql.Composable]:
    """NOT VALID where that is possible: rows of older versions need not satisfy it."""
    if difference.kind == "changed":
        yield sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, own_name)
    suffix = " NOT VALID" if definition.startswith(("CHECK", "FOREIGN KEY")) else ""
    yield sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(table, own_name, sql.SQL(definition + suffix))


def _own_name(subject: SchemaObject) -> str:
    """The name without its table, quoted as the server quotes it."""
    return subject.name.removesuffix(f" on {subject.table}").removeprefix(f"{subject.table}.")


def _owner(conn: Connection) -> str:
    rows = fetch(conn, _OWNER)
    return str(rows[0]["name"]) if rows else ""
