-- The roles that may write events and lists of rows, themselves or as a member of another role.
SELECT r.rolname::text AS role
FROM pg_catalog.pg_roles AS r
WHERE r.rolname !~ '^pg_' AND EXISTS (
    SELECT FROM pg_catalog.pg_roles AS g
    WHERE pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')
        AND pg_catalog.has_schema_privilege(g.oid, 'promote', 'USAGE')
        AND pg_catalog.has_any_column_privilege(g.oid, 'promote.events', 'INSERT')
        AND pg_catalog.has_any_column_privilege(g.oid, 'promote.run_rows', 'INSERT'))
ORDER BY r.rolsuper, r.rolname
