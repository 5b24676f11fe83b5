-- What happens, is hidden or is not checked when rows are read or written; tables of system schemas are left out.
-- The meaning of state, by kind:
--   trigger        the SECURITY DEFINER function that it runs, as a Slot.name (by OID)
--   event trigger  what it waits for: "login", "ddl_command_end", ...; its function is SECURITY DEFINER too
--   rule           "instead" of the statement, or "also"
--   row security   "forced" on the table's owner too, or "enabled"; definition names the policies, events have a
--                  permissive policy: rows are hidden from, or refused to, everybody else
--   constraint     "not valid": existing rows may break it; "not enforced": any row may (PostgreSQL 18);
--                  "trigger disabled": what checks it, or acts for it, does not run on this table
--   cascade        what happens to rows of the other table: "cascade", "set null", "set default"
WITH relation AS MATERIALIZED (
    SELECT c.oid, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.relname,
        -- as in objects.sql
        CASE WHEN n.nspname ~ '[.(]' THEN pg_catalog.quote_ident(n.nspname) ELSE n.nspname::text END || '.'
            || CASE WHEN c.relname ~ '[.(]' THEN pg_catalog.quote_ident(c.relname) ELSE c.relname::text END AS name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname !~ '^(information_schema$|pg_)'
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
)
SELECT 'trigger' AS kind, c.name AS "table", t.tgname::text AS name,
    pg_catalog.array_remove(ARRAY[
        CASE WHEN t.tgtype & 4 <> 0 THEN 'INSERT' END, CASE WHEN t.tgtype & 8 <> 0 THEN 'DELETE' END,
        CASE WHEN t.tgtype & 16 <> 0 THEN 'UPDATE' END, CASE WHEN t.tgtype & 32 <> 0 THEN 'TRUNCATE' END
    ], NULL) AS events,
    pg_catalog.pg_get_userbyid(p.proowner)::text AS owner, NULL AS state, p.oid AS function,
    pg_catalog.pg_get_triggerdef(t.oid) AS definition, '' AS other,
    pg_catalog.concat(pg_catalog.array_to_string(p.proconfig, ';'), E'\n', p.prosrc) AS source
FROM pg_catalog.pg_trigger AS t
JOIN relation AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.prosecdef
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
UNION ALL
SELECT 'event trigger', '', t.evtname::text, '{}', pg_catalog.pg_get_userbyid(p.proowner)::text,
    t.evtevent::text, p.oid,
    'EXECUTE FUNCTION ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) || '()', '', ''
FROM pg_catalog.pg_event_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid AND p.prosecdef
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE t.evtenabled <> 'D'
UNION ALL
SELECT 'rule', c.name, w.rulename::text,
    ARRAY[CASE w.ev_type WHEN '1' THEN 'SELECT' WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' ELSE 'DELETE' END],
    pg_catalog.pg_get_userbyid(c.relowner)::text, CASE WHEN w.is_instead THEN 'instead' ELSE 'also' END, NULL,
    pg_catalog.pg_get_ruledef(w.oid), '', ''
FROM pg_catalog.pg_rewrite AS w
JOIN relation AS c ON c.oid = w.ev_class
WHERE w.rulename <> '_RETURN' AND w.ev_enabled <> 'D'
UNION ALL
SELECT 'row security', c.name, c.relname::text, coalesce(p.events, '{}'), '',
    CASE WHEN c.relforcerowsecurity THEN 'forced' ELSE 'enabled' END, NULL, coalesce(p.policies, ''), '', ''
FROM relation AS c
CROSS JOIN LATERAL (
    SELECT
        pg_catalog.string_agg(y.polname || ' (' || w.word || ', to ' || (
            SELECT pg_catalog.string_agg(
                CASE u.role WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(u.role)::text END, ', '
            )
            FROM pg_catalog.unnest(y.polroles) AS u (role)
        ) || CASE WHEN y.polpermissive THEN '' ELSE ', restrictive' END || ')', ', ' ORDER BY y.polname) AS policies,
        ARRAY(
            SELECT e.event
            FROM pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS e (event)
            WHERE e.event = ANY (pg_catalog.array_agg(w.word) FILTER (WHERE y.polpermissive))
                OR 'ALL' = ANY (pg_catalog.array_agg(w.word) FILTER (WHERE y.polpermissive))
        ) AS events
    FROM pg_catalog.pg_policy AS y
    CROSS JOIN LATERAL (SELECT CASE y.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
        WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS word) AS w
    WHERE y.polrelid = c.oid
) AS p
WHERE c.relrowsecurity
UNION ALL
SELECT 'constraint', c.name, k.conname::text, ARRAY['INSERT', 'UPDATE'], '', s.state, NULL,
    pg_catalog.pg_get_constraintdef(k.oid), '', ''
FROM pg_catalog.pg_constraint AS k
JOIN relation AS c ON c.oid = k.conrelid
CROSS JOIN LATERAL (SELECT CASE WHEN (pg_catalog.to_jsonb(k) ->> 'conenforced') = 'false' THEN 'not enforced'
    ELSE 'not valid' END AS state) AS s
WHERE NOT k.convalidated
UNION ALL
SELECT 'constraint', c.name, k.conname::text, t.events, '', 'trigger disabled', NULL,
    pg_catalog.pg_get_constraintdef(k.oid), '', ''
FROM (
    SELECT t.tgrelid, t.tgconstraint, pg_catalog.array_remove(ARRAY[
            CASE WHEN pg_catalog.bit_or(t.tgtype) & 4 <> 0 THEN 'INSERT' END,
            CASE WHEN pg_catalog.bit_or(t.tgtype) & 8 <> 0 THEN 'DELETE' END,
            CASE WHEN pg_catalog.bit_or(t.tgtype) & 16 <> 0 THEN 'UPDATE' END
        ], NULL) AS events
    FROM pg_catalog.pg_trigger AS t
    WHERE t.tgisinternal AND t.tgconstraint <> 0 AND t.tgenabled IN ('D', 'R')
    GROUP BY t.tgrelid, t.tgconstraint
) AS t
JOIN relation AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_constraint AS k ON k.oid = t.tgconstraint
UNION ALL
SELECT 'cascade', parent.name, k.conname::text, ARRAY[a.event], pg_catalog.pg_get_userbyid(child.relowner)::text,
    CASE a.action WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'set default' END, NULL,
    pg_catalog.pg_get_constraintdef(k.oid), child.name, ''
FROM pg_catalog.pg_constraint AS k
JOIN relation AS parent ON parent.oid = k.confrelid
JOIN relation AS child ON child.oid = k.conrelid
CROSS JOIN LATERAL (VALUES ('DELETE', k.confdeltype), ('UPDATE', k.confupdtype)) AS a (event, action)
WHERE k.contype = 'f' AND a.action IN ('c', 'n', 'd')
    AND (pg_catalog.to_jsonb(k) ->> 'conenforced') IS DISTINCT FROM 'false'
ORDER BY 1, 2, 3, 6
