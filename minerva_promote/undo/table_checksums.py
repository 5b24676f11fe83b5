"""Checksums of whole tables, and counts of what a transaction wrote to them: the proof of a removal."""

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
    """A table that a removal could affect."""

    oid: int
    name: str
    schema: str
    relation: str
    partitioned: bool
    readable: bool  # all of its rows, by the current role
    lockable: bool  # by the current role

    @property
    def source(self) -> sql.Composable:
        """The table in a FROM, without tables that inherit from it."""
        name = sql.Identifier(self.schema, self.relation)
        return name if self.partitioned else sql.SQL("only {}").format(name)


@dataclass(frozen=True, slots=True)
class TableChecksum:
    """The content of a table, whatever the order of its rows."""

    rows: int
    hash: str  # of all columns


def affected_tables(conn: Connection, oids: Iterable[int]) -> tuple[AffectedTable, ...]:
    """These tables, and all that refer to them by foreign keys, directly or not."""
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
        for row in fetch(conn, query_text("affected_tables"), {"tables": sorted(set(oids))})
    )


# Sums of pieces of each row's sha256: they do not depend on the order of rows, and need no memory.
_CHECKSUM = """
select count(*)::bigint as rows,
       coalesce(sum(('x' || encode(substr(h.digest, 1, 8), 'hex'))::bit(64)::bigint::numeric), 0)::text as first,
       coalesce(sum(('x' || encode(substr(h.digest, 9, 8), 'hex'))::bit(64)::bigint::numeric), 0)::text as second
from {} as t cross join lateral (select sha256(record_send(t.*)) as digest offset 0) as h
"""


def table_checksums(conn: Connection, tables: Iterable[AffectedTable]) -> dict[str, TableChecksum]:
    """The checksum of each table as this transaction sees it, by name. Raises TargetError for one it may not read."""
    checksums = {}
    for table in tables:
        if not table.readable:
            raise TargetError(
                f"what {table.name} holds cannot be compared: this role may not read all of it",
                hint=f"GRANT SELECT ON {table.name} TO the role of admin_url",
            )
        row = fetch(conn, sql.SQL(_CHECKSUM).format(table.source))[0]
        checksums[table.name] = TableChecksum(row["rows"], f"{row['first']}:{row['second']}")
    return checksums


@dataclass(frozen=True, slots=True)
class WriteCounters:
    """How many rows of a table the transaction inserted, updated and deleted so far, and the files of the table."""

    inserted: int
    updated: int
    deleted: int
    files: str


def read_write_counters(conn: Connection) -> dict[int, WriteCounters]:
    """The counters of every table of the database, by oid."""
    return {
        row["table"]: WriteCounters(row["inserted"] or 0, row["updated"] or 0, row["deleted"] or 0, row["files"] or "")
        for row in fetch(conn, query_text("write_counters"))
    }


@dataclass(frozen=True, slots=True)
class WriteDelta:
    """The difference between two readings of the counters of a table."""

    inserted: int
    updated: int
    deleted: int
    truncated: bool  # or rewritten: its files are others


def write_deltas(before: Mapping[int, WriteCounters], after: Mapping[int, WriteCounters]) -> dict[int, WriteDelta]:
    """What was written between two readings, by oid of the tables that were written; a new table counts from zero."""
    deltas = {}
    unchanged = WriteDelta(0, 0, 0, truncated=False)
    for oid, now in after.items():
        then = before.get(oid, WriteCounters(0, 0, 0, ""))
        delta = WriteDelta(
            now.inserted - then.inserted,
            now.updated - then.updated,
            now.deleted - then.deleted,
            truncated=bool(then.files) and then.files != now.files,
        )
        if delta != unchanged:
            deltas[oid] = delta
    return deltas


_TRACK_COUNTS = b"select setting = 'on' as counted from pg_catalog.pg_settings where name = 'track_counts'"


def server_counts_writes(conn: Connection) -> bool:
    """Whether the server counts what a transaction writes (track_counts)."""
    return bool(fetch(conn, _TRACK_COUNTS)[0]["counted"])
