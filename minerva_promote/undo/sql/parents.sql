-- The foreign keys of some tables: what their rows need. What a partition has from its parent is left out.
SELECT
    k.conname::text AS name,
    k.conrelid::bigint AS child,
    parent_schema.nspname::text AS schema,
    parent.relname::text AS parent,
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
    ) AS parent_columns
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS parent ON parent.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS parent_schema ON parent_schema.oid = parent.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (%(tables)s::oid[])
    AND NOT coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::boolean, false)  -- ranges: the server says it better
ORDER BY k.conrelid, k.conname
