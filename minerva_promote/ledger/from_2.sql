-- A ledger of version 2 becomes one of version 3. Rows of promote.events stay where they are: that the system column
-- xmin of an event is its own transaction is what an undo believes, so nothing here may write that table anew.

INSERT INTO promote.ledger (version) VALUES (3);

ALTER TABLE promote.events
    ADD COLUMN roots_digest text,
    ADD COLUMN removed_digest text,
    ADD COLUMN signing_key text,
    ADD COLUMN signature text,
    DROP CONSTRAINT events_kind_check;
COMMENT ON COLUMN promote.events.roots IS 'the first keys of the promoted roots (books); all of them are in run_roots';
COMMENT ON COLUMN promote.events.rows_digest IS 'sha256 over the run_rows of its transaction, or the removed_rows of an undo';
COMMENT ON COLUMN promote.events.roots_digest IS 'sha256 over the run_roots of its transaction';
COMMENT ON COLUMN promote.events.removed_digest IS 'replaced: sha256 over its removed_rows';
COMMENT ON COLUMN promote.events.signing_key IS 'names the key of the signature';
COMMENT ON COLUMN promote.events.signature IS 'by the client, of what it wrote';

-- The transaction that wrote a row is its own xmin, below the upper half of the number that the server has reached. After
-- a dump and restore that is another one than the event's, and proves nothing.
ALTER TABLE promote.run_rows ADD COLUMN xact bigint;
ALTER TABLE promote.run_rows DISABLE TRIGGER append_only;
UPDATE promote.run_rows AS r
SET xact = (reached.id >> 32 << 32) + r.xmin::text::bigint
    - CASE WHEN r.xmin::text::bigint > (reached.id & 4294967295) THEN 4294967296 ELSE 0 END
FROM (SELECT pg_current_xact_id()::text::bigint AS id) AS reached;
ALTER TABLE promote.run_rows DROP CONSTRAINT run_rows_pkey, ADD PRIMARY KEY (run_id, xact, table_name, part);
COMMENT ON COLUMN promote.run_rows.xact IS 'the transaction that wrote it; only those of the committed event''s count';
COMMENT ON COLUMN promote.run_rows.table_name IS 'with its schema; without one in rows of version 2: in public';

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

-- Of the same owner as the events, whoever upgrades; readable by whoever may read those.
DO $$
DECLARE
    events pg_catalog.pg_class;
    grantee text;
BEGIN
    SELECT c.* INTO events FROM pg_catalog.pg_class AS c WHERE c.oid = 'promote.events'::regclass;
    EXECUTE format('ALTER TABLE promote.run_roots OWNER TO %s', events.relowner::regrole);
    FOR grantee IN
        SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
        FROM pg_catalog.aclexplode(events.relacl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        WHERE a.privilege_type = 'SELECT' AND a.grantee <> events.relowner
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE promote.run_roots TO %s', grantee);
    END LOOP;
END
$$;
