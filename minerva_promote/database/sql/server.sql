-- Who is asking, and where: one row.
SELECT
    pg_catalog.current_setting('server_version_num')::int AS version_num,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    pg_catalog.current_setting('transaction_read_only') = 'on' AS read_only,
    d.datname::text AS database,
    pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
    session_user::text AS session_user,
    r.rolname::text AS role,
    r.rolsuper AS superuser,
    r.rolcreaterole AS create_role,
    r.rolcreatedb AS create_database,
    r.rolbypassrls AS bypass_row_security,
    pg_catalog.pg_has_role(r.oid, d.datdba, 'USAGE') AS owns_database,
    pg_catalog.has_database_privilege(r.oid, d.oid, 'CREATE') AS may_create_schemas,
    pg_catalog.has_database_privilege(r.oid, d.oid, 'TEMPORARY') AS may_create_temporary,
    e.extversion::text AS vector_version,
    n.nspname::text AS vector_schema
FROM pg_catalog.pg_database AS d
JOIN pg_catalog.pg_roles AS r ON r.rolname = current_user
LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = 'vector'
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE d.datname = pg_catalog.current_database()
