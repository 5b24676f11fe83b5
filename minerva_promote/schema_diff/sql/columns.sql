-- The columns of all tables, in order. What is usual of a type (its collation, its storage) is empty.
-- From PostgreSQL 18 on a NOT NULL may be not valid: a row of pg_constraint says so.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS "table",
    a.attname::text AS name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS not_null,
    coalesce(v.valid, true) AS not_null_valid,
    CASE
        WHEN a.attgenerated <> '' THEN ''
        WHEN o.relation IS NOT NULL THEN 'nextval(own sequence)'
        ELSE coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '')
    END AS "default",
    CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END AS identity,
    CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) ELSE '' END AS generated,
    a.attgenerated = 'v' AS virtual,
    CASE WHEN a.attcollation <> t.typcollation
        THEN CASE WHEN ln.nspname IN ('pg_catalog', 'public') THEN '' ELSE pg_catalog.quote_ident(ln.nspname) || '.' END
            || pg_catalog.quote_ident(l.collname)
        ELSE '' END AS collation,
    CASE WHEN a.attstorage = t.typstorage THEN '' ELSE CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
        WHEN 'm' THEN 'main' ELSE 'extended' END END AS storage,
    CASE a.attcompression::text WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE '' END AS compression
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.collnamespace
LEFT JOIN (
    SELECT k.conrelid AS relation, k.conkey[1] AS number, pg_catalog.bool_and(k.convalidated) AS valid
    FROM pg_catalog.pg_constraint AS k
    WHERE k.contype = 'n' AND k.conrelid <> 0
    GROUP BY 1, 2
) AS v ON v.relation = c.oid AND v.number = a.attnum
LEFT JOIN (
    SELECT DISTINCT s.refobjid AS relation, s.refobjsubid AS number
    FROM pg_catalog.pg_depend AS s
    JOIN pg_catalog.pg_class AS q ON q.oid = s.objid AND q.relkind = 'S'
    JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = s.refobjid AND e.adnum = s.refobjsubid
    JOIN pg_catalog.pg_depend AS u ON u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND u.objid = e.oid
        AND u.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND u.refobjid = s.objid
    WHERE s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.refobjsubid > 0 AND s.deptype = 'a'
        AND s.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND pg_catalog.pg_get_expr(e.adbin, e.adrelid) ~ '^nextval\(''[^'']+''::regclass\)$'
) AS o ON o.relation = c.oid AND o.number = a.attnum
WHERE c.relkind IN ('r', 'p', 'f')
    AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
ORDER BY c.oid, a.attnum
