-- The same in a ledger of version 2, whose events list all of their roots.
SELECT DISTINCT e.run_id::text AS run_id FROM promote.events AS e WHERE e.roots && %(roots)s::text[]
