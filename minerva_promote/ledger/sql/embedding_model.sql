-- The last committed run of a project that named an embedding model and was not undone; an undo that was restored
-- does not count.
SELECT e.details #>> '{embedding,model}' AS model, e.seq, e.kind, e.run_id::text AS run_id,
    coalesce(e.file_name, '') AS file_name, e.at
FROM promote.events AS e
WHERE e.kind = 'committed'
    AND e.details #>> '{embedding,model}' IS NOT NULL
    AND e.details #>> '{embedding,project}' = %(project)s
    AND NOT EXISTS (
        SELECT FROM promote.events AS u
        WHERE u.kind = 'undone' AND u.subject = e.run_id
            AND NOT EXISTS (SELECT FROM promote.events AS r WHERE r.kind = 'restored' AND r.subject = u.run_id)
    )
ORDER BY e.seq DESC
LIMIT 1
