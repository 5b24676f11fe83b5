-- What some names are, for a first look: kind, persistence, and in which other schemas there is one.
SELECT
    t.table_name AS name,
    c.relkind::text AS kind,
    c.relpersistence = 'u' AS unlogged,
    ARRAY(
        SELECT n.nspname::text
        FROM pg_catalog.pg_class AS o
        JOIN pg_catalog.pg_namespace AS n ON n.oid = o.relnamespace
        WHERE o.relname = t.relation AND o.relkind IN ('r', 'p') AND n.nspname <> t.schema
            AND pg_catalog.left(n.nspname, 3) <> 'pg_'
        ORDER BY 1
    ) AS elsewhere,
    ARRAY(
        SELECT o.relname::text
        FROM pg_catalog.pg_class AS o
        WHERE c.oid IS NULL AND o.relkind IN ('r', 'p') AND o.relnamespace = s.oid
            AND o.relname <> ALL (%(relations)s::text[])
        ORDER BY 1
    ) AS others
FROM ROWS FROM (
    pg_catalog.unnest(%(tables)s::text[]),
    pg_catalog.unnest(%(schemas)s::text[]),
    pg_catalog.unnest(%(relations)s::text[])
) WITH ORDINALITY AS t (table_name, schema, relation, place)
LEFT JOIN pg_catalog.pg_namespace AS s ON s.nspname = t.schema
LEFT JOIN pg_catalog.pg_class AS c ON c.relname = t.relation AND c.relnamespace = s.oid
ORDER BY t.place
