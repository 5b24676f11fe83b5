-- Runs that began and have no end. Of those that were committed and whose checks have none: only one after which no
-- other began, as it is told once.
SELECT s.run_id::text AS run_id, s.environment, coalesce(s.file_name, '') AS file_name, s.at AS began, c.at AS committed
FROM promote.events AS s
LEFT JOIN promote.events AS c ON c.run_id = s.run_id AND c.kind = 'committed'
WHERE s.kind = 'started'
    AND NOT EXISTS (
        SELECT FROM promote.events AS o
        WHERE o.run_id = s.run_id AND o.kind IN ('unchanged', 'refused', 'failed', 'finished', 'abandoned'))
    AND (c.seq IS NULL OR NOT EXISTS (SELECT FROM promote.events AS n WHERE n.kind = 'started' AND n.seq > c.seq))
ORDER BY s.seq
