-- The sequences from which columns of some tables of schema public take their values: of a serial column, an identity
-- column, or a default that calls nextval(). What a role may not read of a sequence is NULL.
SELECT
    c.relname::text AS "table",
    a.attname::text AS "column",
    pg_catalog.quote_ident(sn.nspname) || '.' || pg_catalog.quote_ident(s.relname) AS sequence,
    q.seqincrement AS increment,
    q.seqstart AS start,
    pg_catalog.has_sequence_privilege(s.oid, 'USAGE') OR pg_catalog.has_sequence_privilege(s.oid, 'UPDATE') AS usable,
    pg_catalog.has_sequence_privilege(s.oid, 'USAGE, SELECT') AS readable,
    CASE WHEN pg_catalog.has_sequence_privilege(s.oid, 'USAGE, SELECT')
        THEN pg_catalog.pg_sequence_last_value(s.oid) END AS last_value
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef AS def ON def.adrelid = c.oid AND def.adnum = a.attnum AND a.attgenerated = ''
JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND (
    d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = def.oid AND d.deptype = 'n')
    OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
    AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
JOIN pg_catalog.pg_class AS s
    ON s.relkind = 'S' AND s.oid = CASE WHEN d.deptype = 'i' THEN d.objid ELSE d.refobjid END
JOIN pg_catalog.pg_namespace AS sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid
WHERE c.relname = ANY (%(tables)s::text[])
ORDER BY 1, 2, 3
