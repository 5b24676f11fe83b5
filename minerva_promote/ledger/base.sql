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
