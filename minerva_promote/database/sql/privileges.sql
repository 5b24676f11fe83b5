-- What the current role may do with some tables, whole or by column, however it came to it.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS name,
    p.privilege,
    pg_catalog.has_table_privilege(c.oid, p.privilege) AS whole,
    CASE WHEN p.by_column THEN ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND pg_catalog.has_column_privilege(c.oid, a.attnum, p.privilege)
        ORDER BY a.attnum
    ) ELSE ARRAY[]::text[] END AS columns
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p', 'v')
CROSS JOIN (VALUES
    ('SELECT', true), ('INSERT', true), ('UPDATE', true), ('REFERENCES', true),
    ('DELETE', false), ('TRUNCATE', false), ('TRIGGER', false)
) AS p (privilege, by_column)
