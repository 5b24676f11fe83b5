-- The runs of a version 1 ledger become events, with their own times and actors. After tables.sql.

ALTER TABLE promote.events DISABLE TRIGGER a_stamp;
INSERT INTO promote.events (kind, run_id, environment, at, began, actor, actor_role, client_host, client_user,
    promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, details)
SELECT 'committed', run_id, environment, recorded_at, started_at, actor, actor_role, client_host, client_user,
    promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds,
    details || '{"ledger_version": 1}'
FROM promote.runs
ORDER BY recorded_at, run_id;
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER a_stamp;

-- Readable by whoever may read the runs.
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
        FROM pg_catalog.pg_class AS c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        WHERE c.oid = 'promote.runs'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE promote.events, promote.chain, promote.run_rows, promote.run_roots TO %s', grantee);
    END LOOP;
END
$$;

DROP TABLE promote.runs;
