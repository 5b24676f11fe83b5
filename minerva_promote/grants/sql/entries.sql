-- The privileges granted on all objects of this database: one row for an object or column, a grantee and a grantor.
-- Only what was granted to the roles or PUBLIC, and what these roles granted on objects that they do not own. The
-- privileges of owners on their own objects are left out, and on objects of system schemas all that initdb granted.
-- object is an OID, see objects.sql; name is that of default privileges.
WITH wanted AS MATERIALIZED (
    SELECT ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ANY (%(roles)s::text[])) AS roles
),
-- temporary objects, of any session, are left out
schema AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl,
        n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AS of_system
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_(toast_)?temp_'
),
-- usual: the default privileges, where pg_init_privs records none (initdb does not record there what it grants on the
-- information schema); unchanged: the object has no ACL
holder AS (
    SELECT 'database' AS kind, 'pg_catalog.pg_database'::pg_catalog.regclass AS class, d.oid AS object, 0 AS part,
        NULL AS name, NULL AS "column", d.datdba AS owner,
        coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba)) AS acl, NULL::aclitem[] AS usual,
        false AS unchanged, false AS of_server, false AS of_system_schema
    FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'schema', 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 0, NULL, NULL, n.nspowner, n.nspacl,
        CASE n.nspname WHEN 'information_schema' THEN ARRAY[pg_catalog.makeaclitem(0, n.nspowner, 'USAGE', false)] END,
        false, n.oid < 16384 AND n.nspname <> 'public', false
    FROM schema AS n
    WHERE n.nspacl IS NOT NULL
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, 'pg_catalog.pg_class'::pg_catalog.regclass,
        c.oid, 0, NULL, NULL, c.relowner, c.relacl,
        CASE WHEN n.nspname = 'information_schema' AND c.relname !~ '^(_pg_|sql_parts$|transforms$)'
            THEN ARRAY[pg_catalog.makeaclitem(0, c.relowner, 'SELECT', false)] END,
        false, c.oid < 16384, n.of_system
    FROM pg_catalog.pg_class AS c
    JOIN schema AS n ON n.oid = c.relnamespace
    WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 't', 'S')
    UNION ALL
    SELECT 'column', 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, NULL, a.attname::text, c.relowner,
        a.attacl, NULL, false, c.oid < 16384, n.of_system
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN schema AS n ON n.oid = c.relnamespace
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'function', 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, NULL, NULL, p.proowner,
        coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)), pg_catalog.acldefault('f', p.proowner),
        p.proacl IS NULL, p.oid < 16384, n.of_system
    FROM pg_catalog.pg_proc AS p
    JOIN schema AS n ON n.oid = p.pronamespace
    WHERE p.proacl IS NOT NULL OR NOT n.of_system
    UNION ALL
    SELECT 'type', 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, NULL, NULL, t.typowner, t.typacl,
        pg_catalog.acldefault('T', t.typowner), false, t.oid < 16384, false
    FROM pg_catalog.pg_type AS t
    JOIN schema AS n ON n.oid = t.typnamespace
    WHERE t.typacl IS NOT NULL
    UNION ALL
    SELECT 'language', 'pg_catalog.pg_language'::pg_catalog.regclass, l.oid, 0, NULL, NULL, l.lanowner,
        coalesce(l.lanacl, pg_catalog.acldefault('l', l.lanowner)),
        CASE WHEN l.lanpltrusted THEN pg_catalog.acldefault('l', l.lanowner) END, false, l.oid < 16384, false
    FROM pg_catalog.pg_language AS l
    WHERE l.lanacl IS NOT NULL OR l.lanpltrusted
    UNION ALL
    SELECT 'foreign data wrapper', 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, w.oid, 0, NULL, NULL,
        w.fdwowner, w.fdwacl, NULL, false, w.oid < 16384, false
    FROM pg_catalog.pg_foreign_data_wrapper AS w
    WHERE w.fdwacl IS NOT NULL
    UNION ALL
    SELECT 'foreign server', 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.oid, 0, NULL, NULL, s.srvowner,
        s.srvacl, NULL, false, s.oid < 16384, false
    FROM pg_catalog.pg_foreign_server AS s
    WHERE s.srvacl IS NOT NULL
    UNION ALL
    SELECT 'large object', 'pg_catalog.pg_largeobject'::pg_catalog.regclass, o.oid, 0, NULL, NULL, o.lomowner, o.lomacl,
        NULL, false, false, false
    FROM pg_catalog.pg_largeobject_metadata AS o
    WHERE o.lomacl IS NOT NULL
    UNION ALL
    SELECT 'parameter', 'pg_catalog.pg_parameter_acl'::pg_catalog.regclass, g.oid, 0, NULL, NULL, 10, g.paracl,
        NULL, false, false, false
    FROM pg_catalog.pg_parameter_acl AS g
    UNION ALL
    SELECT 'tablespace', 'pg_catalog.pg_tablespace'::pg_catalog.regclass, s.oid, 0, NULL, NULL, s.spcowner, s.spcacl,
        NULL, false, s.oid < 16384, false
    FROM pg_catalog.pg_tablespace AS s
    WHERE s.spcacl IS NOT NULL
    UNION ALL
    SELECT CASE a.defaclobjtype WHEN 'r' THEN 'default tables' WHEN 'S' THEN 'default sequences'
            WHEN 'f' THEN 'default functions' WHEN 'T' THEN 'default types' WHEN 'n' THEN 'default schemas'
            ELSE 'default large objects' END,
        'pg_catalog.pg_default_acl'::pg_catalog.regclass, a.oid, 0,
        pg_catalog.replace(pg_catalog.pg_get_userbyid(a.defaclrole), '/', '//') || '/' || coalesce(n.nspname::text, ''),
        NULL, a.defaclrole,
        a.defaclacl,
        CASE a.defaclnamespace WHEN 0 THEN pg_catalog.acldefault(
            CASE a.defaclobjtype WHEN 'S' THEN 's' ELSE a.defaclobjtype END, a.defaclrole) END,
        false, false, false
    FROM pg_catalog.pg_default_acl AS a
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = a.defaclnamespace
),
known AS MATERIALIZED (
    SELECT h.*, h.of_server OR h.of_system_schema OR (h.class, h.object) IN (
        SELECT e.classid, e.objid FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e'
    ) AS builtin
    FROM holder AS h
),
compared AS MATERIALIZED (
    SELECT k.*, coalesce(i.initprivs, k.usual) AS initially
    FROM known AS k
    LEFT JOIN pg_catalog.pg_init_privs AS i
        ON k.builtin AND i.classoid = k.class AND i.objoid = k.object AND i.objsubid = k.part
    WHERE NOT (k.builtin AND k.unchanged)
)
SELECT
    c.kind, c.object, c.name, c."column", c.of_system_schema,
    CASE g.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(g.grantee)::text END AS grantee,
    pg_catalog.pg_get_userbyid(g.grantor)::text AS grantor,
    g.privileges, g.options, g.initial
FROM compared AS c
CROSS JOIN wanted AS w
CROSS JOIN LATERAL (
    SELECT x.grantee, x.grantor,
        pg_catalog.string_agg(x.privilege_type, ',') AS privileges,
        coalesce(pg_catalog.string_agg(x.privilege_type, ',') FILTER (WHERE x.is_grantable), '') AS options,
        coalesce(pg_catalog.string_agg(x.privilege_type, ',') FILTER (WHERE c.initially IS NOT NULL AND EXISTS (
            SELECT FROM pg_catalog.aclexplode(c.initially) AS i
            WHERE i.grantee = x.grantee AND i.privilege_type = x.privilege_type AND i.is_grantable >= x.is_grantable
        )), '') AS initial
    FROM pg_catalog.aclexplode(c.acl) AS x
    WHERE x.grantee <> c.owner
        AND (x.grantee = 0 OR x.grantee = ANY (w.roles) OR x.grantor = ANY (w.roles) AND x.grantor <> c.owner)
    GROUP BY x.grantee, x.grantor
) AS g
WHERE NOT (c.of_system_schema AND g.initial = g.privileges)
