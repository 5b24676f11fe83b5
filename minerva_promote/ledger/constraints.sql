-- What may stand in the ledger, and how much of it: whoever may add rows adds no megabytes that nobody can take away.
-- NOT VALID: rows of older versions stay as they are. The client folds what is longer (bounds.py).

ALTER TABLE promote.events
    ADD CONSTRAINT events_kind_check CHECK (kind IN (
        'started', 'committed', 'unchanged', 'refused', 'failed', 'finished', 'abandoned', 'undone', 'restored',
        'adopted', 'replaced', 'repaired')) NOT VALID,
    ADD CONSTRAINT events_environment_bound CHECK (length(environment) <= 300) NOT VALID,
    ADD CONSTRAINT events_client_bound CHECK (
        length(client_host) <= 300 AND length(client_user) <= 300 AND length(promote_version) <= 300) NOT VALID,
    ADD CONSTRAINT events_file_name_bound CHECK (length(file_name) <= 1100) NOT VALID,
    ADD CONSTRAINT events_roots_bound CHECK (
        cardinality(roots) <= 100 AND octet_length(roots::text) <= 300000) NOT VALID,
    ADD CONSTRAINT events_rows_bound CHECK (octet_length(rows::text) <= 300000) NOT VALID,
    ADD CONSTRAINT events_checks_bound CHECK (octet_length(checks::text) <= 1100000) NOT VALID,
    ADD CONSTRAINT events_reason_bound CHECK (length(reason) <= 2000) NOT VALID,
    ADD CONSTRAINT events_details_bound CHECK (octet_length(details::text) <= 1100000) NOT VALID,
    ADD CONSTRAINT events_signature_bound CHECK (
        length(signing_key) <= 300 AND length(signature) <= 20000) NOT VALID;

ALTER TABLE promote.run_rows
    ADD CONSTRAINT run_rows_part_bound CHECK (part > 0 AND rows <= 100000) NOT VALID,
    ADD CONSTRAINT run_rows_names_bound CHECK (
        octet_length(table_name) <= 300 AND cardinality(key_columns) <= 100 AND cardinality(columns) <= 1700
        AND octet_length(key_columns::text) <= 30000 AND octet_length(columns::text) <= 300000) NOT VALID,
    ADD CONSTRAINT run_rows_keys_bound CHECK (octet_length(keys) <= 16777216) NOT VALID;

ALTER TABLE promote.run_roots
    ADD CONSTRAINT run_roots_root_bound CHECK (octet_length(root) <= 1000) NOT VALID,
    ADD CONSTRAINT run_roots_hash_check CHECK (
        values_hash ~ '^[0-9a-f]{64}$' AND compared_hash ~ '^[0-9a-f]{64}$') NOT VALID;

ALTER TABLE promote.removed_rows
    ADD CONSTRAINT removed_rows_names_bound CHECK (
        octet_length(table_name) <= 300 AND cardinality(columns) <= 1700
        AND octet_length(columns::text) <= 300000) NOT VALID;

-- Where older rows satisfy a constraint as well, it is as in a new ledger.
DO $$
DECLARE
    pending record;
BEGIN
    FOR pending IN
        SELECT c.conrelid::regclass AS relation, c.conname
        FROM pg_catalog.pg_constraint AS c
        WHERE c.connamespace = 'promote'::regnamespace AND NOT c.convalidated
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', pending.relation, pending.conname);
        EXCEPTION WHEN check_violation THEN NULL;
        END;
    END LOOP;
END
$$;
