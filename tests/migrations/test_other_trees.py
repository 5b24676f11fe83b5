"""`migrations:` that is another project's Alembic tree: Minerva's own, the way such projects really are."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

from tests.conftest import Ran
from tests.migrations import alembic_trees
from tests.migrations.migrated_databases import MINERVA, fetch, schema_of
from tests.servers import Database, ProjectCopy

Promote = Callable[..., Ran]
ENV_PY = (
    "  migrate    env.py ........................... WARN\n"
    "    warn: own-connection: env.py connects by itself: its revisions are not one transaction with the rest of what"
    " promote does\n"
    '        help: have it use the connection that it is given: config.attributes["connection"]\n'
)
SHOWN = (
    f"test-prod   head {MINERVA}\n"
    "  migrate    c8d7004725a4 ..................... FAIL   pending: initial schema\n"
    "             promote migrate --env test-prod --apply\n"
    f"  migrate    {MINERVA} ..................... FAIL   pending: add website source support\n"
    "             promote migrate --env test-prod --apply\n"
)


@pytest.fixture
def bare(project: ProjectCopy) -> Database:
    """The test-prod database of the project, of kind local: there, and nothing in it."""
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    project.edit("environments/test-prod.yaml", "kind: production", "kind: local     ")
    return project.server.create_database(project.database("test-prod").name)


def use(project: ProjectCopy, path: str) -> None:
    """Point `migrations:` there."""
    project.edit("promote.yaml", "migrations: alembic\n", f"migrations: {path}\n")


def ran(promote: Promote, *words: str, code: int) -> str:
    done = promote("migrate", "--env", "test-prod", *words)
    assert done.exit_code == code, done.stdout + done.stderr
    return done.stdout if code < 2 else done.stderr


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("backend/alembic", {}),
        ("backend/alembic.ini", {"url": alembic_trees.FROM_SETTINGS}),
        pytest.param("backend", {"config": "pyproject"}, marks=pytest.mark.soak),
        pytest.param(
            "backend/alembic", {"config": "none", "options": "transaction_per_migration=True"}, marks=pytest.mark.soak
        ),
        ("backend/alembic", {"options": 'version_table="minerva_version", version_table_schema="audit"'}),
    ],
    ids=["database-url", "settings-of-the-application", "pyproject", "no-configuration", "a-version-table-of-its-own"],
)
def test_an_env_py_that_connects_by_itself(
    project: ProjectCopy, bare: Database, promote: Promote, path: str, how: dict[str, str]
) -> None:
    alembic_trees.minerva(project.root, **how)
    use(project, path)
    table = "alembic_version"
    if "version_table" in how.get("options", ""):
        bare.execute("create schema audit")
        table = "audit.minerva_version"
    assert ran(promote, code=1) == SHOWN + ENV_PY + "2 pending: nothing was changed\n"
    script = ran(promote, "--sql", code=1)
    done = ran(promote, "--apply", code=0)
    assert "ivfflat index created with little data" in done
    assert done.endswith(f"migrated to {MINERVA}\n")
    assert fetch(bare, f"select version_num from {table}") == [(MINERVA,)]
    other = project.server.create_database(f"other_{project.suffix}")
    other.execute("create schema audit")
    with other.connect() as conn:
        conn.execute(script.encode())
    assert fetch(other, f"select version_num from {table}") == [(MINERVA,)]
    setup = promote("setup", "--env", "test-prod")
    assert setup.exit_code == 0, setup.stdout + setup.stderr
    assert fetch(bare, "select version_num from promote.revision") == [(MINERVA,)]
    assert promote("migrate", "--env", "test-prod").exit_code == 0


GREENLET = "an async env.py needs the module greenlet, which is not installed"
GIVEN = 'or have env.py use the connection that it is given: config.attributes["connection"]'


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_an_async_env_py(project: ProjectCopy, bare: Database, promote: Promote, driver: str) -> None:
    """With psycopg it works where greenlet is there, which SQLAlchemy wants for it; asyncpg is not promote's."""
    url = f'os.environ["DATABASE_URL"].replace("+psycopg", "+{driver}")'
    alembic_trees.minerva(project.root, env=alembic_trees.ASYNC_ENV, url=url)
    use(project, "backend/alembic")
    assert ran(promote, code=1).startswith(SHOWN.partition("  migrate    540a")[0])
    if driver == "psycopg" and find_spec("greenlet"):
        assert ran(promote, "--apply", code=0).endswith(f"migrated to {MINERVA}\n")
        return
    missing = "No module named 'asyncpg'" if driver == "asyncpg" else GREENLET
    line = 24 if driver == "asyncpg" else 27
    assert ran(promote, "--apply", code=2) == (
        f"error: alembic/env.py:{line}: the migrations cannot be run: {missing}; nothing was changed (rolled back)\n"
        f"  install it beside promote, {GIVEN}\n"
    )


def test_another_database(project: ProjectCopy, bare: Database, promote: Promote) -> None:
    other = project.server.create_database(f"other_{project.suffix}")
    url = other.url().replace("postgresql:", "postgresql+psycopg:").replace("%2F", "/")
    alembic_trees.minerva(project.root, url=f'config.set_main_option("sqlalchemy.url", "{url}")\n')
    use(project, "backend/alembic")
    assert ran(promote, "--apply", code=3) == (
        "error: env.py of alembic connects to another database than environment test-prod names: nothing was sent to"
        " it; nothing was changed (rolled back)\n  have it take the URL from DATABASE_URL or sqlalchemy.url,"
        ' or the connection that it is given: config.attributes["connection"]\n'
    )
    assert schema_of(bare) == schema_of(other) == []


def test_a_failure_in_a_tree_that_commits_by_itself(project: ProjectCopy, bare: Database, promote: Promote) -> None:
    tree = alembic_trees.minerva(project.root, options="transaction_per_migration=True")
    alembic_trees.revision(tree, "aaaaaaaaaaaa", MINERVA, 'op.execute("select 1 from nowhere")', "a slip")
    use(project, "backend/alembic")
    said = ran(promote, "--apply", code=1).splitlines()
    assert said[-4:] == [
        '  migrate    aaaaaaaaaaaa ..................... FAIL   failed half way: a slip: relation "nowhere" does not'
        " exist",
        "             take back what stays, or have it skipped; then promote migrate --env test-prod --apply",
        "    not-done: select 1 from nowhere",
        f"stopped half way: the database is behind: at {MINERVA}, 1 pending up to aaaaaaaaaaaa",
    ]


def test_the_chains_make_the_same(project: ProjectCopy, promote: Promote) -> None:
    """Minerva's own chain and then ours, on one database; ours alone, on another."""
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 3")
    pairs = {"minerva": "ours", "minervaprod": "oursprod"}
    for name in (*pairs, *pairs.values()):
        url = project.server.create_database(f"{name}_{project.suffix}").url()
        kind = "production" if name.endswith("prod") else "local"
        project.write(f"environments/{name}.yaml", f"url: {url}\nadmin_url: {url}\nkind: {kind}\n")

    def applied(name: str) -> int:
        done = promote("migrate", "--env", name, "--apply")
        return done.stdout.count("applied: ")

    assert [applied(name) for name in pairs.values()] == [6, 6]
    alembic_trees.minerva(project.root)
    use(project, "backend/alembic")
    assert [applied(name) for name in pairs] == [2, 2]
    project.edit("promote.yaml", "migrations: backend/alembic\n", "migrations: alembic\n")
    assert [applied(name) for name in pairs] == [4, 4]
    for name, same in pairs.items():
        done = promote("schema", "diff", "--from", name, "--to", same)
        assert (done.exit_code, done.stderr) == (0, ""), done.stdout


def test_an_upgraded_database_of_minerva_equals_a_new_one(
    project: ProjectCopy, bare: Database, promote: Promote
) -> None:
    """Minerva's own revisions, then ours: the vector index too has the name that a new database gives it."""
    alembic_trees.minerva(project.root)
    use(project, "backend/alembic")
    ran(promote, "--apply", code=0)
    assert fetch(bare, "select version_num from alembic_version") == [(MINERVA,)]
    project.edit("promote.yaml", "migrations: backend/alembic", "migrations: alembic")
    ran(promote, "--apply", code=0)
    small = ("--var", "embedding_dimensions=3")
    assert promote("setup", "--env", "test-prod", *small).exit_code == 0
    for command in (
        ("drift", "--env", "test-prod"),
        ("diff", "--from", "alembic/snapshot.yaml", "--to", "test-prod"),
    ):
        compared = promote("schema", *command, *(small if command[0] == "diff" else ()))
        assert (compared.exit_code, " 0 differences" in compared.stdout.splitlines()[-1]) == (0, True), compared.stdout
    assert fetch(bare, "select indexname from pg_indexes where indexname like 'idx_chunks_embedding%'") == [
        ("idx_chunks_embedding_ivfflat",)
    ]
