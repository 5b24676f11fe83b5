-- Settings that hold for every role, "name=value". What the server starts with is visible only while nothing nearer
-- (role, session) covers it for the role that asks.
SELECT u.setting, s.setdatabase <> 0 AS of_database
FROM pg_catalog.pg_db_role_setting AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS u (setting)
WHERE s.setrole = 0 AND s.setdatabase IN (
    0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
)
UNION
SELECT p.name || '=' || p.setting, false
FROM pg_catalog.pg_settings AS p
WHERE p.name = 'session_replication_role'
    AND p.source IN ('configuration file', 'command line', 'environment variable', 'global')
ORDER BY 1, 2
