"""books, screenshots, embedding configs, chunks and ingestion logs

Minerva's first revision, by its id and with its result. The length of the vectors is the project's variable
``embedding_dimensions``. The extension stays when this is taken back: it may have been there before.

Revision ID: c8d7004725a4
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "c8d7004725a4"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

# pgvector indexes a `vector` column of at most so many dimensions.
INDEXABLE_DIMENSIONS = 2000

EXTENSION = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'vector') THEN
        CREATE EXTENSION vector SCHEMA public;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('extension vector is missing, and %I may not create it', current_user),
            HINT = format('as an administrator of database %I: CREATE EXTENSION vector', current_database());
    WHEN feature_not_supported OR undefined_file THEN
        RAISE feature_not_supported USING
            MESSAGE = 'extension vector is not installed on this server',
            HINT = 'install pgvector for this PostgreSQL release, then repeat the command';
END
$$
"""

NO_INDEX = """
DO $$
BEGIN
    RAISE NOTICE 'index idx_chunks_embedding was left out: {dimensions} dimensions, and pgvector indexes at most {most}'
        USING HINT = 'searches of chunks.embedding read the whole table; a halfvec expression index goes up to 4,000';
END
$$
"""


def upgrade() -> None:
    dimensions = int(op.get_context().opts["embedding_dimensions"])
    op.execute(EXTENSION)
    op.create_table(
        "books",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("kindle_url", sa.String(), nullable=False),
        sa.Column("total_screenshots", sa.Integer(), nullable=False),
        sa.Column("capture_date", sa.DateTime(), nullable=True),
        sa.Column("ingestion_status", sa.String(), nullable=False),
        sa.Column("ingestion_error", sa.String(), nullable=True),
        sa.Column("book_metadata", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="books_pkey"),
    )
    for column in ("title", "author", "ingestion_status"):
        op.create_index(f"ix_books_{column}", "books", [column])

    op.create_table(
        "screenshots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.Column("file_path", sa.String(), nullable=False),
        sa.Column("screenshot_hash", sa.String(), nullable=True),
        sa.Column("captured_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="screenshots_pkey"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="screenshots_book_id_fkey"),
        sa.UniqueConstraint("book_id", "sequence_number", name="uq_screenshot_book_sequence"),
    )
    for column in ("book_id", "screenshot_hash"):
        op.create_index(f"ix_screenshots_{column}", "screenshots", [column])

    op.create_table(
        "embedding_configs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="embedding_configs_pkey"),
    )
    for column in ("is_active", "model_name"):
        op.create_index(f"ix_embedding_configs_{column}", "embedding_configs", [column])

    op.create_table(
        "chunks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("screenshot_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("chunk_sequence", sa.Integer(), nullable=False),
        sa.Column("chunk_text", sa.String(), nullable=False),
        sa.Column("chunk_token_count", sa.Integer(), nullable=False),
        sa.Column("embedding_config_id", sa.Uuid(), nullable=False),
        sa.Column("embedding", VECTOR(dimensions), nullable=True),
        sa.Column("vision_model", sa.String(), nullable=False),
        sa.Column("vision_prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("vision_completion_tokens", sa.Integer(), nullable=False),
        sa.Column("extraction_timestamp", sa.DateTime(), nullable=False),
        sa.Column("chunk_metadata", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="chunks_pkey"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="chunks_book_id_fkey"),
        sa.ForeignKeyConstraint(
            ["embedding_config_id"], ["embedding_configs.id"], name="chunks_embedding_config_id_fkey"
        ),
    )
    op.create_index("ix_chunks_book_id", "chunks", ["book_id"])
    if dimensions <= INDEXABLE_DIMENSIONS:
        op.create_index(
            "idx_chunks_embedding",
            "chunks",
            ["embedding"],
            postgresql_using="ivfflat",
            postgresql_ops={"embedding": "vector_cosine_ops"},
            postgresql_with={"lists": 100},
        )
    else:
        op.execute(NO_INDEX.format(dimensions=dimensions, most=INDEXABLE_DIMENSIONS))

    op.create_table(
        "ingestion_logs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_stage", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("execution_time_ms", sa.Integer(), nullable=True),
        sa.Column("log_metadata", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="ingestion_logs_pkey"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="ingestion_logs_book_id_fkey"),
    )
    for column in ("book_id", "pipeline_stage", "status", "created_at"):
        op.create_index(f"ix_ingestion_logs_{column}", "ingestion_logs", [column])


def downgrade() -> None:
    for table in ("ingestion_logs", "chunks", "embedding_configs", "screenshots", "books"):
        op.drop_table(table)
