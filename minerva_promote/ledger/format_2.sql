-- Hashes and digests of events of format 2, as ledgers of version 2 made them: what was written so is verified so.

/* run_rows */
SELECT encode(sha256(string_agg(sha256(convert_to(
    jsonb_build_array(r.table_name, r.part, r.key_columns, r.columns, r.rows)::text, 'UTF8')
    || r.keys || r.marks), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
FROM promote.run_rows AS r WHERE r.run_id = e.run_id
/* end */

/* removed_rows */
SELECT encode(sha256(string_agg(sha256(convert_to(
    jsonb_build_array(r.table_name, r.part, r.columns, r.rows)::text, 'UTF8')
    || r.content), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
FROM promote.removed_rows AS r WHERE r.run_id = e.run_id
/* end */

/* hash */
encode(sha256(convert_to(e.previous || E'\n' || jsonb_build_array(
    e.format, e.seq, e.kind, e.run_id, e.subject, e.environment, extract(epoch FROM e.at),
    extract(epoch FROM e.began), e.actor, e.actor_role, e.client_addr, e.xact, e.database,
    e.system_identifier, e.postgresql, e.pgvector, e.revision, e.client_host, e.client_user,
    e.promote_version, e.file_name, e.file_sha256, e.file_bytes, e.roots, e.rows, e.checks,
    encode(float8send(e.seconds), 'hex'), e.reason, e.configuration, e.details, e.rows_digest
)::text, 'UTF8')), 'hex')
/* end */
