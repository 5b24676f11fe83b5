"""A private database in Minerva's shape with one small book, and a copy of the project to add checks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.checks.run import run_checks
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.models.project import Stage
from minerva_promote.database.connection import Connection
from minerva_promote.results import StepResult
from tests.run.conftest import _quiet_machine, make_shop, ready, shop
from tests.servers import Database, ProjectCopy, Server

__all__ = ["_quiet_machine", "make_shop", "ready", "shop"]

BOOK = "11111111-1111-4111-8111-111111111111"
OTHER_BOOK = "22222222-2222-4222-8222-222222222222"
CONFIG = "33333333-3333-4333-8333-333333333333"
FACTS = FileFacts(
    "export.sql", "5b21", 23_800, {"books": 1, "embedding_configs": 1, "screenshots": 3, "chunks": 3}, (BOOK,)
)

SCHEMA = """
create extension vector;
create table books (id uuid primary key, title varchar not null, ingestion_status varchar not null);
create table screenshots (
    id uuid primary key default gen_random_uuid(), book_id uuid not null, sequence_number int not null,
    file_path varchar, unique (book_id, sequence_number));
create table embedding_configs (
    id uuid primary key, model_name varchar not null, model_version varchar not null, dimensions int not null,
    is_active bool not null);
create table chunks (
    id uuid primary key default gen_random_uuid(), book_id uuid not null, screenshot_ids uuid[] not null,
    chunk_sequence int not null, chunk_text varchar not null, embedding_config_id uuid not null, embedding vector);
create index on chunks (book_id);
"""  # no foreign keys and no fixed length, so that the checks have something to find
BOOKS = f"""
insert into embedding_configs values ('{CONFIG}', 'text-embedding-3-small', '1', 3, true);
insert into books values ('{BOOK}', 'Lighthouses', 'completed'), ('{OTHER_BOOK}', 'Knots', 'completed');
insert into screenshots (book_id, sequence_number) select b.id, n from books b, generate_series(1, 3) n;
insert into chunks (book_id, screenshot_ids, chunk_sequence, chunk_text, embedding_config_id, embedding)
select book_id, array[id], sequence_number, 'text', '{CONFIG}', array[1, sequence_number, 2]::vector from screenshots;
alter table chunks alter column embedding type vector(3);
create index chunks_embedding on chunks using hnsw (embedding vector_cosine_ops);
alter table chunks alter column embedding type vector;
"""

Check = Callable[..., list[StepResult]]


@pytest.fixture
def minerva(server: Server, make_database: Callable[..., Database]) -> Database:
    """A private database with two books of three chunks each."""
    return make_database(server.template("checks", lambda empty: empty.execute(SCHEMA, BOOKS)))


@pytest.fixture
def connection(minerva: Database) -> Iterator[Connection]:
    """An autocommit connection to the private database."""
    with minerva.connect() as opened:
        yield opened


@pytest.fixture
def folder(project: ProjectCopy) -> Path:
    """A copy of the shipped project, for vectors of length 3."""
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    return project.root


@pytest.fixture
def check(connection: Connection, folder: Path) -> Check:
    """Runs checks of the copied project, as it is then, on the private database."""

    def run(
        *only: str, stage: Stage | None = None, facts: FileFacts | None = None, env: str = "test-prod"
    ) -> list[StepResult]:
        project = load_project(folder)
        return list(run_checks(connection, project, read_environment(project, env), stage, facts, "7f3a9c", only))

    return run


@pytest.fixture
def inline(folder: Path, check: Check) -> Callable[..., StepResult]:
    """The result of one check whose SQL is given, added to the copied project as YAML."""

    def run(sql: str, *, more: str = "expect: {equals: 1}", **options: Any) -> StepResult:
        text = "\n".join(f"      {line}" for line in sql.splitlines())
        (folder / "checks" / "extra.yaml").write_text(f"checks:\n  - name: extra\n    {more}\n    sql: |\n{text}\n")
        (result,) = check("extra", **options)
        return result

    return run
