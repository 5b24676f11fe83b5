from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import find_root, load_project
from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.errors import Location, UsageError
from tests.config.conftest import FILES, MakeProject
from tests.material import REPOSITORY

Faults = Callable[[Callable[[], object]], list[str]]


def test_a_project(make_project: MakeProject) -> None:
    root = make_project({"environments/prod.yaml": "url: ${X}\n"})
    project = load_project(root / "checks")
    assert (project.root, project.name, project.variables) == (root, "small", {"dim": 3, "label": "x"})
    assert project.environment_names == ("local", "prod")
    assert (project.templates, project.migrations) == (root / "templates", root / "alembic")
    assert project.contract.tables["chunks"].columns["embedding"].dimensions == 3
    assert project.contract.header_counts == {"Total Chunks": "chunks"}  # the built-in ones of tables that exist
    (placed,) = project.checks
    assert (placed.check.name, placed.at) == ("a", Location("checks/c.yaml", 1, 10))


def test_variables_reach_the_contract_and_the_checks(make_project: MakeProject) -> None:
    check = '{name: a, sql: "select \'${dim}\'", expect: {equals: "${dim}"}, params: {a: ["${dim}"], b: "$${dim}"}}'
    root = make_project({"checks/c.yaml": f"checks: [{check}]\n"})
    project = load_project(root, {"dim": "5", "label": "7"})
    assert project.variables == {"dim": 5, "label": "7"}
    assert project.contract.tables["chunks"].columns["embedding"].dimensions == 5
    found = project.checks[0].check
    assert found.sql == "select '${dim}'"  # SQL is left alone
    assert found.params == {"a": (5,), "b": "${dim}"}
    assert found.model_dump()["expect"]["equals"] == 5


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("dimm", "5", 'no variable "dimm"; did you mean "dim"?'),
        ("dim", "five", 'variable dim is a whole number, found "five"'),
        ("dim", "5.0", 'variable dim is a whole number, found "5.0"'),
    ],
)
def test_overrides_that_are_none(make_project: MakeProject, name: str, value: str, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_project(make_project(), {name: value})
    assert str(caught.value) == error


def test_an_override_is_checked_where_it_lands(make_project: MakeProject, faults_of: Faults) -> None:
    assert faults_of(lambda: load_project(make_project(), {"dim": "0"})) == [
        "promote.yaml:7:89: contract.tables.chunks.columns.embedding.dimensions: must be at least 1, found 0"
    ]


def test_find_root(make_project: MakeProject, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = make_project()
    assert find_root(root) == find_root(root / "templates") == find_root(root / "promote.yaml") == root
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(UsageError) as caught:
        find_root(elsewhere)
    assert str(caught.value) == f"no promote.yaml in {elsewhere} or above it"
    with pytest.raises(UsageError, match="no such folder: "):
        find_root(elsewhere / "none")


NAMES_NOTHING = """\
project: p
variables: {dim: 3}
contract:
  roots: {table: books}
  tables:
    books:
      key: [idd]
      given: [id, x]
      unique: [[id, y]]
      conflict: {may_update: [z]}
      contiguous: {q: {per: w}}
    chunks:
      key: [id]
      belongs_to: {book_idd: chunks, book_id: bok}
      references: {id: chunk}
      columns: {embeddin: {dimensions: "${dimm}"}}
    foo: {key: [id]}
  header_counts: {X: chnks}
  repairs: [{table: chunkss}, {table: chunks, rename: {a: b}, vector_braces: [c], default: {e: 1}}]
  local_paths: {except: [chunks.tex, text, chunk.a]}
"""
NAMED_NOTHING = [
    'promote.yaml:7:13: contract.tables.books.key[0]: no column "idd" of books in alembic/snapshot.yaml; did you mean "id"?',
    'promote.yaml:8:19: contract.tables.books.given[1]: no column "x" of books in alembic/snapshot.yaml'
    " | if the table has it, the file is older: promote schema snapshot --env ENV",
    'promote.yaml:9:21: contract.tables.books.unique[0][1]: no column "y" of books in alembic/snapshot.yaml',
    'promote.yaml:10:31: contract.tables.books.conflict.may_update[0]: no column "z" of books in alembic/snapshot.yaml',
    'promote.yaml:11:20: contract.tables.books.contiguous.q: no column "q" of books in alembic/snapshot.yaml',
    'promote.yaml:11:29: contract.tables.books.contiguous.q.per: no column "w" of books in alembic/snapshot.yaml',
    'promote.yaml:14:20: contract.tables.chunks.belongs_to.book_idd: no column "book_idd" of chunks in alembic/snapshot.yaml; did you '
    'mean "book_id"?',
    'promote.yaml:14:30: contract.tables.chunks.belongs_to.book_idd: "chunks" is not the table of the roots, "books" | a '
    "row of any other table is named under references",
    'promote.yaml:14:47: contract.tables.chunks.belongs_to.book_id: no table "bok" in contract.tables; did you mean '
    '"books"? | tables: books, chunks, foo',
    'promote.yaml:15:24: contract.tables.chunks.references.id: no table "chunk" in contract.tables; did you mean "chunks"?'
    " | tables: books, chunks, foo",
    'promote.yaml:16:17: contract.tables.chunks.columns.embeddin: no column "embeddin" of chunks in alembic/snapshot.yaml; did you mean '
    '"embedding"?',
    'promote.yaml:17:5: contract.tables.foo: no table "foo" in alembic/snapshot.yaml | record its columns there, for validation without '
    "a database: promote schema snapshot --env ENV",
    'promote.yaml:18:22: contract.header_counts.X: no table "chnks" in contract.tables; did you mean "chunks"? | tables: books, chunks, foo',
    'promote.yaml:19:21: contract.repairs[0].table: no table "chunkss" in contract.tables; did you mean "chunks"? | tables: books, chunks, foo',
    'promote.yaml:19:59: contract.repairs[1].rename.a: no column "b" of chunks in alembic/snapshot.yaml',
    'promote.yaml:19:79: contract.repairs[1].vector_braces[0]: no column "c" of chunks in alembic/snapshot.yaml',
    'promote.yaml:19:93: contract.repairs[1].default.e: no column "e" of chunks in alembic/snapshot.yaml',
    'promote.yaml:20:26: contract.local_paths.except[0]: no column "tex" of chunks in alembic/snapshot.yaml',
    'promote.yaml:20:38: contract.local_paths.except[1]: "text" is not table.column',
    'promote.yaml:20:44: contract.local_paths.except[2]: no table "chunk" in contract.tables; did you mean "chunks"? | tables: books, chunks, foo',
]


def test_tables_and_columns_that_the_contract_names_exist(make_project: MakeProject, faults_of: Faults) -> None:
    assert faults_of(lambda: load_project(make_project({"promote.yaml": NAMES_NOTHING}))) == [
        'promote.yaml:16:40: contract.tables.chunks.columns.embeddin.dimensions: no variable "dimm"; did you mean "dim"? | '
        "variables: dim",
    ]
    assert (
        faults_of(lambda: load_project(make_project({"promote.yaml": NAMES_NOTHING.replace("dimm", "dim")})))
        == NAMED_NOTHING
    )


FAULTY_CHECKS = """\
checks:
  - {name: a, expect: {max: 0}}
  - {name: b, sql: select 1, template: a.sql.j2, expect: {min: 3, max: 0}}
  - {name: c, probe: latency, sql: select 1, expect: {p95_ms: {max: 0}}}
  - {name: d, template: b.sql.j2, expect: {}}
  - {name: e, template: ../a.sql.j2, expect: {max: {file: rows.chunk}}}
  - {name: f, sql: select 1, expect: {p95: {}}, when: {environments: [locl]}, timeout: 3 weeks}
  - {name: g, sql: select 1, stage: monitor}
  - {name: f, sql: select 1}
  - {name: h, sql: "select '${x}'", expect: {between: [3, 1]}, params: {x: "${foo", y: "${dimm}"}}
"""
FAULTS_OF_ALL_FILES = [
    'checks/c.yaml:2:5: checks[0]: "a" has neither sql nor template',
    'checks/c.yaml:3:5: checks[1]: "b" has both sql and template: keep one',
    "checks/c.yaml:3:50: checks[1].expect: min 3 is more than max 0: nothing can hold",
    'checks/c.yaml:4:5: checks[2]: a probe takes its query from a template: "c" needs template, and no sql',
    'checks/c.yaml:5:25: checks[3].template: no file templates/b.sql.j2; did you mean "a.sql.j2"? | templates: '
    "a.sql.j2",
    "checks/c.yaml:5:35: checks[3].expect: has no operator | one or more of equals, not_equals, min, max, between",
    'checks/c.yaml:6:25: checks[4].template: no file templates/../a.sql.j2; did you mean "a.sql.j2"? | templates: '
    "a.sql.j2",
    'checks/c.yaml:6:59: checks[4].expect.max.file: the file has no value "rows.chunk"; did you mean "rows.chunks"? | '
    "its values: roots, size, rows.books, rows.chunks",
    "checks/c.yaml:7:30: checks[5].expect: values by name are those of a probe; without one a check is one number | "
    "expect: {max: 0}, or add probe: latency",
    "checks/c.yaml:7:39: checks[5].expect.p95: has no operator | one or more of equals, not_equals, min, max, between",
    'checks/c.yaml:7:71: checks[5].when.environments[0]: no environment "locl"; did you mean "local"? | environments: '
    "local",
    'checks/c.yaml:7:88: checks[5].timeout: "3 weeks" is no duration | a number and a unit: 500ms, 30s, 10min, 2h; or '
    "0 for no limit",
    'checks/c.yaml:9:5: checks[7]: "f" has no expect | expect says what closes the gate: expect: {max: 0}; only a '
    "check of stage monitor goes without",
    'checks/c.yaml:9:5: a second check "f"; the first is at checks/c.yaml:7:5',
    "checks/c.yaml:10:55: checks[8].expect.between: 3 is more than 1: nothing can hold",
    "checks/c.yaml:10:76: checks[8].params.x: a ${ that is no variable | write ${NAME}, ${NAME:-default}, or $${ for "
    "the two characters themselves",
    'checks/c.yaml:10:88: checks[8].params.y: no variable "dimm"; did you mean "dim"? | variables: dim, label',
    "checks/d.yaml:2:44: checks[0].expect.max: expected a number or a mapping, found true",
    'checks/e.yaml:1:1: unknown key "check"; did you mean "checks"?',
    'checks/more/f.yaml:1:10: a second check "a"; the first is at checks/c.yaml:2:5',
    "checks/x.yml: files ending in .yml are not read | name it x.yaml",
    "environments/Prod.yaml: not the name of an environment | lower-case letters, digits, - and _: "
    "environments/NAME.yaml",
    'promote.yaml:1:1: unknown key "projekt"; did you mean "project"?',
]


def test_faults_of_all_files_at_once(make_project: MakeProject, faults_of: Faults) -> None:
    files: dict[str, str | None] = {
        "promote.yaml": FILES["promote.yaml"].replace("project", "projekt"),
        "alembic/snapshot.yaml": FILES["alembic/snapshot.yaml"] + "  x: {columns: {a: {typ: b}}, uniqe: [[a]]}\n",
        "checks/c.yaml": FAULTY_CHECKS,
        "checks/d.yaml": "checks:\n  - {name: a, sql: select 1, expect: {max: true}}\n",
        "checks/e.yaml": "check: []\n",
        "checks/more/f.yaml": "checks: [{name: a, sql: select 1, expect: {max: 1}}]\n",
        "checks/x.yml": "",
        "environments/Prod.yaml": "",
    }
    assert faults_of(lambda: load_project(make_project(files))) == FAULTS_OF_ALL_FILES


def test_a_snapshot_is_checked_with_the_project(make_project: MakeProject, faults_of: Faults) -> None:
    text = FILES["alembic/snapshot.yaml"] + "  x: {columns: {a: {typ: b}}, uniqe: [[a]]}\n"
    assert faults_of(lambda: load_project(make_project({"alembic/snapshot.yaml": text}))) == [
        'alembic/snapshot.yaml:5:21: tables.x.columns.a: unknown key "typ"; did you mean "type"?',
        'alembic/snapshot.yaml:5:31: tables.x: unknown key "uniqe"; did you mean "unique"?',
    ]
    named = FILES["promote.yaml"].replace("contract:", "contract:\n  snapshot: alembic/none.yaml")
    assert load_project(make_project({"promote.yaml": named})).recorded is None


def test_the_shipped_configuration_loads(tmp_path: Path) -> None:
    for name in ("promote.yaml", ".env.example"):
        shutil.copy(REPOSITORY / name, tmp_path)
    for name in ("environments", "alembic", "checks", "templates"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    project = load_project(tmp_path)
    assert project.environment_names == ("local", "prod", "test-prod")
    assert project.contract.tables["chunks"].columns["embedding"].dimensions == 1536
    snapshot = read_snapshot(tmp_path / project.contract.snapshot, project.variables)
    assert set(snapshot.tables) == set(project.contract.tables)
    assert snapshot.tables["chunks"].columns["embedding"].type == "vector(1536)"
    for table, rule in project.contract.tables.items():
        assert rule.key == snapshot.tables[table].primary_key
        assert rule.unique == snapshot.tables[table].unique
        assert all(snapshot.tables[table].columns[column].has_default for column in rule.given)
    local, test_prod = read_environment(project, "local"), read_environment(project, "test-prod")
    assert (local.url.text, local.admin_url.text) == (
        "embedded://minerva_api@/mpp_minerva_dev",
        "embedded:///mpp_minerva_dev",
    )
    assert (test_prod.url.dbname, test_prod.kind, test_prod.import_role) == (
        "mpp_minerva_prod",
        "production",
        "minerva_api",
    )
    assert read_environment(project, "prod").protected
    assert local.roles["minerva_api"].password is None
    assert local.roles == test_prod.roles == read_environment(project, "prod").roles


def test_every_variable_of_the_environments_is_explained(tmp_path: Path) -> None:
    from minerva_promote.config.variables import variables_of

    used = {
        name for path in (REPOSITORY / "environments").glob("*.yaml") for name in variables_of(path.read_text("utf-8"))
    }
    example = (REPOSITORY / ".env.example").read_text("utf-8")
    assert used == {line[1:].partition("=")[0] for line in example.splitlines() if line.startswith("#") and "=" in line
                    and line[1:2].isupper()}  # fmt: skip


def test_the_parts_that_the_command_line_imports_at_once_leave_pydantic_out() -> None:
    code = (
        "import sys, minerva_promote.config.project, minerva_promote.config.variables, minerva_promote.config.connection_url\n"
        "assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
