-- Every vector index of the database but those of temporary tables, also one that is invalid or being built: what it is
-- over, how it was made, how big it is.
SELECT
    i.oid::bigint AS oid,
    n.nspname::text AS schema,
    i.relname::text AS name,
    t.relname::text AS table,
    m.amname::text AS method,
    o.opcname::text AS opclass,
    o_n.nspname::text AS opclass_schema,
    pg_catalog.pg_get_indexdef(i.oid, 1, true) AS expression,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    ty.typname::text AS base_type,
    a.atttypmod AS dimensions,
    x.indkey[0] = 0 AS is_expression,
    coalesce(c.attname::text, '') AS column,
    coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid, true), '') AS predicate,
    coalesce((
        SELECT op.oprname::text FROM pg_catalog.pg_amop AS ao JOIN pg_catalog.pg_operator AS op ON op.oid = ao.amopopr
        WHERE ao.amopfamily = o.opcfamily AND ao.amoppurpose = 'o' AND ao.amoplefttype = o.opcintype LIMIT 1
    ), '') AS operator,
    coalesce(i.reloptions, '{}')::text[] AS options,
    coalesce(s.spcname::text, '') AS tablespace,
    x.indisvalid AND x.indisready AND x.indislive AS valid,
    NOT x.indisvalid AND EXISTS (  -- who builds it holds the table's lock all the time, and shows that it builds
        SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
        JOIN pg_catalog.pg_locks AS l ON l.pid = p.pid AND l.database = p.datid AND l.relation = t.oid
            AND l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
        WHERE p.datname = pg_catalog.current_database() AND p.pid <> pg_catalog.pg_backend_pid()
    ) AS building,
    h.inhparent IS NOT NULL AS of_partition,
    (pg_catalog.pg_relation_size(i.oid) / pg_catalog.current_setting('block_size')::bigint)::bigint AS pages,
    pg_catalog.pg_relation_size(i.oid) AS size,
    pg_catalog.pg_relation_filenode(i.oid)::bigint AS filenode,
    greatest(t.reltuples, 0)::bigint AS estimate,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(t.oid, 'SELECT') AS readable,
    coalesce(pg_catalog.obj_description(i.oid, 'pg_class'), '') AS comment
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid AND i.relkind = 'i'
JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = i.relnamespace
JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
JOIN pg_catalog.pg_opclass AS o ON o.oid = x.indclass[0]
JOIN pg_catalog.pg_namespace AS o_n ON o_n.oid = o.opcnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.oid AND a.attnum = 1
JOIN pg_catalog.pg_type AS ty ON ty.oid = a.atttypid
LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = i.reltablespace
LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = i.oid
LEFT JOIN LATERAL (  -- of an expression: the vector column that it is over
    SELECT ca.attname FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_attribute AS ca ON ca.attrelid = d.refobjid AND ca.attnum = d.refobjsubid
    JOIN pg_catalog.pg_type AS ct ON ct.oid = ca.atttypid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.oid
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = t.oid AND d.refobjsubid > 0
        AND (d.refobjsubid = x.indkey[0] OR ct.typname IN ('vector', 'halfvec', 'sparsevec'))
    ORDER BY d.refobjsubid LIMIT 1
) AS c ON true
WHERE m.amname IN ('ivfflat', 'hnsw') AND t.relpersistence <> 't'
ORDER BY n.nspname, t.relname, i.relname
