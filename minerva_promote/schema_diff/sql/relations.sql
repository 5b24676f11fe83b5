-- Tables of every kind, views and materialized views; not those of extensions, nor Alembic's note of the revision.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS name,
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
    CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'ordinary' END AS type,
    c.relpersistence = 'u' AS unlogged,
    CASE WHEN c.relkind IN ('r', 'm', 'p') AND m.amname <> 'heap' THEN m.amname::text ELSE '' END AS method,
    ARRAY(
        SELECT pg_catalog.unnest(c.reloptions)
        UNION ALL SELECT 'toast.' || pg_catalog.unnest(o.reloptions)
        ORDER BY 1
    ) AS options,
    CASE WHEN NOT c.relrowsecurity THEN CASE WHEN c.relforcerowsecurity THEN 'off, forced' ELSE '' END
        WHEN c.relforcerowsecurity THEN 'forced' ELSE 'on' END AS row_security,
    CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index ' || (
        SELECT i.relname::text
        FROM pg_catalog.pg_index AS x
        JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
        WHERE x.indrelid = c.oid AND x.indisreplident
    ) ELSE '' END AS replica_identity,
    CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) ELSE '' END AS partition_by,
    CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) ELSE '' END AS bounds,
    coalesce(h.parents, '{}') AS inherits,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) ELSE '' END AS definition,
    CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) ELSE '' END AS of_type,
    coalesce((
        SELECT s.srvname::text || coalesce(' (' || pg_catalog.array_to_string(f.ftoptions, ', ') || ')', '')
        FROM pg_catalog.pg_foreign_table AS f
        JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
        WHERE f.ftrelid = c.oid
    ), '') AS server
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
LEFT JOIN pg_catalog.pg_class AS o ON o.oid = c.reltoastrelid AND o.reloptions IS NOT NULL
LEFT JOIN (
    SELECT i.inhrelid, pg_catalog.array_agg(i.inhparent::pg_catalog.regclass::text ORDER BY i.inhseqno) AS parents
    FROM pg_catalog.pg_inherits AS i
    GROUP BY i.inhrelid
) AS h ON h.inhrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
    AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
    AND NOT (n.nspname = 'public' AND c.relname = 'alembic_version')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1, 2
