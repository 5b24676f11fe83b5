-- The partitioned tables and partitions that have rows in common with some tables (called so; schemas and names in step).
SELECT w.called AS "table", n.nspname::text AS schema, c.relname::text AS name
FROM unnest(%(tables)s::text[], %(schemas)s::text[], %(names)s::text[]) AS w (called, schema, name)
JOIN pg_catalog.pg_namespace AS wn ON wn.nspname = w.schema
JOIN pg_catalog.pg_class AS wc ON wc.relnamespace = wn.oid AND wc.relname = w.name
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(pg_catalog.pg_partition_root(wc.oid)) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
