-- What else happens when a row is written to some tables, named with their schema unless that is public: triggers, rules, row security.
SELECT (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text AS "table", 'trigger' AS kind, t.tgname::text AS name,
    pg_catalog.pg_get_triggerdef(t.oid) AS definition
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
UNION ALL
SELECT (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text, 'trigger', pg_catalog.format('%%s of partition %%s', t.tgname, p.relname),
    pg_catalog.pg_get_triggerdef(t.oid)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) AS tree
JOIN pg_catalog.pg_class AS p ON p.oid = tree.relid
JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = p.oid
WHERE c.relkind = 'p' AND tree.level > 0 AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgparentid = 0
    AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
UNION ALL
SELECT (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text, 'rule', w.rulename::text, pg_catalog.pg_get_ruledef(w.oid)
FROM pg_catalog.pg_rewrite AS w
JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE w.rulename <> '_RETURN' AND w.ev_enabled <> 'D' AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
UNION ALL
SELECT (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text, 'row security', c.relname::text,
    CASE WHEN pg_catalog.row_security_active(c.oid) THEN 'active for this role' ELSE 'not active for this role' END
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
ORDER BY 1, 2, 3
