"""Alembic trees as other projects have them: files of Alembic's own templates, changed the way people change them."""

from __future__ import annotations

from pathlib import Path

INI = """# A generic, single database configuration.
[alembic]
script_location = {location}
prepend_sys_path = .
path_separator = os
sqlalchemy.url = driver://user:pass@localhost/dbname
{more}
[loggers]
keys = root,sqlalchemy,alembic
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARNING
handlers = console
qualname =
[logger_sqlalchemy]
level = WARNING
handlers =
qualname = sqlalchemy.engine
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic
[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
"""

PYPROJECT = """[project]
name = "minerva-backend"
version = "0.1"

[tool.alembic]
script_location = "%(here)s/alembic"
prepend_sys_path = ["."]
"""

# Alembic's template "generic"; {url} is how the project brings its URL in, {options} what it configures.
ENV = """from logging.config import fileConfig
import os

from sqlalchemy import engine_from_config
from sqlalchemy import pool

from alembic import context

config = context.config

if config.config_file_name is not None:
    fileConfig(config.config_file_name)

{url}
target_metadata = None


def run_migrations_offline() -> None:
    url = config.get_main_option("sqlalchemy.url")
    context.configure(
        url=url,
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={{"paramstyle": "named"}},
        {options}
    )
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online() -> None:
    connectable = engine_from_config(
        config.get_section(config.config_ini_section, {{}}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )
    with connectable.connect() as connection:
        context.configure(connection=connection, target_metadata=target_metadata, {options})
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
"""

# Alembic's template "async", with the driver that Minerva's application uses.
ASYNC_ENV = """import asyncio
import os
from logging.config import fileConfig

from sqlalchemy import pool
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import async_engine_from_config

from alembic import context

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name)
config.set_main_option("sqlalchemy.url", {url})


def do_run_migrations(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations() -> None:
    connectable = async_engine_from_config(
        config.get_section(config.config_ini_section, {{}}), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    async with connectable.connect() as connection:
        await connection.run_sync(do_run_migrations)
    await connectable.dispose()


if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(run_async_migrations())
"""

FROM_ENVIRONMENT = 'config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\n'
FROM_SETTINGS = 'from app.settings import settings\n\nconfig.set_main_option("sqlalchemy.url", settings.database_url)\n'
SETTINGS = """import os


class Settings:
    database_url = os.getenv("DATABASE_URL", "postgresql+asyncpg://minerva@localhost/minerva")


settings = Settings()
"""

# Minerva's two revisions, as `alembic revision --autogenerate` writes such tables.
INITIAL = '''"""initial schema

Revision ID: c8d7004725a4
Revises:
Create Date: 2025-10-22 10:14:07.031337

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
import pgvector.sqlalchemy

revision: str = "c8d7004725a4"
down_revision: Union[str, None] = None
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table('books',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('author', sa.String(), nullable=False),
    sa.Column('kindle_url', sa.String(), nullable=False),
    sa.Column('total_screenshots', sa.Integer(), nullable=False),
    sa.Column('capture_date', sa.DateTime(), nullable=True),
    sa.Column('ingestion_status', sa.String(), nullable=False),
    sa.Column('ingestion_error', sa.String(), nullable=True),
    sa.Column('book_metadata', sa.JSON(), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('updated_at', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_books_author'), 'books', ['author'], unique=False)
    op.create_index(op.f('ix_books_ingestion_status'), 'books', ['ingestion_status'], unique=False)
    op.create_index(op.f('ix_books_title'), 'books', ['title'], unique=False)
    op.create_table('embedding_configs',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('model_name', sa.String(), nullable=False),
    sa.Column('model_version', sa.String(), nullable=False),
    sa.Column('dimensions', sa.Integer(), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_embedding_configs_is_active'), 'embedding_configs', ['is_active'], unique=False)
    op.create_index(op.f('ix_embedding_configs_model_name'), 'embedding_configs', ['model_name'], unique=False)
    op.create_table('chunks',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('book_id', sa.UUID(), nullable=False),
    sa.Column('screenshot_ids', postgresql.ARRAY(sa.UUID()), nullable=False),
    sa.Column('chunk_sequence', sa.Integer(), nullable=False),
    sa.Column('chunk_text', sa.String(), nullable=False),
    sa.Column('chunk_token_count', sa.Integer(), nullable=False),
    sa.Column('embedding_config_id', sa.UUID(), nullable=False),
    sa.Column('embedding', pgvector.sqlalchemy.Vector(dim=3), nullable=True),
    sa.Column('vision_model', sa.String(), nullable=False),
    sa.Column('vision_prompt_tokens', sa.Integer(), nullable=False),
    sa.Column('vision_completion_tokens', sa.Integer(), nullable=False),
    sa.Column('extraction_timestamp', sa.DateTime(), nullable=False),
    sa.Column('chunk_metadata', sa.JSON(), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['book_id'], ['books.id'], ),
    sa.ForeignKeyConstraint(['embedding_config_id'], ['embedding_configs.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('idx_chunks_embedding_ivfflat', 'chunks', ['embedding'], unique=False, postgresql_using='ivfflat',
                    postgresql_ops={'embedding': 'vector_cosine_ops'}, postgresql_with={'lists': 100})
    op.create_index(op.f('ix_chunks_book_id'), 'chunks', ['book_id'], unique=False)
    op.create_table('ingestion_logs',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('book_id', sa.UUID(), nullable=False),
    sa.Column('pipeline_stage', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('execution_time_ms', sa.Integer(), nullable=True),
    sa.Column('log_metadata', sa.JSON(), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['book_id'], ['books.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    for column in ('book_id', 'created_at', 'pipeline_stage', 'status'):
        op.create_index(op.f(f'ix_ingestion_logs_{column}'), 'ingestion_logs', [column], unique=False)
    op.create_table('screenshots',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('book_id', sa.UUID(), nullable=False),
    sa.Column('sequence_number', sa.Integer(), nullable=False),
    sa.Column('file_path', sa.String(), nullable=False),
    sa.Column('screenshot_hash', sa.String(), nullable=True),
    sa.Column('captured_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['book_id'], ['books.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('book_id', 'sequence_number', name='uq_screenshot_book_sequence')
    )
    op.create_index(op.f('ix_screenshots_book_id'), 'screenshots', ['book_id'], unique=False)
    op.create_index(op.f('ix_screenshots_screenshot_hash'), 'screenshots', ['screenshot_hash'], unique=False)


def downgrade() -> None:
    for table in ('screenshots', 'ingestion_logs', 'chunks', 'embedding_configs', 'books'):
        op.drop_table(table)
'''

WEBSITES = '''"""add website source support

Revision ID: 540a518e2b30
Revises: c8d7004725a4
Create Date: 2025-10-30 09:41:55.120993

"""
from alembic import op
import sqlalchemy as sa

revision = "540a518e2b30"
down_revision = "c8d7004725a4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    source_type = sa.Enum('kindle', 'website', 'pdf', name='source_type')
    source_type.create(op.get_bind(), checkfirst=True)
    op.add_column('books', sa.Column('source_type', source_type, nullable=False, server_default='kindle'))
    op.add_column('books', sa.Column('source_url', sa.String(), nullable=True))
    op.add_column('books', sa.Column('source_domain', sa.String(length=255), nullable=True))
    op.add_column('books', sa.Column('published_date', sa.DateTime(), nullable=True))
    op.add_column('books', sa.Column('word_count', sa.Integer(), nullable=True))
    op.add_column('books', sa.Column('page_count', sa.Integer(), nullable=True))
    op.execute("UPDATE books SET source_url = kindle_url")
    op.alter_column('books', 'kindle_url', existing_type=sa.VARCHAR(), nullable=True)
    op.alter_column('books', 'total_screenshots', existing_type=sa.INTEGER(), nullable=True)
    op.create_index('idx_books_source_type', 'books', ['source_type'])
    op.create_index('idx_books_source_domain', 'books', ['source_domain'])
    op.create_index('idx_books_published_date', 'books', ['published_date'])
    op.create_table(
        'failed_scrapes',
        sa.Column('id', sa.UUID(), nullable=False),
        sa.Column('book_id', sa.UUID(), nullable=False),
        sa.Column('url', sa.Text(), nullable=False),
        sa.Column('error_message', sa.Text(), nullable=True),
        sa.Column('retry_count', sa.Integer(), nullable=False, server_default='0'),
        sa.Column('created_at', sa.DateTime(), nullable=False, server_default=sa.text('now()')),
        sa.Column('updated_at', sa.DateTime(), nullable=False, server_default=sa.text('now()')),
        sa.ForeignKeyConstraint(['book_id'], ['books.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('idx_failed_scrapes_book_id', 'failed_scrapes', ['book_id'])
    op.create_index('idx_failed_scrapes_url', 'failed_scrapes', ['url'])


def downgrade() -> None:
    raise NotImplementedError
'''


def minerva(
    root: Path,
    *,
    url: str = FROM_ENVIRONMENT,
    options: str = "",
    env: str = ENV,
    config: str = "ini",
    more: str = "",
) -> Path:
    """Minerva's backend/: its Alembic tree and the settings of its application; the folder backend/alembic."""
    backend = root / "backend"
    files = {
        "alembic/env.py": env.format(url=url, options=options),
        "alembic/versions/c8d7004725a4_initial_schema.py": INITIAL,
        "alembic/versions/540a518e2b30_add_website_source_support.py": WEBSITES,
        "app/__init__.py": "",
        "app/settings.py": SETTINGS,
    }
    if config == "ini":
        files["alembic.ini"] = INI.format(location="alembic", more=more)
    elif config == "pyproject":
        files["pyproject.toml"] = PYPROJECT
    for name, text in files.items():
        path = backend / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return backend / "alembic"


def revision(tree: Path, number: str, after: str, body: str, title: str = "a step") -> Path:
    """Add one revision."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    path = tree / "versions" / f"{number}_step.py"
    path.write_text(
        f'"""{title}"""\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{number}"\n'
        f'down_revision = "{after}"\n\n\ndef upgrade():\n{lines}\n\ndef downgrade():\n    pass\n',
        "utf-8",
    )
    return path
