"""the vector index bears Minerva's own name

A database that Minerva's own revisions made has idx_chunks_embedding_ivfflat, one that ours made idx_chunks_embedding.
From here on both have the first. Where another relation already has that name, or the index is not there (vectors
longer than an index takes), nothing is renamed.

Revision ID: f41c9d7e53b2
Revises: e35a7d20c6b8
"""

from __future__ import annotations

from alembic import op

revision: str = "f41c9d7e53b2"
down_revision: str | None = "e35a7d20c6b8"
branch_labels: str | None = None
depends_on: str | None = None

RENAME = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_index
               WHERE indexrelid = to_regclass('public.{before}') AND indrelid = 'public.chunks'::regclass)
        AND to_regclass('public.{after}') IS NULL
    THEN
        ALTER INDEX public.{before} RENAME TO {after};
    END IF;
END
$$
"""


def upgrade() -> None:
    op.execute(RENAME.format(before="idx_chunks_embedding", after="idx_chunks_embedding_ivfflat"))


def downgrade() -> None:
    op.execute(RENAME.format(before="idx_chunks_embedding_ivfflat", after="idx_chunks_embedding"))
