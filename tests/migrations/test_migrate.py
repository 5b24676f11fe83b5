"""`promote migrate`: what it says about a database in each state, and applying."""

from __future__ import annotations

import pytest

from minerva_promote.errors import ConfigError, TargetError
from minerva_promote.migrations.command import migrate
from minerva_promote.results import Outcome, RunResult
from minerva_promote.setup.command import setup
from tests.migrations.migrated_databases import HEAD, MINERVA, fetch, migrate_to, opened, rows_of_minerva, schema_of
from tests.servers import Database, ProjectCopy


def said(result: RunResult) -> list[tuple[str, str, str]]:
    return [(step.name, str(step.outcome), step.detail) for step in result.steps]


@pytest.fixture
def bare(project: ProjectCopy) -> Database:
    """The test-prod database of the project: there, and nothing in it."""
    return project.server.create_database(project.database("test-prod").name)


def test_pending_then_applied_then_nothing(project: ProjectCopy, bare: Database) -> None:
    it = opened(project)
    before = schema_of(bare)
    shown = migrate(*it)
    assert said(shown) == [
        ("c8d7004725a4", "FAIL", "pending: books, screenshots, embedding configs, chunks and ingestion logs"),
        (MINERVA, "FAIL", "pending: books from websites and PDFs, and the scrapes that failed"),
        ("7b1f0c5a9e42", "FAIL", "pending: defaults for the columns of chunks that exporters leave out"),
        ("2d94e6b81fa0", "FAIL", "pending: a chunk's number is unique within its book"),
        ("e35a7d20c6b8", "FAIL", "pending: no screenshot paths in a database of kind production"),
        (HEAD, "FAIL", "pending: the vector index bears Minerva's own name"),
    ]
    assert (shown.exit_code, shown.changed, shown.verdict) == (1, False, "6 pending: nothing was changed")
    assert shown.steps[0].hint == "promote migrate --env test-prod --apply"
    assert schema_of(bare) == before

    applied = migrate(*it, apply=True)
    assert [step.name for step in applied.steps] == [step.name for step in shown.steps]
    assert (applied.exit_code, applied.changed, applied.verdict) == (0, True, f"migrated to {HEAD}")
    first = applied.steps[0]
    assert (first.outcome, first.findings[0].code) == (Outcome.WARN, "index-little-data")
    assert first.findings[0].message == "ivfflat index created with little data: This will cause low recall."
    assert first.findings[0].hint == "rebuild it when the rows are there: promote index --env test-prod --apply"
    assert {step.outcome for step in applied.steps[1:]} == {Outcome.OK}

    after = schema_of(bare)
    for again in (migrate(*it), migrate(*it, apply=True)):
        assert said(again) == [("revision", "ok", f"up to date at {HEAD}")]
        assert (again.exit_code, again.changed) == (0, False)
    assert schema_of(bare) == after


def test_a_database_of_minerva_is_behind(project: ProjectCopy, bare: Database) -> None:
    migrate_to(bare, MINERVA)
    it = opened(project)
    shown = migrate(*it)
    assert [step.name for step in shown.steps] == ["7b1f0c5a9e42", "2d94e6b81fa0", "e35a7d20c6b8", HEAD]
    assert shown.data["standing"] == "behind"
    assert migrate(*it, apply=True).exit_code == 0


@pytest.mark.parametrize(
    ("statement", "fact", "hint"),
    [
        (
            "update alembic_version set version_num = 'feedc0ffee00'",
            f"at revision feedc0ffee00, which this project does not know; its head is {HEAD}",
            "the database is ahead of this project, or was made by another: use the release that migrated it",
        ),
        (
            "insert into alembic_version values ('c8d7004725a4')",
            f"at 2 revisions at once: c8d7004725a4, {HEAD}",
            "alembic_version must hold one row: remove the revisions that are not the schema's",
        ),
        (
            "drop table alembic_version",
            "not under migrations: it has tables, and no revision",
            "alembic stamp REVISION, with the revision that its tables are those of; or migrations: none, where somebody else makes the tables",
        ),
        (
            "delete from alembic_version",
            "not under migrations: it has tables, and no revision",
            "alembic stamp REVISION, with the revision that its tables are those of; or migrations: none, where somebody else makes the tables",
        ),
    ],
)
def test_states_that_cannot_be_migrated(
    project: ProjectCopy, bare: Database, statement: str, fact: str, hint: str
) -> None:
    migrate_to(bare, "head")
    bare.execute(statement)
    it = opened(project)
    shown = migrate(*it)
    assert said(shown) == [("revision", "FAIL", fact)]
    assert (shown.steps[0].hint, shown.exit_code) == (hint, 1)
    with pytest.raises(TargetError) as caught:
        migrate(*it, apply=True)
    assert (caught.value.message, caught.value.hint) == (f"the database is {fact}", hint)


def test_a_revision_that_fails_leaves_nothing(project: ProjectCopy, bare: Database) -> None:
    migrate_to(bare, MINERVA)
    rows_of_minerva(bare)
    before = schema_of(bare)
    with pytest.raises(TargetError, match="migration e35a7d20c6b8: screenshots has 1 rows with a file_path"):
        migrate(*opened(project), apply=True)
    assert schema_of(bare) == before
    assert fetch(bare, "select version_num from alembic_version") == [(MINERVA,)]


def test_a_lock_held_by_another(project: ProjectCopy, bare: Database) -> None:
    from minerva_promote.database.advisory_lock import LOCK_STATEMENT

    project.edit("environments/test-prod.yaml", "kind: production", "timeouts: {lock: 100ms}\nkind: production")
    with bare.connect(autocommit=False) as other:
        other.execute(LOCK_STATEMENT.encode())
        with pytest.raises(TargetError) as caught:
            migrate(*opened(project), apply=True)
        other.rollback()
    assert caught.value.message.startswith("the lock of this database is held by process ")
    assert caught.value.message.endswith("; waited 100ms")
    assert caught.value.exit_code == 3
    assert schema_of(bare) == []


def test_what_no_longer_fits_the_configuration(project: ProjectCopy, bare: Database) -> None:
    migrate_to(bare, "head", kind="local", embedding_dimensions=4)
    found = migrate(*opened(project))
    assert said(found)[1:] == [
        ("columns", "FAIL", "screenshots.file_path is NOT NULL, in a database of kind production it must be NULL"),
        ("columns", "FAIL", "chunks.embedding is vector(4), the project says 3 dimensions"),
    ]
    assert found.exit_code == 1


def test_a_tree_with_two_heads(project: ProjectCopy, bare: Database) -> None:
    project.write(
        "alembic/versions/aaaaaaaaaaaa_other.py",
        f'"""another"""\nrevision = "aaaaaaaaaaaa"\ndown_revision = "{MINERVA}"\n'
        "def upgrade(): pass\ndef downgrade(): pass\n",
    )
    with pytest.raises(ConfigError) as caught:
        migrate(*opened(project))
    assert caught.value.message == f"the Alembic tree has 2 heads, must have 1: aaaaaaaaaaaa, {HEAD}"


def test_nothing_of_alembic_is_printed(project: ProjectCopy, capfd: pytest.CaptureFixture[str]) -> None:
    setup(*opened(project))
    assert capfd.readouterr() == ("", "")
