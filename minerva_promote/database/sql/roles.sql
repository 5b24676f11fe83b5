-- The roles of some names, and their settings in this database.
SELECT
    r.rolname::text AS name,
    r.rolcanlogin AS login,
    r.rolsuper AS superuser,
    coalesce(s.setconfig, ARRAY[]::text[]) AS settings
FROM pg_catalog.pg_roles AS r
LEFT JOIN pg_catalog.pg_db_role_setting AS s
    ON s.setrole = r.oid
    AND s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
WHERE r.rolname = ANY (%(names)s::text[])
