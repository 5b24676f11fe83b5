-- Enums, domains, composite types and ranges; collations.
SELECT
    n.nspname::text AS schema,
    t.typname::text AS name,
    CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'composite' END AS type,
    ARRAY(
        SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder
    ) AS labels,
    CASE t.typtype
        WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
        WHEN 'r' THEN (SELECT pg_catalog.format_type(r.rngsubtype, NULL) FROM pg_catalog.pg_range AS r
            WHERE r.rngtypid = t.oid)
    END AS base,
    t.typnotnull AS not_null,
    coalesce(t.typdefault, '') AS "default",
    CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
        THEN (SELECT pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation AS l WHERE l.oid = t.typcollation)
    END AS collation,
    ARRAY(
        SELECT pg_catalog.pg_get_constraintdef(k.oid)
        FROM pg_catalog.pg_constraint AS k
        WHERE k.contypid = t.oid AND k.contype = 'c'
        ORDER BY 1
    ) AS checks,
    ARRAY(
        SELECT pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || (
                SELECT pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation AS l WHERE l.oid = a.attcollation)
            ELSE '' END
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS at ON at.oid = a.atttypid
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    ) AS attributes,
    CASE WHEN t.typtype = 'r' THEN ARRAY(
        SELECT o.option
        FROM pg_catalog.pg_range AS r
        JOIN pg_catalog.pg_opclass AS k ON k.oid = r.rngsubopc
        JOIN pg_catalog.pg_type AS s ON s.oid = r.rngsubtype
        JOIN pg_catalog.pg_type AS u ON u.oid = r.rngmultitypid
        LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = r.rngcollation AND l.oid <> s.typcollation
        CROSS JOIN LATERAL (VALUES
            ('subtype_opclass = ' || CASE WHEN k.opcdefault THEN NULL ELSE pg_catalog.quote_ident(k.opcname) END),
            ('collation = ' || pg_catalog.quote_ident(l.collname)),
            ('canonical = ' || nullif(r.rngcanonical, 0)::pg_catalog.regproc),
            ('subtype_diff = ' || nullif(r.rngsubdiff, 0)::pg_catalog.regproc),
            ('multirange_type_name = ' || CASE WHEN u.typname = CASE WHEN t.typname ~ 'range'
                    THEN pg_catalog.regexp_replace(t.typname, 'range', 'multirange')
                    ELSE pg_catalog.left(t.typname, 52) || '_multirange' END
                THEN NULL ELSE pg_catalog.quote_ident(u.typname) END)
        ) AS o (option)
        WHERE r.rngtypid = t.oid AND o.option IS NOT NULL
        ORDER BY 1
    ) END AS options
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
    AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
    )
UNION ALL
SELECT n.nspname::text, l.collname::text, 'collation', '{}', NULL, false, '', NULL, '{}', '{}',
    ARRAY(
        SELECT o.option
        FROM (VALUES
            ('provider = ' || CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END),
            ('lc_collate = ' || pg_catalog.quote_literal(l.collcollate)),
            ('lc_ctype = ' || pg_catalog.quote_literal(l.collctype)),
            -- colliculocale up to PostgreSQL 16
            ('locale = ' || pg_catalog.quote_literal(
                coalesce(pg_catalog.to_jsonb(l) ->> 'colllocale', pg_catalog.to_jsonb(l) ->> 'colliculocale'))),
            ('rules = ' || pg_catalog.quote_literal(pg_catalog.to_jsonb(l) ->> 'collicurules')),
            (CASE WHEN l.collisdeterministic THEN NULL ELSE 'deterministic = false' END)
        ) AS o (option)
        WHERE o.option IS NOT NULL
        ORDER BY 1
    )
FROM pg_catalog.pg_collation AS l
JOIN pg_catalog.pg_namespace AS n ON n.oid = l.collnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass AND d.objid = l.oid AND d.deptype = 'e'
    )
ORDER BY 1, 2
