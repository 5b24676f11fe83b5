-- The runs whose id, without its dashes, begins so; the newest first.
SELECT e.run_id::text AS run_id, min(e.at) AS at, min(e.kind) AS kind, max(e.file_name) AS file_name
FROM promote.events AS e
WHERE pg_catalog.replace(e.run_id::text, '-', '') LIKE %(prefix)s
GROUP BY e.run_id
ORDER BY min(e.seq) DESC
