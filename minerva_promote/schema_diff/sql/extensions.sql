-- The extensions, with the types that each of them brings.
SELECT e.extname::text AS name, e.extversion::text AS version, n.nspname::text AS schema,
    ARRAY(
        SELECT t.typname::text
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_type AS t ON t.oid = d.objid
        WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
            AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.deptype = 'e' AND t.typname !~ '^_'
        ORDER BY 1
    ) AS types
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
ORDER BY 1
