-- The unique sets over plain columns of some tables, primary keys first; NULLs that are not distinct count as values.
SELECT
    c.oid::bigint AS "table",
    ARRAY(
        SELECT a.attname::text
        FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE k.place <= x.indnkeyatts
        ORDER BY k.place
    ) AS columns
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE c.oid = ANY (%(tables)s::oid[])
    AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
ORDER BY c.oid, x.indisprimary DESC, i.relname
