-- The columns of pgvector's types in ordinary tables: schema, table, column, type, length (-1: any), rows by estimate.
SELECT
    n.nspname::text AS schema,
    t.relname::text AS table,
    a.attname::text AS column,
    ty.typname::text AS base_type,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    a.atttypmod AS dimensions,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(t.oid, 'SELECT') AS readable,
    greatest(t.reltuples, 0)::bigint AS estimate
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS t ON t.oid = a.attrelid AND t.relkind = 'r' AND t.relpersistence <> 't'
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_type AS ty ON ty.oid = a.atttypid
JOIN pg_catalog.pg_extension AS e ON e.extname = 'vector' AND e.extnamespace = ty.typnamespace
WHERE ty.typname IN ('vector', 'halfvec', 'sparsevec') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1, 2, a.attnum
