-- Who is asking, and where.
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
    ) AS vector_schema
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.rolname = current_user
WHERE d.datname = pg_catalog.current_database()
