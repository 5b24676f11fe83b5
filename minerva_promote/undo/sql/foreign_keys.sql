-- The foreign keys that lead to some tables, or to partitions of them, from any table of the database. What a partition
-- has from its parent is left out: the parent stands for it. A temporal key (PERIOD, from 18) compares its last column
-- as ranges.
SELECT
    k.conname::text AS name,
    family.root::bigint AS parent,
    parent_schema.nspname::text AS at_schema,
    at.relname::text AS at_name,
    child_schema.nspname::text AS child_schema,
    child.relname::text AS child_name,
    child.oid::bigint AS child,
    ARRAY(
        SELECT a.attname::text
        FROM unnest(k.conkey) WITH ORDINALITY AS o (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = o.attnum
        ORDER BY o.place
    ) AS columns,
    ARRAY(
        SELECT a.attname::text
        FROM unnest(k.confkey) WITH ORDINALITY AS o (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = o.attnum
        ORDER BY o.place
    ) AS parent_columns,
    CASE k.confdeltype
        WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT'
        ELSE 'NO ACTION'
    END AS on_delete,
    coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::boolean, false) AS temporal,
    pg_catalog.has_schema_privilege(child_schema.oid, 'USAGE')
        AND pg_catalog.has_table_privilege(child.oid, 'SELECT')
        AND NOT pg_catalog.row_security_active(child.oid) AS readable
FROM (
    SELECT root, tree.relid
    FROM unnest(%(tables)s::oid[]) AS wanted (root)
    CROSS JOIN LATERAL (
        SELECT wanted.root AS relid UNION SELECT p.relid::oid FROM pg_catalog.pg_partition_tree(wanted.root) AS p
    ) AS tree
) AS family
JOIN pg_catalog.pg_constraint AS k ON k.confrelid = family.relid AND k.contype = 'f' AND k.conparentid = 0
JOIN pg_catalog.pg_class AS at ON at.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS parent_schema ON parent_schema.oid = at.relnamespace
JOIN pg_catalog.pg_class AS child ON child.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS child_schema ON child_schema.oid = child.relnamespace
ORDER BY child_schema.nspname, child.relname, k.conname
