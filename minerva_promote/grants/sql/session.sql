-- The session role, the database, its extensions, the other databases, and what is not compared.
SELECT
    pg_catalog.current_setting('server_version_num')::integer / 10000 AS version,
    d.datname::text AS database,
    pg_catalog.pg_get_userbyid(d.datdba)::text AS database_owner,
    r.rolname::text AS admin,
    r.rolsuper AS admin_superuser,
    ARRAY(
        SELECT DISTINCT n.nspname::text
        FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'public')
    ) AS extension_schemas,
    (
        SELECT n.nspname::text
        FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector'
    ) AS vector_schema,
    (
        SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', o.datname, 'sql', pg_catalog.quote_ident(o.datname),
            'owner', pg_catalog.pg_get_userbyid(o.datdba),
            'changeable', pg_catalog.pg_has_role(o.datdba, 'USAGE'), 'privileges', coalesce(g.privileges, '{}')
        ) ORDER BY o.datname), '[]')
        FROM pg_catalog.pg_database AS o
        CROSS JOIN LATERAL (
            SELECT pg_catalog.jsonb_object_agg(x.grantee, x.privileges) AS privileges
            FROM (
                SELECT coalesce(u.rolname::text, 'public') AS grantee,
                    pg_catalog.jsonb_agg(DISTINCT a.privilege_type) AS privileges
                FROM pg_catalog.aclexplode(coalesce(o.datacl, pg_catalog.acldefault('d', o.datdba))) AS a
                LEFT JOIN pg_catalog.pg_roles AS u ON u.oid = a.grantee
                WHERE o.datallowconn AND a.grantee <> o.datdba
                    AND (a.grantee = 0 OR u.rolname = ANY (%(roles)s::text[]))
                GROUP BY 1
            ) AS x
        ) AS g
        WHERE o.oid <> d.oid AND (
            g.privileges IS NOT NULL OR pg_catalog.pg_get_userbyid(o.datdba) = ANY (%(roles)s::text[])
        )
    ) AS other_databases,
    (
        SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
        WHERE p.oid >= 16384 AND p.prosqlbody IS NULL AND p.prokind <> 'a' AND l.lanname NOT IN ('internal', 'c')
            -- the ledger's are compared by promote history --verify
            AND n.nspname !~ '^(information_schema$|promote$|pg_)' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e'
            )
    ) AS text_bodies,
    pg_catalog.has_function_privilege('public', 'pg_catalog.lo_create(oid)', 'EXECUTE')
        OR pg_catalog.has_function_privilege('public', 'pg_catalog.lo_creat(integer)', 'EXECUTE')
        OR pg_catalog.has_function_privilege('public', 'pg_catalog.lo_from_bytea(oid,bytea)', 'EXECUTE')
        AS large_objects
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.rolname = current_user
WHERE d.datname = pg_catalog.current_database()
