"""What tables hold, as one number each, and what a transaction wrote to them: the proof of a removal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psycopg import sql

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of
from minerva_promote.errors import TargetError
from minerva_promote.undo.table_catalog import query_text


@dataclass(frozen=True, slots=True)
class AffectedTable:
    """A table that a removal could touch."""

    oid: int
    name: str
    schema: str
    relation: str
    partitioned: bool
    readable: bool  # all of its rows, by the current role
    lockable: bool

    @property
    def source(self) -> sql.Composable:
        """The table alone."""
        name = sql.Identifier(self.schema, self.relation)
        return name if self.partitioned else sql.SQL("only {}").format(name)


@dataclass(frozen=True, slots=True)
class TableChecksum:
    """All rows of a table, whatever their order."""

    rows: int
    hash: str


def affected_tables(conn: Connection, oids: Iterable[int]) -> tuple[AffectedTable, ...]:
    """These tables, and all that lead to them by foreign keys."""
    return tuple(
        AffectedTable(
            row["oid"],
            name_of(row["schema"], row["name"]),
            row["schema"],
            row["name"],
            row["partitioned"],
            row["readable"],
            row["lockable"],
        )
        for row in fetch(conn, query_text("reached"), {"tables": sorted(set(oids))})
    )


# Sums of pieces of each row's sha256: they do not depend on the order of rows, and need no memory.
_CONTENT = """
select count(*)::bigint as rows,
       coalesce(sum(('x' || encode(substr(h.digest, 1, 8), 'hex'))::bit(64)::bigint::numeric), 0)::text as first,
       coalesce(sum(('x' || encode(substr(h.digest, 9, 8), 'hex'))::bit(64)::bigint::numeric), 0)::text as second
from {} as t cross join lateral (select sha256(record_send(t.*)) as digest offset 0) as h
"""


def table_checksums(conn: Connection, tables: Iterable[AffectedTable]) -> dict[str, TableChecksum]:
    """What each table holds now, as this transaction sees it. Raises TargetError for a table it may not read."""
    found = {}
    for table in tables:
        if not table.readable:
            raise TargetError(
                f"what {table.name} holds cannot be compared: this role may not read all of it",
                hint=f"GRANT SELECT ON {table.name} TO the role of admin_url",
            )
        row = fetch(conn, sql.SQL(_CONTENT).format(table.source))[0]
        found[table.name] = TableChecksum(row["rows"], f"{row['first']}:{row['second']}")
    return found


@dataclass(frozen=True, slots=True)
class WriteCounters:
    """How many rows of a table a transaction inserted, updated and deleted so far; and its files."""

    inserted: int
    updated: int
    deleted: int
    files: str


def read_write_counters(conn: Connection) -> dict[int, WriteCounters]:
    """Per table of the database, by oid."""
    return {
        row["table"]: WriteCounters(row["inserted"] or 0, row["updated"] or 0, row["deleted"] or 0, row["files"] or "")
        for row in fetch(conn, query_text("written"))
    }


@dataclass(frozen=True, slots=True)
class WriteDelta:
    """The difference of two readings."""

    inserted: int
    updated: int
    deleted: int
    truncated: bool


def write_deltas(before: Mapping[int, WriteCounters], after: Mapping[int, WriteCounters]) -> dict[int, WriteDelta]:
    """What happened between two readings, where something did; a new table counts from nothing."""
    found = {}
    nothing = WriteCounters(0, 0, 0, "")
    for oid, now in after.items():
        then = before.get(oid, nothing)
        other = bool(then.files) and then.files != now.files
        since = WriteDelta(
            now.inserted - then.inserted, now.updated - then.updated, now.deleted - then.deleted, truncated=other
        )
        if other or since.inserted or since.updated or since.deleted:
            found[oid] = since
    return found


_COUNTED = b"select setting = 'on' as counted from pg_catalog.pg_settings where name = 'track_counts'"


def server_counts_writes(conn: Connection) -> bool:
    """Whether the server counts what a transaction writes (track_counts)."""
    return bool(fetch(conn, _COUNTED)[0]["counted"])
