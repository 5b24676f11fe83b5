"""books from websites and PDFs, and the scrapes that failed

Minerva's second revision, by its id and with its result.

Taking it back throws columns and a table away. What can be told from what stays (source_url of a Kindle book is its
kindle_url) goes without a word; anything else stops the downgrade, which then names what would be lost, until it is
asked for with ``-x lose_data=yes``. Books without a kindle_url or a number of screenshots get '' and 0, since both
columns are NOT NULL again, and stay so when the revision is applied once more.

Revision ID: 540a518e2b30
Revises: c8d7004725a4
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "540a518e2b30"
down_revision: str | None = "c8d7004725a4"
branch_labels: str | None = None
depends_on: str | None = None

SOURCE_TYPE = postgresql.ENUM("kindle", "website", "pdf", name="source_type", create_type=False)

REFUSE_LOSS = """
DO $$
DECLARE
    books_hit bigint;
    scrapes bigint;
BEGIN
    SELECT count(*) INTO books_hit FROM public.books
    WHERE source_type <> 'kindle' OR source_domain IS NOT NULL OR published_date IS NOT NULL
        OR word_count IS NOT NULL OR page_count IS NOT NULL
        OR (source_url IS NOT NULL AND source_url IS DISTINCT FROM kindle_url);
    SELECT count(*) INTO scrapes FROM public.failed_scrapes;
    IF books_hit > 0 OR scrapes > 0 THEN
        RAISE EXCEPTION 'going back would lose what % books and % rows of failed_scrapes say about their sources',
            books_hit, scrapes USING HINT = 'save them first, then repeat with -x lose_data=yes';
    END IF;
END
$$
"""


def upgrade() -> None:
    op.execute("CREATE TYPE public.source_type AS ENUM ('kindle', 'website', 'pdf')")
    op.add_column("books", sa.Column("source_type", SOURCE_TYPE, nullable=False, server_default="kindle"))
    op.add_column("books", sa.Column("source_url", sa.String(), nullable=True))
    op.add_column("books", sa.Column("source_domain", sa.String(255), nullable=True))
    op.add_column("books", sa.Column("published_date", sa.DateTime(), nullable=True))
    op.add_column("books", sa.Column("word_count", sa.Integer(), nullable=True))
    op.add_column("books", sa.Column("page_count", sa.Integer(), nullable=True))
    op.alter_column("books", "kindle_url", existing_type=sa.String(), nullable=True)
    op.alter_column("books", "total_screenshots", existing_type=sa.Integer(), nullable=True)
    # Every book that is already there came from Kindle.
    op.execute("UPDATE public.books SET source_url = kindle_url")
    for column in ("source_type", "source_domain", "published_date"):
        op.create_index(f"idx_books_{column}", "books", [column])

    op.create_table(
        "failed_scrapes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("retry_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="failed_scrapes_pkey"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="failed_scrapes_book_id_fkey", ondelete="CASCADE"),
    )
    for column in ("book_id", "url"):
        op.create_index(f"idx_failed_scrapes_{column}", "failed_scrapes", [column])


def downgrade() -> None:
    if not op.get_context().opts["lose_data"]:
        op.execute(REFUSE_LOSS)
    op.drop_table("failed_scrapes")
    op.execute("UPDATE public.books SET kindle_url = '' WHERE kindle_url IS NULL")
    op.execute("UPDATE public.books SET total_screenshots = 0 WHERE total_screenshots IS NULL")
    op.alter_column("books", "kindle_url", existing_type=sa.String(), nullable=False)
    op.alter_column("books", "total_screenshots", existing_type=sa.Integer(), nullable=False)
    for column in ("source_type", "source_domain", "published_date"):
        op.drop_index(f"idx_books_{column}", table_name="books")
    for column in ("page_count", "word_count", "published_date", "source_domain", "source_url", "source_type"):
        op.drop_column("books", column)
    op.execute("DROP TYPE public.source_type")
