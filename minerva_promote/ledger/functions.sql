-- Functions and triggers of the ledger. Running this again restores them; no row is read or written.

-- What the server says of an event. With the rights of whoever writes it: current_user is that role.
CREATE OR REPLACE FUNCTION promote.stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $stamp$
BEGIN
    IF NEW.kind IN ('undone', 'restored', 'adopted', 'replaced', 'repaired')
        AND NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION 'only the owner of the ledger records an event %', NEW.kind
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.at := NULL;
    NEW.began := transaction_timestamp();
    NEW.actor := session_user;
    NEW.actor_role := current_user;
    NEW.client_addr := host(inet_client_addr());
    NEW.xact := pg_current_xact_id()::text::bigint;
    NEW.database := current_database();
    NEW.system_identifier := '';
    IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        NEW.system_identifier := (SELECT system_identifier FROM pg_control_system());
    END IF;
    NEW.postgresql := current_setting('server_version');
    NEW.pgvector := (SELECT extversion FROM pg_extension WHERE extname = 'vector');
    NEW.revision := NULL;
    IF has_table_privilege('promote.revision', 'SELECT') THEN
        NEW.revision := (SELECT string_agg(version_num, ', ' ORDER BY version_num) FROM promote.revision);
    END IF;
    RETURN NEW;
END
$stamp$;

-- Its place in the chain. With the owner's rights: nobody else may write promote.chain. One event at a time: whoever
-- comes second waits here until the first has committed or not, so what is refused below is refused for good. A run
-- belongs to the role that wrote its first event: only that role, or the owner, adds another.
-- Its text is compared with what a target has (promote grants): another text is another version of the ledger.
CREATE OR REPLACE FUNCTION promote.chain_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $chain$
DECLARE
    head promote.chain;
    ends constant text[] := ARRAY['committed', 'unchanged', 'refused', 'failed', 'abandoned'];
    found_kind text;
    first_role text;
BEGIN
    SELECT c.* INTO head FROM promote.chain AS c FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'promote.chain is empty: the head of the ledger was removed'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT o.kind INTO found_kind FROM promote.events AS o
    WHERE o.run_id = NEW.run_id AND (o.kind = NEW.kind OR (o.kind = ANY (ends) AND NEW.kind = ANY (ends)))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'run % is recorded as % already', NEW.run_id, found_kind USING ERRCODE = 'unique_violation';
    END IF;
    SELECT o.actor_role INTO first_role FROM promote.events AS o WHERE o.run_id = NEW.run_id ORDER BY o.seq LIMIT 1;
    IF FOUND AND first_role <> NEW.actor_role
        AND NOT pg_has_role(NEW.actor_role, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION 'run % is of role %: role % may not record that it is %', NEW.run_id, first_role,
            NEW.actor_role, NEW.kind USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.system_identifier = '' AND has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        NEW.system_identifier := (SELECT system_identifier FROM pg_control_system());
    END IF;
    NEW.seq := head.seq + 1;
    NEW.format := 3;
    NEW.at := coalesce(NEW.at, clock_timestamp());
    NEW.previous := head.hash;
    NEW.rows_digest := (
        SELECT
            CASE WHEN e.kind = 'undone' THEN (
                /* removed_rows */
                SELECT encode(sha256(string_agg(sha256(convert_to(
                    jsonb_build_array(r.table_name, r.part, r.columns, r.rows)::text, 'UTF8')
                    || r.content), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
                FROM promote.removed_rows AS r WHERE r.run_id = e.run_id
                /* end */
            ) ELSE (
                /* run_rows */
                SELECT encode(sha256(string_agg(sha256(convert_to(
                    jsonb_build_array(r.table_name, r.part, r.key_columns, r.columns, r.rows)::text, 'UTF8')
                    || r.keys || r.marks), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
                FROM promote.run_rows AS r WHERE r.run_id = e.run_id AND r.xact = e.xact
                /* end */
            ) END
        FROM (SELECT NEW.*) AS e
    );
    NEW.roots_digest := (
        SELECT (
            /* run_roots */
            SELECT encode(sha256(string_agg(sha256(convert_to(
                jsonb_build_array(r.root, r.values_hash, r.compared_hash)::text, 'UTF8')),
                ''::bytea ORDER BY r.root COLLATE "C")), 'hex')
            FROM promote.run_roots AS r WHERE r.run_id = e.run_id AND r.xact = e.xact
            /* end */
        )
        FROM (SELECT NEW.*) AS e
    );
    NEW.removed_digest := CASE WHEN NEW.kind = 'replaced' THEN (
        SELECT encode(sha256(string_agg(sha256(convert_to(
            jsonb_build_array(r.table_name, r.part, r.columns, r.rows)::text, 'UTF8')
            || r.content), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
        FROM promote.removed_rows AS r WHERE r.run_id = NEW.run_id
    ) END;
    NEW.hash := (
        SELECT
            /* hash */
            encode(sha256(convert_to(e.previous || E'\n' ||
                /* content */
                jsonb_build_array(
                    e.format, e.seq, e.kind, e.run_id, e.subject, e.environment, extract(epoch FROM e.at),
                    extract(epoch FROM e.began), e.actor, e.actor_role, e.client_addr, e.xact, e.database,
                    e.system_identifier, e.postgresql, e.pgvector, e.revision, e.client_host, e.client_user,
                    e.promote_version, e.file_name, e.file_sha256, e.file_bytes, e.roots, e.rows, e.checks,
                    encode(float8send(e.seconds), 'hex'), e.reason, e.configuration, e.details, e.rows_digest,
                    e.roots_digest, e.removed_digest, e.signing_key, e.signature
                )::text
                /* end of content */
            , 'UTF8')), 'hex')
            /* end */
        FROM (SELECT NEW.*) AS e
    );
    UPDATE promote.chain SET seq = NEW.seq, hash = NEW.hash;
    RETURN NEW;
END
$chain$;

-- What was inserted is said before the run's event, and never after it.
CREATE OR REPLACE FUNCTION promote.refuse_late_rows() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $late$
BEGIN
    IF EXISTS (SELECT FROM promote.events AS e
               WHERE e.run_id = NEW.run_id AND e.kind NOT IN ('started', 'finished')) THEN
        RAISE EXCEPTION 'run % has ended: no rows are added to it', NEW.run_id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$late$;

-- Which transaction wrote what a run inserted, and what it was about: the server says it, whatever a client sends.
CREATE OR REPLACE FUNCTION promote.stamp_rows() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $rows$
BEGIN
    NEW.xact := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$rows$;

CREATE OR REPLACE FUNCTION promote.refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $change$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', 'promote.' || TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$change$;

CREATE OR REPLACE TRIGGER a_stamp BEFORE INSERT ON promote.events FOR EACH ROW EXECUTE FUNCTION promote.stamp();
CREATE OR REPLACE TRIGGER b_chain BEFORE INSERT ON promote.events FOR EACH ROW EXECUTE FUNCTION promote.chain_event();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.events
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
CREATE OR REPLACE TRIGGER a_stamp BEFORE INSERT ON promote.run_rows FOR EACH ROW EXECUTE FUNCTION promote.stamp_rows();
CREATE OR REPLACE TRIGGER not_late BEFORE INSERT ON promote.run_rows
    FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.run_rows
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
CREATE OR REPLACE TRIGGER a_stamp BEFORE INSERT ON promote.run_roots
    FOR EACH ROW EXECUTE FUNCTION promote.stamp_rows();
CREATE OR REPLACE TRIGGER not_late BEFORE INSERT ON promote.run_roots
    FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.run_roots
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
CREATE OR REPLACE TRIGGER not_late BEFORE INSERT ON promote.removed_rows
    FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.removed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER a_stamp;
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER b_chain;
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER a_stamp;
ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER not_late;
ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE promote.run_roots ENABLE ALWAYS TRIGGER a_stamp;
ALTER TABLE promote.run_roots ENABLE ALWAYS TRIGGER not_late;
ALTER TABLE promote.run_roots ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE promote.removed_rows ENABLE ALWAYS TRIGGER not_late;
ALTER TABLE promote.removed_rows ENABLE ALWAYS TRIGGER append_only;

REVOKE EXECUTE ON FUNCTION promote.stamp(), promote.chain_event(), promote.stamp_rows(), promote.refuse_late_rows(),
    promote.refuse_change() FROM PUBLIC;
