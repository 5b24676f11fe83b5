-- What the schema promote consists of: one row an object, with the facts that decide what is written and read.
-- Definitions are as the server prints them with nothing but pg_catalog in search_path, so that every release from 15 to
-- 18 gives the same text. Left out is what changes no value: the order of columns, tablespaces, fill factors, vacuuming,
-- the way large values are stored, comments, and the NOT NULL constraints that release 18 lists beside the columns.
WITH ledger AS (
    SELECT
        n.oid AS schema,
        n.nspowner AS schema_owner,
        coalesce(
            (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'events'),
            n.nspowner
        ) AS owner
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname = 'promote'
), relation AS (
    SELECT c.*, l.owner, pg_catalog.format('promote.%I', c.relname) AS name
    FROM pg_catalog.pg_class AS c
    JOIN ledger AS l ON l.schema = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT (c.relkind = 'S' AND EXISTS ( -- of a column
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.refobjsubid > 0
            AND d.deptype IN ('a', 'i')))
), reads AS ( -- the relations that a view selects from
    SELECT DISTINCT v.oid AS view, n.nspname AS schema, c.relname AS name
    FROM relation AS v
    JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = v.oid AND r.rulename = '_RETURN'
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> v.oid
    JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE v.relkind IN ('v', 'm')
)
SELECT
    'schema' AS kind,
    'promote' AS name,
    '' AS "table",
    pg_catalog.jsonb_build_object(
        'owner', CASE WHEN l.schema_owner <> l.owner THEN pg_catalog.pg_get_userbyid(l.schema_owner) END
    ) AS facts
FROM ledger AS l

UNION ALL
SELECT
    CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
        WHEN 'S' THEN 'sequence' WHEN 'p' THEN 'partitioned table' ELSE 'table' END,
    r.name,
    r.name,
    pg_catalog.jsonb_build_object(
        'owner', CASE WHEN r.relowner <> r.owner THEN pg_catalog.pg_get_userbyid(r.relowner) END,
        'persistence', r.relpersistence,
        'access method', (SELECT a.amname FROM pg_catalog.pg_am AS a WHERE a.oid = r.relam),
        'options', (
            SELECT pg_catalog.jsonb_agg(o.text ORDER BY o.text)
            FROM pg_catalog.unnest(r.reloptions) AS o (text)
            WHERE o.text !~ '^(fillfactor|autovacuum_|log_autovacuum|vacuum_|toast_tuple_target|parallel_workers)'
        ),
        'row security', r.relrowsecurity,
        'row security forced', r.relforcerowsecurity,
        'parents', (
            SELECT pg_catalog.jsonb_agg(i.inhparent::pg_catalog.regclass::text ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = r.oid
        ),
        'children', (
            SELECT pg_catalog.jsonb_agg(i.inhrelid::pg_catalog.regclass::text ORDER BY i.inhrelid::pg_catalog.regclass::text)
            FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = r.oid
        ),
        'reads', (
            SELECT pg_catalog.jsonb_agg(pg_catalog.format('%s.%s', x.schema, x.name)) FROM reads AS x WHERE x.view = r.oid
        ),
        'definition', CASE WHEN r.relkind IN ('v', 'm') THEN (
            -- releases before 16 qualify every column
            SELECT coalesce(
                (SELECT pg_catalog.replace(
                    pg_catalog.replace(d.text, pg_catalog.format('%I.%I', x.schema, x.name), '{revision_table}'),
                    pg_catalog.format('%I.', x.name), '')
                 FROM reads AS x WHERE x.view = r.oid LIMIT 1),
                d.text)
            FROM (SELECT pg_catalog.pg_get_viewdef(r.oid)) AS d (text)
        ) END
    )
FROM relation AS r

UNION ALL
SELECT
    'column',
    pg_catalog.format('%s.%I', r.name, a.attname),
    r.name,
    pg_catalog.jsonb_build_object(
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'not null', a.attnotnull,
        'default', CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
        'generated', CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
        'identity', nullif(a.attidentity::text, ''),
        'collation', (
            SELECT pg_catalog.format('%I.%I', n.nspname, c.collname)
            FROM pg_catalog.pg_collation AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
            WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation
        )
    )
FROM relation AS r
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = a.attnum
WHERE r.relkind IN ('r', 'p', 'f')

UNION ALL
SELECT
    'constraint',
    pg_catalog.format('%I on %s', c.conname, r.name),
    r.name,
    pg_catalog.jsonb_build_object(
        'definition', pg_catalog.replace(pg_catalog.pg_get_constraintdef(c.oid), ' NOT VALID', ''),
        'disabled', (
            SELECT pg_catalog.bool_or(t.tgenabled NOT IN ('O', 'A'))
            FROM pg_catalog.pg_trigger AS t WHERE t.tgconstraint = c.oid AND t.tgisinternal
        )
    )
FROM relation AS r
JOIN pg_catalog.pg_constraint AS c ON c.conrelid = r.oid AND c.contype IN ('c', 'p', 'u', 'f', 'x')

UNION ALL
SELECT
    'index',
    pg_catalog.format('promote.%I', c.relname),
    r.name,
    pg_catalog.jsonb_build_object(
        'definition', pg_catalog.pg_get_indexdef(i.indexrelid),
        'valid', i.indisvalid AND i.indisready AND i.indislive,
        'decides', i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    )
FROM relation AS r
JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
)

UNION ALL
SELECT
    'rule',
    pg_catalog.format('%I on %s', w.rulename, r.name),
    r.name,
    pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_ruledef(w.oid), 'enabled', w.ev_enabled)
FROM relation AS r
JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid
WHERE w.rulename <> '_RETURN' OR r.relkind NOT IN ('v', 'm')

UNION ALL
SELECT
    'policy',
    pg_catalog.format('%I on %s', p.polname, r.name),
    r.name,
    pg_catalog.jsonb_build_object(
        'definition', pg_catalog.concat_ws(' ', p.polcmd, CASE WHEN p.polpermissive THEN 'permissive' END,
            pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    )
FROM relation AS r
JOIN pg_catalog.pg_policy AS p ON p.polrelid = r.oid

UNION ALL
SELECT
    'trigger',
    pg_catalog.format('%I on %s', t.tgname, r.name),
    r.name,
    pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid), 'enabled', t.tgenabled)
FROM relation AS r
JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal

UNION ALL
SELECT
    'function',
    pg_catalog.format('promote.%I(%s)', p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
    '',
    pg_catalog.jsonb_build_object(
        'owner', CASE WHEN p.proowner <> l.owner THEN pg_catalog.pg_get_userbyid(p.proowner) END,
        'definition', CASE WHEN p.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(p.oid) END,
        'executable by', (
            SELECT pg_catalog.jsonb_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END)
            FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
            WHERE a.grantee NOT IN (p.proowner, l.owner)
        )
    )
FROM ledger AS l
JOIN pg_catalog.pg_proc AS p ON p.pronamespace = l.schema
ORDER BY 1, 2
