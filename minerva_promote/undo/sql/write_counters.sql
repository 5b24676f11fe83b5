-- What this transaction has written so far, by table; the file of a table is another one after a TRUNCATE. Counts of a
-- session's last transaction may still be in them: only the difference of two readings means something.
SELECT
    coalesce(
        (SELECT a.relid::oid FROM pg_catalog.pg_partition_ancestors(c.oid) AS a
         JOIN pg_catalog.pg_class AS top ON top.oid = a.relid WHERE NOT top.relispartition),
        c.oid)::bigint AS "table",
    pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid))::bigint AS inserted,
    pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_updated(c.oid))::bigint AS updated,
    pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))::bigint AS deleted,
    pg_catalog.string_agg(pg_catalog.pg_relation_filenode(c.oid)::text, ' ' ORDER BY c.oid) AS files
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'promote')
GROUP BY 1
