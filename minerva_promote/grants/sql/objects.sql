-- The objects of this database that privileges can be granted on. Of system schemas only the requested relations and
-- functions, by OID or by name. Names are unquoted, but for a part that has a dot or a parenthesis in it; "sql" is
-- what stands in a statement. Both are the same under any search_path.
WITH schema AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl,
        n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AS of_system,
        pg_catalog.quote_ident(n.nspname) AS quoted,
        CASE WHEN n.nspname ~ '[.(]' THEN pg_catalog.quote_ident(n.nspname) ELSE n.nspname::text END AS name
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_(toast_)?temp_'
),
function AS (
    SELECT p.oid FROM schema AS n JOIN pg_catalog.pg_proc AS p ON p.pronamespace = n.oid WHERE NOT n.of_system
    UNION
    SELECT p.oid
    FROM pg_catalog.pg_proc AS p
    JOIN schema AS n ON n.oid = p.pronamespace
    WHERE p.proname = ANY (%(names)s::text[]::name[])
    UNION
    SELECT pg_catalog.unnest(%(functions)s::oid[])
),
object AS (
    SELECT 'database' AS kind, d.oid, 'pg_catalog.pg_database'::pg_catalog.regclass AS class, d.datname::text AS name,
        pg_catalog.quote_ident(d.datname) AS sql, d.datdba AS owner, false AS builtin, NULL::text[] AS columns
    FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'schema', n.oid, 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.nspname::text,
        n.quoted, n.nspowner, n.oid < 16384 AND n.nspname <> 'public', NULL
    FROM schema AS n
    WHERE n.nspname <> 'pg_toast' OR n.nspacl IS NOT NULL
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, c.oid, 'pg_catalog.pg_class'::pg_catalog.regclass,
        n.name || '.'
            || CASE WHEN c.relname ~ '[.(]' THEN pg_catalog.quote_ident(c.relname) ELSE c.relname::text END,
        n.quoted || '.' || pg_catalog.quote_ident(c.relname),
        c.relowner, c.oid < 16384 OR n.of_system,
        CASE WHEN c.relkind <> 'S' THEN a.columns END
    FROM pg_catalog.pg_class AS c
    JOIN schema AS n ON n.oid = c.relnamespace
    LEFT JOIN (
        SELECT attrelid, pg_catalog.array_agg(attname::text ORDER BY attnum) AS columns
        FROM pg_catalog.pg_attribute
        WHERE attnum > 0 AND NOT attisdropped
        GROUP BY attrelid
    ) AS a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT n.of_system OR c.oid = ANY (%(relations)s::oid[])
    UNION ALL
    SELECT 'function', p.oid, 'pg_catalog.pg_proc'::pg_catalog.regclass,
        n.name || '.'
            || CASE WHEN p.proname ~ '[.(]' THEN pg_catalog.quote_ident(p.proname) ELSE p.proname::text END
            || '(' || a.types || ')',
        n.quoted || '.' || pg_catalog.quote_ident(p.proname) || '(' || a.types || ')',
        p.proowner, p.oid < 16384 OR n.of_system, NULL
    FROM function
    JOIN pg_catalog.pg_proc AS p ON p.oid = function.oid
    JOIN schema AS n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL (
        SELECT coalesce(pg_catalog.string_agg(CASE
                WHEN tn.nspname = 'pg_catalog'
                    THEN pg_catalog.regexp_replace(pg_catalog.format_type(t.oid, NULL), '^pg_catalog\.', '')
                ELSE pg_catalog.quote_ident(tn.nspname) || '.'
                    || pg_catalog.quote_ident(coalesce(element.typname, t.typname))
                    || CASE WHEN element.oid IS NULL THEN '' ELSE '[]' END
            END, ',' ORDER BY u.place), '') AS types
        FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS u (type, place)
        JOIN pg_catalog.pg_type AS t ON t.oid = u.type
        JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
        LEFT JOIN pg_catalog.pg_type AS element ON element.oid = t.typelem AND element.typarray = t.oid
    ) AS a
    UNION ALL
    SELECT 'type', t.oid, 'pg_catalog.pg_type'::pg_catalog.regclass,
        n.name || '.'
            || CASE WHEN t.typname ~ '[.(]' THEN pg_catalog.quote_ident(t.typname) ELSE t.typname::text END,
        n.quoted || '.' || pg_catalog.quote_ident(t.typname),
        t.typowner, t.oid < 16384 OR n.of_system, NULL
    FROM pg_catalog.pg_type AS t
    JOIN schema AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
    WHERE t.typacl IS NOT NULL OR NOT n.of_system AND (
        t.typtype IN ('d', 'e', 'r') OR t.typtype = 'b' AND t.typelem = 0 OR c.relkind = 'c'
    )
    UNION ALL
    SELECT 'language', l.oid, 'pg_catalog.pg_language'::pg_catalog.regclass, l.lanname::text,
        pg_catalog.quote_ident(l.lanname), l.lanowner, l.oid < 16384, NULL
    FROM pg_catalog.pg_language AS l
    UNION ALL
    SELECT 'foreign data wrapper', w.oid, 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, w.fdwname::text,
        pg_catalog.quote_ident(w.fdwname), w.fdwowner, w.oid < 16384, NULL
    FROM pg_catalog.pg_foreign_data_wrapper AS w
    UNION ALL
    SELECT 'foreign server', s.oid, 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.srvname::text,
        pg_catalog.quote_ident(s.srvname), s.srvowner, s.oid < 16384, NULL
    FROM pg_catalog.pg_foreign_server AS s
    UNION ALL
    SELECT 'large object', o.oid, 'pg_catalog.pg_largeobject'::pg_catalog.regclass, o.oid::text, o.oid::text,
        o.lomowner, false, NULL
    FROM pg_catalog.pg_largeobject_metadata AS o
    WHERE o.lomacl IS NOT NULL
    UNION ALL
    SELECT 'parameter', g.oid, 'pg_catalog.pg_parameter_acl'::pg_catalog.regclass, g.parname, (
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(u.part), '.' ORDER BY u.place)
            FROM pg_catalog.unnest(pg_catalog.string_to_array(g.parname, '.')) WITH ORDINALITY AS u (part, place)
        ), 10, false, NULL
    FROM pg_catalog.pg_parameter_acl AS g
    UNION ALL
    SELECT 'tablespace', s.oid, 'pg_catalog.pg_tablespace'::pg_catalog.regclass, s.spcname::text,
        pg_catalog.quote_ident(s.spcname), s.spcowner, s.oid < 16384, NULL
    FROM pg_catalog.pg_tablespace AS s
)
SELECT f.kind, f.oid AS object, f.name, f.sql, pg_catalog.pg_get_userbyid(f.owner)::text AS owner,
    coalesce(f.columns, '{}') AS columns,
    f.builtin OR (f.class, f.oid) IN (
        SELECT e.classid, e.objid FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e'
    ) AS builtin
FROM object AS f
ORDER BY f.kind, f.name
