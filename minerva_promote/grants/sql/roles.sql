-- All roles of the server; settings are "name=value".
SELECT
    r.rolname::text AS name,
    r.rolcanlogin AS login,
    r.rolsuper AS superuser,
    r.rolcreaterole AS create_role,
    r.rolcreatedb AS create_database,
    r.rolreplication AS replication,
    r.rolbypassrls AS bypass_row_security,
    r.rolinherit AS inherit,
    r.rolconnlimit AS connection_limit,
    r.oid < 16384 AS predefined,
    coalesce(here.setconfig, '{}') AS settings,
    coalesce(anywhere.setconfig, '{}') AS settings_everywhere
FROM pg_catalog.pg_roles AS r
LEFT JOIN pg_catalog.pg_db_role_setting AS here ON here.setrole = r.oid
    AND here.setdatabase = (
        SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
    )
LEFT JOIN pg_catalog.pg_db_role_setting AS anywhere ON anywhere.setrole = r.oid AND anywhere.setdatabase = 0
ORDER BY r.rolname
