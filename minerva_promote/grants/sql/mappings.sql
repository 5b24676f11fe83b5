-- Credentials for foreign servers that some roles have, or everybody.
SELECT CASE m.umuser WHEN 0 THEN 'public' ELSE m.usename::text END AS role, m.srvname::text AS server
FROM pg_catalog.pg_user_mappings AS m
WHERE m.umuser = 0 OR m.usename = ANY (%(roles)s::text[])
ORDER BY 1, 2
