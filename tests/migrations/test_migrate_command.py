"""`promote migrate` as people meet it: pending revisions, their SQL and locks, and every way in which it can fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.conftest import Ran
from tests.migrations import alembic_trees
from tests.migrations.migrated_databases import HEAD, MINERVA, migrate_to, schema_of
from tests.run.conftest import Shop
from tests.run.conftest import make_shop as make_shop
from tests.run.conftest import ready as ready
from tests.run.conftest import shop as shop
from tests.run.exports import Export
from tests.servers import Database, ProjectCopy

Promote = Callable[..., Ran]


@pytest.fixture
def bare(project: ProjectCopy) -> Database:
    """The test-prod database of the project: there, and nothing in it."""
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    return project.server.create_database(project.database("test-prod").name)


@pytest.fixture
def ours(project: ProjectCopy, bare: Database) -> ProjectCopy:
    """The shipped project; its database is at the head."""
    migrate_to(bare, "head")
    return project


def migrate(promote: Promote, *words: str, code: int) -> str:
    """stdout of a command that ended with 0 or 1, stderr of any other; without how long a step took."""
    done = promote("migrate", "--env", "test-prod", *words)
    assert done.exit_code == code, done.stdout + done.stderr
    assert (done.stderr if code < 2 else done.stdout) == ""
    return re.sub(r", [\d.,]+ (s|min)$", "", done.stdout, flags=re.MULTILINE) if code < 2 else done.stderr


def test_what_is_pending_and_what_it_locks(project: ProjectCopy, bare: Database, promote: Promote) -> None:
    migrate_to(bare, MINERVA)
    before = schema_of(bare)
    apply, busy = "             promote migrate --env test-prod --apply", "nobody reads or writes it meanwhile"
    defaults = ("vision_prompt_tokens", "vision_completion_tokens", "extraction_timestamp")
    said = migrate(promote, code=1).splitlines()
    assert said == [
        f"test-prod   head {HEAD}",
        "  migrate    7b1f0c5a9e42 ..................... FAIL   pending: defaults for the columns of chunks that"
        " exporters leave out",
        apply,
        f"    warn: lock: chunks: ACCESS EXCLUSIVE for {'; '.join(f'a new default of {each}' for each in defaults)};"
        f" {busy}",
        "  migrate    2d94e6b81fa0 ..................... FAIL   pending: a chunk's number is unique within its book",
        apply,
        "    warn: lock: chunks: ACCESS EXCLUSIVE for ADD CONSTRAINT uq_chunk_book_sequence, which builds an index over"
        f" all rows; {busy}",
        "  migrate    e35a7d20c6b8 ..................... FAIL   pending: no screenshot paths in a database of kind production",
        apply,
        "    warn: lock: screenshots: ACCESS EXCLUSIVE for DROP NOT NULL of file_path; ADD CONSTRAINT"
        f" ck_screenshots_file_path_null, which reads all rows; {busy}",
        f"  migrate    {HEAD} ..................... FAIL   pending: the vector index bears Minerva's own name",
        apply,
        "    warn: lock: index idx_chunks_embedding: SHARE UPDATE EXCLUSIVE for ALTER INDEX RENAME",
        "4 pending: nothing was changed",
    ]
    data = json.loads(migrate(promote, "--format", "json", code=1))["steps"][1]["data"]
    assert data["locks"] == [
        {
            "table": "chunks",
            "mode": "ACCESS EXCLUSIVE",
            "why": "ADD CONSTRAINT uq_chunk_book_sequence, which builds an index over all rows",
        }
    ]
    assert "ADD CONSTRAINT uq_chunk_book_sequence UNIQUE (book_id, chunk_sequence)" in data["sql"]
    assert schema_of(bare) == before


def test_the_sql(project: ProjectCopy, bare: Database, promote: Promote, suffix: str) -> None:
    sql = migrate(promote, "--sql", code=1)
    assert "%%" not in sql
    with bare.connect() as conn:
        conn.execute(sql.encode())
    assert migrate(promote, "--sql", code=0) == "-- nothing is pending\n"
    other = project.server.create_database(f"other_{suffix}")
    migrate_to(other, "head")
    assert schema_of(bare) == schema_of(other)


def test_a_script_and_an_application(ours: ProjectCopy, promote: Promote) -> None:
    said = migrate(promote, "--sql", "--apply", code=2)
    assert said == "error: --sql runs nothing, --apply does\n  one of them\n"


def test_ahead(shop: Shop) -> None:
    shop.accepted(Export())
    shop.database.execute("update alembic_version set version_num = 'ffffffffffff'")
    ((day,),) = shop.rows("select to_char(max(at) at time zone 'UTC', 'YYYY-MM-DD') from promote.events")
    fact = f"ahead of this project: at ffffffffffff, which comes after its head {HEAD}; it was at {HEAD} on {day}"
    hint = "use the release that migrated it, or bring its revisions into this project"
    assert shop.promote("migrate", "--env", "test-prod").stdout == (
        f"test-prod   head {HEAD}\n"
        f"  migrate    revision ......................... FAIL   {fact}\n             {hint}\n"
        f"{fact}: nothing was changed\n"
    )
    done = shop.promote("migrate", "--env", "test-prod", "--apply")
    assert (done.exit_code, done.stderr) == (3, f"error: the database is {fact}\n  {hint}\n")
    assert (
        f"preflight  migrations ....................... FAIL   the database is {fact}\n"
        in shop.run(shop.file(Export())).stdout
    )


ADD = 'op.add_column("books", sa.Column("x", sa.Integer))'
CONCURRENTLY = """op.add_column("books", sa.Column("isbn", sa.String))
with op.get_context().autocommit_block():
    op.execute("create index concurrently ix_books_isbn on books (isbn)")
    op.execute("create unique index concurrently ix_books_author_once on books (author)")
op.add_column("books", sa.Column("late", sa.String))"""


def test_half_way(ours: ProjectCopy, bare: Database, promote: Promote) -> None:
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, ADD, "x")
    alembic_trees.revision(ours.root / "alembic", "bbbbbbbbbbbb", "aaaaaaaaaaaa", CONCURRENTLY, "an index of numbers")
    alembic_trees.revision(ours.root / "alembic", "cccccccccccc", "bbbbbbbbbbbb", "pass", "after it")
    rows = "insert into books (id, title, author, ingestion_status, created_at, updated_at)"
    bare.execute(*[f"{rows} values (gen_random_uuid(), 't', 'a', 'completed', now(), now())"] * 2)
    assert (
        "    warn: own-commit: it commits in between: what it did before it fails stays\n"
        "        help: have it in a revision of its own, that can be repeated\n"
    ) in migrate(promote, code=1)
    assert migrate(promote, "--apply", code=1).splitlines() == [
        "test-prod   head cccccccccccc",
        "  migrate    aaaaaaaaaaaa ..................... ok     applied: x",
        "  migrate    bbbbbbbbbbbb ..................... FAIL   failed half way: an index of numbers: could not create"
        ' unique index "ix_books_author_once": Key (author)=(a) is duplicated.',
        "             take back what stays, or have it skipped; then promote migrate --env test-prod --apply",
        "    committed: stays: ALTER TABLE books ADD COLUMN isbn VARCHAR",
        "    committed: stays: create index concurrently ix_books_isbn on books (isbn)",
        "    invalid-index: public.ix_books_author_once of books was begun, and no search uses it",
        "        help: DROP INDEX CONCURRENTLY public.ix_books_author_once",
        "    not-done: create unique index concurrently ix_books_author_once on books (author)",
        "    not-done: ALTER TABLE books ADD COLUMN late VARCHAR",
        "  migrate    cccccccccccc ..................... skip   not applied: after it",
        "stopped half way: the database is behind: at aaaaaaaaaaaa, 2 pending up to cccccccccccc",
    ]
    bare.execute(
        "drop index ix_books_author_once",
        "drop index ix_books_isbn",
        "alter table books drop column isbn",
        "delete from books",
    )
    assert migrate(promote, "--apply", code=0).splitlines()[1:] == [
        "  migrate    bbbbbbbbbbbb ..................... ok     applied: an index of numbers",
        "  migrate    cccccccccccc ..................... ok     applied: after it",
        "migrated to cccccccccccc",
    ]


OWN_COMMIT = """op.add_column("books", sa.Column("isbn", sa.String))
op.execute(
    sa.text("COMMIT"))
op.execute("select 1/0")"""


def test_half_way_by_a_commit_of_its_own(ours: ProjectCopy, bare: Database, promote: Promote) -> None:
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, OWN_COMMIT, "a number")
    assert migrate(promote, "--apply", code=1).splitlines() == [
        "test-prod   head aaaaaaaaaaaa",
        "  migrate    aaaaaaaaaaaa ..................... FAIL   failed half way: a number: division by zero",
        "             take back what stays, or have it skipped; then promote migrate --env test-prod --apply",
        "    committed: stays: ALTER TABLE books ADD COLUMN isbn VARCHAR",
        "    not-done: select 1/0",
        f"stopped half way: the database is behind: at {HEAD}, 1 pending up to aaaaaaaaaaaa",
    ]


def test_names_are_no_commits(ours: ProjectCopy, promote: Promote) -> None:
    body = 'op.add_column("books", sa.Column("end", sa.Integer))\nop.execute("comment on column books.\\"end\\" is \'commit\'")'
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, body, "a number")
    assert "own-commit" not in migrate(promote, code=1)
    assert migrate(promote, "--apply", code=0).endswith("migrated to aaaaaaaaaaaa\n")


PLACE = "alembic/versions/bbbbbbbbbbbb_step.py:10: "
ROLLED_BACK = "; nothing was changed (rolled back)"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('raise KeyError("glossary")', 3, f"{PLACE}migration bbbbbbbbbbbb: KeyError: 'glossary'{ROLLED_BACK}\n"),
        (
            'op.execute("select 1 from nowhere")',
            3,
            f'migration bbbbbbbbbbbb: relation "nowhere" does not exist{ROLLED_BACK}\n',
        ),
        (
            "import nowhere_to_be_found",
            2,
            f"{PLACE}the migrations cannot be run: No module named 'nowhere_to_be_found'{ROLLED_BACK}\n"
            "  install it beside promote\n",
        ),
        (
            'op.execute("create index concurrently i on books (title)")',
            3,
            f"migration bbbbbbbbbbbb: CREATE INDEX CONCURRENTLY cannot run inside a transaction block{ROLLED_BACK}\n"
            "  put it into a block: with op.get_context().autocommit_block():\n",
        ),
        (
            'op.execute("".join(["COM", "MIT"]))',
            3,
            f"migration bbbbbbbbbbbb: it sends COMMIT, and its file does not show it{ROLLED_BACK}\n"
            "  put what has to be committed into a block: with op.get_context().autocommit_block():\n",
        ),
    ],
    ids=["python", "sql", "module", "concurrently", "commit"],
)
def test_nothing_is_half_done(
    ours: ProjectCopy, bare: Database, promote: Promote, body: str, code: int, said: str
) -> None:
    before = schema_of(bare)
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, ADD, "x")
    alembic_trees.revision(ours.root / "alembic", "bbbbbbbbbbbb", "aaaaaaaaaaaa", body)
    assert migrate(promote, "--apply", code=code) == f"error: {said}"
    assert schema_of(bare) == before


def test_a_revision_that_asks_the_database(ours: ProjectCopy, promote: Promote) -> None:
    asks = 'if sa.inspect(op.get_bind()).has_table("books"):\n    ' + ADD
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, asks, "x")
    shown = migrate(promote, code=1)
    assert "    warn: not-shown: what it and those after it lock cannot be told: " in shown
    said = migrate(promote, "--sql", code=3)
    assert said.startswith("error: the SQL of revision aaaaaaaaaaaa cannot be written down: migration aaaaaaaaaaaa: ")
    assert said.endswith("  promote migrate --env test-prod --apply carries it out, where it can ask the database\n")
    assert migrate(promote, "--apply", code=0).endswith("migrated to aaaaaaaaaaaa\n")


CANNOT = "the Alembic tree cannot be read: "
SAME = "  correct the revisions: alembic history shows the same\n"
BROKEN = "alembic/versions/bbbbbbbbbbbb_broken.py:1: "
HEADED = "\n\ndef upgrade():\n    pass\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def upgrade(:\n", f"{BROKEN}{CANNOT}invalid syntax (bbbbbbbbbbbb_broken.py, line 1)\n{SAME}"),
        (
            f'revision = "bbbbbbbbbbbb"\ndown_revision = "nothinghere1"\n{HEADED}',
            f"alembic: {CANNOT}Revision nothinghere1 referenced from nothinghere1 -> bbbbbbbbbbbb (head), is not present"
            f"\n{SAME}",
        ),
        (
            f'revision = "{MINERVA}"\ndown_revision = "{HEAD}"\n{HEADED}',
            f"alembic: {CANNOT}Revision {MINERVA} is present more than once\n{SAME}",
        ),
        (
            f'revision = "bbbbbbbbbbbb"\ndown_revision = "bbbbbbbbbbbb"\n{HEADED}',
            f"alembic: {CANNOT}Self-loop is detected in revisions (bbbbbbbbbbbb)\n{SAME}",
        ),
        (
            "import nowhere_to_be_found\n",
            f"{BROKEN}the migrations cannot be run: No module named 'nowhere_to_be_found'\n  install it beside promote\n",
        ),
        pytest.param(
            'raise SystemExit("set DATABASE_URL")\n',
            f"{BROKEN}{CANNOT}set DATABASE_URL\n{SAME}",
            marks=pytest.mark.soak,
        ),
        (
            f'revision = "bbbbbbbbbbbb"\ndown_revision = "{MINERVA}"\n{HEADED}',
            f"alembic: the Alembic tree has 2 heads, must have 1: bbbbbbbbbbbb, {HEAD}\n"
            "  join them: alembic merge heads\n",
        ),
    ],
    ids=["syntax", "missing", "twice", "circle", "module", "exit", "heads"],
)
def test_trees_that_are_none(ours: ProjectCopy, promote: Promote, text: str, said: str) -> None:
    ours.write("alembic/versions/bbbbbbbbbbbb_broken.py", text)
    assert migrate(promote, code=2) == f"error: {said}"


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (
            "op.execute(\"ALTER TYPE source_type ADD VALUE 'epub'\"); op.execute(\"UPDATE books SET source_type = 'epub'\")",
            "add the value in a block before: with op.get_context().autocommit_block():",
        ),
        (
            'op.add_column("chunks", sa.Column("small", pgvector.sqlalchemy.VECTOR(4)))',
            "import it at the top of that file: import pgvector.sqlalchemy",
        ),
    ],
    ids=["enum", "import"],
)
def test_revisions_that_miss_a_line(ours: ProjectCopy, bare: Database, promote: Promote, body: str, hint: str) -> None:
    book = f"('{uuid4()}', 't', 'a', 'completed', now(), now())"
    bare.execute(f"insert into books (id, title, author, ingestion_status, created_at, updated_at) values {book}")
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, body, "x")
    said = migrate(promote, "--apply", code=3)
    assert said.endswith(f"; nothing was changed (rolled back)\n  {hint}\n")


def test_a_table_that_is_in_use(ours: ProjectCopy, bare: Database, promote: Promote) -> None:
    ours.edit("environments/test-prod.yaml", "kind: production", "timeouts: {lock: 100ms}\nkind: production")
    alembic_trees.revision(ours.root / "alembic", "aaaaaaaaaaaa", HEAD, ADD, "x")
    with bare.connect(autocommit=False, application_name="the API") as other:
        other.execute("select 1 from books")
        said = migrate(promote, "--apply", code=3)
        pid, user = other.info.backend_pid, other.info.user
    head, _, tail = said.partition(": ALTER TABLE books ADD COLUMN x INTEGER")
    assert head.startswith("error: migration aaaaaaaaaaaa: waited ")
    assert re.search(rf"process {pid} \(the API, role {user}(, for \d+ s)?\)", said)
    assert tail.endswith(
        "; nothing was changed (rolled back)\n"
        "  repeat the command when it is done, or raise timeouts.lock of the environment\n"
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere", "no Alembic tree in nowhere: env.py is missing"),
        pytest.param("nowhere.ini", "migrations: no file nowhere.ini", marks=pytest.mark.soak),
        ("pyproject.toml", "migrations: pyproject.toml says no script_location"),
    ],
)
def test_no_tree(ours: ProjectCopy, promote: Promote, path: str, said: str) -> None:
    ours.write("pyproject.toml", "[project]\n")
    ours.edit("promote.yaml", "migrations: alembic\n", f"migrations: {path}\n")
    hint = "set `migrations:` to the folder that has env.py and versions/, or to its alembic.ini or pyproject.toml;"
    hint += " or migrations: none, where somebody else makes the tables"
    assert migrate(promote, code=2) == f"error: promote.yaml: {said}\n  {hint}\n"
