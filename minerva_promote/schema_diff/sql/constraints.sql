-- Keys, foreign keys, checks and exclusions of all tables. NOT NULL, which PostgreSQL 18 has here too, is the column's.
-- A foreign key to a partitioned table has a row for each partition: the first one tells all.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS "table",
    k.conname::text AS name,
    CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
        WHEN 'c' THEN 'check' ELSE 'exclusion' END AS kind,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
        ORDER BY CASE WHEN k.contype = 'c' THEN a.attname::text END, u.place
    ) AS columns,
    CASE WHEN x.indexrelid IS NULL OR x.indnatts = x.indnkeyatts THEN '{}' ELSE ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(x.indkey::smallint[]) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
        WHERE u.place > x.indnkeyatts
        ORDER BY u.place
    ) END AS include,
    CASE WHEN k.confrelid <> 0 THEN k.confrelid::pg_catalog.regclass::text ELSE '' END AS "references",
    CASE WHEN k.confkey IS NULL THEN '{}' ELSE ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number
        ORDER BY u.place
    ) END AS referenced,
    k.confdeltype::text AS on_delete,
    k.confupdtype::text AS on_update,
    k.confmatchtype::text AS match,
    CASE WHEN k.confdelsetcols IS NULL THEN '{}' ELSE ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.confdelsetcols) AS u (number)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
        ORDER BY 1
    ) END AS set_columns,
    CASE WHEN k.condeferred THEN 'initially deferred' WHEN k.condeferrable THEN 'deferrable' ELSE '' END AS deferrable,
    k.convalidated AS valid,
    k.connoinherit AND k.contype = 'c' AS no_inherit,
    coalesce(x.indisvalid, true) AS index_valid,
    coalesce(x.indnullsnotdistinct, false) AS nulls_not_distinct,
    CASE WHEN i.reloptions IS NULL THEN '{}' ELSE ARRAY(SELECT pg_catalog.unnest(i.reloptions) ORDER BY 1) END AS options,
    coalesce(g.disabled, false) AS disabled,
    pg_catalog.pg_get_constraintdef(k.oid) AS definition
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
LEFT JOIN pg_catalog.pg_constraint AS p ON p.oid = k.conparentid
LEFT JOIN (
    SELECT t.tgconstraint, pg_catalog.bool_or(t.tgenabled IN ('D', 'R')) AS disabled
    FROM pg_catalog.pg_trigger AS t
    WHERE t.tgisinternal AND t.tgconstraint <> 0
    GROUP BY t.tgconstraint
) AS g ON g.tgconstraint = k.oid
WHERE k.contype IN ('p', 'u', 'f', 'c', 'x')
    AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
    AND (p.oid IS NULL OR p.conrelid <> k.conrelid)
ORDER BY c.oid, k.contype, k.conname
