-- The ledger of the first releases, version 1, as their setup installed it.
-- Rows are only ever added. Who and when come from the server, whatever a client sends.

CREATE SCHEMA promote;
COMMENT ON SCHEMA promote IS 'minerva-promote: the record of what was promoted to this database';

CREATE TABLE promote.ledger (
    version integer PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT transaction_timestamp()
);
COMMENT ON TABLE promote.ledger IS 'the versions of this schema; the highest is the present one';
INSERT INTO promote.ledger (version) VALUES (1);

CREATE TABLE promote.runs (
    run_id uuid PRIMARY KEY,
    environment text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL DEFAULT session_user,
    actor_role text NOT NULL DEFAULT current_user,
    client_host text,
    client_user text,
    promote_version text NOT NULL,
    file_name text NOT NULL CHECK (position('/' IN file_name) = 0),
    file_sha256 text NOT NULL CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
    file_bytes bigint NOT NULL CHECK (file_bytes >= 0),
    roots text[] NOT NULL,
    rows jsonb NOT NULL CHECK (jsonb_typeof(rows) = 'object'),
    checks jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(checks) = 'array'),
    seconds double precision NOT NULL CHECK (seconds >= 0),
    details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX runs_file_sha256_idx ON promote.runs (file_sha256, recorded_at);
CREATE INDEX runs_recorded_at_idx ON promote.runs (recorded_at);

COMMENT ON TABLE promote.runs IS 'one committed promotion a row, written in the transaction of its rows';
COMMENT ON COLUMN promote.runs.run_id IS 'made by the client: its presence proves the COMMIT';
COMMENT ON COLUMN promote.runs.started_at IS 'when the transaction of the import began, by the server''s clock';
COMMENT ON COLUMN promote.runs.recorded_at IS 'when this row was written, just before COMMIT, by the server''s clock';
COMMENT ON COLUMN promote.runs.actor IS 'the role that logged in';
COMMENT ON COLUMN promote.runs.actor_role IS 'the role that wrote: another one after SET ROLE';
COMMENT ON COLUMN promote.runs.client_user IS 'the operating system''s user, as the client says';
COMMENT ON COLUMN promote.runs.roots IS 'the keys of the promoted roots (books)';
COMMENT ON COLUMN promote.runs.rows IS 'by table: {"books": {"new": 1, "identical": 0}}';
COMMENT ON COLUMN promote.runs.checks IS '[{"name": …, "outcome": …, "value": …}]';
COMMENT ON COLUMN promote.runs.seconds IS 'duration until this row was written, as the client measured it';

CREATE FUNCTION promote.stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NEW.started_at := transaction_timestamp();
    NEW.recorded_at := clock_timestamp();
    NEW.actor := session_user;
    NEW.actor_role := current_user;
    RETURN NEW;
END
$$;
CREATE TRIGGER stamp BEFORE INSERT ON promote.runs FOR EACH ROW EXECUTE FUNCTION promote.stamp();
ALTER TABLE promote.runs ENABLE ALWAYS TRIGGER stamp;

CREATE FUNCTION promote.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', 'promote.' || TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON promote.runs
    FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();
ALTER TABLE promote.runs ENABLE ALWAYS TRIGGER append_only;

-- For roles that have nothing to do with Alembic's own table.
CREATE VIEW promote.revision AS SELECT version_num FROM public.alembic_version;
COMMENT ON VIEW promote.revision IS 'the migration revision of the promoted tables';
