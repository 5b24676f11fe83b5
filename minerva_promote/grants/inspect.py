"""Everything about roles and privileges of one database, read at once."""

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
from minerva_promote.grants.callers import Known, callers_of
from minerva_promote.grants.function_signature import Signature
from minerva_promote.grants.live_state import (
    Entry,
    LiveRole,
    LiveState,
    Member,
    Object,
    OtherDatabase,
    OwnedObject,
    Routine,
    ServerSetting,
    TableEffect,
    UserMapping,
)
from minerva_promote.grants.model import Slot


def inspect(conn: Connection, roles: Iterable[str], functions: Iterable[str] = ()) -> LiveState:
    """How things are with these roles and PUBLIC; whichever role asks, whatever its search_path. Ten queries.

    ``functions`` are looked up ("f(int)", in ``public`` where it names no schema), those of system schemas too.
    All of it is of one moment, unless the connection is in a transaction that is READ COMMITTED.
    """
    with _one_moment(conn):
        return _inspect(conn, roles, functions)


@contextmanager
def _one_moment(conn: Connection) -> Iterator[None]:
    """A snapshot for all queries inside, where no transaction is open: roles come and go at any time."""
    if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        yield
        return
    with conn.transaction(how=REPEATABLE_READ + b", read only"):
        yield


def _inspect(conn: Connection, roles: Iterable[str], functions: Iterable[str]) -> LiveState:
    asked = {"roles": sorted(set(roles))}
    wanted = {text: Signature.read(text) for text in sorted(set(functions))}
    session = _fetch(conn, "session", asked)[0]
    others = tuple(_other_databases(session.pop("other_databases")))
    session["extension_schemas"] = tuple(session["extension_schemas"])
    entries, routines = _fetch(conn, "entries", asked), _fetch(conn, "routines", asked)
    known = _objects(conn, entries, routines, wanted.values())
    return LiveState(
        **session,
        other_databases=others,
        objects={(found.kind, found.name): found for found in known.values()},
        roles={row["name"]: _role(row) for row in _fetch(conn, "roles")},
        members=tuple(Member(**row) for row in _fetch(conn, "members")),
        entries=tuple(_entries(entries, known)),
        owned=tuple(OwnedObject(**row) for row in _fetch(conn, "owned", asked)),
        routines=tuple(_routines(routines, known)),
        effects=tuple(_effects(_fetch(conn, "effects"), known)),
        mappings=tuple(UserMapping(**row) for row in _fetch(conn, "mappings", asked)),
        settings=tuple(
            ServerSetting(*_assignment(row["setting"]), row["of_database"]) for row in _fetch(conn, "settings")
        ),
        declared_functions=_declared(wanted, known),
    )


def _fetch(conn: Connection, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
    return catalog.fetch(conn, catalog.query(name, __package__ or ""), parameters)


def _objects(conn: Connection, entries: Sequence[Row], routines: Iterable[Row], wanted: Iterable[Signature]) -> Known:
    """All objects; of system schemas those that the rows tell by number, and the functions that may be wanted."""
    relations = {row["object"] for row in entries if row["of_system_schema"] and row["kind"] != "function"}
    functions = {row["object"] for row in entries if row["of_system_schema"] and row["kind"] == "function"}
    asked = {
        "relations": sorted(relations),
        "functions": sorted(functions | {row["object"] for row in routines}),
        "names": sorted({split(signature.name)[1] for signature in wanted}),
    }
    known = {
        (row["kind"], row.pop("object")): Object(**{**row, "columns": tuple(row["columns"])})
        for row in _fetch(conn, "objects", asked)
    }
    for row in entries:
        sequence = known.get(("sequence", row["object"])) if row["kind"] == "column" else None
        if sequence:  # GRANT takes a sequence for a table there
            known["table", row["object"]] = replace(sequence, kind="table", builtin=True, columns=(row["column"],))
    return known


def _role(row: Row) -> LiveRole:
    settings = {key: dict(map(_assignment, row[key])) for key in ("settings", "settings_everywhere")}
    return LiveRole(**{**row, **settings})


def _entries(rows: Iterable[Row], known: Known) -> Iterator[Entry]:
    words = cache(_words)
    for row in rows:
        kind, name = row["kind"], row["name"]
        if name is None:
            found = known.get(("table" if kind == "column" else kind, row["object"]))
            if found is None:  # dropped in between
                continue
            name = found.name
        yield Entry(
            Slot(row["grantee"], kind, name, row["column"] or ""),
            row["grantor"],
            words(row["privileges"]),
            words(row["options"]),
            words(row["initial"]),
        )


def _other_databases(rows: Iterable[Row]) -> Iterator[OtherDatabase]:
    for row in rows:
        privileges = {grantee: frozenset(privileges) for grantee, privileges in row.pop("privileges").items()}
        yield OtherDatabase(**row, privileges=privileges)


def _routines(rows: Iterable[Row], known: Known) -> Iterator[Routine]:
    for row in rows:
        number = row.pop("object")
        if found := known.get(("function", number)):
            executors, callers = frozenset(row.pop("executors")), callers_of(row.pop("callers"), known)
            yield Routine(name=found.name, sql=found.sql, executors=executors, callers=callers, **row)


def _effects(rows: Iterable[Row], known: Known) -> Iterator[TableEffect]:
    for row in rows:
        function = known.get(("function", row.pop("function")))
        state = row.pop("state") or (function.name if function else "")
        yield TableEffect(events=frozenset(row.pop("events")), state=state, **row)


def _declared(wanted: Mapping[str, Signature], known: Known) -> Mapping[str, str]:
    """For every text the one function that it means."""
    by_name: dict[str, list[Signature]] = {signature.name: [] for signature in wanted.values()}
    for found in known.values():
        if found.kind == "function" and found.name.partition("(")[0] in by_name:
            by_name[found.name.partition("(")[0]].append(Signature.read(found.name))
    meant = {text: signature.among(by_name[signature.name]) for text, signature in wanted.items()}
    return {text: signature.text for text, signature in meant.items() if signature is not None}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split(",") if text else ())


def _assignment(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.lower(), value  # the server writes TimeZone, and takes it in any case
