"""Reads the live state of roles and privileges of one database from the system catalogs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import psycopg

from minerva_promote.database import catalog
from minerva_promote.database.catalog import Row
from minerva_promote.database.connection import REPEATABLE_READ, Connection
from minerva_promote.database.quote import split
from minerva_promote.grants.callers import ObjectsByOid, callers_of
from minerva_promote.grants.function_signature import Signature
from minerva_promote.grants.live_state import (
    AclEntry,
    DatabaseObject,
    LiveRole,
    LiveState,
    MembershipRow,
    OtherDatabase,
    OwnedObject,
    Routine,
    ServerSetting,
    TableEffect,
    UserMapping,
)
from minerva_promote.grants.model import Slot


def inspect(conn: Connection, roles: Iterable[str], functions: Iterable[str] = ()) -> LiveState:
    """The live state of these roles and PUBLIC, in ten queries; the same for any session role and search_path.

    ``functions`` are the declared ones ("f(int)", in ``public`` where it names no schema); they are resolved in system
    schemas too. All is read from one snapshot, unless the session is in a READ COMMITTED transaction.
    """
    with _snapshot(conn):
        return _inspect(conn, roles, functions)


@contextmanager
def _snapshot(conn: Connection) -> Iterator[None]:
    """One snapshot for all queries inside, unless a transaction is open: others create and drop roles meanwhile."""
    if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        yield
        return
    with conn.transaction(isolation=REPEATABLE_READ + b", read only"):
        yield


def _inspect(conn: Connection, roles: Iterable[str], functions: Iterable[str]) -> LiveState:
    parameters = {"roles": sorted(set(roles))}
    wanted = {text: Signature.read(text) for text in sorted(set(functions))}
    session = _fetch(conn, "session", parameters)[0]
    others = tuple(_other_databases(session.pop("other_databases")))
    session["extension_schemas"] = tuple(session["extension_schemas"])
    entries, routines = _fetch(conn, "entries", parameters), _fetch(conn, "routines", parameters)
    objects = _read_objects(conn, entries, routines, wanted.values())
    return LiveState(
        **session,
        other_databases=others,
        objects={(database_object.kind, database_object.name): database_object for database_object in objects.values()},
        roles={row["name"]: _role(row) for row in _fetch(conn, "roles")},
        members=tuple(MembershipRow(**row) for row in _fetch(conn, "members")),
        entries=tuple(_entries(entries, objects)),
        owned=tuple(OwnedObject(**row) for row in _fetch(conn, "owned", parameters)),
        routines=tuple(_routines(routines, objects)),
        effects=tuple(_effects(_fetch(conn, "effects"), objects)),
        mappings=tuple(UserMapping(**row) for row in _fetch(conn, "mappings", parameters)),
        settings=tuple(
            ServerSetting(*_split_setting(row["setting"]), row["of_database"]) for row in _fetch(conn, "settings")
        ),
        declared_functions=_resolve_functions(wanted, objects),
    )


def _fetch(conn: Connection, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
    return catalog.fetch(conn, catalog.query(name, __package__ or ""), parameters)


def _read_objects(
    conn: Connection, entries: Sequence[Row], routines: Iterable[Row], wanted: Iterable[Signature]
) -> ObjectsByOid:
    """All objects; of system schemas those that the rows name by OID, and functions with a declared name."""
    relations = {row["object"] for row in entries if row["of_system_schema"] and row["kind"] != "function"}
    functions = {row["object"] for row in entries if row["of_system_schema"] and row["kind"] == "function"}
    parameters = {
        "relations": sorted(relations),
        "functions": sorted(functions | {row["object"] for row in routines}),
        "names": sorted({split(signature.name)[1] for signature in wanted}),
    }
    objects = {
        (row["kind"], row.pop("object")): DatabaseObject(**{**row, "columns": tuple(row["columns"])})
        for row in _fetch(conn, "objects", parameters)
    }
    for row in entries:
        sequence = objects.get(("sequence", row["object"])) if row["kind"] == "column" else None
        if sequence:  # GRANT on columns accepts a sequence as a table
            objects["table", row["object"]] = replace(sequence, kind="table", builtin=True, columns=(row["column"],))
    return objects


def _role(row: Row) -> LiveRole:
    settings = {key: dict(map(_split_setting, row[key])) for key in ("settings", "settings_everywhere")}
    return LiveRole(**{**row, **settings})


def _entries(rows: Iterable[Row], objects: ObjectsByOid) -> Iterator[AclEntry]:
    split_privileges = cache(_split_privileges)
    for row in rows:
        kind, name = row["kind"], row["name"]
        if name is None:
            database_object = objects.get(("table" if kind == "column" else kind, row["object"]))
            if database_object is None:  # dropped in between
                continue
            name = database_object.name
        yield AclEntry(
            Slot(row["grantee"], kind, name, row["column"] or ""),
            row["grantor"],
            split_privileges(row["privileges"]),
            split_privileges(row["options"]),
            split_privileges(row["initial"]),
        )


def _other_databases(rows: Iterable[Row]) -> Iterator[OtherDatabase]:
    for row in rows:
        privileges = {grantee: frozenset(privileges) for grantee, privileges in row.pop("privileges").items()}
        yield OtherDatabase(**row, privileges=privileges)


def _routines(rows: Iterable[Row], objects: ObjectsByOid) -> Iterator[Routine]:
    for row in rows:
        oid = row.pop("object")
        if function := objects.get(("function", oid)):
            executors, callers = frozenset(row.pop("executors")), callers_of(row.pop("callers"), objects)
            yield Routine(name=function.name, sql=function.sql, executors=executors, callers=callers, **row)


def _effects(rows: Iterable[Row], objects: ObjectsByOid) -> Iterator[TableEffect]:
    for row in rows:
        function = objects.get(("function", row.pop("function")))
        state = row.pop("state") or (function.name if function else "")
        yield TableEffect(events=frozenset(row.pop("events")), state=state, **row)


def _resolve_functions(wanted: Mapping[str, Signature], objects: ObjectsByOid) -> Mapping[str, str]:
    """Declared function -> Slot.name of the one function that it names; others are left out."""
    by_name: dict[str, list[Signature]] = {signature.name: [] for signature in wanted.values()}
    for database_object in objects.values():
        if database_object.kind == "function" and database_object.name.partition("(")[0] in by_name:
            by_name[database_object.name.partition("(")[0]].append(Signature.read(database_object.name))
    matches = {text: signature.among(by_name[signature.name]) for text, signature in wanted.items()}
    return {text: signature.text for text, signature in matches.items() if signature is not None}


def _split_privileges(text: str) -> frozenset[str]:
    return frozenset(text.split(",") if text else ())


def _split_setting(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.lower(), value  # the server writes TimeZone, and takes it in any case
