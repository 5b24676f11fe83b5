-- The last events after which the target had other rows, the latest first.
SELECT e.seq, e.kind, e.run_id::text AS run_id, coalesce(e.file_name, '') AS file_name, e.at
FROM promote.events AS e
WHERE e.kind IN ('committed', 'undone', 'restored')
ORDER BY e.seq DESC
LIMIT %(limit)s
