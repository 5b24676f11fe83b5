-- All events of some runs; of the undoing of these and of its taking back; and the later runs of the same files that
-- changed nothing, or were refused, whose checks count for the run before.
WITH own AS (
    SELECT e.* FROM promote.events AS e WHERE e.run_id = ANY (%(ids)s::uuid[])
), undone AS (
    SELECT e.seq, e.run_id FROM promote.events AS e WHERE e.kind = 'undone' AND e.subject = ANY (%(ids)s::uuid[])
), wanted AS (
    SELECT seq FROM own
    UNION SELECT seq FROM undone
    UNION SELECT e.seq FROM promote.events AS e WHERE e.kind = 'restored' AND e.subject IN (SELECT run_id FROM undone)
    UNION SELECT e.seq FROM promote.events AS e WHERE e.kind = 'restored' AND e.subject = ANY (%(ids)s::uuid[])
    UNION SELECT e.seq FROM promote.events AS e
        WHERE e.kind IN ('unchanged', 'refused') AND e.file_sha256 IN (SELECT file_sha256 FROM own WHERE kind = 'committed')
)
SELECT e.seq, e.kind, e.run_id::text AS run_id, e.subject::text AS subject, e.environment, e.at, e.began, e.actor,
    e.actor_role, e.client_addr, e.xact, e.xmin::text::bigint AS xmin, e.database, e.system_identifier, e.postgresql,
    e.pgvector, e.revision, e.client_host, e.client_user, e.promote_version, e.file_name, e.file_sha256, e.file_bytes,
    e.roots, e.rows::text AS rows, e.checks::text AS checks, e.seconds, e.reason, e.configuration,
    e.details::text AS details, e.rows_digest, e.format, e.hash
FROM promote.events AS e
WHERE e.seq IN (SELECT seq FROM wanted)
ORDER BY e.seq
