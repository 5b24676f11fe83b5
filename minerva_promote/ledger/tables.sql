-- The tables of the ledger, version 3: what was promoted to this database, or attempted; by whom, when, and the result.
-- Rows are only ever added. Who and when come from the server, whatever a client sends, and every event carries the
-- hash of the one before it. Bounds and the kinds of events are in constraints.sql, triggers in functions.sql.

INSERT INTO promote.ledger (version) VALUES (3);

CREATE TABLE promote.events (
    seq bigint PRIMARY KEY,
    format smallint NOT NULL,
    kind text NOT NULL,
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
    hash text NOT NULL,
    roots_digest text,
    removed_digest text,
    signing_key text,
    signature text
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
COMMENT ON COLUMN promote.events.roots IS 'the first keys of the promoted roots (books); all of them are in run_roots';
COMMENT ON COLUMN promote.events.rows IS 'by table: {"books": {"new": 1, "identical": 0}}';
COMMENT ON COLUMN promote.events.checks IS '[{"name": ..., "outcome": ..., "values": ...}]';
COMMENT ON COLUMN promote.events.seconds IS 'duration of the run until this event, as the client measured it';
COMMENT ON COLUMN promote.events.reason IS 'why it was refused, failed, given up or undone; one line, secrets left out';
COMMENT ON COLUMN promote.events.configuration IS 'sha256 of what the project declares for this environment, secrets left out';
COMMENT ON COLUMN promote.events.rows_digest IS 'sha256 over the run_rows of its transaction, or the removed_rows of an undo';
COMMENT ON COLUMN promote.events.roots_digest IS 'sha256 over the run_roots of its transaction';
COMMENT ON COLUMN promote.events.removed_digest IS 'replaced: sha256 over its removed_rows';
COMMENT ON COLUMN promote.events.signing_key IS 'names the key of the signature';
COMMENT ON COLUMN promote.events.signature IS 'by the client, of what it wrote';
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
    xact bigint,
    PRIMARY KEY (run_id, xact, table_name, part)
);
ALTER TABLE promote.run_rows ALTER COLUMN keys SET STORAGE EXTERNAL, ALTER COLUMN marks SET STORAGE EXTERNAL;
COMMENT ON TABLE promote.run_rows IS 'the rows that a run inserted, some thousands of one table a row';
COMMENT ON COLUMN promote.run_rows.xact IS 'the transaction that wrote it; only those of the committed event''s count';
COMMENT ON COLUMN promote.run_rows.table_name IS 'with its schema; without one in rows of version 2: in public';
COMMENT ON COLUMN promote.run_rows.columns IS 'those that the file gave';
COMMENT ON COLUMN promote.run_rows.keys IS 'a row each: count (int16), lengths (int32, -1 for NULL), the values in wire form';
COMMENT ON COLUMN promote.run_rows.marks IS 'a row each: blake2b, 16 bytes, of the values of columns, written like a key';

CREATE TABLE promote.run_roots (
    run_id uuid,
    xact bigint,
    root text,
    values_hash text,
    compared_hash text,
    PRIMARY KEY (run_id, xact, root)
);
CREATE INDEX run_roots_root_idx ON promote.run_roots (root);
COMMENT ON TABLE promote.run_roots IS 'the roots (books) that a run was about';
COMMENT ON COLUMN promote.run_roots.xact IS 'the transaction that wrote it; only those of an event of the run count';
COMMENT ON COLUMN promote.run_roots.root IS 'the key as text';
COMMENT ON COLUMN promote.run_roots.values_hash IS 'sha256 of all values of the root and its rows';
COMMENT ON COLUMN promote.run_roots.compared_hash IS 'sha256 of those values that are compared';

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
