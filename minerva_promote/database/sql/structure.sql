-- What some names of schema public are, for a first look: kind, persistence, and in which other schemas there is one.
SELECT
    t.name::text AS name,
    c.relkind::text AS kind,
    c.relpersistence = 'u' AS unlogged,
    ARRAY(
        SELECT o.relnamespace::pg_catalog.regnamespace::text
        FROM pg_catalog.pg_class AS o
        WHERE o.relname = t.name AND o.relkind IN ('r', 'p') AND o.relnamespace <> 'public'::pg_catalog.regnamespace
            AND pg_catalog.left(o.relnamespace::pg_catalog.regnamespace::text, 3) <> 'pg_'
        ORDER BY 1
    ) AS elsewhere,
    ARRAY(
        SELECT o.relname::text
        FROM pg_catalog.pg_class AS o
        WHERE c.oid IS NULL AND o.relkind IN ('r', 'p') AND o.relnamespace = 'public'::pg_catalog.regnamespace
            AND o.relname <> ALL (%(tables)s::text[])
        ORDER BY 1
    ) AS others
FROM pg_catalog.unnest(%(tables)s::text[]) WITH ORDINALITY AS t (name, place)
LEFT JOIN pg_catalog.pg_class AS c ON c.relname = t.name AND c.relnamespace = 'public'::pg_catalog.regnamespace
ORDER BY t.place
