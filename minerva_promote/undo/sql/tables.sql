-- Of the wanted tables (schemas and names in step), those that exist: their columns in order, and their primary key.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS name,
    c.oid::bigint AS oid,
    c.relkind = 'p' AS partitioned,
    pg_catalog.row_security_active(c.oid) AS row_security,
    ARRAY(
        SELECT p.privilege
        FROM unnest('{SELECT, INSERT, UPDATE, DELETE}'::text[]) WITH ORDINALITY AS p (privilege, place)
        WHERE NOT pg_catalog.has_table_privilege(c.oid, p.privilege)
        ORDER BY p.place
    ) AS missing_privileges,
    ARRAY(
        SELECT pg_catalog.json_build_object(
            'name', a.attname,
            'type', pg_catalog.regexp_replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '^public\.', ''),
            'oid', a.atttypid::bigint,
            'array_oid', t.typarray::bigint,
            'is_array', t.typcategory = 'A',
            'generated', a.attgenerated <> '')
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    ) AS columns,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.pg_index AS x
        CROSS JOIN unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE x.indrelid = c.oid AND x.indisprimary AND k.place <= x.indnkeyatts
        ORDER BY k.place
    ) AS key
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p')
ORDER BY 1, 2
