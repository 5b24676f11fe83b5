-- Functions, not of the server itself, with which more can be done than their caller may do: they run with the rights
-- of their owner, or somebody wrote them in a language without limits. They are told by number, see objects.sql.
SELECT
    p.oid AS object,
    n.nspname::text AS schema,
    pg_catalog.pg_get_userbyid(p.proowner)::text AS owner,
    p.prosecdef AS security_definer,
    CASE WHEN l.lanpltrusted OR e.extname IS NOT NULL THEN '' ELSE l.lanname::text END AS untrusted,
    coalesce(e.extname::text, '') AS extension,
    ARRAY(
        SELECT DISTINCT coalesce(r.rolname::text, 'public')
        FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS x
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
        WHERE x.grantee = 0 OR r.rolname = ANY (%(roles)s::text[]) AND x.grantee <> p.proowner
    ) AS executors,
    EXISTS (
        SELECT FROM pg_catalog.pg_depend AS u
        WHERE u.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND u.refobjid = p.oid
            AND u.classid = ANY (ARRAY[
                'pg_catalog.pg_attrdef', 'pg_catalog.pg_constraint', 'pg_catalog.pg_rewrite', 'pg_catalog.pg_class',
                'pg_catalog.pg_policy'
            ]::pg_catalog.regclass[])
    ) AS embedded
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname !~ '^pg_temp_'
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
    AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
WHERE (p.oid >= 16384 OR e.oid IS NOT NULL) AND p.prokind <> 'a'  -- an aggregate is called internal, and runs other functions
    -- a range type brings the functions that make its values
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS t
        WHERE t.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND t.objid = p.oid AND t.deptype = 'i'
            AND t.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
    )
    AND (p.prosecdef OR NOT l.lanpltrusted AND e.oid IS NULL)
