"""The record of the vector indexes that promote built: how many rows there were."""

from __future__ import annotations

from importlib import resources

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.search.vector_indexes import RECORDS, VectorIndex, count_rows, read_indexes

_SCHEMA = b"""
SELECT pg_catalog.has_schema_privilege(oid, 'USAGE, CREATE') AS ours FROM pg_catalog.pg_namespace
WHERE nspname = 'promote' AND EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = pg_namespace.oid
    AND relname = 'ledger')
"""
_WRITE = b"""
INSERT INTO promote.vector_indexes (schema_name, index_name, filenode, table_name, method, options, rows, applied)
VALUES (%(schema)s, %(name)s, %(filenode)s, %(table)s, %(method)s, %(options)s, %(rows)s, %(applied)s)
ON CONFLICT (schema_name, index_name) DO UPDATE SET filenode = excluded.filenode, table_name = excluded.table_name,
    method = excluded.method, options = excluded.options, rows = excluded.rows, built_at = clock_timestamp(),
    applied = excluded.applied OR (vector_indexes.applied AND vector_indexes.method = excluded.method
        AND vector_indexes.options = excluded.options)
    WHERE vector_indexes.filenode <> excluded.filenode
"""
# An index that was renamed is the same build: its file stays.
_RENAME = b"""
UPDATE promote.vector_indexes AS r SET index_name = c.relname
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE n.nspname = r.schema_name AND c.relfilenode = r.filenode AND c.relname <> r.index_name
    AND pg_catalog.format('%s.%s', n.nspname, (SELECT relname FROM pg_catalog.pg_class WHERE oid = i.indrelid))
        = r.table_name
    AND NOT EXISTS (SELECT FROM promote.vector_indexes AS o
        WHERE o.schema_name = r.schema_name AND o.index_name = c.relname)
"""
_COLUMN = b"""
SELECT FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass('promote.vector_indexes') AND attname = 'applied'
"""
# The record of an older release has no such column: see schema.sql.
_APPLIED = b"""
SELECT r.schema_name AS schema, r.index_name AS name
FROM promote.vector_indexes AS r
JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.index_name
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = r.method
WHERE coalesce((pg_catalog.to_jsonb(r) ->> 'applied')::boolean, true) AND coalesce(c.reloptions, '{}') <@ r.options
"""
_FORGET = b"""
DELETE FROM promote.vector_indexes AS r WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = r.schema_name AND c.relname = r.index_name)
"""


def record_builds(conn: Connection) -> int:
    """Record every vector index whose build is not known yet, with its rows at build; return how many these are.

    As the owner, in the transaction that is open or in one of its own; for setup and migrations, after their work.
    Rows of older builds are estimated from the rows' transactions. Nothing is done where there is no ledger.
    """
    if not _record_exists(conn):
        return 0
    written = 0
    with conn.transaction():
        with target_errors("recording vector indexes"):
            conn.execute(_RENAME)
        for index in read_indexes(conn):
            if index.valid and not index.leftover:
                counted = count_rows(conn, index)
                if not counted.recorded:
                    _write(conn, index, counted.built or 0, applied=False)
                    written += 1
        with target_errors("recording vector indexes"):
            conn.execute(_FORGET)
    return written


def record_build(conn: Connection, index: VectorIndex, rows: int) -> None:
    """Record one index that `promote index` built over so many rows; nothing where there is no ledger."""
    if _record_exists(conn):
        _write(conn, index, rows, applied=True)


def applied_builds(conn: Connection) -> frozenset[tuple[str, str]]:
    """Schema and name of the indexes that are as `promote index --apply` chose them; none where this role may not read.

    By name and parameters, not by file: whoever builds the same again changes nothing. Two queries.
    """
    if fetch(conn, RECORDS) != [{"readable": True}]:
        return frozenset()
    return frozenset((row["schema"], row["name"]) for row in fetch(conn, _APPLIED))


def _write(conn: Connection, index: VectorIndex, rows: int, *, applied: bool) -> None:
    values = {
        "schema": index.schema,
        "name": index.name,
        "filenode": index.filenode,
        "table": f"{index.schema}.{index.table}",
        "method": index.method,
        "options": [f"{name}={value}" for name, value in index.options.items()],
        "rows": rows,
        "applied": applied,
    }
    with target_errors("recording a vector index"):
        conn.execute(_WRITE, values)


def _record_exists(conn: Connection) -> bool:
    """Whether there is a ledger to write to; the table, or its newest column, is created where it is missing."""
    if fetch(conn, _SCHEMA) != [{"ours": True}]:
        return False
    if not fetch(conn, _COLUMN):
        with target_errors("making the record of vector indexes"), conn.transaction():
            conn.execute(resources.files(__package__ or "").joinpath("schema.sql").read_bytes())
    return True
