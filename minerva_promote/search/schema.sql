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
    applied boolean NOT NULL DEFAULT false,
    PRIMARY KEY (schema_name, index_name)
);
-- Whether promote index --apply chose the method and the options. Of older records that is not known: they count as so.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                   WHERE attrelid = 'promote.vector_indexes'::regclass AND attname = 'applied') THEN
        ALTER TABLE promote.vector_indexes ADD COLUMN applied boolean NOT NULL DEFAULT true;
        ALTER TABLE promote.vector_indexes ALTER COLUMN applied SET DEFAULT false;
    END IF;
END
$$;
COMMENT ON TABLE promote.vector_indexes IS 'rows that a vector index was built over, when promote built or migrated it';

-- Readable by whoever may read the ledger.
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
        FROM pg_catalog.pg_class AS c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        WHERE c.oid = 'promote.ledger'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
            AND NOT pg_catalog.has_table_privilege(
                CASE WHEN a.grantee = 0 THEN 'public' ELSE r.rolname::text END,
                'promote.vector_indexes'::regclass, 'SELECT')
    LOOP
        EXECUTE format('GRANT SELECT ON TABLE promote.vector_indexes TO %s', grantee);
    END LOOP;
END
$$;
