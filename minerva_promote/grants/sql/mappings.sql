-- The user mappings of some roles and of PUBLIC: credentials for foreign servers.
SELECT CASE m.umuser WHEN 0 THEN 'public' ELSE m.usename::text END AS role, m.srvname::text AS server
FROM pg_catalog.pg_user_mappings AS m
WHERE m.umuser = 0 OR m.usename = ANY (%(roles)s::text[])
ORDER BY 1, 2
