"""Alembic in this process on a private database, rows to migrate, and a database's schema as one comparable value."""

from __future__ import annotations

import io
from typing import Any

from alembic.config import Config

from alembic import command
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.connection import Connection
from minerva_promote.migrations.alembic_tree import transaction_for_alembic
from tests import yamlfile
from tests.material import REPOSITORY
from tests.servers import Database, ProjectCopy

MINERVA = "540a518e2b30"  # the head of Minerva's own chain
HEAD = "f41c9d7e53b2"
BOOK = "55555555-5555-4555-8555-555555555555"
CONFIG = "66666666-6666-4666-8666-666666666666"
CHUNK = "77777777-7777-4777-8777-777777777777"
SCREENSHOT = "88888888-8888-4888-8888-888888888888"
TIME = "2026-01-02T03:04:05.678901"


def migrate_to(database: Database, revision: str, *, down: bool = False, **attributes: Any) -> list[str | None]:
    """Go up or down to a revision, as promote does it; what the server said meanwhile. Kind production by default."""
    with database.connect() as conn:
        return migrate_on(conn, revision, down=down, **attributes)


def migrate_on(conn: Connection, revision: str, *, down: bool = False, **attributes: Any) -> list[str | None]:
    """The same on a connection that is open, as whoever it belongs to."""
    said: list[str | None] = []
    conn.add_notice_handler(lambda diag: said.append(diag.message_primary))
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(REPOSITORY / "alembic"))
    with transaction_for_alembic(conn) as connection:
        config.attributes |= {"connection": connection, "kind": "production", "embedding_dimensions": 3, **attributes}
        (command.downgrade if down else command.upgrade)(config, revision)
    return said


def opened(copy: ProjectCopy, environment: str = "test-prod", dimensions: int = 3) -> tuple[Project, Environment]:
    """The project of a copy, for vectors of three numbers, and one of its environments."""
    project = load_project(copy.root, {"embedding_dimensions": str(dimensions)})
    return project, read_environment(project, environment)


def edit_role(copy: ProjectCopy, role: str, **changes: Any) -> None:
    """Declare something else for a role of test-prod."""
    path = copy.root / "environments" / "test-prod.yaml"
    content = yamlfile.read(path)
    content["roles"][copy.name(role)] |= changes
    yamlfile.write(path, content)


def rows_of_minerva(database: Database, *, path: str = "/home/me/shot-1.png") -> None:
    """One book with a screenshot and a chunk, as Minerva's first revision takes them."""
    database.execute(
        "insert into books (id, title, author, kindle_url, total_screenshots, ingestion_status, created_at, updated_at)"
        f" values ('{BOOK}', 'T', 'A', 'https://read.example/?asin=B0', 1, 'completed', '{TIME}', '{TIME}')",
        f"insert into embedding_configs values ('{CONFIG}', 'm', 'v1', 3, true, '{TIME}')",
        f"insert into screenshots values ('{SCREENSHOT}', '{BOOK}', 1, '{path}', 'ab12', '{TIME}')",
        chunk(CHUNK, 1),
    )


def chunk(key: str, sequence: int) -> str:
    """The INSERT of one chunk of that book."""
    return (
        "insert into chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count,"
        " embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens,"
        f" extraction_timestamp, created_at) values ('{key}', '{BOOK}', '{{{SCREENSHOT}}}', {sequence}, 'text', 1,"
        f" '{CONFIG}', '[0.1,0.2,0.3]', 'tesseract', 0, 0, '{TIME}', '{TIME}')"
    )


def fetch(database: Database, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with database.connect() as connection:
        return connection.execute(query).fetchall()


def schema_of(database: Database) -> list[tuple[Any, ...]]:
    """Columns with types, nullability and defaults, constraints, indexes and enum labels of schema public."""
    return fetch(
        database,
        """
        select 'column', c.relname, a.attnum::text, a.attname, format_type(a.atttypid, a.atttypmod),
               a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        union all
        select 'constraint', conrelid::regclass::text, '', conname, pg_get_constraintdef(oid), convalidated::text, ''
        from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
        union all
        select 'index', tablename, '', indexname, indexdef, '', '' from pg_indexes where schemaname = 'public'
        union all
        select 'label', t.typname, e.enumsortorder::text, e.enumlabel, '', '', ''
        from pg_enum e join pg_type t on t.oid = e.enumtypid
        order by 1, 2, 4
        """,
    )
