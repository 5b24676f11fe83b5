-- Functions that can do more than their caller may: SECURITY DEFINER functions (functions of the server included, when
-- somebody altered them), and functions of users in untrusted languages. object is an OID, see objects.sql.
-- callers: what runs one of them without a check of EXECUTE on it, directly or through other callers. JSON:
--   id, next     the caller, and the next one on the path to the function; null: it runs the function
--   object       its OID
--   events       the privileges on a relation whose use runs it, bits as below
--   kind, name   in PostgreSQL's words
--   part         what of it runs the next one: a default, rule, trigger, index, ...; null: it does so itself
--   fires        whether that part is a trigger, and the next one its function
--   executors    of a function: as those of the routine; the owner too
-- pg_depend leads from a function up to all that uses it. A path ends at what has no access list (operators, casts,
-- types, operator families, ...), and goes on through functions and relations: views and rules, foreign keys with an
-- action, partitions and children.
WITH RECURSIVE routine AS MATERIALIZED (
    SELECT p.oid, p.proname, n.nspname, p.proowner, p.prosecdef, p.proacl, l.lanpltrusted, l.lanname, e.extname
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname !~ '^pg_temp_'
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
        AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
    WHERE (p.oid >= 16384 OR e.oid IS NOT NULL OR p.prosecdef)  -- no function of the server itself comes so
        AND p.prokind <> 'a'  -- an aggregate is called internal, and runs other functions
        -- a range type brings the functions that make its values
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS t
            WHERE t.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND t.objid = p.oid AND t.deptype = 'i'
                AND t.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
        )
        AND (p.prosecdef OR NOT l.lanpltrusted AND e.oid IS NULL)
),
-- events: 1 SELECT, 2 INSERT, 4 UPDATE, 8 DELETE, 16 TRUNCATE, 32 MAINTAIN
walk (root, class, object, events, next_class, next_object, next_events, part_class, part, fires) AS (
    SELECT r.oid, 'pg_catalog.pg_proc'::pg_catalog.regclass::oid, r.oid, 0, 0::oid, 0::oid, 0, 0::oid, 0::oid, false
    FROM routine AS r
    UNION
    SELECT w.root, c.class, c.object, c.events, w.class, w.object, w.events, c.part_class, c.part, c.fires
    FROM walk AS w
    CROSS JOIN LATERAL (
        SELECT coalesce(p.class, d.classid) AS class, coalesce(p.object, d.objid) AS object,
            coalesce(p.events, 0) AS events, CASE WHEN p.class IS NULL THEN 0::oid ELSE d.classid END AS part_class,
            CASE WHEN p.class IS NULL THEN 0::oid ELSE d.objid END AS part, coalesce(p.fires, false) AS fires
        FROM pg_catalog.pg_depend AS d
        LEFT JOIN LATERAL (
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS class, x.adrelid AS object,
                CASE a.attgenerated WHEN 'v' THEN 7 ELSE 6 END AS events, false AS fires
            FROM pg_catalog.pg_attrdef AS x
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.adrelid AND a.attnum = x.adnum
            WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT CASE WHEN x.conrelid = 0 THEN 'pg_catalog.pg_type'::pg_catalog.regclass
                ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END,
                CASE WHEN x.conrelid = 0 THEN x.contypid ELSE x.conrelid END, 6, false
            FROM pg_catalog.pg_constraint AS x
            WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.ev_class, CASE
                WHEN x.ev_enabled = 'D' THEN 0 WHEN c.relkind = 'm' THEN 32 WHEN x.ev_type = '1' THEN 15
                WHEN x.ev_type = '2' THEN 4 WHEN x.ev_type = '3' THEN 2 ELSE 8 END, false
            FROM pg_catalog.pg_rewrite AS x
            JOIN pg_catalog.pg_class AS c ON c.oid = x.ev_class
            WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.tgrelid, CASE
                WHEN x.tgenabled = 'D' OR x.tgparentid <> 0 THEN 0  -- the parent's trigger is reported
                ELSE (x.tgtype & 4) / 2 | (x.tgtype & 8) | (x.tgtype & 16) / 4 | (x.tgtype & 32) / 2
                END, x.tgfoid = d.refobjid
            FROM pg_catalog.pg_trigger AS x
            WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.polrelid,
                CASE x.polcmd WHEN 'r' THEN 1 WHEN 'a' THEN 2 WHEN 'w' THEN 4 WHEN 'd' THEN 8 ELSE 15 END, false
            FROM pg_catalog.pg_policy AS x
            WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            -- an index; a table itself for the expressions that it is partitioned by
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, coalesce(i.indrelid, x.oid),
                CASE WHEN i.indrelid IS NULL THEN 7 ELSE 6 END, false
            FROM pg_catalog.pg_class AS x
            LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = x.oid
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.stxrelid, 32, false
            FROM pg_catalog.pg_statistic_ext AS x
            WHERE d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.prrelid, 14, false
            FROM pg_catalog.pg_publication_rel AS x
            WHERE d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND x.oid = d.objid
            UNION ALL
            SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, x.amprocfamily, 0, false
            FROM pg_catalog.pg_amproc AS x
            WHERE d.classid = 'pg_catalog.pg_amproc'::pg_catalog.regclass AND x.oid = d.objid
        ) AS p ON true
        WHERE w.class = 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = w.object
            AND d.classid <> 'pg_catalog.pg_event_trigger'::pg_catalog.regclass  -- reported by effects.sql
        UNION ALL
        -- views and rules that use a relation; what writes into a view writes into its table
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.ev_class, CASE
            WHEN x.ev_enabled = 'D' THEN 0 WHEN c.relkind = 'm' THEN 32 WHEN x.ev_type = '1' THEN w.events & 15
            WHEN x.ev_type = '2' THEN 4 WHEN x.ev_type = '3' THEN 2 ELSE 8 END, d.classid, d.objid, false
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_rewrite AS x ON x.oid = d.objid
        JOIN pg_catalog.pg_class AS c ON c.oid = x.ev_class
        WHERE w.class = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = w.object
            AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND x.ev_class <> w.object
        UNION ALL
        -- a change of the other table's rows changes rows of this one
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.confrelid,
            CASE WHEN x.confdeltype = 'c' AND w.events & 8 <> 0 OR x.confdeltype IN ('n', 'd') AND w.events & 4 <> 0
                THEN 8 ELSE 0 END | CASE WHEN x.confupdtype IN ('c', 'n', 'd') THEN w.events & 4 ELSE 0 END,
            'pg_catalog.pg_constraint'::pg_catalog.regclass, x.oid, false
        FROM pg_catalog.pg_constraint AS x
        WHERE w.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.conrelid = w.object AND x.contype = 'f'
            AND x.conparentid = 0
        UNION ALL
        -- a partition's rows are its parent's, and a child's too, but for new ones
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.inhparent,
            CASE WHEN c.relispartition THEN w.events ELSE w.events & ~2 END, 0, 0, false
        FROM pg_catalog.pg_inherits AS x
        JOIN pg_catalog.pg_class AS c ON c.oid = x.inhrelid
        WHERE w.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.inhrelid = w.object
    ) AS c
    WHERE c.events <> 0 OR c.class <> 'pg_catalog.pg_class'::pg_catalog.regclass
)
SELECT
    r.oid AS object,
    pg_catalog.pg_get_userbyid(r.proowner)::text AS owner,
    r.prosecdef AS security_definer,
    CASE WHEN r.lanpltrusted OR r.extname IS NOT NULL THEN '' ELSE r.lanname::text END AS untrusted,
    coalesce(r.extname::text, '') AS extension,
    x.executors,
    coalesce((
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'id', pg_catalog.concat_ws('/', w.class, w.object, w.events),
            'next', CASE WHEN w.next_class <> 'pg_catalog.pg_proc'::pg_catalog.regclass OR w.next_object <> r.oid
                THEN pg_catalog.concat_ws('/', w.next_class, w.next_object, w.next_events) END,
            'object', w.object::int8, 'events', w.events, 'kind', i.type, 'name', i.identity, 'part', part.text, 'fires', w.fires,
            'executors', CASE WHEN p.oid IS NOT NULL THEN coalesce(y.executors, '{}') END
        ))
        FROM walk AS w
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(w.class, w.object, 0) AS i
        LEFT JOIN LATERAL (
            SELECT CASE WHEN w.part_class <> 'pg_catalog.pg_amproc'::pg_catalog.regclass THEN i.type || ' ' ELSE '' END
                || i.identity AS text
            FROM pg_catalog.pg_identify_object(nullif(w.part_class, 0), w.part, 0) AS i
            WHERE NOT (w.part_class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND EXISTS (
                SELECT FROM pg_catalog.pg_rewrite AS u WHERE u.oid = w.part AND u.rulename = '_RETURN'))
        ) AS part ON true
        LEFT JOIN pg_catalog.pg_proc AS p
            ON w.class = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = w.object
        LEFT JOIN LATERAL (
            SELECT pg_catalog.array_agg(DISTINCT coalesce(g.rolname::text, 'public')) AS executors
            FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
            LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = a.grantee
            WHERE a.grantee = 0 OR g.rolname = ANY (%(roles)s::text[])
        ) AS y ON p.oid IS NOT NULL
        WHERE w.root = r.oid AND w.next_class <> 0 AND i.identity IS NOT NULL
    ), '[]') AS callers
FROM routine AS r
CROSS JOIN LATERAL (
    SELECT ARRAY(
        SELECT DISTINCT coalesce(g.rolname::text, 'public')
        FROM pg_catalog.aclexplode(coalesce(r.proacl, pg_catalog.acldefault('f', r.proowner))) AS a
        LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = a.grantee
        WHERE a.grantee = 0 OR g.rolname = ANY (%(roles)s::text[]) AND a.grantee <> r.proowner
    ) AS executors
) AS x
