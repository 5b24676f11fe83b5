-- Unique indexes, exclusions and foreign keys of some tables, and what keeps each from holding.
SELECT
    (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text AS "table",
    i.relname::text AS name,
    CASE WHEN x.indisprimary THEN 'primary key' WHEN x.indisunique THEN 'unique' ELSE 'exclusion' END AS kind,
    ARRAY(
        SELECT coalesce(a.attname::text, '(an expression)')
        FROM pg_catalog.unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number AND k.number > 0
        WHERE k.place <= x.indnkeyatts
        ORDER BY k.place
    ) AS columns,
    '' AS referenced,
    x.indisvalid AS valid,
    NOT x.indimmediate AS deferrable,
    coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid), '') AS predicate,
    true AS enforced,
    false AS disabled
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid AND (x.indisunique OR x.indisexclusion)
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
UNION ALL
SELECT
    (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text, k.conname::text, 'foreign key',
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.number
        ORDER BY u.place
    ),
    (CASE rn.nspname WHEN 'public' THEN '' ELSE rn.nspname || '.' END || r.relname)::text,
    k.convalidated,
    k.condeferrable,
    '',
    coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true),  -- from PostgreSQL 18 on
    EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgconstraint = k.oid AND t.tgenabled IN ('D', 'R'))
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
ORDER BY 1, 3, 2
