-- What is compared as the statement that makes it: triggers, rules, row security policies, statistics, event triggers.
-- Triggers that partitions have from their parent come with it, but for those that are switched otherwise.
WITH relation AS MATERIALIZED (
    SELECT c.oid, c.relname, n.nspname
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
)
SELECT 'trigger' AS kind, c.nspname::text AS schema, c.relname::text AS "table", t.tgname::text AS name,
    CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' ELSE 'origin' END AS enabled,
    pg_catalog.pg_get_triggerdef(t.oid) AS sql, t.tgfoid::pg_catalog.regprocedure::text AS function
FROM pg_catalog.pg_trigger AS t
JOIN relation AS c ON c.oid = t.tgrelid
LEFT JOIN pg_catalog.pg_trigger AS p ON p.oid = t.tgparentid
WHERE NOT t.tgisinternal AND (p.oid IS NULL OR p.tgenabled <> t.tgenabled)
UNION ALL
SELECT 'rule', c.nspname::text, c.relname::text, w.rulename::text,
    CASE w.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' ELSE 'origin' END,
    pg_catalog.pg_get_ruledef(w.oid), ''
FROM pg_catalog.pg_rewrite AS w
JOIN relation AS c ON c.oid = w.ev_class
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'policy', c.nspname::text, c.relname::text, y.polname::text, '',
    pg_catalog.concat_ws(' ',
        'AS ' || CASE WHEN y.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        'FOR ' || CASE y.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        'TO ' || (
            SELECT pg_catalog.string_agg(
                CASE u.role WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(u.role)) END,
                ', ' ORDER BY pg_catalog.pg_get_userbyid(u.role))
            FROM pg_catalog.unnest(y.polroles) AS u (role)
        ),
        'USING (' || pg_catalog.pg_get_expr(y.polqual, y.polrelid) || ')',
        'WITH CHECK (' || pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid) || ')'), ''
FROM pg_catalog.pg_policy AS y
JOIN relation AS c ON c.oid = y.polrelid
UNION ALL
SELECT 'statistics', c.nspname::text, c.relname::text, s.stxname::text, '',
    pg_catalog.pg_get_statisticsobjdef(s.oid), ''
FROM pg_catalog.pg_statistic_ext AS s
JOIN relation AS c ON c.oid = s.stxrelid
UNION ALL
SELECT 'event trigger', '', '', e.evtname::text,
    CASE e.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' ELSE 'origin' END,
    pg_catalog.concat_ws(' ', 'ON ' || e.evtevent,
        'WHEN TAG IN (''' || pg_catalog.array_to_string(e.evttags, ''', ''') || ''')',
        'EXECUTE FUNCTION ' || e.evtfoid::pg_catalog.regprocedure), ''
FROM pg_catalog.pg_event_trigger AS e
ORDER BY 1, 2, 3, 4
