-- A committed run that was not undone and lists a row. The keys of its rows are one after the other in run_rows.keys.
-- $1: the names under which the table may be listed, $2: the packed key.
SELECT r.run_id::text
FROM promote.run_rows AS r
JOIN promote.events AS e ON e.run_id = r.run_id AND e.kind = 'committed'
WHERE (r.xact = e.xact OR e.format < 3) AND r.table_name = ANY ($1) AND position($2 IN r.keys) > 0
    AND NOT EXISTS (
        SELECT FROM promote.events AS u
        WHERE u.kind = 'undone' AND u.subject = r.run_id AND NOT EXISTS (
            SELECT FROM promote.events AS b WHERE b.kind = 'restored' AND b.subject = u.run_id))
LIMIT 1
