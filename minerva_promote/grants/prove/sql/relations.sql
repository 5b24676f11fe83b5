-- Tables, views and sequences outside the system schemas, and what of them can be written at all (a view may not be).
-- events: 4 UPDATE, 8 INSERT, 16 DELETE; kind as in pg_class.relkind.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
    CASE WHEN c.relkind IN ('r', 'p', 'f') THEN 28 WHEN c.relkind = 'v' THEN
        pg_catalog.pg_relation_is_updatable(c.oid, true) ELSE 0 END AS events,
    a.columns, CASE WHEN c.relkind = 'v' THEN a.writable ELSE a.columns END AS writable
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum), '{}') AS columns,
        coalesce(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) FILTER (
            WHERE c.relkind = 'v' AND pg_catalog.pg_column_is_updatable(c.oid, a.attnum, true)), '{}') AS writable
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) AS a
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^(information_schema$|pg_)'
ORDER BY 1, 2
