-- Who is asking, and where.
SELECT
    pg_catalog.current_setting('server_version_num')::integer / 10000 AS version,
    d.datname::text AS database,
    pg_catalog.pg_get_userbyid(d.datdba)::text AS database_owner,
    r.rolname::text AS admin,
    r.rolsuper AS admin_superuser
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.rolname = current_user
WHERE d.datname = pg_catalog.current_database()
