"""no screenshot paths in a database of kind production

A path on the machine that took the screenshots means nothing elsewhere, and says whose machine it was. A local
database keeps the column as it is, NOT NULL.

Taking it back asks the database, not the kind, whether there is anything to take back. The paths are gone: where
there is none, '' stands for it, since the column is NOT NULL again, and going up once more makes '' NULL.

Revision ID: e35a7d20c6b8
Revises: 2d94e6b81fa0
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision: str = "e35a7d20c6b8"
down_revision: str | None = "2d94e6b81fa0"
branch_labels: str | None = None
depends_on: str | None = None

REFUSE_PATHS = """
DO $$
DECLARE
    paths bigint;
BEGIN
    SELECT count(*) INTO paths FROM public.screenshots WHERE file_path <> '';
    IF paths > 0 THEN
        RAISE check_violation USING
            MESSAGE = format('screenshots has %s rows with a file_path; a database of kind production has none', paths),
            HINT = 'they cannot be brought back once cleared: ALTER TABLE public.screenshots ALTER COLUMN file_path'
                ' DROP NOT NULL; UPDATE public.screenshots SET file_path = NULL';
    END IF;
END
$$
"""

TAKE_BACK = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint
               WHERE conrelid = 'public.screenshots'::regclass AND conname = 'ck_screenshots_file_path_null') THEN
        ALTER TABLE public.screenshots DROP CONSTRAINT ck_screenshots_file_path_null;
        UPDATE public.screenshots SET file_path = '' WHERE file_path IS NULL;
        ALTER TABLE public.screenshots ALTER COLUMN file_path SET NOT NULL;
    END IF;
END
$$
"""


def upgrade() -> None:
    if op.get_context().opts["kind"] != "production":
        return
    op.execute(REFUSE_PATHS)
    op.alter_column("screenshots", "file_path", existing_type=sa.String(), nullable=True)
    op.execute("UPDATE public.screenshots SET file_path = NULL WHERE file_path IS NOT NULL")
    op.create_check_constraint("ck_screenshots_file_path_null", "screenshots", "file_path IS NULL")


def downgrade() -> None:
    op.execute(TAKE_BACK)
