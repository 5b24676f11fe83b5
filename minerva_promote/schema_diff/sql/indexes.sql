-- Indexes that are no constraint's. A key is its column or expression with what is not usual of it: collation,
-- operator class with its parameters, order. The classes of an extension are always told: which one is the default is
-- nothing that one knows.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS "table",
    i.relname::text AS name,
    m.amname::text AS method,
    x.indisunique AS "unique",
    x.indnullsnotdistinct AS nulls_not_distinct,
    x.indisvalid AND x.indisready AND x.indislive AS valid,
    x.indisclustered AS clustered,
    CASE WHEN i.reloptions IS NULL THEN '{}' ELSE ARRAY(SELECT pg_catalog.unnest(i.reloptions) ORDER BY 1) END AS options,
    coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid), '') AS "where",
    (
        SELECT pg_catalog.array_agg(
            pg_catalog.pg_get_indexdef(i.oid, u.place::int, true)
                || CASE WHEN l.oid IS NULL OR l.oid = CASE WHEN ka.attnum IS NULL THEN t.typcollation
                        ELSE ka.attcollation END THEN ''
                    ELSE ' COLLATE ' || pg_catalog.quote_ident(l.collname) END
                || CASE WHEN o.opcdefault AND o.oid < 16384 AND a.attoptions IS NULL THEN ''
                    ELSE ' ' || CASE WHEN pg_catalog.pg_opclass_is_visible(o.oid) THEN ''
                            ELSE pg_catalog.quote_ident(os.nspname) || '.' END
                        || pg_catalog.quote_ident(o.opcname)
                        || coalesce(' (' || pg_catalog.array_to_string(a.attoptions, ', ') || ')', '') END
                || CASE x.indoption[u.place - 1] & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST'
                    WHEN 3 THEN ' DESC' ELSE '' END
            ORDER BY u.place)
        FROM pg_catalog.unnest(x.indclass::oid[]) WITH ORDINALITY AS u (opclass, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.oid AND a.attnum = u.place
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        JOIN pg_catalog.pg_opclass AS o ON o.oid = u.opclass
        JOIN pg_catalog.pg_namespace AS os ON os.oid = o.opcnamespace
        LEFT JOIN pg_catalog.pg_attribute AS ka ON ka.attrelid = x.indrelid AND ka.attnum = x.indkey[u.place - 1]
            AND ka.attnum <> 0
        LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = x.indcollation[u.place - 1]
    ) AS columns,
    CASE WHEN x.indnatts = x.indnkeyatts THEN '{}' ELSE ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(x.indkey::smallint[]) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = u.number
        WHERE u.place > x.indnkeyatts
        ORDER BY u.place
    ) END AS include
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')
    )
ORDER BY c.oid, i.relname
