-- Some tables, and all that lead to them by foreign keys, directly or not: what a removal could touch.
WITH RECURSIVE reached (oid) AS (
    SELECT unnest(%(tables)s::oid[])
    UNION
    SELECT k.conrelid FROM pg_catalog.pg_constraint AS k JOIN reached ON k.confrelid = reached.oid WHERE k.contype = 'f'
)
SELECT
    c.oid::bigint AS oid,
    n.nspname::text AS schema,
    c.relname::text AS name,
    c.relkind = 'p' AS partitioned,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
        AND NOT pg_catalog.row_security_active(c.oid) AS readable,
    pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') AS lockable
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid IN (SELECT oid FROM reached)
    AND NOT (c.relispartition AND EXISTS (  -- its parent stands for it
        SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) AS a
        WHERE a.relid::oid <> c.oid AND a.relid::oid IN (SELECT oid FROM reached)))
ORDER BY 2, 3
