-- All memberships of the server. Before PostgreSQL 16 they have no options of their own: read as JSON, where a column
-- that is not there is NULL.
SELECT
    g.rolname::text AS "group",
    r.rolname::text AS member,
    pg_catalog.pg_get_userbyid(m.grantor)::text AS grantor,
    m.admin_option AS admin,
    coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit) AS inherit,
    coalesce((pg_catalog.to_jsonb(m) ->> 'set_option')::boolean, true) AS "set"
FROM pg_catalog.pg_auth_members AS m
JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
JOIN pg_catalog.pg_roles AS r ON r.oid = m.member
ORDER BY 1, 2, 3
