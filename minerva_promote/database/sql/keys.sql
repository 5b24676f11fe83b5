-- The unique indexes over plain columns of some tables, named with their schema unless that is public: no expressions, no predicate, valid.
SELECT
    (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text AS "table",
    i.relname::text AS name,
    x.indisprimary AS is_primary,
    ARRAY(
        SELECT a.attname::text
        FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE k.place <= x.indnkeyatts
        ORDER BY k.place
    ) AS columns
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
    AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
ORDER BY 1, i.relname
