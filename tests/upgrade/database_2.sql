--
-- PostgreSQL database dump
--

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: promote; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA promote;

--
-- Name: SCHEMA promote; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA promote IS 'minerva-promote: the record of what was promoted to this database';

--
-- Name: vector; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

--
-- Name: EXTENSION vector; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

--
-- Name: source_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.source_type AS ENUM (
    'kindle',
    'website',
    'pdf'
);

--
-- Name: chain_event(); Type: FUNCTION; Schema: promote; Owner: -
--

CREATE FUNCTION promote.chain_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

--
-- Name: refuse_change(); Type: FUNCTION; Schema: promote; Owner: -
--

CREATE FUNCTION promote.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', 'promote.' || TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;

--
-- Name: refuse_late_rows(); Type: FUNCTION; Schema: promote; Owner: -
--

CREATE FUNCTION promote.refuse_late_rows() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM promote.events AS e
               WHERE e.run_id = NEW.run_id AND e.kind NOT IN ('started', 'finished')) THEN
        RAISE EXCEPTION 'run % has ended: no rows are added to it', NEW.run_id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$$;

--
-- Name: stamp(); Type: FUNCTION; Schema: promote; Owner: -
--

CREATE FUNCTION promote.stamp() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: chain; Type: TABLE; Schema: promote; Owner: -
--

CREATE TABLE promote.chain (
    one boolean DEFAULT true NOT NULL,
    seq bigint NOT NULL,
    hash text NOT NULL,
    CONSTRAINT chain_one_check CHECK (one)
);

--
-- Name: TABLE chain; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON TABLE promote.chain IS 'the last event: whoever adds one holds this row until its transaction ends';

--
-- Name: events; Type: TABLE; Schema: promote; Owner: -
--

CREATE TABLE promote.events (
    seq bigint NOT NULL,
    format smallint NOT NULL,
    kind text NOT NULL,
    run_id uuid NOT NULL,
    subject uuid,
    environment text NOT NULL,
    at timestamp with time zone NOT NULL,
    began timestamp with time zone NOT NULL,
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
    file_name text,
    file_sha256 text,
    file_bytes bigint,
    roots text[],
    rows jsonb,
    checks jsonb,
    seconds double precision,
    reason text,
    configuration text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    rows_digest text,
    previous text NOT NULL,
    hash text NOT NULL,
    CONSTRAINT events_checks_check CHECK ((jsonb_typeof(checks) = 'array'::text)),
    CONSTRAINT events_configuration_check CHECK ((configuration ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT events_details_check CHECK ((jsonb_typeof(details) = 'object'::text)),
    CONSTRAINT events_file_bytes_check CHECK ((file_bytes >= 0)),
    CONSTRAINT events_file_name_check CHECK ((POSITION(('/'::text) IN (file_name)) = 0)),
    CONSTRAINT events_file_sha256_check CHECK ((file_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT events_kind_check CHECK ((kind = ANY (ARRAY['started'::text, 'committed'::text, 'unchanged'::text, 'refused'::text, 'failed'::text, 'finished'::text, 'abandoned'::text, 'undone'::text, 'restored'::text]))),
    CONSTRAINT events_rows_check CHECK ((jsonb_typeof(rows) = 'object'::text)),
    CONSTRAINT events_seconds_check CHECK ((seconds >= (0)::double precision))
);

--
-- Name: TABLE events; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON TABLE promote.events IS 'what happened, one event a row; committed is written in the transaction of its rows';

--
-- Name: COLUMN events.seq; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.seq IS '1, 2, 3 ... without a gap, in the order of the chain';

--
-- Name: COLUMN events.format; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.format IS 'which columns the hash is made of, and how';

--
-- Name: COLUMN events.run_id; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.run_id IS 'made by the client; all events of one run share it: committed proves the COMMIT';

--
-- Name: COLUMN events.subject; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.subject IS 'undone: the run whose rows went; restored: the undo that was taken back';

--
-- Name: COLUMN events.at; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.at IS 'when the event was written, by the server''s clock';

--
-- Name: COLUMN events.began; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.began IS 'when its transaction began, by the server''s clock';

--
-- Name: COLUMN events.actor; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.actor IS 'the role that logged in';

--
-- Name: COLUMN events.actor_role; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.actor_role IS 'the role that wrote: another one after SET ROLE';

--
-- Name: COLUMN events.client_addr; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.client_addr IS 'where the client connected from; NULL for a socket of the same machine';

--
-- Name: COLUMN events.xact; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.xact IS 'the transaction that wrote it, and the rows of a committed run';

--
-- Name: COLUMN events.client_host; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.client_host IS 'the client''s machine, as the client says';

--
-- Name: COLUMN events.client_user; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.client_user IS 'the operating system''s user, as the client says';

--
-- Name: COLUMN events.roots; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.roots IS 'the keys of the promoted roots (books)';

--
-- Name: COLUMN events.rows; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.rows IS 'by table: {"books": {"new": 1, "identical": 0}}';

--
-- Name: COLUMN events.checks; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.checks IS '[{"name": ..., "outcome": ..., "values": ...}]';

--
-- Name: COLUMN events.seconds; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.seconds IS 'duration of the run until this event, as the client measured it';

--
-- Name: COLUMN events.reason; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.reason IS 'why it was refused, failed, given up or undone; one line, secrets left out';

--
-- Name: COLUMN events.configuration; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.configuration IS 'sha256 of what the project declares for this environment, secrets left out';

--
-- Name: COLUMN events.rows_digest; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.rows_digest IS 'sha256 over the run_rows of a committed run, or the removed_rows of an undo';

--
-- Name: COLUMN events.previous; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.previous IS 'the hash of the event before';

--
-- Name: COLUMN events.hash; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.events.hash IS 'sha256, in hex, of previous and this event';

--
-- Name: ledger; Type: TABLE; Schema: promote; Owner: -
--

CREATE TABLE promote.ledger (
    version integer NOT NULL,
    installed_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL
);

--
-- Name: TABLE ledger; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON TABLE promote.ledger IS 'the versions of this schema; the highest is the present one';

--
-- Name: removed_rows; Type: TABLE; Schema: promote; Owner: -
--

CREATE TABLE promote.removed_rows (
    run_id uuid NOT NULL,
    table_name text NOT NULL,
    part integer NOT NULL,
    columns text[] NOT NULL,
    rows integer NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT removed_rows_rows_check CHECK ((rows > 0))
);
ALTER TABLE ONLY promote.removed_rows ALTER COLUMN content SET STORAGE EXTERNAL;

--
-- Name: TABLE removed_rows; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON TABLE promote.removed_rows IS 'the rows that an undo took away, so that it can be taken back';

--
-- Name: COLUMN removed_rows.run_id; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.removed_rows.run_id IS 'of the undo';

--
-- Name: COLUMN removed_rows.content; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.removed_rows.content IS 'a piece of COPY (FORMAT binary)';

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

--
-- Name: revision; Type: VIEW; Schema: promote; Owner: -
--

CREATE VIEW promote.revision AS
 SELECT version_num
   FROM public.alembic_version;

--
-- Name: VIEW revision; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON VIEW promote.revision IS 'the migration revision of the promoted tables';

--
-- Name: run_rows; Type: TABLE; Schema: promote; Owner: -
--

CREATE TABLE promote.run_rows (
    run_id uuid NOT NULL,
    table_name text NOT NULL,
    part integer NOT NULL,
    key_columns text[] NOT NULL,
    columns text[] NOT NULL,
    rows integer NOT NULL,
    keys bytea NOT NULL,
    marks bytea NOT NULL,
    CONSTRAINT run_rows_check CHECK ((length(marks) = (16 * rows))),
    CONSTRAINT run_rows_rows_check CHECK ((rows > 0))
);
ALTER TABLE ONLY promote.run_rows ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE ONLY promote.run_rows ALTER COLUMN marks SET STORAGE EXTERNAL;

--
-- Name: TABLE run_rows; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON TABLE promote.run_rows IS 'the rows that a run inserted, some thousands of one table a row';

--
-- Name: COLUMN run_rows.columns; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.run_rows.columns IS 'those that the file gave';

--
-- Name: COLUMN run_rows.keys; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.run_rows.keys IS 'a row each: count (int16), lengths (int32, -1 for NULL), the values in wire form';

--
-- Name: COLUMN run_rows.marks; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON COLUMN promote.run_rows.marks IS 'a row each: blake2b, 16 bytes, of the values of columns, written like a key';

--
-- Name: vector_indexes; Type: TABLE; Schema: promote; Owner: -
--

CREATE TABLE promote.vector_indexes (
    schema_name text NOT NULL,
    index_name text NOT NULL,
    filenode bigint NOT NULL,
    table_name text NOT NULL,
    method text NOT NULL,
    options text[] NOT NULL,
    rows bigint NOT NULL,
    built_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT vector_indexes_rows_check CHECK ((rows >= 0))
);

--
-- Name: TABLE vector_indexes; Type: COMMENT; Schema: promote; Owner: -
--

COMMENT ON TABLE promote.vector_indexes IS 'rows that a vector index was built over, when promote built or migrated it';

--
-- Name: books; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.books (
    id uuid NOT NULL,
    title character varying NOT NULL,
    author character varying NOT NULL,
    kindle_url character varying,
    total_screenshots integer,
    capture_date timestamp without time zone,
    ingestion_status character varying NOT NULL,
    ingestion_error character varying,
    book_metadata json,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    source_type public.source_type DEFAULT 'kindle'::public.source_type NOT NULL,
    source_url character varying,
    source_domain character varying(255),
    published_date timestamp without time zone,
    word_count integer,
    page_count integer
);

--
-- Name: chunks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chunks (
    id uuid NOT NULL,
    book_id uuid NOT NULL,
    screenshot_ids uuid[] NOT NULL,
    chunk_sequence integer NOT NULL,
    chunk_text character varying NOT NULL,
    chunk_token_count integer NOT NULL,
    embedding_config_id uuid NOT NULL,
    embedding public.vector(3),
    vision_model character varying NOT NULL,
    vision_prompt_tokens integer DEFAULT 0 NOT NULL,
    vision_completion_tokens integer DEFAULT 0 NOT NULL,
    extraction_timestamp timestamp without time zone DEFAULT now() NOT NULL,
    chunk_metadata json,
    created_at timestamp without time zone NOT NULL
);

--
-- Name: embedding_configs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.embedding_configs (
    id uuid NOT NULL,
    model_name character varying NOT NULL,
    model_version character varying NOT NULL,
    dimensions integer NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamp without time zone NOT NULL
);

--
-- Name: failed_scrapes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.failed_scrapes (
    id uuid NOT NULL,
    book_id uuid NOT NULL,
    url text NOT NULL,
    error_message text,
    retry_count integer DEFAULT 0 NOT NULL,
    created_at timestamp without time zone DEFAULT now() NOT NULL,
    updated_at timestamp without time zone DEFAULT now() NOT NULL
);

--
-- Name: ingestion_logs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ingestion_logs (
    id uuid NOT NULL,
    book_id uuid NOT NULL,
    pipeline_stage character varying NOT NULL,
    status character varying NOT NULL,
    error_message character varying,
    execution_time_ms integer,
    log_metadata json,
    created_at timestamp without time zone NOT NULL
);

--
-- Name: screenshots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.screenshots (
    id uuid NOT NULL,
    book_id uuid NOT NULL,
    sequence_number integer NOT NULL,
    file_path character varying,
    screenshot_hash character varying,
    captured_at timestamp without time zone NOT NULL,
    CONSTRAINT ck_screenshots_file_path_null CHECK ((file_path IS NULL))
);

--
-- Data for Name: chain; Type: TABLE DATA; Schema: promote; Owner: -
--

INSERT INTO promote.chain (one, seq, hash) VALUES (true, 16, 'e04890e3b711a64d517c4fb21fe08b538d91b4bf1f706e74f6066a385480b02e');

--
-- Data for Name: events; Type: TABLE DATA; Schema: promote; Owner: -
--

INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (1, 2, 'started', '41b3f4da-af1b-4df2-8756-0c9192ac0689', NULL, 'test-prod', '2026-11-30 23:17:17.470997+00', '2026-11-30 23:17:17.451896+00', 'minerva_api', 'minerva_api', NULL, 761, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_1.sql', '83aa0b0f7579ea50bd1c9b93570ee02cf1ff65cdbce0a5e0b23760cbdbff55d7', 2948, '{bbbbbbbb-0000-4000-8000-000100000000}', NULL, NULL, NULL, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{}', NULL, '', '5f7496be5df2a00167f23d33e527ad27d23da003cba8fc15d7a25fe1866f8b09');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (2, 2, 'committed', '41b3f4da-af1b-4df2-8756-0c9192ac0689', NULL, 'test-prod', '2026-11-30 23:17:17.536879+00', '2026-11-30 23:17:17.473962+00', 'minerva_api', 'minerva_api', NULL, 762, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_1.sql', '83aa0b0f7579ea50bd1c9b93570ee02cf1ff65cdbce0a5e0b23760cbdbff55d7', 2948, '{bbbbbbbb-0000-4000-8000-000100000000}', '{"books": {"new": 1, "identical": 0}, "chunks": {"new": 3, "identical": 0}, "screenshots": {"new": 2, "identical": 0}, "embedding_configs": {"new": 1, "identical": 0}}', '[{"name": "embedding space", "values": {"file_vectors": 3, "target_vectors": 0}, "outcome": "skip"}, {"name": "books_present", "values": {"value": 1}, "outcome": "ok"}, {"name": "screenshots_present", "values": {"value": 2}, "outcome": "ok"}, {"name": "chunks_present", "values": {"value": 3}, "outcome": "ok"}, {"name": "books_without_chunks", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_chunk_gaps", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_not_completed", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_embedding", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_other_dimensions", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_mixed_embeddings", "values": {"value": 0}, "outcome": "ok"}, {"name": "inactive_embedding_configs", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_config", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_foreign_screenshots", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_with_local_path", "values": {"value": 0}, "outcome": "ok"}]', 0.7248944929999652, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"types": {"books": {"id": "uuid", "title": "character varying", "author": "character varying", "created_at": "timestamp without time zone", "kindle_url": "character varying", "page_count": "integer", "source_url": "character varying", "updated_at": "timestamp without time zone", "word_count": "integer", "capture_date": "timestamp without time zone", "book_metadata": "json", "source_domain": "character varying(255)", "published_date": "timestamp without time zone", "ingestion_error": "character varying", "ingestion_status": "character varying", "total_screenshots": "integer"}, "chunks": {"id": "uuid", "book_id": "uuid", "embedding": "vector(3)", "chunk_text": "character varying", "created_at": "timestamp without time zone", "vision_model": "character varying", "chunk_metadata": "json", "chunk_sequence": "integer", "screenshot_ids": "uuid[]", "chunk_token_count": "integer", "embedding_config_id": "uuid", "extraction_timestamp": "timestamp without time zone", "vision_prompt_tokens": "integer", "vision_completion_tokens": "integer"}, "screenshots": {"id": "uuid", "book_id": "uuid", "file_path": "character varying", "captured_at": "timestamp without time zone", "screenshot_hash": "character varying", "sequence_number": "integer"}, "embedding_configs": {"id": "uuid", "is_active": "boolean", "created_at": "timestamp without time zone", "dimensions": "integer", "model_name": "character varying", "model_version": "character varying"}}, "repaired": []}', '9cd97bdfdf92fa4bcd2206bb84b62b2be5a4af525b57446b7636a4084f57a0a5', '5f7496be5df2a00167f23d33e527ad27d23da003cba8fc15d7a25fe1866f8b09', 'd81bf295bfe634accd596cf28bf05f765fec7a6cde8f2669d117f7fbbf659730');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (3, 2, 'finished', '41b3f4da-af1b-4df2-8756-0c9192ac0689', NULL, 'test-prod', '2026-11-30 23:17:17.588683+00', '2026-11-30 23:17:17.588165+00', 'minerva_api', 'minerva_api', NULL, 763, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_1.sql', '83aa0b0f7579ea50bd1c9b93570ee02cf1ff65cdbce0a5e0b23760cbdbff55d7', 2948, '{bbbbbbbb-0000-4000-8000-000100000000}', NULL, '[{"name": "search_plan", "values": {"pages_share": 0.0294, "index_chosen": 1, "index_usable": 1, "operator_matches": 1}, "outcome": "ok"}, {"name": "search_latency", "values": {"rows": 1, "max_ms": 0.161, "p50_ms": 0.143, "p95_ms": 0.161, "p99_ms": 0.161, "samples": 5, "first_ms": 0.233, "per_second": 2755.1, "concurrency": 1, "rows_missing": 2}, "outcome": "WARN"}]', 0.7766793040000266, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"repaired": []}', NULL, 'd81bf295bfe634accd596cf28bf05f765fec7a6cde8f2669d117f7fbbf659730', 'e6b9ea6058002a9f99c554b2862dfa6f3da2ed3e67786960d3c770092c4a120c');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (4, 2, 'started', '1b923092-9509-471e-acfa-ab7d03caf6ae', NULL, 'test-prod', '2026-11-30 23:17:24.912382+00', '2026-11-30 23:17:24.899271+00', 'minerva_api', 'minerva_api', NULL, 764, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_2.sql', 'ad0863f4ee60b3e893b54731ca4484501168d30a154faf96c133c9a319efbe22', 2948, '{bbbbbbbb-0000-4000-8000-000200000000}', NULL, NULL, NULL, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{}', NULL, 'e6b9ea6058002a9f99c554b2862dfa6f3da2ed3e67786960d3c770092c4a120c', '7189a981a914ba713a7bcea5feaab901fc81d93364ef8e6d69a0bbf374939a19');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (5, 2, 'committed', '1b923092-9509-471e-acfa-ab7d03caf6ae', NULL, 'test-prod', '2026-11-30 23:17:25.04299+00', '2026-11-30 23:17:24.918996+00', 'minerva_api', 'minerva_api', NULL, 765, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_2.sql', 'ad0863f4ee60b3e893b54731ca4484501168d30a154faf96c133c9a319efbe22', 2948, '{bbbbbbbb-0000-4000-8000-000200000000}', '{"books": {"new": 1, "identical": 0}, "chunks": {"new": 3, "identical": 0}, "screenshots": {"new": 2, "identical": 0}, "embedding_configs": {"new": 0, "identical": 1}}', '[{"name": "embedding space", "values": {"norm": 0.4185, "same_texts": 3, "norm_spread": 0.039, "target_norm": 0.4185, "file_vectors": 3, "target_vectors": 3, "same_text_least": 1.0, "same_text_cosine": 1.0, "target_norm_spread": 0.039}, "outcome": "ok"}, {"name": "books_present", "values": {"value": 1}, "outcome": "ok"}, {"name": "screenshots_present", "values": {"value": 2}, "outcome": "ok"}, {"name": "chunks_present", "values": {"value": 3}, "outcome": "ok"}, {"name": "books_without_chunks", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_chunk_gaps", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_not_completed", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_embedding", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_other_dimensions", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_mixed_embeddings", "values": {"value": 0}, "outcome": "ok"}, {"name": "inactive_embedding_configs", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_config", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_foreign_screenshots", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_with_local_path", "values": {"value": 0}, "outcome": "ok"}]', 1.7285836290000134, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"types": {"books": {"id": "uuid", "title": "character varying", "author": "character varying", "created_at": "timestamp without time zone", "kindle_url": "character varying", "page_count": "integer", "source_url": "character varying", "updated_at": "timestamp without time zone", "word_count": "integer", "capture_date": "timestamp without time zone", "book_metadata": "json", "source_domain": "character varying(255)", "published_date": "timestamp without time zone", "ingestion_error": "character varying", "ingestion_status": "character varying", "total_screenshots": "integer"}, "chunks": {"id": "uuid", "book_id": "uuid", "embedding": "vector(3)", "chunk_text": "character varying", "created_at": "timestamp without time zone", "vision_model": "character varying", "chunk_metadata": "json", "chunk_sequence": "integer", "screenshot_ids": "uuid[]", "chunk_token_count": "integer", "embedding_config_id": "uuid", "extraction_timestamp": "timestamp without time zone", "vision_prompt_tokens": "integer", "vision_completion_tokens": "integer"}, "screenshots": {"id": "uuid", "book_id": "uuid", "file_path": "character varying", "captured_at": "timestamp without time zone", "screenshot_hash": "character varying", "sequence_number": "integer"}}, "repaired": []}', '5a4a6a992b7373e5096d2ecc3c08ed0b0cf99f9c77bfbabb5345680a67c2677f', '7189a981a914ba713a7bcea5feaab901fc81d93364ef8e6d69a0bbf374939a19', '8a613f5386fe1e1644de95b8686871999b050fc284c0074bcb2dd8208edccea0');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (6, 2, 'finished', '1b923092-9509-471e-acfa-ab7d03caf6ae', NULL, 'test-prod', '2026-11-30 23:17:25.116391+00', '2026-11-30 23:17:25.11567+00', 'minerva_api', 'minerva_api', NULL, 766, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_2.sql', 'ad0863f4ee60b3e893b54731ca4484501168d30a154faf96c133c9a319efbe22', 2948, '{bbbbbbbb-0000-4000-8000-000200000000}', NULL, '[{"name": "search_plan", "values": {"pages_share": 0.0294, "index_chosen": 1, "index_usable": 1, "operator_matches": 1}, "outcome": "ok"}, {"name": "search_latency", "values": {"rows": 2, "max_ms": 0.29, "p50_ms": 0.218, "p95_ms": 0.29, "p99_ms": 0.29, "samples": 5, "first_ms": 0.35, "per_second": 1081.0, "concurrency": 1, "rows_missing": 4}, "outcome": "WARN"}]', 1.8020387909999727, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"repaired": []}', NULL, '8a613f5386fe1e1644de95b8686871999b050fc284c0074bcb2dd8208edccea0', '408c956f07abb81832899b80ad35acc56da65be7485a0a8d88a5edfdbb2de162');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (14, 2, 'refused', '4465239a-7718-42ec-9b61-b48ba130fb40', NULL, 'test-prod', '2026-11-30 23:17:53.850149+00', '2026-11-30 23:17:53.84175+00', 'minerva_api', 'minerva_api', NULL, 774, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'other.sql', '15edb4d605a4c5d61b893af6f4da070b3aefc8aef2917c29d856375137b9f982', 2955, '{bbbbbbbb-0000-4000-8000-000100000000}', '{"books": {"new": 0, "identical": 0}, "chunks": {"new": 0, "identical": 3}, "screenshots": {"new": 0, "identical": 2}, "embedding_configs": {"new": 0, "identical": 1}}', '[]', 1.6518714569999702, 'import books: 0 new, 0 already there, 1 different, different: books bbbbbbbb-0000-4000-8000-000100000000: title is "Book 1", the file has "Another title"', '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"findings": [{"at": "other.sql:6", "code": "different", "fact": "books bbbbbbbb-0000-4000-8000-000100000000: title is \"Book 1\", the file has \"Another title\""}], "repaired": []}', NULL, '9c3f7c4debc5c86e91c6c7766351017bad0ee1422b1e6c71a0b3d903fdc7fff1', 'a57f52ec0ce638a7e964d54c8e87074455a6ce9cfa60c6bd6cfda1466d45f167');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (7, 2, 'undone', '9a136239-c46c-4b27-a91c-ce8199a20349', '1b923092-9509-471e-acfa-ab7d03caf6ae', 'test-prod', '2026-11-30 23:17:28.079518+00', '2026-11-30 23:17:28.004622+00', 'postgres', 'postgres', NULL, 767, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_2.sql', 'ad0863f4ee60b3e893b54731ca4484501168d30a154faf96c133c9a319efbe22', NULL, '{bbbbbbbb-0000-4000-8000-000200000000}', '{"books": {"kept": 0, "removed": 1}, "chunks": {"kept": 0, "removed": 3}, "screenshots": {"kept": 0, "removed": 2}}', NULL, 0.0976523309999493, 'wrong edition', '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"types": {"books": {"id": "uuid", "title": "character varying", "author": "character varying", "created_at": "timestamp without time zone", "kindle_url": "character varying", "page_count": "integer", "source_url": "character varying", "updated_at": "timestamp without time zone", "word_count": "integer", "source_type": "source_type", "capture_date": "timestamp without time zone", "book_metadata": "json", "source_domain": "character varying(255)", "published_date": "timestamp without time zone", "ingestion_error": "character varying", "ingestion_status": "character varying", "total_screenshots": "integer"}, "chunks": {"id": "uuid", "book_id": "uuid", "embedding": "vector(3)", "chunk_text": "character varying", "created_at": "timestamp without time zone", "vision_model": "character varying", "chunk_metadata": "json", "chunk_sequence": "integer", "screenshot_ids": "uuid[]", "chunk_token_count": "integer", "embedding_config_id": "uuid", "extraction_timestamp": "timestamp without time zone", "vision_prompt_tokens": "integer", "vision_completion_tokens": "integer"}, "screenshots": {"id": "uuid", "book_id": "uuid", "file_path": "character varying", "captured_at": "timestamp without time zone", "screenshot_hash": "character varying", "sequence_number": "integer"}}, "accepted": [], "keep_shared": true}', '05716f91610e281023235a8619180d42dc9bc7d9e682384a3a5dbf91cd72a4f7', '408c956f07abb81832899b80ad35acc56da65be7485a0a8d88a5edfdbb2de162', 'ef9099f62cd26d702a9cba7a5227bdf63026d14d8fcd6b98831c37490b6b67d2');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (8, 2, 'restored', '88276021-5303-4e9f-952b-821fce5d9379', '9a136239-c46c-4b27-a91c-ce8199a20349', 'test-prod', '2026-11-30 23:17:32.06965+00', '2026-11-30 23:17:31.892339+00', 'postgres', 'postgres', NULL, 768, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_2.sql', 'ad0863f4ee60b3e893b54731ca4484501168d30a154faf96c133c9a319efbe22', NULL, '{bbbbbbbb-0000-4000-8000-000200000000}', '{"books": {"restored": 1}, "chunks": {"restored": 3}, "screenshots": {"restored": 2}}', NULL, 0.25354448499990667, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{}', NULL, 'ef9099f62cd26d702a9cba7a5227bdf63026d14d8fcd6b98831c37490b6b67d2', '2485ed6a0d7242d785852ade76cd8baf7d265015c711501372cace82af1ca8e8');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (9, 2, 'started', 'b1b4cda4-d5cf-408e-b410-0822008607ff', NULL, 'test-prod', '2026-11-30 23:17:38.422316+00', '2026-11-30 23:17:38.419182+00', 'minerva_api', 'minerva_api', NULL, 769, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_3.sql', 'f1fab68cd95248ba428080b5a30f69e23319fde940d36dd1d12bab703ca4402f', 2948, '{bbbbbbbb-0000-4000-8000-000300000000}', NULL, NULL, NULL, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{}', NULL, '2485ed6a0d7242d785852ade76cd8baf7d265015c711501372cace82af1ca8e8', '757c7d0873b9655a12b6a7a450a98543505f8cdaa14896a1a3d8902e5135b25a');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (10, 2, 'committed', 'b1b4cda4-d5cf-408e-b410-0822008607ff', NULL, 'test-prod', '2026-11-30 23:17:38.635015+00', '2026-11-30 23:17:38.429792+00', 'minerva_api', 'minerva_api', NULL, 770, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_3.sql', 'f1fab68cd95248ba428080b5a30f69e23319fde940d36dd1d12bab703ca4402f', 2948, '{bbbbbbbb-0000-4000-8000-000300000000}', '{"books": {"new": 1, "identical": 0}, "chunks": {"new": 3, "identical": 0}, "screenshots": {"new": 2, "identical": 0}, "embedding_configs": {"new": 0, "identical": 1}}', '[{"name": "embedding space", "values": {"norm": 0.4185, "same_texts": 3, "norm_spread": 0.039, "target_norm": 0.4185, "file_vectors": 3, "target_vectors": 6, "same_text_least": 1.0, "same_text_cosine": 1.0, "target_norm_spread": 0.039}, "outcome": "ok"}, {"name": "books_present", "values": {"value": 1}, "outcome": "ok"}, {"name": "screenshots_present", "values": {"value": 2}, "outcome": "ok"}, {"name": "chunks_present", "values": {"value": 3}, "outcome": "ok"}, {"name": "books_without_chunks", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_chunk_gaps", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_not_completed", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_embedding", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_other_dimensions", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_mixed_embeddings", "values": {"value": 0}, "outcome": "ok"}, {"name": "inactive_embedding_configs", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_config", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_foreign_screenshots", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_with_local_path", "values": {"value": 0}, "outcome": "ok"}]', 1.4613261319999538, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"types": {"books": {"id": "uuid", "title": "character varying", "author": "character varying", "created_at": "timestamp without time zone", "kindle_url": "character varying", "page_count": "integer", "source_url": "character varying", "updated_at": "timestamp without time zone", "word_count": "integer", "capture_date": "timestamp without time zone", "book_metadata": "json", "source_domain": "character varying(255)", "published_date": "timestamp without time zone", "ingestion_error": "character varying", "ingestion_status": "character varying", "total_screenshots": "integer"}, "chunks": {"id": "uuid", "book_id": "uuid", "embedding": "vector(3)", "chunk_text": "character varying", "created_at": "timestamp without time zone", "vision_model": "character varying", "chunk_metadata": "json", "chunk_sequence": "integer", "screenshot_ids": "uuid[]", "chunk_token_count": "integer", "embedding_config_id": "uuid", "extraction_timestamp": "timestamp without time zone", "vision_prompt_tokens": "integer", "vision_completion_tokens": "integer"}, "screenshots": {"id": "uuid", "book_id": "uuid", "file_path": "character varying", "captured_at": "timestamp without time zone", "screenshot_hash": "character varying", "sequence_number": "integer"}}, "repaired": []}', '9931ad30a7c727271c43fed3efdfd4e482fd8b11b355a38e81246dcf43ad45d4', '757c7d0873b9655a12b6a7a450a98543505f8cdaa14896a1a3d8902e5135b25a', '9ee0d4c5035aa68a1c65b44db746b9ad6cb844ece85bc4ed9e29d01355832739');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (11, 2, 'finished', 'b1b4cda4-d5cf-408e-b410-0822008607ff', NULL, 'test-prod', '2026-11-30 23:17:38.847098+00', '2026-11-30 23:17:38.846111+00', 'minerva_api', 'minerva_api', NULL, 771, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_3.sql', 'f1fab68cd95248ba428080b5a30f69e23319fde940d36dd1d12bab703ca4402f', 2948, '{bbbbbbbb-0000-4000-8000-000300000000}', NULL, '[{"name": "search_plan", "values": {"pages_share": 0.0294, "index_chosen": 1, "index_usable": 1, "operator_matches": 1}, "outcome": "ok"}, {"name": "search_latency", "values": {"rows": 3, "max_ms": 3.787, "p50_ms": 0.3, "p95_ms": 3.787, "p99_ms": 3.787, "samples": 5, "first_ms": 13.74, "per_second": 701.7, "concurrency": 1, "rows_missing": 6}, "outcome": "WARN"}]', 1.6735173439999471, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"repaired": []}', NULL, '9ee0d4c5035aa68a1c65b44db746b9ad6cb844ece85bc4ed9e29d01355832739', '6b44541a9996f2d4c7d81d4d8045d6c2762d7a9014c22fd554f96d0ce808f852');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (12, 2, 'undone', '0025674f-bfe4-4c34-96c8-f859fd115c1e', 'b1b4cda4-d5cf-408e-b410-0822008607ff', 'test-prod', '2026-11-30 23:17:43.103659+00', '2026-11-30 23:17:42.965188+00', 'postgres', 'postgres', NULL, 772, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_3.sql', 'f1fab68cd95248ba428080b5a30f69e23319fde940d36dd1d12bab703ca4402f', NULL, '{bbbbbbbb-0000-4000-8000-000300000000}', '{"books": {"kept": 0, "removed": 1}, "chunks": {"kept": 0, "removed": 3}, "screenshots": {"kept": 0, "removed": 2}}', NULL, 0.15296400500005802, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"types": {"books": {"id": "uuid", "title": "character varying", "author": "character varying", "created_at": "timestamp without time zone", "kindle_url": "character varying", "page_count": "integer", "source_url": "character varying", "updated_at": "timestamp without time zone", "word_count": "integer", "source_type": "source_type", "capture_date": "timestamp without time zone", "book_metadata": "json", "source_domain": "character varying(255)", "published_date": "timestamp without time zone", "ingestion_error": "character varying", "ingestion_status": "character varying", "total_screenshots": "integer"}, "chunks": {"id": "uuid", "book_id": "uuid", "embedding": "vector(3)", "chunk_text": "character varying", "created_at": "timestamp without time zone", "vision_model": "character varying", "chunk_metadata": "json", "chunk_sequence": "integer", "screenshot_ids": "uuid[]", "chunk_token_count": "integer", "embedding_config_id": "uuid", "extraction_timestamp": "timestamp without time zone", "vision_prompt_tokens": "integer", "vision_completion_tokens": "integer"}, "screenshots": {"id": "uuid", "book_id": "uuid", "file_path": "character varying", "captured_at": "timestamp without time zone", "screenshot_hash": "character varying", "sequence_number": "integer"}}, "accepted": [], "keep_shared": true}', '78d7c1f272285d304996b16a85760f3237c7277176cc99c49d181c66d4468294', '6b44541a9996f2d4c7d81d4d8045d6c2762d7a9014c22fd554f96d0ce808f852', '115add437cde2063232269fbfdd7c3a8023fe3e94bcb86bbb4954a676e8d98bb');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (13, 2, 'started', '4465239a-7718-42ec-9b61-b48ba130fb40', NULL, 'test-prod', '2026-11-30 23:17:53.762502+00', '2026-11-30 23:17:53.760378+00', 'minerva_api', 'minerva_api', NULL, 773, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'other.sql', '15edb4d605a4c5d61b893af6f4da070b3aefc8aef2917c29d856375137b9f982', 2955, '{bbbbbbbb-0000-4000-8000-000100000000}', NULL, NULL, NULL, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{}', NULL, '115add437cde2063232269fbfdd7c3a8023fe3e94bcb86bbb4954a676e8d98bb', '9c3f7c4debc5c86e91c6c7766351017bad0ee1422b1e6c71a0b3d903fdc7fff1');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (15, 2, 'started', 'b39ee31c-525e-4a99-a2a0-76e7aaf8ba02', NULL, 'test-prod', '2026-11-30 23:18:03.913336+00', '2026-11-30 23:18:03.911141+00', 'minerva_api', 'minerva_api', NULL, 775, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_1.sql', '83aa0b0f7579ea50bd1c9b93570ee02cf1ff65cdbce0a5e0b23760cbdbff55d7', 2948, '{bbbbbbbb-0000-4000-8000-000100000000}', NULL, NULL, NULL, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{}', NULL, 'a57f52ec0ce638a7e964d54c8e87074455a6ce9cfa60c6bd6cfda1466d45f167', '8e3215edcc0dda212e7cb8723be2a1b5de11dac028d43ac9d072c3abbd5d6503');
INSERT INTO promote.events (seq, format, kind, run_id, subject, environment, at, began, actor, actor_role, client_addr, xact, database, system_identifier, postgresql, pgvector, revision, client_host, client_user, promote_version, file_name, file_sha256, file_bytes, roots, rows, checks, seconds, reason, configuration, details, rows_digest, previous, hash) VALUES (16, 2, 'unchanged', 'b39ee31c-525e-4a99-a2a0-76e7aaf8ba02', NULL, 'test-prod', '2026-11-30 23:18:04.025748+00', '2026-11-30 23:18:04.025012+00', 'minerva_api', 'minerva_api', NULL, 776, 'mpp_minerva_prod', '7714107555879444010', '18.4', '0.8.5', 'e35a7d20c6b8', 'workstation', 'curator', '0.1.0', 'book_1.sql', '83aa0b0f7579ea50bd1c9b93570ee02cf1ff65cdbce0a5e0b23760cbdbff55d7', 2948, '{bbbbbbbb-0000-4000-8000-000100000000}', '{"books": {"new": 0, "identical": 1}, "chunks": {"new": 0, "identical": 3}, "screenshots": {"new": 0, "identical": 2}, "embedding_configs": {"new": 0, "identical": 1}}', '[{"name": "books_present", "values": {"value": 1}, "outcome": "ok"}, {"name": "screenshots_present", "values": {"value": 2}, "outcome": "ok"}, {"name": "chunks_present", "values": {"value": 3}, "outcome": "ok"}, {"name": "books_without_chunks", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_chunk_gaps", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_not_completed", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_embedding", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_other_dimensions", "values": {"value": 0}, "outcome": "ok"}, {"name": "books_with_mixed_embeddings", "values": {"value": 0}, "outcome": "ok"}, {"name": "inactive_embedding_configs", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_without_book", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_without_config", "values": {"value": 0}, "outcome": "ok"}, {"name": "chunks_with_foreign_screenshots", "values": {"value": 0}, "outcome": "ok"}, {"name": "screenshots_with_local_path", "values": {"value": 0}, "outcome": "ok"}, {"name": "search_plan", "values": {"pages_share": 0.0294, "index_chosen": 1, "index_usable": 1, "operator_matches": 1}, "outcome": "ok"}, {"name": "search_latency", "values": {"rows": 2, "max_ms": 0.209, "p50_ms": 0.17, "p95_ms": 0.209, "p99_ms": 0.209, "samples": 5, "first_ms": 0.275, "per_second": 2788.3, "concurrency": 1, "rows_missing": 4}, "outcome": "WARN"}]', 1.4296444739999288, NULL, '0f142f48f99a3b755be2e98a4be07b7f094b46986058a587ac7f9ce3eeec246a', '{"repaired": []}', NULL, '8e3215edcc0dda212e7cb8723be2a1b5de11dac028d43ac9d072c3abbd5d6503', 'e04890e3b711a64d517c4fb21fe08b538d91b4bf1f706e74f6066a385480b02e');

--
-- Data for Name: ledger; Type: TABLE DATA; Schema: promote; Owner: -
--

INSERT INTO promote.ledger (version, installed_at) VALUES (2, '2026-11-30 23:17:11.445078+00');

--
-- Data for Name: removed_rows; Type: TABLE DATA; Schema: promote; Owner: -
--

INSERT INTO promote.removed_rows (run_id, table_name, part, columns, rows, content) VALUES ('9a136239-c46c-4b27-a91c-ce8199a20349', 'chunks', 1, '{id,book_id,screenshot_ids,chunk_sequence,chunk_text,chunk_token_count,embedding_config_id,embedding,vision_model,vision_prompt_tokens,vision_completion_tokens,extraction_timestamp,chunk_metadata,created_at}', 3, '\x5047434f50590aff0d0a000000000000000000000e00000010dddddddd00004000800000020000000100000010bbbbbbbb00004000800000020000000000000028000000010000000000000b86000000010000000100000010cccccccc000040008000000200000001000000040000000100000006746578742031000000040000000200000010eeeeeeee00004000800000000000000000000010000300003dcccccd3e4ccccd3e99999a0000000b6770742d346f2d6d696e6900000004000000070000000400000008000000080002ea5dbb1f6f35ffffffff000000080002ea5dbb1f6f35000e00000010dddddddd00004000800000020000000200000010bbbbbbbb00004000800000020000000000000028000000010000000000000b86000000010000000100000010cccccccc000040008000000200000001000000040000000200000006746578742032000000040000000200000010eeeeeeee00004000800000000000000000000010000300003e4ccccd3e4ccccd3e99999a0000000b6770742d346f2d6d696e6900000004000000070000000400000008000000080002ea5dbb1f6f35ffffffff000000080002ea5dbb1f6f35000e00000010dddddddd00004000800000020000000300000010bbbbbbbb00004000800000020000000000000028000000010000000000000b86000000010000000100000010cccccccc000040008000000200000001000000040000000300000006746578742033000000040000000200000010eeeeeeee00004000800000000000000000000010000300003e99999a3e4ccccd3e99999a0000000b6770742d346f2d6d696e6900000004000000070000000400000008000000080002ea5dbb1f6f35ffffffff000000080002ea5dbb1f6f35ffff');
INSERT INTO promote.removed_rows (run_id, table_name, part, columns, rows, content) VALUES ('9a136239-c46c-4b27-a91c-ce8199a20349', 'screenshots', 1, '{id,book_id,sequence_number,file_path,screenshot_hash,captured_at}', 2, '\x5047434f50590aff0d0a000000000000000000000600000010cccccccc00004000800000020000000100000010bbbbbbbb0000400080000002000000000000000400000001ffffffff000000056861736831000000080002ea5dbb1f6f35000600000010cccccccc00004000800000020000000200000010bbbbbbbb0000400080000002000000000000000400000002ffffffff000000056861736832000000080002ea5dbb1f6f35ffff');
INSERT INTO promote.removed_rows (run_id, table_name, part, columns, rows, content) VALUES ('9a136239-c46c-4b27-a91c-ce8199a20349', 'books', 1, '{id,title,author,kindle_url,total_screenshots,capture_date,ingestion_status,ingestion_error,book_metadata,created_at,updated_at,source_type,source_url,source_domain,published_date,word_count,page_count}', 1, '\x5047434f50590aff0d0a000000000000000000001100000010bbbbbbbb00004000800000020000000000000006426f6f6b203200000008412e205574686f720000001d68747470733a2f2f726561642e6578616d706c652f3f6173696e3d42300000000400000002000000080002ea5dbb1f6f3500000009636f6d706c65746564ffffffff000000207b226c616e6775616765223a2022656e222c202265646974696f6e223a20327d000000080002ea5dbb1f6f35000000080002ea5dbb1f6f35000000066b696e646c65ffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO promote.removed_rows (run_id, table_name, part, columns, rows, content) VALUES ('0025674f-bfe4-4c34-96c8-f859fd115c1e', 'chunks', 1, '{id,book_id,screenshot_ids,chunk_sequence,chunk_text,chunk_token_count,embedding_config_id,embedding,vision_model,vision_prompt_tokens,vision_completion_tokens,extraction_timestamp,chunk_metadata,created_at}', 3, '\x5047434f50590aff0d0a000000000000000000000e00000010dddddddd00004000800000030000000100000010bbbbbbbb00004000800000030000000000000028000000010000000000000b86000000010000000100000010cccccccc000040008000000300000001000000040000000100000006746578742031000000040000000200000010eeeeeeee00004000800000000000000000000010000300003dcccccd3e4ccccd3e99999a0000000b6770742d346f2d6d696e6900000004000000070000000400000008000000080002ea5dbb1f6f35ffffffff000000080002ea5dbb1f6f35000e00000010dddddddd00004000800000030000000200000010bbbbbbbb00004000800000030000000000000028000000010000000000000b86000000010000000100000010cccccccc000040008000000300000001000000040000000200000006746578742032000000040000000200000010eeeeeeee00004000800000000000000000000010000300003e4ccccd3e4ccccd3e99999a0000000b6770742d346f2d6d696e6900000004000000070000000400000008000000080002ea5dbb1f6f35ffffffff000000080002ea5dbb1f6f35000e00000010dddddddd00004000800000030000000300000010bbbbbbbb00004000800000030000000000000028000000010000000000000b86000000010000000100000010cccccccc000040008000000300000001000000040000000300000006746578742033000000040000000200000010eeeeeeee00004000800000000000000000000010000300003e99999a3e4ccccd3e99999a0000000b6770742d346f2d6d696e6900000004000000070000000400000008000000080002ea5dbb1f6f35ffffffff000000080002ea5dbb1f6f35ffff');
INSERT INTO promote.removed_rows (run_id, table_name, part, columns, rows, content) VALUES ('0025674f-bfe4-4c34-96c8-f859fd115c1e', 'screenshots', 1, '{id,book_id,sequence_number,file_path,screenshot_hash,captured_at}', 2, '\x5047434f50590aff0d0a000000000000000000000600000010cccccccc00004000800000030000000100000010bbbbbbbb0000400080000003000000000000000400000001ffffffff000000056861736831000000080002ea5dbb1f6f35000600000010cccccccc00004000800000030000000200000010bbbbbbbb0000400080000003000000000000000400000002ffffffff000000056861736832000000080002ea5dbb1f6f35ffff');
INSERT INTO promote.removed_rows (run_id, table_name, part, columns, rows, content) VALUES ('0025674f-bfe4-4c34-96c8-f859fd115c1e', 'books', 1, '{id,title,author,kindle_url,total_screenshots,capture_date,ingestion_status,ingestion_error,book_metadata,created_at,updated_at,source_type,source_url,source_domain,published_date,word_count,page_count}', 1, '\x5047434f50590aff0d0a000000000000000000001100000010bbbbbbbb00004000800000030000000000000006426f6f6b203300000008412e205574686f720000001d68747470733a2f2f726561642e6578616d706c652f3f6173696e3d42300000000400000002000000080002ea5dbb1f6f3500000009636f6d706c65746564ffffffff000000207b226c616e6775616765223a2022656e222c202265646974696f6e223a20327d000000080002ea5dbb1f6f35000000080002ea5dbb1f6f35000000066b696e646c65ffffffffffffffffffffffffffffffffffffffffffff');

--
-- Data for Name: run_rows; Type: TABLE DATA; Schema: promote; Owner: -
--

INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('41b3f4da-af1b-4df2-8756-0c9192ac0689', 'embedding_configs', 1, '{id}', '{id,model_name,model_version,dimensions,is_active,created_at}', 1, '\x000100000010eeeeeeee000040008000000000000000', '\x41e86ee16a91bb438fc103f81237ecec');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('41b3f4da-af1b-4df2-8756-0c9192ac0689', 'books', 1, '{id}', '{id,title,author,kindle_url,total_screenshots,capture_date,ingestion_status,ingestion_error,book_metadata,created_at,updated_at,source_url,source_domain,published_date,word_count,page_count}', 1, '\x000100000010bbbbbbbb000040008000000100000000', '\xd48d54996ac9a103c75add129da9ee67');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('41b3f4da-af1b-4df2-8756-0c9192ac0689', 'screenshots', 1, '{id}', '{id,book_id,sequence_number,file_path,screenshot_hash,captured_at}', 2, '\x000100000010cccccccc000040008000000100000001000100000010cccccccc000040008000000100000002', '\xa56d5e6ae9ee96d30c3ad2051f778ff1751c9b1274aabc1307806b2460082ee0');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('41b3f4da-af1b-4df2-8756-0c9192ac0689', 'chunks', 1, '{id}', '{id,book_id,screenshot_ids,chunk_sequence,chunk_text,chunk_token_count,embedding_config_id,embedding,vision_model,vision_prompt_tokens,vision_completion_tokens,extraction_timestamp,chunk_metadata,created_at}', 3, '\x000100000010dddddddd000040008000000100000001000100000010dddddddd000040008000000100000002000100000010dddddddd000040008000000100000003', '\xb7ce99687d6e2ede526e64eef3c112f6a05888a2df52159f9a26f6f99a31bc2a9eac097829fdd867d35846bd1b3a41b8');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('1b923092-9509-471e-acfa-ab7d03caf6ae', 'books', 1, '{id}', '{id,title,author,kindle_url,total_screenshots,capture_date,ingestion_status,ingestion_error,book_metadata,created_at,updated_at,source_url,source_domain,published_date,word_count,page_count}', 1, '\x000100000010bbbbbbbb000040008000000200000000', '\xcc70e05765855bb462a28853f26f4695');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('1b923092-9509-471e-acfa-ab7d03caf6ae', 'screenshots', 1, '{id}', '{id,book_id,sequence_number,file_path,screenshot_hash,captured_at}', 2, '\x000100000010cccccccc000040008000000200000001000100000010cccccccc000040008000000200000002', '\x7493c3a1d30158aef9710d87f6022b9a603569e65a8d846ae9bd26f368a3ab96');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('1b923092-9509-471e-acfa-ab7d03caf6ae', 'chunks', 1, '{id}', '{id,book_id,screenshot_ids,chunk_sequence,chunk_text,chunk_token_count,embedding_config_id,embedding,vision_model,vision_prompt_tokens,vision_completion_tokens,extraction_timestamp,chunk_metadata,created_at}', 3, '\x000100000010dddddddd000040008000000200000001000100000010dddddddd000040008000000200000002000100000010dddddddd000040008000000200000003', '\x518880b6bee756184978a231e040c34c1e535d7643f6d520bfef1e6a6dab4cd6c5188de2cebe7bdd29e9d48ef21df738');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('b1b4cda4-d5cf-408e-b410-0822008607ff', 'books', 1, '{id}', '{id,title,author,kindle_url,total_screenshots,capture_date,ingestion_status,ingestion_error,book_metadata,created_at,updated_at,source_url,source_domain,published_date,word_count,page_count}', 1, '\x000100000010bbbbbbbb000040008000000300000000', '\xd1f713665ef06a8741f29a654c467fcc');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('b1b4cda4-d5cf-408e-b410-0822008607ff', 'screenshots', 1, '{id}', '{id,book_id,sequence_number,file_path,screenshot_hash,captured_at}', 2, '\x000100000010cccccccc000040008000000300000001000100000010cccccccc000040008000000300000002', '\x6eb1d7a81db4d1ddf9240ca15f5e4d65a4b1f7cf46d71c2086b9909f3be7e794');
INSERT INTO promote.run_rows (run_id, table_name, part, key_columns, columns, rows, keys, marks) VALUES ('b1b4cda4-d5cf-408e-b410-0822008607ff', 'chunks', 1, '{id}', '{id,book_id,screenshot_ids,chunk_sequence,chunk_text,chunk_token_count,embedding_config_id,embedding,vision_model,vision_prompt_tokens,vision_completion_tokens,extraction_timestamp,chunk_metadata,created_at}', 3, '\x000100000010dddddddd000040008000000300000001000100000010dddddddd000040008000000300000002000100000010dddddddd000040008000000300000003', '\xe6017c5764a161c9f4de93c0ff33354978aee0e410fe3de0ec1b8115d4359b29c990a0c56bf8ce48fd8a4825779acdc5');

--
-- Data for Name: vector_indexes; Type: TABLE DATA; Schema: promote; Owner: -
--

INSERT INTO promote.vector_indexes (schema_name, index_name, filenode, table_name, method, options, rows, built_at) VALUES ('public', 'idx_chunks_embedding', 16805, 'public.chunks', 'ivfflat', '{lists=100}', 0, '2026-11-30 23:17:12.222589+00');

--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version (version_num) VALUES ('e35a7d20c6b8');

--
-- Data for Name: books; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.books (id, title, author, kindle_url, total_screenshots, capture_date, ingestion_status, ingestion_error, book_metadata, created_at, updated_at, source_type, source_url, source_domain, published_date, word_count, page_count) VALUES ('bbbbbbbb-0000-4000-8000-000100000000', 'Book 1', 'A. Uthor', 'https://read.example/?asin=B0', 2, '2026-01-02 03:04:05.678901', 'completed', NULL, '{"language": "en", "edition": 2}', '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05.678901', 'kindle', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.books (id, title, author, kindle_url, total_screenshots, capture_date, ingestion_status, ingestion_error, book_metadata, created_at, updated_at, source_type, source_url, source_domain, published_date, word_count, page_count) VALUES ('bbbbbbbb-0000-4000-8000-000200000000', 'Book 2', 'A. Uthor', 'https://read.example/?asin=B0', 2, '2026-01-02 03:04:05.678901', 'completed', NULL, '{"language": "en", "edition": 2}', '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05.678901', 'kindle', NULL, NULL, NULL, NULL, NULL);

--
-- Data for Name: chunks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES ('dddddddd-0000-4000-8000-000100000001', 'bbbbbbbb-0000-4000-8000-000100000000', '{cccccccc-0000-4000-8000-000100000001}', 1, 'text 1', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.1,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02 03:04:05.678901', NULL, '2026-01-02 03:04:05.678901');
INSERT INTO public.chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES ('dddddddd-0000-4000-8000-000100000002', 'bbbbbbbb-0000-4000-8000-000100000000', '{cccccccc-0000-4000-8000-000100000001}', 2, 'text 2', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.2,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02 03:04:05.678901', NULL, '2026-01-02 03:04:05.678901');
INSERT INTO public.chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES ('dddddddd-0000-4000-8000-000100000003', 'bbbbbbbb-0000-4000-8000-000100000000', '{cccccccc-0000-4000-8000-000100000001}', 3, 'text 3', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.3,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02 03:04:05.678901', NULL, '2026-01-02 03:04:05.678901');
INSERT INTO public.chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES ('dddddddd-0000-4000-8000-000200000001', 'bbbbbbbb-0000-4000-8000-000200000000', '{cccccccc-0000-4000-8000-000200000001}', 1, 'text 1', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.1,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02 03:04:05.678901', NULL, '2026-01-02 03:04:05.678901');
INSERT INTO public.chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES ('dddddddd-0000-4000-8000-000200000002', 'bbbbbbbb-0000-4000-8000-000200000000', '{cccccccc-0000-4000-8000-000200000001}', 2, 'text 2', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.2,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02 03:04:05.678901', NULL, '2026-01-02 03:04:05.678901');
INSERT INTO public.chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES ('dddddddd-0000-4000-8000-000200000003', 'bbbbbbbb-0000-4000-8000-000200000000', '{cccccccc-0000-4000-8000-000200000001}', 3, 'text 3', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.3,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02 03:04:05.678901', NULL, '2026-01-02 03:04:05.678901');

--
-- Data for Name: embedding_configs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.embedding_configs (id, model_name, model_version, dimensions, is_active, created_at) VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'text-embedding-3-small', 'v1', 3, true, '2026-01-02 03:04:05.678901');

--
-- Data for Name: failed_scrapes; Type: TABLE DATA; Schema: public; Owner: -
--

--
-- Data for Name: ingestion_logs; Type: TABLE DATA; Schema: public; Owner: -
--

--
-- Data for Name: screenshots; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.screenshots (id, book_id, sequence_number, file_path, screenshot_hash, captured_at) VALUES ('cccccccc-0000-4000-8000-000100000001', 'bbbbbbbb-0000-4000-8000-000100000000', 1, NULL, 'hash1', '2026-01-02 03:04:05.678901');
INSERT INTO public.screenshots (id, book_id, sequence_number, file_path, screenshot_hash, captured_at) VALUES ('cccccccc-0000-4000-8000-000100000002', 'bbbbbbbb-0000-4000-8000-000100000000', 2, NULL, 'hash2', '2026-01-02 03:04:05.678901');
INSERT INTO public.screenshots (id, book_id, sequence_number, file_path, screenshot_hash, captured_at) VALUES ('cccccccc-0000-4000-8000-000200000001', 'bbbbbbbb-0000-4000-8000-000200000000', 1, NULL, 'hash1', '2026-01-02 03:04:05.678901');
INSERT INTO public.screenshots (id, book_id, sequence_number, file_path, screenshot_hash, captured_at) VALUES ('cccccccc-0000-4000-8000-000200000002', 'bbbbbbbb-0000-4000-8000-000200000000', 2, NULL, 'hash2', '2026-01-02 03:04:05.678901');

--
-- Name: chain chain_pkey; Type: CONSTRAINT; Schema: promote; Owner: -
--

ALTER TABLE ONLY promote.chain
    ADD CONSTRAINT chain_pkey PRIMARY KEY (one);

--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: promote; Owner: -
--

ALTER TABLE ONLY promote.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);

--
-- Name: ledger ledger_pkey; Type: CONSTRAINT; Schema: promote; Owner: -
--

ALTER TABLE ONLY promote.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (version);

--
-- Name: removed_rows removed_rows_pkey; Type: CONSTRAINT; Schema: promote; Owner: -
--

ALTER TABLE ONLY promote.removed_rows
    ADD CONSTRAINT removed_rows_pkey PRIMARY KEY (run_id, table_name, part);

--
-- Name: run_rows run_rows_pkey; Type: CONSTRAINT; Schema: promote; Owner: -
--

ALTER TABLE ONLY promote.run_rows
    ADD CONSTRAINT run_rows_pkey PRIMARY KEY (run_id, table_name, part);

--
-- Name: vector_indexes vector_indexes_pkey; Type: CONSTRAINT; Schema: promote; Owner: -
--

ALTER TABLE ONLY promote.vector_indexes
    ADD CONSTRAINT vector_indexes_pkey PRIMARY KEY (schema_name, index_name);

--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

--
-- Name: books books_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.books
    ADD CONSTRAINT books_pkey PRIMARY KEY (id);

--
-- Name: chunks chunks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_pkey PRIMARY KEY (id);

--
-- Name: embedding_configs embedding_configs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.embedding_configs
    ADD CONSTRAINT embedding_configs_pkey PRIMARY KEY (id);

--
-- Name: failed_scrapes failed_scrapes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.failed_scrapes
    ADD CONSTRAINT failed_scrapes_pkey PRIMARY KEY (id);

--
-- Name: ingestion_logs ingestion_logs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ingestion_logs
    ADD CONSTRAINT ingestion_logs_pkey PRIMARY KEY (id);

--
-- Name: screenshots screenshots_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.screenshots
    ADD CONSTRAINT screenshots_pkey PRIMARY KEY (id);

--
-- Name: chunks uq_chunk_book_sequence; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT uq_chunk_book_sequence UNIQUE (book_id, chunk_sequence);

--
-- Name: screenshots uq_screenshot_book_sequence; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.screenshots
    ADD CONSTRAINT uq_screenshot_book_sequence UNIQUE (book_id, sequence_number);

--
-- Name: events_file_sha256_idx; Type: INDEX; Schema: promote; Owner: -
--

CREATE INDEX events_file_sha256_idx ON promote.events USING btree (file_sha256) WHERE (file_sha256 IS NOT NULL);

--
-- Name: events_run_id_idx; Type: INDEX; Schema: promote; Owner: -
--

CREATE INDEX events_run_id_idx ON promote.events USING btree (run_id);

--
-- Name: events_subject_idx; Type: INDEX; Schema: promote; Owner: -
--

CREATE INDEX events_subject_idx ON promote.events USING btree (subject) WHERE (subject IS NOT NULL);

--
-- Name: idx_books_published_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_books_published_date ON public.books USING btree (published_date);

--
-- Name: idx_books_source_domain; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_books_source_domain ON public.books USING btree (source_domain);

--
-- Name: idx_books_source_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_books_source_type ON public.books USING btree (source_type);

--
-- Name: idx_chunks_embedding; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_chunks_embedding ON public.chunks USING ivfflat (embedding public.vector_cosine_ops) WITH (lists='100');

--
-- Name: idx_failed_scrapes_book_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_failed_scrapes_book_id ON public.failed_scrapes USING btree (book_id);

--
-- Name: idx_failed_scrapes_url; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_failed_scrapes_url ON public.failed_scrapes USING btree (url);

--
-- Name: ix_books_author; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_books_author ON public.books USING btree (author);

--
-- Name: ix_books_ingestion_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_books_ingestion_status ON public.books USING btree (ingestion_status);

--
-- Name: ix_books_title; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_books_title ON public.books USING btree (title);

--
-- Name: ix_chunks_book_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_chunks_book_id ON public.chunks USING btree (book_id);

--
-- Name: ix_embedding_configs_is_active; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_embedding_configs_is_active ON public.embedding_configs USING btree (is_active);

--
-- Name: ix_embedding_configs_model_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_embedding_configs_model_name ON public.embedding_configs USING btree (model_name);

--
-- Name: ix_ingestion_logs_book_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_logs_book_id ON public.ingestion_logs USING btree (book_id);

--
-- Name: ix_ingestion_logs_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_logs_created_at ON public.ingestion_logs USING btree (created_at);

--
-- Name: ix_ingestion_logs_pipeline_stage; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_logs_pipeline_stage ON public.ingestion_logs USING btree (pipeline_stage);

--
-- Name: ix_ingestion_logs_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_logs_status ON public.ingestion_logs USING btree (status);

--
-- Name: ix_screenshots_book_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_screenshots_book_id ON public.screenshots USING btree (book_id);

--
-- Name: ix_screenshots_screenshot_hash; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_screenshots_screenshot_hash ON public.screenshots USING btree (screenshot_hash);

--
-- Name: events a_stamp; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER a_stamp BEFORE INSERT ON promote.events FOR EACH ROW EXECUTE FUNCTION promote.stamp();

ALTER TABLE promote.events ENABLE ALWAYS TRIGGER a_stamp;

--
-- Name: events append_only; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON promote.events FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();

ALTER TABLE promote.events ENABLE ALWAYS TRIGGER append_only;

--
-- Name: removed_rows append_only; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON promote.removed_rows FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();

ALTER TABLE promote.removed_rows ENABLE ALWAYS TRIGGER append_only;

--
-- Name: run_rows append_only; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON promote.run_rows FOR EACH STATEMENT EXECUTE FUNCTION promote.refuse_change();

ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER append_only;

--
-- Name: events b_chain; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER b_chain BEFORE INSERT ON promote.events FOR EACH ROW EXECUTE FUNCTION promote.chain_event();

ALTER TABLE promote.events ENABLE ALWAYS TRIGGER b_chain;

--
-- Name: removed_rows not_late; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER not_late BEFORE INSERT ON promote.removed_rows FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();

ALTER TABLE promote.removed_rows ENABLE ALWAYS TRIGGER not_late;

--
-- Name: run_rows not_late; Type: TRIGGER; Schema: promote; Owner: -
--

CREATE TRIGGER not_late BEFORE INSERT ON promote.run_rows FOR EACH ROW EXECUTE FUNCTION promote.refuse_late_rows();

ALTER TABLE promote.run_rows ENABLE ALWAYS TRIGGER not_late;

--
-- Name: chunks chunks_book_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_book_id_fkey FOREIGN KEY (book_id) REFERENCES public.books(id);

--
-- Name: chunks chunks_embedding_config_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_embedding_config_id_fkey FOREIGN KEY (embedding_config_id) REFERENCES public.embedding_configs(id);

--
-- Name: failed_scrapes failed_scrapes_book_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.failed_scrapes
    ADD CONSTRAINT failed_scrapes_book_id_fkey FOREIGN KEY (book_id) REFERENCES public.books(id) ON DELETE CASCADE;

--
-- Name: ingestion_logs ingestion_logs_book_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ingestion_logs
    ADD CONSTRAINT ingestion_logs_book_id_fkey FOREIGN KEY (book_id) REFERENCES public.books(id);

--
-- Name: screenshots screenshots_book_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.screenshots
    ADD CONSTRAINT screenshots_book_id_fkey FOREIGN KEY (book_id) REFERENCES public.books(id);

--
-- Name: SCHEMA promote; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA promote TO {minerva_api};

--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA public TO {minerva_api};
GRANT USAGE ON SCHEMA public TO {minerva_reader};

--
-- Name: FUNCTION chain_event(); Type: ACL; Schema: promote; Owner: -
--

REVOKE ALL ON FUNCTION promote.chain_event() FROM PUBLIC;

--
-- Name: FUNCTION refuse_change(); Type: ACL; Schema: promote; Owner: -
--

REVOKE ALL ON FUNCTION promote.refuse_change() FROM PUBLIC;

--
-- Name: FUNCTION refuse_late_rows(); Type: ACL; Schema: promote; Owner: -
--

REVOKE ALL ON FUNCTION promote.refuse_late_rows() FROM PUBLIC;

--
-- Name: FUNCTION stamp(); Type: ACL; Schema: promote; Owner: -
--

REVOKE ALL ON FUNCTION promote.stamp() FROM PUBLIC;

--
-- Name: TABLE chain; Type: ACL; Schema: promote; Owner: -
--

GRANT SELECT ON TABLE promote.chain TO {minerva_api};

--
-- Name: TABLE events; Type: ACL; Schema: promote; Owner: -
--

GRANT SELECT ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.kind; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(kind) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.run_id; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(run_id) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.subject; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(subject) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.environment; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(environment) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.client_host; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(client_host) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.client_user; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(client_user) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.promote_version; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(promote_version) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.file_name; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(file_name) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.file_sha256; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(file_sha256) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.file_bytes; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(file_bytes) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.roots; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(roots) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.rows; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(rows) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.checks; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(checks) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.seconds; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(seconds) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.reason; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(reason) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.configuration; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(configuration) ON TABLE promote.events TO {minerva_api};

--
-- Name: COLUMN events.details; Type: ACL; Schema: promote; Owner: -
--

GRANT INSERT(details) ON TABLE promote.events TO {minerva_api};

--
-- Name: TABLE ledger; Type: ACL; Schema: promote; Owner: -
--

GRANT SELECT ON TABLE promote.ledger TO {minerva_api};

--
-- Name: TABLE revision; Type: ACL; Schema: promote; Owner: -
--

GRANT SELECT ON TABLE promote.revision TO {minerva_api};

--
-- Name: TABLE run_rows; Type: ACL; Schema: promote; Owner: -
--

GRANT SELECT,INSERT ON TABLE promote.run_rows TO {minerva_api};

--
-- Name: TABLE vector_indexes; Type: ACL; Schema: promote; Owner: -
--

GRANT SELECT ON TABLE promote.vector_indexes TO {minerva_api};

--
-- Name: TABLE books; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,INSERT ON TABLE public.books TO {minerva_api};
GRANT SELECT ON TABLE public.books TO {minerva_reader};

--
-- Name: TABLE chunks; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,INSERT ON TABLE public.chunks TO {minerva_api};
GRANT SELECT ON TABLE public.chunks TO {minerva_reader};

--
-- Name: TABLE embedding_configs; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,INSERT ON TABLE public.embedding_configs TO {minerva_api};
GRANT SELECT ON TABLE public.embedding_configs TO {minerva_reader};

--
-- Name: TABLE screenshots; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,INSERT ON TABLE public.screenshots TO {minerva_api};
GRANT SELECT ON TABLE public.screenshots TO {minerva_reader};

--
-- PostgreSQL database dump complete
--


