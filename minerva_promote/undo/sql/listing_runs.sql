-- The other committed runs that list rows of some tables and were not undone, the oldest first; "later" than event seq.
SELECT e.run_id::text AS run_id, e.seq > %(seq)s AS later
FROM promote.events AS e
WHERE e.kind = 'committed' AND e.run_id <> %(run_id)s
    AND EXISTS (SELECT FROM promote.run_rows AS r WHERE r.run_id = e.run_id AND r.table_name = ANY (%(tables)s::text[]))
    AND NOT EXISTS (
        SELECT FROM promote.events AS u
        WHERE u.kind = 'undone' AND u.subject = e.run_id AND NOT EXISTS (
            SELECT FROM promote.events AS b WHERE b.kind = 'restored' AND b.subject = u.run_id))
ORDER BY e.seq
