-- The same as runs.sql, where the roots of runs are in a table of their own; only events of older versions list them all.
WITH promoted AS (
    SELECT r.run_id
    FROM promote.run_roots AS r
    INNER JOIN promote.events AS e ON e.run_id = r.run_id AND e.xact = r.xact
    WHERE r.root = ANY (%(roots)s::text[])
    UNION
    SELECT e.run_id FROM promote.events AS e WHERE e.roots_digest IS NULL AND e.roots && %(roots)s::text[]
)
SELECT e.run_id::text AS run_id
FROM promote.events AS e
WHERE e.run_id IN (SELECT p.run_id FROM promoted AS p)
    AND (%(ids)s::uuid[] IS NULL OR e.run_id = ANY (%(ids)s::uuid[]))
GROUP BY e.run_id
HAVING (%(since)s::timestamptz IS NULL OR min(e.at) >= %(since)s::timestamptz)
    AND (%(file)s::text IS NULL OR bool_or(e.file_name = %(file)s::text) OR bool_or(e.file_sha256 LIKE %(sha)s::text))
ORDER BY min(e.seq) DESC
