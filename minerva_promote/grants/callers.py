"""What runs a function without a check of EXECUTE on it: the rows of sql/routines.sql as a path of callers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from minerva_promote.database.catalog import Row
from minerva_promote.grants.live_state import Caller, DatabaseObject

ObjectsByOid = Mapping[tuple[str, int], DatabaseObject]  # (kind, OID) -> object

_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "MAINTAIN")  # by the bits of "events"
_RELATIONS = ("table", "view", "materialized view", "foreign table")


def callers_of(rows: Iterable[Row], objects: ObjectsByOid) -> tuple[Caller, ...]:
    """The callers of one function, nearest first in a stable order, with the shortest path of each to the function."""
    by_next: dict[str | None, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["fires"], row["kind"], row["name"], row["part"] or "", row["events"])):
        by_next[row["next"]].append(row)
    callers: list[Caller] = []
    positions: dict[str | None, int | None] = {None: None}
    level: list[str | None] = [None]
    while level:
        next_level: list[str | None] = []
        for name in level:
            for row in by_next[name]:
                if row["id"] not in positions:
                    positions[row["id"]] = len(callers)
                    callers.append(_caller(row, positions[name], objects))
                    next_level.append(row["id"])
        level = next_level
    return tuple(callers)


def _caller(row: Row, next_position: int | None, objects: ObjectsByOid) -> Caller:
    is_relation, executors = row["kind"] in _RELATIONS, row["executors"]
    kind = "table" if is_relation else "function"
    database_object = objects.get((kind, row["object"])) if is_relation or executors is not None else None
    return Caller(
        kind=row["kind"],
        name=database_object.name if database_object is not None else row["name"],
        part=row["part"] or "",
        fires=row["fires"],
        next=next_position,
        privileges=frozenset(
            privilege for bit, privilege in enumerate(_PRIVILEGES) if is_relation and row["events"] & 1 << bit
        ),
        executors=None if executors is None else frozenset(executors),
    )
