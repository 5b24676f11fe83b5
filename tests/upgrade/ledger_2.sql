-- What every version of the ledger has: the schema, which versions it went through, and where the migrations stand.

CREATE SCHEMA promote;
COMMENT ON SCHEMA promote IS 'minerva-promote: the record of what was promoted to this database';

CREATE TABLE promote.ledger (
    version integer PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT transaction_timestamp()
);
COMMENT ON TABLE promote.ledger IS 'the versions of this schema; the highest is the present one';

-- For roles that have nothing to do with Alembic's own table.
CREATE VIEW promote.revision AS SELECT version_num FROM public.alembic_version;
COMMENT ON VIEW promote.revision IS 'the migration revision of the promoted tables';

-- The ledger, version 2: what was promoted to this database, or was tried to be; by whom, when, and what came of it.
-- Rows are only ever added. Who and when come from the server, whatever a client sends, and every event carries the
-- hash of the one before it.

INSERT INTO promote.ledger (version) VALUES (2);

CREATE TABLE promote.events (
    seq bigint PRIMARY KEY,
    format smallint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('started', 'committed', 'unchanged', 'refused', 'failed', 'finished',
                                       'abandoned', 'undone', 'restored')),
    run_id uuid NOT NULL,
    subject uuid,
    environment text NOT NULL,
    at timestamptz NOT NULL,
    began timestamptz NOT NULL,
    actor text NOT NULL,
    actor_role text NOT NULL,
    client_addr text,
    xact bigint,
    database text,
    system_identifier text,
    postgresql text,
    pgvector text,
    revision text,
    client_host text,
    client_user text,
    promote_version text NOT NULL,
    file_name text CHECK (position('/' IN file_name) = 0),
    file_sha256 text CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
    file_bytes bigint CHECK (file_bytes >= 0),
    roots text[],
    rows jsonb CHECK (jsonb_typeof(rows) = 'object'),
    checks jsonb CHECK (jsonb_typeof(checks) = 'array'),
    seconds double precision CHECK (seconds >= 0),
    reason text,
    configuration text CHECK (configuration ~ '^[0-9a-f]{64}$'),
    details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
    rows_digest text,
    previous text NOT NULL,
    hash text NOT NULL
);
CREATE INDEX events_run_id_idx ON promote.events (run_id);
CREATE INDEX events_subject_idx ON promote.events (subject) WHERE subject IS NOT NULL;
CREATE INDEX events_file_sha256_idx ON promote.events (file_sha256) WHERE file_sha256 IS NOT NULL;

COMMENT ON TABLE promote.events IS 'what happened, one event a row; committed is written in the transaction of its rows';
COMMENT ON COLUMN promote.events.seq IS '1, 2, 3 ... without a gap, in the order of the chain';
COMMENT ON COLUMN promote.events.format IS 'which columns the hash is made of, and how';
COMMENT ON COLUMN promote.events.run_id IS 'made by the client; all events of one run share it: committed proves the COMMIT';
COMMENT ON COLUMN promote.events.subject IS 'undone: the run whose rows went; restored: the undo that was taken back';
COMMENT ON COLUMN promote.events.at IS 'when the event was written, by the server''s clock';
COMMENT ON COLUMN promote.events.began IS 'when its transaction began, by the server''s clock';
COMMENT ON COLUMN promote.events.actor IS 'the role that logged in';
COMMENT ON COLUMN promote.events.actor_role IS 'the role that wrote: another one after SET ROLE';
COMMENT ON COLUMN promote.events.client_addr IS 'where the client connected from; NULL for a socket of the same machine';
COMMENT ON COLUMN promote.events.xact IS 'the transaction that wrote it, and the rows of a committed run';
COMMENT ON COLUMN promote.events.client_host IS 'the client''s machine, as the client says';
COMMENT ON COLUMN promote.events.client_user IS 'the operating system''s user, as the client says';
COMMENT ON COLUMN promote.events.roots IS 'the keys of the promoted roots (books)';
COMMENT ON COLUMN promote.events.rows IS 'by table: {"books": {"new": 1, "identical": 0}}';
COMMENT ON COLUMN promote.events.checks IS '[{"name": ..., "outcome": ..., "values": ...}]';
COMMENT ON COLUMN promote.events.seconds IS 'duration of the run until this event, as the client measured it';
COMMENT ON COLUMN promote.events.reason IS 'why it was refused, failed, given up or undone; one line, secrets left out';
COMMENT ON COLUMN promote.events.configuration IS 'sha256 of what the project declares for this environment, secrets left out';
COMMENT ON COLUMN promote.events.rows_digest IS 'sha256 over the run_rows of a committed run, or the removed_rows of an undo';
COMMENT ON COLUMN promote.events.previous IS 'the hash of the event before';
COMMENT ON COLUMN promote.events.hash IS 'sha256, in hex, of previous and this event';

CREATE TABLE promote.chain (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL,
    hash text NOT NULL
);
INSERT INTO promote.chain (seq, hash) VALUES (0, '');
COMMENT ON TABLE promote.chain IS 'the last event: whoever adds one holds this row until its transaction ends';

CREATE TABLE promote.run_rows (
    run_id uuid,
    table_name text,
    part integer,
    key_columns text[] NOT NULL,
    columns text[] NOT NULL,
    rows integer NOT NULL CHECK (rows > 0),
    keys bytea NOT NULL,
    marks bytea NOT NULL CHECK (length(marks) = 16 * rows),
    PRIMARY KEY (run_id, table_name, part)
);
ALTER TABLE promote.run_rows ALTER COLUMN keys SET STORAGE EXTERNAL, ALTER COLUMN marks SET STORAGE EXTERNAL;
COMMENT ON TABLE promote.run_rows IS 'the rows that a run inserted, some thousands of one table a row';
COMMENT ON COLUMN promote.run_rows.columns IS 'those that the file gave';
COMMENT ON COLUMN promote.run_rows.keys IS 'a row each: count (int16), lengths (int32, -1 for NULL), the values in wire form';
COMMENT ON COLUMN promote.run_rows.marks IS 'a row each: blake2b, 16 bytes, of the values of columns, written like a key';

CREATE TABLE promote.removed_rows (
    run_id uuid,
    table_name text,
    part integer,
    columns text[] NOT NULL,
    rows integer NOT NULL CHECK (rows > 0),
    content bytea NOT NULL,
    PRIMARY KEY (run_id, table_name, part)
);
COMMENT ON TABLE promote.removed_rows IS 'the rows that an undo took away, so that it can be taken back';
COMMENT ON COLUMN promote.removed_rows.run_id IS 'of the undo';
ALTER TABLE promote.removed_rows ALTER content SET STORAGE EXTERNAL;  -- vectors do not shrink, and trying takes its time
COMMENT ON COLUMN promote.removed_rows.content IS 'a piece of COPY (FORMAT binary)';

-- What the server says of an event. With the rights of whoever writes it: current_user is that role.
CREATE OR REPLACE FUNCTION promote.stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $stamp$
BEGIN
    IF NEW.kind IN ('undone', 'restored')
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
-- comes second waits here until the first has committed or not, so what is refused below is refused for good.
-- Its text is compared with what a target has (promote grants): another text is another version of the ledger.
CREATE FUNCTION promote.chain_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $chain$
DECLARE
    head promote.chain;
    ends constant text[] := ARRAY['committed', 'unchanged', 'refused', 'failed', 'abandoned'];
    found_kind text;
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
    NEW.seq := head.seq + 1;
    NEW.format := 2;
    NEW.at := coalesce(NEW.at, clock_timestamp());
    NEW.previous := head.hash;
    NEW.rows_digest := (
        SELECT
            CASE e.kind
                WHEN 'committed' THEN (
                    /* run_rows */
                    SELECT encode(sha256(string_agg(sha256(convert_to(
                        jsonb_build_array(r.table_name, r.part, r.key_columns, r.columns, r.rows)::text, 'UTF8')
                        || r.keys || r.marks), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
                    FROM promote.run_rows AS r WHERE r.run_id = e.run_id
                    /* end */
                )
                WHEN 'undone' THEN (
                    /* removed_rows */
                    SELECT encode(sha256(string_agg(sha256(convert_to(
                        jsonb_build_array(r.table_name, r.part, r.columns, r.rows)::text, 'UTF8')
                        || r.content), ''::bytea ORDER BY r.table_name COLLATE "C", r.part)), 'hex')
                    FROM promote.removed_rows AS r WHERE r.run_id = e.run_id
                    /* end */
                )
            END
        FROM (SELECT NEW.*) AS e
    );
    NEW.hash := (
        SELECT
            /* hash */
            encode(sha256(convert_to(e.previous || E'\n' || jsonb_build_array(
                e.format, e.seq, e.kind, e.run_id, e.subject, e.environment, extract(epoch FROM e.at),
                extract(epoch FROM e.began), e.actor, e.actor_role, e.client_addr, e.xact, e.database,
                e.system_identifier, e.postgresql, e.pgvector, e.revision, e.client_host, e.client_user,
                e.promote_version, e.file_name, e.file_sha256, e.file_bytes, e.roots, e.rows, e.checks,
                encode(float8send(e.seconds), 'hex'), e.reason, e.configuration, e.details, e.rows_digest
            )::text, 'UTF8')), 'hex')
            /* end */
        FROM (SELECT NEW.*) AS e
    );
    UPDATE promote.chain SET seq = NEW.seq, hash = NEW.hash;
    RETURN NEW;
END
$chain$;

-- What was inserted is said before the run's event, and never after it.
CREATE FUNCTION promote.refuse_late_rows() RETURNS trigger LANGUAGE plpgsql
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

CREATE OR REPLACE FUNCTION promote.refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $change$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', 'promote.' || TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$change$;

CREATE TRIGGER a_stamp BEFORE INSERT ON promote.events FOR EACH ROW EXECUTE FUNCTION promote.stamp();
CREATE TRIGGER b_chain BEFORE INSERT ON promote.events FOR EACH ROW EXECUTE FUNCTION promote.chain_event();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.events
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
CREATE TRIGGER not_late BEFORE INSERT ON promote.run_rows FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.run_rows
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
CREATE TRIGGER not_late BEFORE INSERT ON promote.removed_rows FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.removed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER a_stamp;
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER b_chain;
ALTER TABLE promote.events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER not_late;
ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE promote.removed_rows ENABLE ALWAYS TRIGGER not_late;
ALTER TABLE promote.removed_rows ENABLE ALWAYS TRIGGER append_only;

REVOKE EXECUTE ON FUNCTION promote.stamp(), promote.chain_event(), promote.refuse_late_rows(), promote.refuse_change()
    FROM PUBLIC;

-- What promote knows of the vector indexes it built: how many rows they were built over. A record counts only while
-- the index has the file it had then: whoever else rebuilds it makes it unknown again.
CREATE TABLE IF NOT EXISTS promote.vector_indexes (
    schema_name text NOT NULL,
    index_name text NOT NULL,
    filenode bigint NOT NULL,
    table_name text NOT NULL,
    method text NOT NULL,
    options text[] NOT NULL,
    rows bigint NOT NULL CHECK (rows >= 0),
    built_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schema_name, index_name)
);
COMMENT ON TABLE promote.vector_indexes IS 'rows that a vector index was built over, when promote built or migrated it';

-- What setup granted.
GRANT USAGE ON SCHEMA promote TO {minerva_api};
GRANT SELECT ON TABLE promote.chain TO {minerva_api};
GRANT SELECT ON TABLE promote.events TO {minerva_api};
GRANT INSERT(kind) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(run_id) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(subject) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(environment) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(client_host) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(client_user) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(promote_version) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(file_name) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(file_sha256) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(file_bytes) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(roots) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(rows) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(checks) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(seconds) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(reason) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(configuration) ON TABLE promote.events TO {minerva_api};
GRANT INSERT(details) ON TABLE promote.events TO {minerva_api};
GRANT SELECT ON TABLE promote.ledger TO {minerva_api};
GRANT SELECT ON TABLE promote.revision TO {minerva_api};
GRANT SELECT,INSERT ON TABLE promote.run_rows TO {minerva_api};
GRANT SELECT ON TABLE promote.vector_indexes TO {minerva_api};
