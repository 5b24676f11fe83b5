-- The triggers on the tables of the ledger, and what they run.
SELECT
    n.nspname || '.' || c.relname AS "table",
    t.tgname::text AS name,
    t.tgtype::integer AS type,
    t.tgenabled::text AS enabled,
    t.tgqual IS NULL AND t.tgattr::text = '' AND t.tgnargs = 0 AS plain,
    f.nspname || '.' || p.proname AS function,
    p.prosrc AS source,
    p.prosecdef AS definer,
    pg_catalog.array_to_string(p.proconfig, E'\n') AS settings
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'promote'
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.pronamespace
WHERE NOT t.tgisinternal AND c.relname IN ('events', 'run_rows', 'run_roots', 'removed_rows')
ORDER BY 1, 2
