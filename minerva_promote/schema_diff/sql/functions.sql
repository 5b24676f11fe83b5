-- Functions, procedures and aggregates, by name and types of their arguments; not those of extensions.
SELECT
    n.nspname::text AS schema,
    p.proname::text || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' AS name,
    CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window' ELSE 'function' END AS type,
    pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
    coalesce(pg_catalog.pg_get_function_result(p.oid), '') AS returns,
    l.lanname::text AS language,
    CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
    CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END AS security,
    p.proisstrict AS strict,
    p.proleakproof AS leakproof,
    CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
    CASE WHEN p.procost = CASE WHEN l.lanname IN ('c', 'internal') THEN 1 ELSE 100 END THEN ''
        ELSE p.procost::text END AS cost,
    CASE WHEN p.prorows = CASE WHEN p.proretset THEN 1000 ELSE 0 END THEN '' ELSE p.prorows::text END AS rows,
    ARRAY(SELECT pg_catalog.unnest(p.proconfig) ORDER BY 1) AS settings,
    CASE
        WHEN g.aggfnoid IS NOT NULL THEN pg_catalog.concat_ws(', ',
            'sfunc ' || g.aggtransfn::pg_catalog.regproc, 'stype ' || pg_catalog.format_type(g.aggtranstype, NULL),
            'finalfunc ' || nullif(g.aggfinalfn, 0)::pg_catalog.regproc,
            'combinefunc ' || nullif(g.aggcombinefn, 0)::pg_catalog.regproc,
            'initcond ' || pg_catalog.quote_literal(g.agginitval),
            'sortop ' || nullif(g.aggsortop, 0)::pg_catalog.regoperator)
        WHEN p.prosqlbody IS NOT NULL THEN pg_catalog.pg_get_function_sqlbody(p.oid)
        ELSE pg_catalog.concat_ws(' ', p.probin, p.prosrc)
    END AS body,
    CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) ELSE '' END AS sql
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid = p.oid
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'promote')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i')
    )
ORDER BY 1, 2
