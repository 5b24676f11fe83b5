-- What some roles own: of this database, the database itself, and tablespaces, in PostgreSQL's words. User mappings and
-- default privileges are recorded as if they had an owner; other queries tell of them.
SELECT
    pg_catalog.pg_get_userbyid(s.refobjid)::text AS role,
    i.type AS kind,
    i.identity AS name,
    EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = s.classid AND d.objid = s.objid AND d.objsubid = 0
            AND (d.deptype = 'i' OR d.deptype = 'a' AND i.type = 'sequence'
                AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0)
    ) AS follows,
    coalesce((
        SELECT e.extname::text
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
        WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype = 'e'
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    ), '') AS extension
FROM pg_catalog.pg_shdepend AS s
CROSS JOIN LATERAL pg_catalog.pg_identify_object(s.classid, s.objid, s.objsubid) AS i
WHERE s.deptype = 'o' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    AND s.refobjid = ANY (ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ANY (%(roles)s::text[])))
    AND s.classid <> 'pg_catalog.pg_default_acl'::pg_catalog.regclass
    AND s.classid <> 'pg_catalog.pg_user_mapping'::pg_catalog.regclass
    AND CASE
        WHEN s.dbid <> 0 OR s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass
            THEN (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
                = CASE s.dbid WHEN 0 THEN s.objid ELSE s.dbid END
        WHEN s.classid = 'pg_catalog.pg_subscription'::pg_catalog.regclass
            THEN EXISTS (
                SELECT FROM pg_catalog.pg_subscription AS u
                JOIN pg_catalog.pg_database AS d ON d.oid = u.subdbid AND d.datname = pg_catalog.current_database()
                WHERE u.oid = s.objid
            )
        ELSE s.classid = 'pg_catalog.pg_tablespace'::pg_catalog.regclass
    END
    AND i.identity IS NOT NULL AND coalesce(i.schema, '') !~ '^pg_(toast_)?temp(_|$)'
ORDER BY 1, 2, 3
