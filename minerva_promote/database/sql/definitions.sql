-- What some tables, named with their schema unless that is public, do with a row beyond types and keys, partitions included: defaults, constraints,
-- indexes, policies, and the functions of their triggers.
WITH wanted AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
), every AS (
    SELECT oid FROM wanted
    UNION SELECT tree.relid::oid FROM wanted CROSS JOIN LATERAL pg_catalog.pg_partition_tree(wanted.oid) AS tree
)
SELECT pg_catalog.concat_ws(' ', c.relname, found.kind, found.name, found.definition) AS definition
FROM (
    SELECT d.adrelid AS oid, 'default' AS kind, a.attname AS name,
        pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS definition
    FROM pg_catalog.pg_attrdef AS d
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT k.conrelid, 'constraint', k.conname, pg_catalog.pg_get_constraintdef(k.oid)
    FROM pg_catalog.pg_constraint AS k
    UNION ALL
    SELECT x.indrelid, CASE WHEN x.indisvalid THEN 'index' ELSE 'invalid index' END, i.relname,
        pg_catalog.pg_get_indexdef(x.indexrelid)
    FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    UNION ALL
    SELECT p.polrelid, 'policy', p.polname, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    FROM pg_catalog.pg_policy AS p
    UNION ALL
    SELECT t.tgrelid, 'trigger', t.tgname, pg_catalog.pg_get_functiondef(t.tgfoid)
    FROM pg_catalog.pg_trigger AS t
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
) AS found
JOIN every ON every.oid = found.oid
JOIN pg_catalog.pg_class AS c ON c.oid = found.oid
ORDER BY 1
