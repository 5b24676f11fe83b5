-- Other objects to try statements on, by kind. "sql" is the quoted name in statements, "name" the one in messages.
SELECT 'schema' AS kind, n.nspname::text AS name, pg_catalog.quote_ident(n.nspname) AS sql
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname !~ '^(information_schema$|pg_)'
UNION ALL
-- functions of the server and of extensions that not everybody may execute, or may only because somebody gave it;
-- named as in Slot.name
SELECT 'restricted', n.nspname || '.' || p.proname || '('
    || pg_catalog.replace(pg_catalog.oidvectortypes(p.proargtypes), ', ', ',') || ')', p.oid::text
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE (NOT pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE') OR EXISTS (
        SELECT FROM pg_catalog.pg_init_privs AS i
        WHERE i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objoid = p.oid
            AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(i.initprivs) AS x WHERE x.grantee = 0)
    ))
    AND (n.nspname ~ '^(pg_catalog|information_schema)$' OR EXISTS (
        SELECT FROM pg_catalog.pg_depend AS e
        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e'
    ))
UNION ALL
-- of the server's own tables those that not everybody may read, or may only because somebody gave it
SELECT 'secret', n.nspname || '.' || c.relname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'pg_catalog' AND c.relkind IN ('r', 'v')
    AND (NOT pg_catalog.has_any_column_privilege('public', c.oid, 'SELECT') OR NOT EXISTS (
        SELECT FROM pg_catalog.pg_init_privs AS i
        CROSS JOIN LATERAL pg_catalog.aclexplode(i.initprivs) AS x
        WHERE i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.objoid = c.oid
            AND x.grantee = 0 AND x.privilege_type = 'SELECT'
    ))
UNION ALL
-- what makes a large object, which then belongs to the role; "sql" says who may by itself
SELECT 'large object', p.proname::text,
    CASE WHEN pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE') THEN 'public' ELSE '' END
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'pg_catalog' AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
UNION ALL
SELECT 'extension', e.extname::text, pg_catalog.quote_ident(e.extname)
FROM pg_catalog.pg_extension AS e
UNION ALL
-- an extension that a role with CREATE on the database could add
(
    SELECT 'addable', v.name::text, pg_catalog.quote_ident(v.name)
    FROM pg_catalog.pg_available_extension_versions AS v
    WHERE v.trusted AND v.requires IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = v.name)
    ORDER BY v.name
    LIMIT 1
)
UNION ALL
SELECT 'setting', s.name, pg_catalog.quote_ident(s.name)
FROM pg_catalog.pg_settings AS s
WHERE s.context = 'superuser' AND s.name !~ '\.'
UNION ALL
SELECT 'server setting', s.name, pg_catalog.quote_ident(s.name)
FROM pg_catalog.pg_settings AS s
WHERE s.context <> 'internal' AND s.name !~ '\.'
ORDER BY kind, name
