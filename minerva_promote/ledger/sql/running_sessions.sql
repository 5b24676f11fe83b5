-- The runs that are at work: by the name of their session, which every role may see; and in their transaction by their
-- lock too, as a connection pooler may hide the name.
SELECT pg_catalog.substr(a.application_name, 9) AS run_id
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database()
    AND a.application_name ~ '^promote [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
UNION
SELECT e.run_id::text
FROM pg_catalog.pg_locks AS l
INNER JOIN promote.events AS e
    ON e.kind = 'started'
    AND pg_catalog.left(e.run_id::text, 8) = pg_catalog.lpad(pg_catalog.to_hex(l.objid::bigint), 8, '0')
WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid::bigint = %(class)s
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
