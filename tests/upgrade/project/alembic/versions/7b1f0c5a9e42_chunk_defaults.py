"""defaults for the columns of chunks that exporters leave out

Old exporters write no token counts of the vision model and no time of extraction, and all three are NOT NULL.

Revision ID: 7b1f0c5a9e42
Revises: 540a518e2b30
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision: str = "7b1f0c5a9e42"
down_revision: str | None = "540a518e2b30"
branch_labels: str | None = None
depends_on: str | None = None

DEFAULTS: dict[str, sa.TextClause] = {
    "vision_prompt_tokens": sa.text("0"),
    "vision_completion_tokens": sa.text("0"),
    "extraction_timestamp": sa.text("now()"),
}


def upgrade() -> None:
    for column, default in DEFAULTS.items():
        op.alter_column("chunks", column, server_default=default)


def downgrade() -> None:
    for column in DEFAULTS:
        op.alter_column("chunks", column, server_default=None)
