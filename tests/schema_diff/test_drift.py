"""`promote schema drift`: a database against what its migrations make, and the scratch database that goes again."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from minerva_promote.schema_diff.scratch_database import SCRATCH_PREFIX
from tests.material import REPOSITORY
from tests.migrations.migrated_databases import HEAD, migrate_to
from tests.schema_diff.conftest import Pair
from tests.servers import PASSWORD, Database, Server

IN_STEP = "identical: 101 objects, 0 differences\n"


@pytest.fixture(autouse=True)
def _embedded(server: Server) -> None:
    if server.folder is None:
        pytest.skip("the scratch database is on the embedded server")


def title(revision: str = HEAD, kind: str = "production", name: str = "test-prod") -> str:
    return f"{name}  revision {revision} of alembic, kind {kind}\n"


def scratches(server: Server) -> list[str]:
    with server.connect() as conn:
        query = f"select datname from pg_database where datname like '{SCRATCH_PREFIX}%'"
        return [name for (name,) in conn.execute(query).fetchall()]


def test_in_step(pair: Pair) -> None:
    assert pair.schema("drift", "--env", "test-prod") == title() + IN_STEP
    assert pair.schema("drift", "local") == title(kind="local", name="local") + IN_STEP.replace("101", "100")


def test_pgvector_in_a_schema_that_the_role_may_not_use(pair: Pair, suffix: str) -> None:
    pair.other.execute(
        "create schema extensions", "alter extension vector set schema extensions",
        "create table more (h extensions.halfvec(3)[], v extensions.vector(3) default '[1,2,3]'::extensions.vector)",
        f"create role poor_{suffix} login password '{PASSWORD}'", f"grant select on alembic_version to poor_{suffix}",
    )  # fmt: skip
    pair.environment("test-prod", pair.other, f"poor_{suffix}", kind="production")
    assert pair.schema("drift", "--env", "test-prod", code=1) == (
        title() + "  table  more .. FAIL  only in test-prod: 2 columns\ndifferent: 1 difference\n"
    )
    pair.local.execute("create table more (h halfvec(3)[], v vector(3) default '[1,2,3]'::vector)")
    pair.allow({"object": "*", "aspects": ["check", "not_null"], "kind": "production", "why": "w"})
    assert pair.diff(code=1) == (
        "local → test-prod\n"
        "  extension  vector .. FAIL  in schema public → extensions\n"
        "  schema  extensions .. FAIL  only in test-prod\n"
        "  column  screenshots.file_path .. ok  allowed: not null yes → no (w)\n"
        "  check  screenshots.ck_screenshots_file_path_null .. ok  allowed: only in test-prod: (file_path IS NULL) (w)\n"
        "different: 2 differences, 2 allowed\n"
    )


def test_behind_is_in_step_with_its_own_revision(pair: Pair) -> None:
    migrate_to(pair.other, "2d94e6b81fa0", down=True)
    assert pair.schema("drift", "--env", "test-prod") == (
        title("2d94e6b81fa0") + "identical: 100 objects, 0 differences\n"
    )


def test_drift(pair: Pair) -> None:
    pair.other.execute(
        "create index by_hand on chunks (vision_model)", "alter index idx_chunks_embedding_ivfflat set (lists = 200)",
        "alter table screenshots drop constraint ck_screenshots_file_path_null",
    )  # fmt: skip
    drift = (
        "  index  chunks.by_hand .. {by_hand}\n"
        "  index  chunks.idx_chunks_embedding_ivfflat .. FAIL  options lists=100 → lists=200\n"
        "  check  screenshots.ck_screenshots_file_path_null .. FAIL  only in migrations: (file_path IS NULL)\n"
    )
    assert pair.schema("drift", "--env", "test-prod", code=1) == (
        title() + drift.format(by_hand="FAIL  only in test-prod: btree (vision_model)") + "different: 3 differences\n"
    )
    assert pair.schema("drift", "--env", "test-prod", "--format", "sql", code=1) == (
        "-- brings test-prod in step with migrations: different: 3 differences\nBEGIN;\n"
        'SET LOCAL search_path = "public";\n'
        "-- index chunks.by_hand: only in test-prod: btree (vision_model)\n"
        'DROP INDEX "public"."by_hand";\n'
        "-- index chunks.idx_chunks_embedding_ivfflat: options lists=100 → lists=200\n"
        'ALTER INDEX "public"."idx_chunks_embedding_ivfflat" SET (lists=100);\n'
        'REINDEX INDEX "public"."idx_chunks_embedding_ivfflat";\n'
        "-- check screenshots.ck_screenshots_file_path_null: only in migrations: (file_path IS NULL)\n"
        'ALTER TABLE "public"."screenshots" ADD CONSTRAINT "ck_screenshots_file_path_null" CHECK ((file_path IS NULL));\n'
        "COMMIT;\n"
    )
    pair.allow({"object": "index chunks.by_hand", "environments": ["test-prod"], "why": "reports"})
    allowed = drift.format(by_hand="ok  allowed: only in test-prod: btree (vision_model) (reports)")
    assert pair.schema("drift", "--env", "test-prod", code=1) == (
        title() + allowed + "different: 2 differences, 1 allowed\n"
    )


NO_REVISION = {
    "update alembic_version set version_num = 'another'": (
        f"the database is at revision another, which this project does not know; its head is {HEAD}: there is no revision"
        " to compare it with\n  the database is ahead of this project, or was made by another: use the release that"
        " migrated it\n"
    ),
    "delete from alembic_version": (
        "the database is not under migrations: it has tables, and no revision: there is no revision to compare it with\n"
        "  alembic stamp REVISION, with the revision that its tables are those of; or migrations: none, where somebody else makes the tables\n"
    ),
}


def test_without_a_revision(pair: Pair) -> None:
    for statement, said in NO_REVISION.items():
        pair.other.execute(statement)
        assert pair.error("drift", "--env", "test-prod", code=3) == f"error: {said}"


def test_migrations_that_fail(pair: Pair, server: Server) -> None:
    file = next((pair.root / "alembic" / "versions").glob("7b1f0c5a9e42*"))
    file.write_text(
        file.read_text("utf-8").replace(
            "for column, default in DEFAULTS", "op.execute('select 1/0')\n    for column, default in DEFAULTS"
        )
    )
    said = pair.error("drift", "--env", "test-prod", code=3)
    assert said == (
        "error: migration 7b1f0c5a9e42: division by zero\n"
        "  it ran in a scratch database on the embedded server: roles and extensions it names have to be there;"
        " scratch_url: of the environment names another server\n"
    )


CONCURRENTLY = f'''"""an index without locking"""
from alembic import op

revision = "f1f1f1f1f1f1"
down_revision = "{HEAD}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("books_title", "books", ["title"], postgresql_concurrently=True)
'''


def test_migrations_that_commit_in_between(pair: Pair, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    draw = secrets.randbelow

    def draw_number(limit: int) -> int:
        made.append(f"{SCRATCH_PREFIX}{draw(limit)}")
        return int(made[-1].removeprefix(SCRATCH_PREFIX))

    monkeypatch.setattr(secrets, "randbelow", draw_number)
    (pair.root / "alembic" / "versions" / "f1_concurrently.py").write_text(CONCURRENTLY, "utf-8")
    assert pair.promote("migrate", "--env", "test-prod", "--apply").exit_code == 0
    assert pair.schema("drift", "--env", "test-prod") == title("f1f1f1f1f1f1") + IN_STEP.replace("101", "102")
    pair.other.execute("drop index books_title")
    assert pair.schema("drift", "--env", "test-prod", code=1) == (
        title("f1f1f1f1f1f1")
        + "  index  books.books_title .. FAIL  only in migrations: btree (title)\ndifferent: 1 difference\n"
    )
    assert len(made) == 2
    assert not {*made} & {*scratches(server)}  # those of other tests may be there


@contextlib.contextmanager
def slow(pair: Pair, server: Server) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A drift whose migrations wait, as a process of its own, and its scratch database."""
    sleep = f"pg_sleep({secrets.randbelow(1 << 20) + 60})"  # others may be at work with scratch databases too
    file = next((pair.root / "alembic" / "versions").glob("7b1f0c5a9e42*"))
    file.write_text(
        file.read_text("utf-8").replace(
            "for column, default in DEFAULTS", f"op.execute('select {sleep}')\n    for column, default in DEFAULTS"
        )
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "minerva_promote", "schema", "drift", "--env", "test-prod"],
        cwd=pair.root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            until = time.monotonic() + 60
            found: list[str] = []
            while not found and time.monotonic() < until and process.poll() is None:
                time.sleep(0.05)
                found = _sleeping(server, sleep)
            assert len(found) == 1, process.communicate(timeout=10)
            yield process, found[0]
        finally:
            process.kill()


def _sleeping(server: Server, sleep: str) -> list[str]:
    with Database(server, "postgres").connect() as conn:
        query = "select datname from pg_stat_activity where pid <> pg_backend_pid() and query like %s"
        return [name for (name,) in conn.execute(query, (f"%{sleep}%",)).fetchall()]


@pytest.mark.soak
def test_interrupted(pair: Pair, server: Server) -> None:
    with slow(pair, server) as (process, name):
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=30)
        assert (process.returncode, out, error) == (
            3, "", "error: stopped by SIGTERM, did not finish: nothing was changed; rerun the command\n"
        )  # fmt: skip
        assert name not in scratches(server)


@pytest.mark.soak
def test_killed(pair: Pair, server: Server) -> None:
    """What is left is dropped by the next one; what another one uses is not."""
    with slow(pair, server) as (process, name):
        file = next((pair.root / "alembic" / "versions").glob("7b1f0c5a9e42*"))
        file.write_text(re.sub(r"pg_sleep\(\d+\)", "pg_sleep(0)", file.read_text("utf-8")))
        pair.schema("drift", "--env", "test-prod")
        assert name in scratches(server)
        process.kill()
        process.communicate(timeout=30)
        until = time.monotonic() + 30
        while name in scratches(server) and time.monotonic() < until:  # the server notices a dead client in a second
            pair.schema("drift", "--env", "test-prod")
        assert name not in scratches(server)
