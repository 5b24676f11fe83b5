-- The columns of some tables, named with their schema unless that is public, in order. Types are spelt without "public.", whatever search_path is.
SELECT
    (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname)::text AS "table",
    a.attname::text AS name,
    pg_catalog.regexp_replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '^public\.', '') AS type,
    a.attnotnull AS not_null,
    a.atthasdef OR a.attidentity <> '' AS has_default,
    a.attgenerated <> '' AS generated,
    a.attidentity = 'a' AS identity_always,
    ARRAY(
        SELECT label.enumlabel::text
        FROM pg_catalog.pg_enum AS label
        WHERE label.enumtypid IN (t.oid, t.typelem)
        ORDER BY label.enumsortorder
    ) AS labels,
    coalesce((
        WITH RECURSIVE below (type, modifier, kind) AS (
            SELECT t.typbasetype, t.typtypmod, t.typtype
            UNION ALL
            SELECT b.typbasetype, b.typtypmod, b.typtype
            FROM below JOIN pg_catalog.pg_type AS b ON b.oid = below.type AND b.typtype = 'd'
        )
        SELECT pg_catalog.regexp_replace(pg_catalog.format_type(below.type, below.modifier), '^public\.', '')
        FROM below JOIN pg_catalog.pg_type AS b ON b.oid = below.type
        WHERE below.kind = 'd' AND b.typtype <> 'd'
    ), '') AS base,
    CASE a.attgenerated WHEN '' THEN coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END AS "default"
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (%(relations)s::text[]) AND CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname = ANY (%(tables)s::text[])
ORDER BY 1, a.attnum
