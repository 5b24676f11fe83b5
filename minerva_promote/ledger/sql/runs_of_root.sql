-- The ids of the runs that promoted some roots; only events of older versions list all of their roots themselves.
SELECT r.run_id::text AS run_id
FROM promote.run_roots AS r
INNER JOIN promote.events AS e ON e.run_id = r.run_id AND e.xact = r.xact
WHERE r.root = ANY (%(roots)s::text[])
UNION
SELECT e.run_id::text FROM promote.events AS e WHERE e.roots_digest IS NULL AND e.roots && %(roots)s::text[]
