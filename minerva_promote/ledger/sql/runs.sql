-- The ids of the runs that match, the newest first.
SELECT e.run_id::text AS run_id
FROM promote.events AS e
WHERE (%(ids)s::uuid[] IS NULL OR e.run_id = ANY (%(ids)s::uuid[]))
GROUP BY e.run_id
HAVING (%(since)s::timestamptz IS NULL OR min(e.at) >= %(since)s::timestamptz)
    AND (%(file)s::text IS NULL OR bool_or(e.file_name = %(file)s::text) OR bool_or(e.file_sha256 LIKE %(sha)s::text))
ORDER BY min(e.seq) DESC
