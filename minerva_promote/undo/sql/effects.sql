-- What else happens when rows of some tables are removed or put back: triggers and rules that are not switched off.
SELECT
    c.oid::bigint AS "table",
    'trigger' AS kind,
    t.tgname::text AS name,
    t.tgtype & 8 <> 0 AS on_delete,
    t.tgtype & 4 <> 0 AS on_insert,
    pg_catalog.pg_get_triggerdef(t.oid) AS definition
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled NOT IN ('D', 'R') AND t.tgrelid = ANY (%(tables)s::oid[])
UNION ALL
SELECT w.ev_class::bigint, 'rule', w.rulename::text, w.ev_type = '4', w.ev_type = '3', pg_catalog.pg_get_ruledef(w.oid)
FROM pg_catalog.pg_rewrite AS w
WHERE w.rulename <> '_RETURN' AND w.ev_enabled NOT IN ('D', 'R') AND w.ev_class = ANY (%(tables)s::oid[])
ORDER BY 1, 2, 3
