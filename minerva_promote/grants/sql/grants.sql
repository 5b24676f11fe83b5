-- Wanted grants (arrays in step): does the object exist, was the privilege given to the very grantee, does it have
-- it in any way? The grantee "public" is PUBLIC, which has what it was given and no more.
SELECT
    w.place,
    coalesce(a.attrelid, CASE WHEN w.kind = 'column' THEN NULL ELSE c.oid END, n.oid, d.oid) IS NOT NULL AS object_exists,
    w.grantee = 'public' OR r.oid IS NOT NULL AS grantee_exists,
    EXISTS (
        SELECT FROM aclexplode(CASE w.kind
            WHEN 'database' THEN coalesce(d.datacl, acldefault('d', d.datdba))
            WHEN 'schema' THEN coalesce(n.nspacl, acldefault('n', n.nspowner))
            WHEN 'sequence' THEN coalesce(c.relacl, acldefault('s', c.relowner))
            WHEN 'column' THEN a.attacl
            ELSE coalesce(c.relacl, acldefault('r', c.relowner))
        END) AS x
        WHERE x.privilege_type = w.privilege
            AND x.grantee = CASE WHEN w.grantee = 'public' THEN 0 ELSE r.oid END
    ) AS given,
    CASE WHEN r.oid IS NOT NULL THEN CASE w.kind
        WHEN 'database' THEN pg_catalog.has_database_privilege(r.oid, d.oid, w.privilege)
        WHEN 'schema' THEN pg_catalog.has_schema_privilege(r.oid, n.oid, w.privilege)
        WHEN 'sequence' THEN pg_catalog.has_sequence_privilege(r.oid, c.oid, w.privilege)
        WHEN 'column' THEN pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, w.privilege)
        ELSE pg_catalog.has_table_privilege(r.oid, c.oid, w.privilege)
    END END AS effective
FROM unnest(
    %(grantees)s::text[], %(privileges)s::text[], %(kinds)s::text[],
    %(schemas)s::text[], %(names)s::text[], %(columns)s::text[]
) WITH ORDINALITY AS w (grantee, privilege, kind, schema, name, "column", place)
LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = w.grantee
LEFT JOIN pg_catalog.pg_database AS d ON w.kind = 'database' AND d.datname = w.name
LEFT JOIN pg_catalog.pg_namespace AS n ON w.kind = 'schema' AND n.nspname = w.name
LEFT JOIN pg_catalog.pg_namespace AS cn ON w.kind IN ('table', 'sequence', 'column') AND cn.nspname = w.schema
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = cn.oid AND c.relname = w.name
    AND (c.relkind = 'S') = (w.kind = 'sequence') AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
LEFT JOIN pg_catalog.pg_attribute AS a ON w.kind = 'column' AND a.attrelid = c.oid AND a.attname = w."column"
    AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY w.place
