"""a chunk's number is unique within its book

Revision ID: 2d94e6b81fa0
Revises: 7b1f0c5a9e42
"""

from __future__ import annotations

from alembic import op

revision: str = "2d94e6b81fa0"
down_revision: str | None = "7b1f0c5a9e42"
branch_labels: str | None = None
depends_on: str | None = None

# Names five of them: enough to look, and the message stays one line.
REFUSE_DUPLICATES = """
DO $$
DECLARE
    total bigint;
    examples text;
BEGIN
    SELECT max(of_all), string_agg(format('book %s chunk_sequence %s (%s rows)', book_id, chunk_sequence, n), '; ')
    INTO total, examples
    FROM (
        SELECT book_id, chunk_sequence, count(*) AS n, count(*) OVER () AS of_all
        FROM public.chunks
        GROUP BY book_id, chunk_sequence
        HAVING count(*) > 1
        ORDER BY book_id, chunk_sequence
        LIMIT 5
    ) AS duplicates;
    IF total > 0 THEN
        RAISE unique_violation USING
            MESSAGE = format('chunks has %s numbers used more than once in a book: %s%s',
                             total, examples, CASE WHEN total > 5 THEN '; ...' ELSE '' END),
            HINT = 'keep one row of each (renumber or delete the others), then repeat the command';
    END IF;
END
$$
"""


def upgrade() -> None:
    op.execute(REFUSE_DUPLICATES)
    op.create_unique_constraint("uq_chunk_book_sequence", "chunks", ["book_id", "chunk_sequence"])


def downgrade() -> None:
    op.drop_constraint("uq_chunk_book_sequence", "chunks", type_="unique")
